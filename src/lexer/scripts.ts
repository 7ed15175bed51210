// Languages whose comments begin with `#`: Python, shells, Ruby, Perl and their kin.
import { lines } from './cLike.ts';
import { blockComment, code, escape, hole, lineComment, quoted, skip, type Rule, type Step } from './rule.ts';

const hash = lineComment('#');
const strings = [quoted('"'), quoted("'")];

// Python
const quotes = ['"""', "'''", '"', "'"];
const formatted = (quote: string): Step => quoted(quote, {
  first: quote[0], match: new RegExp(`(?<=(?<!\\w)(?:[fFtT][rR]?|[rR][fFtT]))${quote}`, 'y'), spans: quote.length > 1, holes: [skip('{', /\{\{/y), hole('{', () => pythonHole)],
});
const pythonStrings: readonly Step[] = [...quotes.map(formatted), ...quotes.map((quote) => quoted(quote, { spans: quote.length > 1 }))];
export const python: Rule = code([hash, ...pythonStrings]);
/** `#` is part of a format there. */
const pythonHole: Rule = code(pythonStrings);
/** Also TOML, Starlark. */
export const pythonLike = code([hash, ...quotes.map((quote) => quoted(quote, { spans: quote.length > 1 }))]);

// Shells
const wordComment = lineComment('#', /(?<=^|[\s;|&()`])#/y);
const shellHoles = (): Step[] => [
  { first: '$', match: /\$\(/y, does: { hole: '(', code: () => shell } },
  { first: '$', match: /\$\{/y, does: { hole: '{', code: () => parameter } },
];
const double = quoted('"', { spans: true, holes: shellHoles() });
const single = quoted("'", { spans: true, escapes: 'none' });
const ansi = quoted("'", { match: /(?<=\$)'/y, spans: true });
/** What stands in `${}`: a pattern may hold any bracket. */
const parameter: Rule = code([escape, skip('#', /#/y), skip('([', /[([](?![^}\n]*[)\]])/y), skip(')]', /[)\]]/y), double, single, ...shellHoles()]);
const keyword = (word: string, does: Step['does']): Step => ({ first: word[0], words: word, match: new RegExp(`(?<=(?:^|[;&|(){\\n\`]|\\b(?:do|then|else|in|if|while|until|!))[ \\t]*|\\)\\s*|\`)${word}\\b`, 'y'), does });
export const shell: Rule = code([
  wordComment, escape,
  { first: '<', match: /(?<!<)<<-?[ \t]*\\?["']?([A-Za-z_][\w.]*)["']?/y, does: { below: ([, word]) => word, rule: () => lines } },
  skip('$', /\$[#$?]/y),
  ...shellHoles(), ansi, double, single,
  keyword('case', { opens: 'case' }), keyword('esac', { closes: 'case' }),
]);
export const powershell: Rule = code([
  skip('`', /`[^]/y), blockComment('<#', '#>'), wordComment,
  quoted('"', { match: /(?<=@)"(?=\r?\n)/y, close: '\n"@', escapes: 'none', spans: true }), quoted("'", { match: /(?<=@)'(?=\r?\n)/y, close: "\n'@", escapes: 'none', spans: true }),
  quoted('"', { escapes: 'doubled', spans: true, holes: [skip('`', /`[^]/y), hole('$(', () => powershell)] }), quoted("'", { escapes: 'doubled', spans: true }),
]);
export const dockerfile = code([lineComment('#', /(?<=^[ \t]*)#/my), escape, quoted('"', { spans: true }), quoted("'", { spans: true, escapes: 'none' })]);
/** A quote may be an apostrophe of a rule's shell. */
export const makefile = code([lineComment('#', /(?<!\\)#/y), escape, ...strings]);
export const cmake = code([blockComment('#[[', ']]'), hash, quoted('"', { spans: true }), quoted('[[', { match: /(?<==?)\[(=*)\[/y, close: ([, marks]) => `]${marks}]`, escapes: 'none', spans: true })]);

// Ruby, Elixir, Crystal, Julia
const beforeValue = String.raw`(?<=(?:^|[=(,[!&|?:;{}+\-*%~^<>\n]|(?<![\w.])(?:return|if|unless|when|and|or|not|in|while|until|then|do|puts|match))[ \t]*)`;
const pairs: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}', '<': '>' };
const closeOf = (open: string): string => pairs[open] ?? open;
const rubyHoles = (): Step[] => [hole('#{', () => ruby)];
const regexBody: Rule = { name: 'regex', code: false, line: true, steps: [escape, hole('#{', () => ruby), skip('[', /\[(?:[^\]\\\n]|\\.)*\]?/y)] };
const regex: Step = { first: '/', match: new RegExp(String.raw`${beforeValue}\/(?![/=\s])`, 'y'), does: { enter: () => regexBody, close: () => '/', lone: true } };
export const ruby: Rule = code([
  quoted('=begin', { first: '=', match: /(?<=^)=begin\b/my, close: '\n=end', escapes: 'none', spans: true }),
  skip('$', /\$[^\s\w]/y), hash, skip('?', /(?<![\w)\]])\?[^\s\w](?!\w)/y), regex,
  { first: '<', match: /(?<![\w)\]]\s?)<<[~-]?["'`]?([A-Z_]\w*)["'`]?|(?<=[\w(,=]\s?)<<[~-]["'`]?([A-Z_]\w*)["'`]?/y, does: { below: ([, one, other]) => one ?? other, rule: () => lines } },
  quoted('%', { match: /(?<![\w)\]]\s?)%[qQwWiIrxs]?([([{<|!/])/y, close: ([, open]) => closeOf(open), spans: true }),
  quoted('%', { match: /(?<=[=(,[\s])%[qQwWiIrxs]([([{<|!/])/y, close: ([, open]) => closeOf(open), spans: true }),
  quoted('"', { spans: true, holes: rubyHoles() }), quoted('`', { holes: rubyHoles() }), quoted("'", { spans: true }),
]);
export const elixir: Rule = code([
  hash, skip('?', /(?<!\w)\?\\?[^\s\w]/y),
  quoted('"""', { spans: true, holes: [hole('#{', () => elixir)] }), quoted("'''", { spans: true }),
  quoted('~', { match: /~[a-zA-Z]([([{<|"'/])/y, close: ([, open]) => closeOf(open), spans: true }),
  quoted('"', { spans: true, holes: [hole('#{', () => elixir)] }), quoted("'"),
]);
export const julia: Rule = code([
  blockComment('#=', '=#', true), hash, quoted('"""', { spans: true, holes: [hole('$(', () => julia)] }), quoted('"', { spans: true, holes: [hole('$(', () => julia)] }),
  skip("'", /(?<=[\w)\]}.'])'/y), skip("'", /'(?:\\.|[^\\'\n])'/y),
]);
export const r = code([hash, quoted('"', { spans: true }), quoted("'", { spans: true }), quoted('`')]);
export const yaml = code([
  wordComment,
  // A quote or a bracket within a plain word is a letter like any other.
  skip('"\'', /(?<=[^\s,[{:(-])["']/y), skip('[{', /(?<=[^\s,[{:-]\s*)[[{](?!.*[\]}])/y), skip('()', /[()]/y),
  quoted('"', { spans: true }), quoted("'", { spans: true, escapes: 'doubled' }),
]);
export const config = code([lineComment('#'), lineComment(';', /(?<=^[ \t]*);/my), quoted('"')]);

// Perl
const perlText: Rule = { name: 'string', code: false, steps: [escape] };
const operator = (words: string, parts: 1 | 2): Step => ({
  first: '', words, match: new RegExp(`(?:${words})(?!\\s*(?:=>|[,;)}]|=[^~]))(\\s*[^\\w\\s,;]|\\s+(?=\\w)(?!\\w))`, 'y'),
  does: { enter: () => (parts === 1 ? perlText : perlText), close: (match) => closeOf(match[1].trim()) },
});
const perlRegex: Rule = { name: 'regex', code: false, line: true, steps: [escape, skip('[', /\[\^?\]?(?:[^\]\\\n]|\\.)*\]?/y)] };
export const perl: Rule = code([
  quoted('=', { match: /(?<=^)=[a-z]\w*/my, close: '\n=cut', escapes: 'none', spans: true }),
  skip('$@%&', /[$@%&](?:#\{|#\$|\^\w|[^\s\w{$@%&(]|\$(?!\w|\{))/y), lineComment('#', /(?<!\$)#/y),
  { first: '<', match: /<<~?(?:["']([^"'\n]+)["']|([A-Z_]\w*))/y, does: { below: ([, one, other]) => one ?? other, rule: () => lines } },
  // `s{a}{b}`: both halves; of `s/a/b/` each half is skipped as a whole where it ends on its line.
  { first: '', words: 's|tr|y', match: /(?:s|tr|y)\s*([^\w\s,;=(){}[\]<>])(?:[^\\\n]|\\.)*?\1(?:[^\\\n]|\\.)*?\1\w*/y, does: { skip: true } },
  { first: '', words: 's|tr|y', match: /(?:s|tr|y)\s*(?:\{(?:[^{}\\\n]|\\.|\{[^{}\n]*\})*\}\s*\{(?:[^{}\\\n]|\\.|\{[^{}\n]*\})*\}|\((?:[^()\\\n]|\\.)*\)\s*\((?:[^()\\\n]|\\.)*\)|\[(?:[^[\]\\\n]|\\.)*\]\s*\[(?:[^[\]\\\n]|\\.)*\])\w*/y, does: { skip: true } },
  operator('m|qr|q|qq|qw|qx|s|tr|y', 1),
  { first: '/', match: new RegExp(String.raw`(?<=(?:^|[=(,[!&|?:;{}+\-*%~^<>\n]|(?<![\w$@%.>])(?:return|if|unless|and|or|not|split|grep|map|when|x))\s*)\/(?!\/)`, 'y'), does: { enter: () => perlRegex, close: () => '/', lone: true } },
  quoted('"', { spans: true }), quoted("'", { spans: true, match: /(?<!\w)'/y }), quoted('`', { spans: true }),
]);
