// Text that must not be shown however sure the model was of it: loops, echoes of what stands there already, and remains of the model's own markup.
import type { Snapshot } from '../prompt/snapshot.ts';
import { lineLoop, wordLoop } from '../session/loops.ts';

/** Letters and digits that a line must have for its repetition to mean anything: `</div>`, `return;` and closing brackets come again by right. */
const TELLING = 10;
/** Of one character in a row; 0x0000000000000000 has 16. */
const LONGEST_RUN = 24;
/** Of one character that rulers in comments are made of (60 to 100 of them), or of blanks. */
const LONGEST_RULER = 120;
/** Words before the share of repeated triples says something. */
const LEAST_WORDS = 24;
/** Share of different triples of words; code that repeats itself by right (tables, tests) stays above a half. */
const LEAST_VARIETY = 0.4;
/** Characters above and below the cursor that are looked at. */
const NEAR = 4000;

const marker = /<\|[\w▁-]{2,40}\|>|<｜[^｜\n]{2,40}｜>|<(?:fim_(?:prefix|suffix|middle|pad)|file_sep|repo_name|PRE|SUF|MID|EOT)>/;
const sameCharacter = new RegExp(`([^\\s=*#_~+/.\\-─═━])\\1{${LONGEST_RUN},}|(.)\\2{${LONGEST_RULER},}`, 'u');
const closing = /^[)\]};,\s]+$/;

export function degenerate(text: string, snapshot: Snapshot): boolean {
  if (text.trim() === '') return false;
  const above = snapshot.before.slice(-NEAR).replaceAll('\r', '').split('\n');
  const linePrefix = above.pop()!;
  const lines = text.replaceAll('\r', '').split('\n');
  const whole = lines.map((line, i) => (i === 0 ? linePrefix + line : line).trimEnd());
  // As they will stand with what is right of the cursor: mostly closers that the editor put there.
  const right = snapshot.after.split('\n', 1)[0].trimEnd();
  const closed = right === '' ? whole : whole.with(-1, lines.length > 1 ? lines.at(-1)! + right : linePrefix + lines[0] + right);
  return holdsMarkup(text, snapshot) || isStuck(text, lines, whole) || echoesAbove(whole, above) || echoesAbove(closed, above) || closesTwice(lines, whole, snapshot.after);
}

/** Remains of the model's markup, unless the document is about such markup; characters that were no characters. */
function holdsMarkup(text: string, { before, after }: Snapshot): boolean {
  if (text.includes('\ufffd') || text.includes('\0')) return true;
  const found = marker.exec(text)?.[0];
  return found !== undefined && !before.includes(found) && !after.includes(found);
}

/** The same again and again: characters, words, lines. `whole`: the lines as they will stand in the document. */
function isStuck(text: string, lines: readonly string[], whole: readonly string[]): boolean {
  if (sameCharacter.test(text)) return true;
  if (lines.some((line) => wordLoop(line) >= 0)) return true;
  const filled = whole.filter((line) => line !== '');
  for (let end = 3; end <= filled.length; end++) if (lineLoop(filled.slice(0, end)) > 0) return true;
  return repeatsBlock(filled) || variety(text) < LEAST_VARIETY;
}

/** The same telling line twice in a row, or the same two or three lines. */
function repeatsBlock(lines: readonly string[]): boolean {
  for (let length = 1; length <= 3; length++) {
    for (let at = length; at + length <= lines.length; at++) {
      const block = lines.slice(at, at + length);
      if (isTelling(block.join('')) && block.every((line, i) => line === lines[at - length + i])) return true;
    }
  }
  return false;
}

function variety(text: string): number {
  const words = text.match(/[\p{L}\p{N}_]+/gu) ?? [];
  if (words.length < LEAST_WORDS) return 1;
  const triples = words.slice(2).map((word, i) => `${words[i]} ${words[i + 1]} ${word}`);
  return new Set(triples).size / triples.length;
}

/** The lines just above the cursor once more, with their indentation. */
function echoesAbove(whole: readonly string[], above: readonly string[]): boolean {
  const filled = whole.filter((line) => line !== '');
  const filledAbove = above.map((line) => line.trimEnd()).filter((line) => line !== '');
  for (let count = Math.min(filled.length, filledAbove.length); count > 0; count--) {
    const last = filledAbove.slice(-count);
    if (last.every((line, i) => line === filled[i]) && isTelling(last.join(''))) return true;
  }
  return false;
}

/** Nothing but what closes, where the same already stands in the next line at the same depth. */
function closesTwice(lines: readonly string[], whole: readonly string[], after: string): boolean {
  if (!lines.every((line) => line.trim() === '' || closing.test(line))) return false;
  const [right, ...below] = after.slice(0, NEAR).split('\n');
  const first = whole[lines.findIndex((line) => line.trim() !== '')];
  return right.trim() === '' && closing.test(first) && below.find((line) => line.trim() !== '')?.startsWith(first) === true;
}

const isTelling = (text: string): boolean => (text.match(/[\p{L}\p{N}]/gu) ?? []).length >= TELLING;
