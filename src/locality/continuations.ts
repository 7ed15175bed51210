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
  /** The largest share. */
  top: number;
}

/** Of the end of `text`, by default the indexed text itself. Null where its last token never stood before. */
export function continuations(index: TokenIndex, text = index): Continuations | null {
  const shares = new Map<number, number>();
  let [sum, longest, top] = [0, 0, 0];
  for (const { next, length } of index.matches(text)) {
    const weight = PER_TOKEN ** Math.min(length, LONGEST_COUNTED);
    const id = index.at(next);
    shares.set(id, (shares.get(id) ?? 0) + weight);
    sum += weight;
    longest = Math.max(longest, length);
  }
  if (sum === 0) return null;
  for (const [id, weight] of shares) {
    shares.set(id, weight / sum);
    top = Math.max(top, weight / sum);
  }
  return { shares, longest, top };
}

/** Texts as one sequence that no match crosses, the one that goes on last. */
export function joined(texts: readonly (readonly number[])[]): number[] {
  return texts.flatMap((ids, i) => (i === 0 ? ids : [BOUNDARY, ...ids]));
}
