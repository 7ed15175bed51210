// Places where a request is pointless: nothing that a model could write there would be of use.
import type { Snapshot } from '../prompt/snapshot.ts';
import { endsInCode, hasBrackets, scanBrackets } from '../session/brackets.ts';
import { isComment, isGap } from './gaps.ts';
import type { Pointless } from './request.ts';

/** Characters besides blanks in the whole document: with fewer, any text is as good as any other. */
const LEAST_TEXT = 10;
/** Characters. A longer line of code is data or generated. */
const LONGEST_LINE = 500;
/** Characters. In prose a paragraph is often one line. */
const LONGEST_PARAGRAPH = 4000;
/** Digits of a number that only its author knows; `i = 0` and `port = 80` go on with more than digits. */
const UNKNOWABLE_DIGITS = 4;
/** Characters of a word with digits in it that is a key, a hash or an encoding of something. */
const LONGEST_WORD = 40;

const beginsWord = /^[\p{L}\p{N}_$]/u;
const endsWord = /[\p{L}\p{N}_$]$/u;
const hexOrNumber = new RegExp(`(?<![\\p{L}\\p{N}_$])(?:0[xX][\\da-fA-F_]{${UNKNOWABLE_DIGITS},}|\\d[\\d_]{${UNKNOWABLE_DIGITS - 1},})$`, 'u');
const longWord = new RegExp(`[A-Za-z0-9+/=_-]{${LONGEST_WORD},}$`);
const comment = /^\s*(?:\/\/|\/\*|\*|#|--|;|%)/;
/** What closes a block or a call, alone on its line. */
const onlyClosing = /^\s*[)\]}]+[;,)]*$/;
/** Languages in which a semicolon ends a statement and nothing but a comment can follow. */
const semicolonLanguages = new Set([
  'typescript', 'typescriptreact', 'javascript', 'javascriptreact', 'c', 'cpp', 'csharp', 'java', 'rust', 'go', 'php', 'dart', 'kotlin', 'swift', 'scala', 'objective-c', 'css', 'scss', 'less', 'sql', 'perl',
]);

/** Why a text at the cursor would be pointless; null where it is not. Looks at the cursor's line alone, so a long document costs nothing. */
export function pointless({ before, after, languageId }: Snapshot): Pointless | null {
  if (!hasText(before, after)) return 'emptyDocument';
  const left = before.slice(before.lastIndexOf('\n') + 1);
  const newline = after.indexOf('\n');
  const right = (newline < 0 ? after : after.slice(0, newline)).trimEnd();
  if (left.length + right.length > (hasBrackets(languageId) ? LONGEST_LINE : LONGEST_PARAGRAPH)) return 'longLine';
  if (isInsideWord(left, right)) return 'insideWord';
  const code = isComment(right, languageId) ? '' : right;
  if (code !== '' && !isGap(left, code, languageId)) return 'midLine';
  return isAfterStatement(left, code, languageId) ? 'afterStatement' : null;
}

function hasText(before: string, after: string): boolean {
  let count = 0;
  for (const text of [before, after]) {
    for (let i = 0; i < text.length && count < LEAST_TEXT; i++) if (!/\s/.test(text[i])) count++;
  }
  return count >= LEAST_TEXT;
}

/** Also where only the author knows how the word goes on. */
function isInsideWord(left: string, right: string): boolean {
  if (endsWord.test(left) && beginsWord.test(right)) return true;
  return hexOrNumber.test(left) || /\d/.test(longWord.exec(left)?.[0] ?? '');
}

/** Between a statement and the Enter that follows it. A space behind a closing bracket says that something follows: `} else`. */
function isAfterStatement(left: string, right: string, languageId: string): boolean {
  if (right !== '' || !hasBrackets(languageId) || comment.test(left)) return false;
  if (onlyClosing.test(left)) return true;
  if (!semicolonLanguages.has(languageId) || !left.trimEnd().endsWith(';')) return false;
  // `for (let i = 0;` and `{ a();` go on, and so do strings and comments.
  return endsInCode(left.trimEnd(), languageId) && scanBrackets(left, languageId).open.length === 0;
}
