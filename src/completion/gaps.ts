// Where text right of the cursor leaves a gap to fill: it ends or separates what is still to be written left of it.
import { rulesOf } from '../lexer/languages.ts';
import { lex } from '../lexer/lexer.ts';

export interface Gap {
  /** What stands right of the cursor. */
  readonly kind: string;
  /** Of the line right of the cursor, without blanks at its end. */
  readonly right: RegExp;
  /** Of the line left of the cursor. */
  readonly left?: RegExp;
  /** Default: all. */
  readonly languages?: ReadonlySet<string>;
}

const only = (languages: string): ReadonlySet<string> => new Set(languages.split(' '));
const shells = only('shellscript fish powershell bat makefile dockerfile');
const marked = only('markdown mdx latex tex restructuredtext asciidoc');
const wordBlocks = only('ruby crystal elixir lua luau julia vim viml matlab octave shellscript fish');

/** The first that fits counts. */
export const gaps: readonly Gap[] = [
  { kind: 'a bracket, a quote or a separator', right: /^\s*[)\]}>,;:"'`]/ },
  { kind: 'the end of an element', right: /^\s*(?:<\/|\/>)/ },
  { kind: 'the end of a comment', right: /^\s*(?:\*+\/|--+>|--%>|\*\)|-\}|\|#|#>|=#|#\}|\*@|--\]=*\])/ },
  { kind: 'the end of code within markup', right: /^\s*(?:\?>|[-+~]?%[>}\]]|[-~]\}\}|:>)/ },
  { kind: 'the beginning of a block', right: /^\s*(?:=>\s*)?\{$/ },
  { kind: 'a line that goes on below', right: /^\s*\\$/ },
  { kind: 'a line that goes on below', right: /^\s*&$/, languages: only('fortran fortran-modern FortranFreeForm matlab') },
  { kind: 'a line that goes on below', right: /^\s+_$/, languages: only('vb vba') },
  { kind: 'the rest of a list of imports', right: /^\s+[\p{L}_$][^{}]*\}\s*from\b/u, left: /^\s*(?:import|export)\b[^}]*[{,]\s*$/ },
  { kind: 'a word that begins or ends a block', right: /^\s*\b(?:then|do|end|fi|done|esac|begin)\b[\s;)}\]]*$/, languages: wordBlocks },
  { kind: 'the next command', right: /^\s+(?:\||&|>|<|\d>)/, languages: shells },
  { kind: 'the end of a closure\'s parameters', right: /^\|(?!\|)/, left: /(?:^|[\s({,=])\|[^|]*$/, languages: only('rust ruby crystal') },
  { kind: 'the end of what is emphasised', right: /^(?:\*+|_+|~~|\$+)(?![\p{L}\p{N}])/u, languages: marked },
  { kind: 'the end of a formula', right: /^\s*\\(?:[)\]]|end\b)/, languages: marked },
];

/** Whether something is to be written between `left` and `right`, the two parts of the cursor's line. */
export function isGap(left: string, right: string, languageId: string): boolean {
  return gaps.some((gap) => (gap.languages?.has(languageId) ?? true) && gap.right.test(right) && (gap.left?.test(left) ?? true));
}

/** Whether nothing but a comment follows. */
export function isComment(right: string, languageId: string): boolean {
  const text = right.trimStart();
  const root = rulesOf(languageId);
  const first = lex(`${text}\n`, { root, open: [], branches: [] }, { mark: 1 }).marked[0];
  return text !== '' && first?.rule.name === 'comment';
}
