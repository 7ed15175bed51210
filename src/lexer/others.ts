// Languages with comments of other kinds: SQL, Lua, Haskell and OCaml with their kin, Lisps, Pascal, Basic, markup with code in it, and prose.
import { character, css, php } from './cLike.ts';
import { javaScript } from './javaScript.ts';
import { blockComment, code, leave, lineComment, quoted, skip, type Rule, type Step } from './rule.ts';

export const sql = code([lineComment('--'), blockComment('/*', '*/'), quoted("'", { escapes: 'doubled', spans: true }), quoted('"', { escapes: 'doubled' }), quoted('`')]);
const longBracket = { match: /\[(=*)\[/y, close: ([, marks]: RegExpExecArray) => `]${marks}]`, escapes: 'none', spans: true } as const;
export const lua = code([quoted('-', { ...longBracket, match: /--\[(=*)\[/y }), lineComment('--'), quoted('[', longBracket), quoted('"'), quoted("'")]);

const prime = skip("'", /(?<=[\w'])'/y);
export const haskell = code([blockComment('{-', '-}', true), lineComment('--', /--+(?![!#$%&*+./<=>?@\\^|~:])/y), prime, character, quoted('"')]);
export const ocaml = code([blockComment('(*', '*)', true), lineComment('//'), prime, character, quoted('"""', { spans: true }), quoted('"', { spans: true })]);
export const pascal = code([blockComment('{', '}'), blockComment('(*', '*)'), lineComment('//'), quoted("'", { escapes: 'doubled' })]);
export const ada = code([lineComment('--'), character, quoted('"', { escapes: 'doubled' })]);
export const fortran = code([lineComment('!'), quoted('"', { escapes: 'doubled' }), quoted("'", { escapes: 'doubled' })]);
export const basic = code([lineComment("'"), quoted('"', { escapes: 'doubled' })]);
export const batch = code([lineComment(':', /(?<=^[ \t]*)::/my), lineComment('r', /(?<=^[ \t]*@?)rem\b/imy), skip('^', /\^./y), quoted('"', { escapes: 'none' })]);
export const lisp = code([lineComment(';'), blockComment('#|', '|#', true), skip('\\?#', /#?\\[^]|(?<=[\s(])\?\\?[^\s]/y), quoted('"', { spans: true })]);
export const percent = code([lineComment('%'), skip('$', /\$\\?./y), quoted('"', { spans: true }), skip("'", /(?<=[\w)\]}.'])'/y), quoted("'", { escapes: 'doubled' })]);
export const vim = code([lineComment('"', /(?<=^[ \t]*)"/my), quoted('"'), quoted("'", { escapes: 'doubled' })]);
export const json = code([lineComment('//'), blockComment('/*', '*/'), quoted('"')]);

const attribute = [skip('"', /"[^"]*"/y), skip("'", /'[^']*'/y)];
const until = (open: RegExp, close: string, inside: Rule): Step => {
  const end = leave('<', new RegExp(`(?=</${close}\\b)`, 'iy'));
  const rule: Rule = { ...inside, steps: [end, ...inside.steps] };
  return { first: '<', match: open, does: { enter: () => rule } };
};
const template = (first: string, match: RegExp, close: string): Step => ({ first, match, does: { enter: () => templateCode, close: () => close } });
const templateCode: Rule = { name: 'markup', code: false, steps: [skip('"', /"[^"\n]*"/y), skip("'", /'[^'\n]*'/y)] };
/** Brackets in it are punctuation; scripts and styles are code. */
export const markup: Rule = {
  name: 'markup', code: false,
  steps: [
    blockComment('<!--', '-->'),
    { first: '<', match: /<\?(?:php\b|=)/y, does: { enter: () => php } },
    until(/<script\b[^>]*>/iy, 'script', javaScript), until(/<style\b[^>]*>/iy, 'style', css),
    skip('<', /<\/[\w:.-]*\s*>/y), { first: '<', match: /<(?=[A-Za-z!?])/y, does: { enter: () => tag } },
    template('{', /\{\{/y, '}}'), template('{', /\{%/y, '%}'), template('{', /\{#/y, '#}'), template('<', /<%--/y, '--%>'), template('<', /<%/y, '%>'), template('@', /@\*/y, '*@'),
  ],
};
const tag: Rule = { name: 'tag', code: false, steps: [leave('>', /\/?>/y), ...attribute] };
/** A file begins as markup. */
export const phpFile = markup;

export const prose: Rule = { name: 'prose', code: false, steps: [] };
