// Analogies as tokens: texts of their own in which the index finds the text at the cursor as it finds it in the file.
import type { Analogy } from './analogy.ts';
import { joined, vote, type Continuations } from './continuations.ts';
import { TokenIndex } from './tokenIndex.ts';

/** Tokens that were written as an analogy says, that agree as much as a word before the cursor. */
const WRITTEN = 2;

/** Tokens of a match from which an analogy has a say: below that the text has left it. */
const LEAST_MATCH = 2;

export interface AnalogyAnswer extends Continuations {
  /** What it says likeliest comes from a text with no new name in it: it would stand twice. */
  repeats: boolean;
}

export class AnalogyIndex {
  readonly index = new TokenIndex();
  /** Of each text, in the order of the index: where its continuation begins and where it ends, how many words before the cursor agree with it, and whether no name in it is new. */
  private readonly texts: { begin: number; end: number; agreeing: number; repeats: boolean }[] = [];

  constructor(analogies: readonly Analogy[], encode: (text: string) => readonly number[]) {
    const ids = analogies.map(({ text }) => encode(text));
    this.index.become(joined(ids));
    let end = 0;
    for (const [i, { text, continuation, agreeing, repeats }] of analogies.entries()) {
      const begin = end + encode(text.slice(0, text.length - continuation.length)).length;
      end += ids[i].length + 1;
      this.texts.push({ begin, end, agreeing, repeats });
    }
  }

  /** Of the end of `text`. However long it agrees with an analogy, that is worth no more than the words from which the analogy was drawn, and what was written since. */
  continuations(text: TokenIndex): AnalogyAnswer | null {
    const places = this.index.matches(text).flatMap(({ next, length }) => {
      const { begin, agreeing, repeats } = this.texts.find(({ end }) => next < end)!;
      const written = next > begin && length >= next - begin ? Math.floor((next - begin) / WRITTEN) : 0;
      return length >= LEAST_MATCH ? [{ id: this.index.at(next), length: Math.min(length, agreeing + written), repeats }] : [];
    });
    const found = vote(places);
    return found && { ...found, repeats: places.some(({ id, repeats }) => id === found.likeliest && repeats) };
  }
}
