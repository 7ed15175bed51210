// JavaScript and TypeScript: regular expressions, templates with code in them, elements of JSX.
import { blockComment, code, escape, hole, leave, lineComment, quoted, skip, type Rule, type Step } from './rule.ts';

/** What a value follows, and not an operator: there `/` begins a regular expression, `<` an element. */
const beforeValue = String.raw`(?<=(?:^|[=(,[!&|?:;{}+\-*%~^<>\n]|(?<![\w$.])(?:return|typeof|case|in|of|delete|void|throw|new|instanceof|do|else|await|yield|default|extends))[ \t\r\n]*)`;

const regexBody: Rule = { name: 'regex', code: false, line: true, steps: [escape, skip('[', /\[(?:[^\]\\\n]|\\.)*\]?/y)] };
/** Behind `++` and `--` it divides. */
const regex: Step = { first: '/', match: new RegExp(String.raw`${beforeValue}(?<!\+\+\s*|--\s*)\/(?![*/])`, 'y'), does: { enter: () => regexBody, close: () => '/', lone: true } };

function language(more: readonly Step[]): Rule {
  const rule: Rule = code([
    lineComment('//'), lineComment('#', /^#!/y), blockComment('/*', '*/'), ...more, regex,
    quoted('`', { spans: true, holes: [hole('${', () => rule)] }), quoted('"'), quoted("'"),
  ]);
  return rule;
}

export const javaScript = language([]);

/** What begins an element: its name, or `>` of a fragment. `<T,>(` and `<T extends` begin a generic function. */
const elementStart = String.raw`<(?=[A-Za-z_$][\w$.:-]*(?:[\s/>]|$)|>)(?![\w$]+\s*(?:,|extends\s))`;
const withElements = language([{ first: '<', match: new RegExp(beforeValue + elementStart, 'y'), does: { enter: () => tag } }]);
const hold = hole('{', () => withElements);
const tag: Rule = {
  name: 'tag', code: false,
  steps: [
    leave('/', /\/>/y), blockComment('/*', '*/'), skip('"', /"[^"]*"/y), skip("'", /'[^']*'/y), hold, skip('=', /=>/y),
    { first: '>', match: />/y, does: { turn: () => element } },
  ],
};
const element: Rule = {
  name: 'markup', code: false,
  steps: [leave('<', /<\/[\w$.:-]*\s*>/y), { first: '<', match: new RegExp(elementStart, 'y'), does: { enter: () => tag } }, hold],
};

/** With elements of JSX. */
export const javaScriptReact = withElements;
