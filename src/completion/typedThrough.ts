// Whether what the user typed is the beginning of a generated text, and what of the text is left.
// Generated text has \n line ends whatever the document has: line ends are equal here.
import { placeOfClosing } from './closing.ts';
import type { Insertion } from './insertion.ts';

/** `rest`: still to be typed. 'open': the text does not reach that far yet. */
export type Agreement = { readonly rest: string } | 'open' | 'no';

export const sameLineEnds = (text: string): string => (text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text);

/** Compares a text, generated for the snapshot before the insertion, with the insertion. `whole`: the text is at its end. */
export function agreement(text: string, whole: boolean, { left, right, deleted }: Insertion, languageId: string): Agreement {
  const written = sameLineEnds(deleted) + text;
  const typed = sameLineEnds(left);
  if (typed.length > written.length) return !whole && typed.startsWith(written) ? 'open' : 'no';
  if (!written.startsWith(typed)) return 'no';
  const rest = written.slice(typed.length);
  if (right === '') return { rest };
  const place = placeOfClosing(rest, sameLineEnds(right), languageId, whole);
  return typeof place === 'number' ? { rest: rest.slice(0, place) } : place;
}
