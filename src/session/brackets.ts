// Which brackets a piece of code leaves open, and where it closes one too many. Strings and comments are skipped by a light
// lexer that knows families of languages, not grammars: it is right on ordinary code and cautious elsewhere.

export interface BracketScan {
  /** Opening brackets still open at the end, outermost first. */
  open: string[];
  /** Closing brackets that close nothing in the text, in order. */
  excess: { char: string; at: number }[];
  /** For each newline of the text: how many brackets are open there; -1 inside a string or comment. */
  openAtNewline: number[];
}

const closes: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

const prose = new Set(['markdown', 'plaintext', 'latex', 'tex', 'restructuredtext', 'asciidoc', 'html', 'xml', 'git-commit']);
const hashComments = new Set(['python', 'ruby', 'shellscript', 'yaml', 'dockercompose', 'toml', 'perl', 'r', 'makefile', 'dockerfile', 'elixir', 'julia', 'powershell', 'coffeescript', 'crystal', 'nim']);
const dashComments = new Set(['lua', 'sql', 'haskell', 'elm', 'ada']);
const noLineComments = new Set(['css', 'json', 'html', 'xml']);
/** A quote may be a lifetime, a type variable or a quotation: only a whole character literal counts. */
const quoteIsNoString = new Set(['rust', 'haskell', 'ocaml', 'fsharp', 'clojure', 'lisp', 'scheme', 'racket', 'elm', 'verilog', 'systemverilog', 'ada']);

/** Are brackets in this language structure (and not punctuation of a sentence)? */
export const hasBrackets = (languageId: string): boolean => !prose.has(languageId);

/** `opened`: brackets open before the text begins, outermost first. */
export function scanBrackets(text: string, languageId: string, opened: readonly string[] = []): BracketScan {
  const open = [...opened];
  const excess: BracketScan['excess'] = [];
  const openAtNewline: number[] = [];
  const scan: BracketScan = { open, excess, openAtNewline };
  const lineComment = lineCommentOf(languageId);
  for (let i = 0; i < text.length; ) {
    const char = text[i];
    if (char === '\n') openAtNewline.push(open.length);
    if (prose.has(languageId)) {
      i++;
      continue;
    }
    const past = skip(text, i, languageId, lineComment);
    if (past > i) {
      for (let k = i; k < past; k++) if (text[k] === '\n') openAtNewline.push(-1);
      i = past;
      continue;
    }
    if (char === '(' || char === '[' || char === '{') open.push(char);
    else if (char in closes) {
      if (open[open.length - 1] === closes[char]) open.pop();
      else excess.push({ char, at: i });
    }
    i++;
  }
  return scan;
}

function lineCommentOf(languageId: string): string | null {
  if (hashComments.has(languageId)) return '#';
  if (dashComments.has(languageId)) return '--';
  return noLineComments.has(languageId) ? null : '//';
}

/** Past the string or comment that begins at `i`, or `i`. A newline that ends one is not part of it. */
function skip(text: string, i: number, languageId: string, lineComment: string | null): number {
  if (lineComment !== null && text.startsWith(lineComment, i)) return find(text, '\n', i);
  if (lineComment !== '#' && text.startsWith('/*', i)) return find(text, '*/', i + 2, 2);
  const char = text[i];
  if (char === '`' && !hashComments.has(languageId)) return endOfString(text, i, true);
  if (char !== '"' && char !== "'") return i;
  if (languageId === 'python' && text.startsWith(char.repeat(3), i)) return find(text, char.repeat(3), i + 3, 3);
  if (char === "'" && quoteIsNoString.has(languageId)) {
    const literal = /^'(?:\\.[^']*|[^\\'])'/u.exec(text.slice(i, i + 14));
    return literal ? i + literal[0].length : i;
  }
  return endOfString(text, i, false);
}

/** Past the closing quote; an unclosed quote on a finished line is taken for a lone quote. */
function endOfString(text: string, i: number, multiLine: boolean): number {
  for (let k = i + 1; k < text.length; k++) {
    if (text[k] === '\\') k++;
    else if (text[k] === text[i]) return k + 1;
    else if (text[k] === '\n' && !multiLine) return i;
  }
  return text.length;
}

function find(text: string, what: string, from: number, length = 0): number {
  const at = text.indexOf(what, from);
  return at < 0 ? text.length : at + length;
}
