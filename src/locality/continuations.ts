// What followed where the text stood before as it stands now: the n-gram model of the file, all orders at once.
import { BOUNDARY, type TokenIndex } from './tokenIndex.ts';

/** Longest-suffix back-off without steps: a place whose match is one token longer counts this many times as much. Chosen with the weights. */
const PER_TOKEN = 4;
/** Matches beyond this count alike: 4^12 places of one token are more than any file has. */
const LONGEST_COUNTED = 12;

export interface Continuations {
  /** Token id → share; the shares are positive and add up to 1. */
  shares: Map<number, number>;
  /** Tokens of the longest match. */
  longest: number;
  /** The token with the largest share, of equals the one that followed nearest; and that share. */
  likeliest: number;
  top: number;
}

/** Of the end of `text`, by default the indexed text itself. Null where its last token never stood before. */
export function continuations(index: TokenIndex, text = index): Continuations | null {
  return vote(index.matches(text).map(({ next, length }) => ({ id: index.at(next), length })));
}

/** What places say that are followed by `id` behind a match of `length` tokens, the nearest first. Null where there are none. */
export function vote(places: readonly { id: number; length: number }[]): Continuations | null {
  const shares = new Map<number, number>();
  let [sum, longest, likeliest, top] = [0, 0, -1, 0];
  for (const { id, length } of places) {
    const weight = PER_TOKEN ** Math.min(length, LONGEST_COUNTED);
    shares.set(id, (shares.get(id) ?? 0) + weight);
    sum += weight;
    longest = Math.max(longest, length);
  }
  if (sum === 0) return null;
  for (const [id, weight] of shares) {
    const share = weight / sum;
    shares.set(id, share);
    if (share > top) [likeliest, top] = [id, share];
  }
  return { shares, longest, likeliest, top };
}

/** Texts as one sequence that no match crosses, the one that goes on last. */
export function joined(texts: readonly (readonly number[])[]): number[] {
  return texts.flatMap((ids, i) => (i === 0 ? ids : [BOUNDARY, ...ids]));
}
