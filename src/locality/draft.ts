// What the text probably goes on with: what followed the longest earlier match. A guess that costs nothing to make and is verified in one pass.
import { BOUNDARY, type TokenIndex } from './tokenIndex.ts';

export interface Draft {
  ids: number[];
  /** Tokens of the match that it comes from; 0 without one. */
  matched: number;
}

/** At most `most` tokens; of places that match alike the nearest. Where the match reaches the end of the text, the draft repeats itself. */
export function draft(index: TokenIndex, most: number): Draft {
  let from = -1;
  let matched = 0;
  for (const { next, length } of index.matches()) if (length > matched) [from, matched] = [next, length];
  const ids: number[] = [];
  for (let at = from; from >= 0 && ids.length < most; at++) {
    const id = at < index.length ? index.at(at) : ids[at - index.length];
    if (id === BOUNDARY) break;
    ids.push(id);
  }
  return { ids, matched };
}
