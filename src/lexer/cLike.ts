// Languages with `//` comments and braces.
import { blockComment, code, escape, hole, leave, lineComment, quoted, skip, type Rule, type Step } from './rule.ts';

const comments = [lineComment('//'), blockComment('/*', '*/')];
const nested = [lineComment('//'), blockComment('/*', '*/', true)];
const strings = [quoted('"'), quoted("'")];
/** `1'000'000` */
const digits = skip("'", /(?<=[\da-fA-F])'(?=[\da-fA-F])/y);
/** A whole character literal; any other quote is a lifetime, a type variable or a prime. */
export const character = skip("'", /'(?:\\[^'\n]+|\\'|[^\\'\n]{1,2})'/y);
/** `"""` over several lines. */
const textBlock = (holes: readonly Step[] = []): Step => quoted('"""', { spans: true, holes });

/** Lines for the preprocessor; a backslash at the end goes on with the next line. */
const directive: Rule = { name: 'prose', code: false, line: true, steps: [skip('\\', /\\\r?\n/y), ...comments, skip('"', /"(?:[^"\\\n]|\\.)*"/y), skip("'", /'(?:[^'\\\n]|\\.)'/y)] };
const directives: Step = {
  first: '#', match: /(?<=^[ \t]*)#[ \t]*(\w*)/my,
  does: { branch: ([, word]) => (/^if/.test(word) ? 'if' : /^el/.test(word) ? 'else' : word === 'endif' ? 'end' : null), rule: () => directive },
};

export const unknown = code([...comments, ...strings]);

const rawCpp = quoted('"', { match: /(?<=(?<!\w)(?:u8|[uUL])?R)"([^()\\\s]{0,16})\(/y, close: ([, mark]) => `)${mark}"`, escapes: 'none', spans: true });
export const c = code([directives, ...comments, rawCpp, digits, ...strings]);

const csharpHoles = (): Rule => csharp;
export const csharp: Rule = code([
  directives, ...comments,
  quoted('"""', { match: /(?<=\$+)"""/y, spans: true, escapes: 'none', holes: [skip('{', /\{\{/y), hole('{', csharpHoles)] }),
  quoted('"""', { spans: true, escapes: 'none' }),
  quoted('"', { match: /(?<=\$@|@\$)"/y, spans: true, escapes: 'doubled', holes: [skip('{', /\{\{/y), hole('{', csharpHoles)] }),
  quoted('"', { match: /(?<=@)"/y, spans: true, escapes: 'doubled' }),
  quoted('"', { match: /(?<=\$)"/y, holes: [skip('{', /\{\{/y), hole('{', csharpHoles)] }),
  ...strings,
]);

export const java = code([...comments, textBlock(), ...strings]);
export const go = code([...comments, quoted('`', { spans: true, escapes: 'none' }), ...strings]);
export const zig = code([...comments, lineComment('\\', /\\\\/y), ...strings]);
/** Quotes are no strings: `8'hff` */
export const verilog = code([...comments, quoted('"')]);
export const solidity = code([...comments, ...strings]);

const rawRust = quoted('"', { match: /(?<=(?<!\w)b?c?r(#*))"/y, close: ([, marks]) => `"${marks}`, escapes: 'none', spans: true });
export const rust = code([...nested, rawRust, character, quoted('"', { spans: true })]);

const dollarHoles = (language: () => Rule): Step[] => [hole('${', language)];
export const kotlin: Rule = code([...nested, textBlock(dollarHoles(() => kotlin)), quoted('"', { holes: dollarHoles(() => kotlin) }), quoted("'")]);
export const scala: Rule = code([...nested, textBlock(dollarHoles(() => scala)), quoted('"'), character]);
export const groovy: Rule = code([
  ...comments, textBlock(dollarHoles(() => groovy)), quoted("'''", { spans: true }), quoted('"', { holes: dollarHoles(() => groovy) }), quoted("'"),
]);
export const dart: Rule = code([
  ...nested,
  ...['"""', "'''", '"', "'"].flatMap((quote) => [
    quoted(quote, { first: quote[0], match: new RegExp(`(?<=(?<!\\w)r)${quote}`, 'y'), escapes: 'none', spans: quote.length > 1 }),
    quoted(quote, { spans: quote.length > 1, holes: dollarHoles(() => dart) }),
  ]),
]);

const swiftHoles = [hole('\\(', () => swift)];
export const swift: Rule = code([
  ...nested,
  quoted('"""', { match: /(?<=(#+))"""/y, close: ([, marks]) => `"""${marks}`, escapes: 'none', spans: true }),
  quoted('"', { match: /(?<=(#+))"/y, close: ([, marks]) => `"${marks}`, escapes: 'none' }),
  // The hole's own backslash comes before what a backslash means elsewhere.
  quoted('"""', { escapes: 'none', spans: true, holes: [...swiftHoles, escape] }),
  quoted('"', { escapes: 'none', holes: [...swiftHoles, escape] }),
]);

const cssComment = blockComment('/*', '*/');
/** What stands in it needs no quotes. */
const address = skip('(', /(?<=\burl)\(\s*(?!["'\s])[^)\n]*\)/iy);
export const css = code([cssComment, address, ...strings]);
export const scss = code([address, ...comments, ...strings]);

const phpHoles = [hole('{', () => php)].map((step): Step => ({ ...step, match: /\{(?=\$)/y }));
export const php: Rule = code([
  leave('?', /\?>/y),
  { first: '#', match: /#(?!\[)(?:(?!\?>)[^\n])*/y, does: { skip: true } },
  { first: '/', match: /\/\/(?:(?!\?>)[^\n])*(?=\?>)/y, does: { skip: true } },
  ...comments,
  { first: '<', match: /<<<[ \t]*["']?(\w+)["']?(?=\r?\n|$)/y, does: { below: ([, word]) => word, rule: () => lines } },
  quoted('"', { spans: true, holes: phpHoles }),
  quoted("'", { spans: true }),
]);
/** A text of whole lines. */
export const lines: Rule = { name: 'string', code: false, steps: [] };
