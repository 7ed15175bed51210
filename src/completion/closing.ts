// Brackets and quotes that the editor closes by itself, right of the cursor, while their content is still to be written.
import { hasBrackets, scanBrackets } from '../session/brackets.ts';

const openers: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };
const quotes = new Set(['"', "'", '`']);

/** Characters that a key and what the editor adds to it insert at most. */
const LONGEST_KEY = 100;

/**
 * Where the cursor may stand in what one change inserted: at its end, or before what the editor closed by itself. `before`: the text left of it that
 * was typed earlier; `next`: the character right of it.
 */
export function cursorsIn(inserted: string, before: string, next: string | undefined, languageId: string): number[] {
  const cursors = [inserted.length];
  if (inserted.length > LONGEST_KEY) return cursors;
  for (let at = inserted.length - 1; at > 0; at--) {
    if (isClosing(inserted.slice(0, at), inserted.slice(at), before, next, languageId)) cursors.push(at);
  }
  return cursors;
}

function isClosing(left: string, right: string, before: string, next: string | undefined, languageId: string): boolean {
  const first = right.trimStart()[0];
  // Enter between brackets moves the closing one to a line of its own.
  if (first === undefined) return /^\r?\n[ \t]*$/.test(right) && /\n[ \t]*$/.test(left) && next !== undefined && next in openers;
  if (first in openers) return lastOpen(left, languageId) === openers[first];
  if (quotes.has(first)) return left.split(first).length % 2 === 0;
  const all = before + left;
  return right.trimStart().startsWith('*/') && all.lastIndexOf('/*') > all.lastIndexOf('*/');
}

/**
 * Where `right` stands in `rest`, the part of a generated text that is still to be typed: 'open' when it is not written yet, 'no' when something
 * else stands at its place. `whole`: nothing more will be written.
 */
export function placeOfClosing(rest: string, right: string, languageId: string, whole: boolean): number | 'open' | 'no' {
  const missing = whole ? 'no' : 'open';
  const closers = right.trimStart();
  if (closers === '') return whole && rest.endsWith(right) ? rest.length - right.length : missing;
  if (!(closers[0] in openers)) {
    for (let at = rest.indexOf(right); at >= 0; at = rest.indexOf(right, at + 1)) {
      if (!isEscaped(rest, at)) return at;
    }
    return missing;
  }
  const closing = hasBrackets(languageId) ? (scanBrackets(rest, languageId).excess[0]?.at ?? -1) : rest.indexOf(closers[0]);
  if (closing < 0) return missing;
  const at = closing - (right.length - closers.length);
  if (at < 0) return 'no';
  const there = rest.slice(at, at + right.length);
  if (there === right) return at;
  return at + right.length > rest.length && right.startsWith(there) ? missing : 'no';
}

function lastOpen(text: string, languageId: string): string | undefined {
  if (hasBrackets(languageId)) return scanBrackets(text, languageId).open.at(-1);
  const last = Math.max(...Object.values(openers).map((opener) => text.lastIndexOf(opener)));
  return text[last];
}

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text[first - 1] === '\\') first--;
  return (at - first) % 2 === 1;
}
