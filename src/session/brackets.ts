// Which brackets a piece of code leaves open, and where it closes one too many, where nothing else of its document is known.
import { rulesOf } from '../lexer/languages.ts';
import { lex } from '../lexer/lexer.ts';

export { hasBrackets } from '../lexer/languages.ts';

export interface BracketScan {
  /** Opening brackets still open at the end, outermost first. */
  open: string[];
  /** Closing brackets that close nothing in the text, in order. */
  excess: { char: string; at: number }[];
}

/** Brackets within strings and comments are none of either. */
export function scanBrackets(text: string, languageId: string): BracketScan {
  const { open, closings } = lex(text, { root: rulesOf(languageId), open: [], branches: [] });
  const isBracket = ({ kind, soft }: { kind: string; soft: boolean }): boolean => !soft && (kind === '(' || kind === '[' || kind === '{');
  return { open: open.filter(isBracket).map(({ kind }) => kind), excess: closings.filter(({ closed }) => closed === null).map(({ at }) => ({ char: text[at], at })) };
}

/** Whether brackets are structure at the end of a text that begins in code: not within a string or a comment. */
export function endsInCode(text: string, languageId: string): boolean {
  const root = rulesOf(languageId);
  return (lex(text, { root, open: [], branches: [] }).open.at(-1)?.rule ?? root).code;
}
