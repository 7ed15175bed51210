// Analogies as tokens: texts of their own in which the index finds the text at the cursor as it finds it in the file.
import type { Analogy } from './analogy.ts';
import { joined, vote, type Continuations } from './continuations.ts';
import { TokenIndex } from './tokenIndex.ts';

/** Tokens of a match from which an analogy has a say: below that the text has left it. */
const LEAST_MATCH = 2;

export class AnalogyIndex {
  readonly index = new TokenIndex();
  /** Of each text, in the order of the index: where it ends, and how many words before the cursor are the same there. */
  private readonly texts: { end: number; same: number }[] = [];

  constructor(analogies: readonly Analogy[], encode: (text: string) => readonly number[]) {
    const ids = analogies.map(({ text }) => encode(text));
    this.index.become(joined(ids));
    let end = 0;
    for (const [i, { words, renamed }] of analogies.entries()) {
      end += ids[i].length + 1;
      this.texts.push({ end, same: words - renamed });
    }
  }

  /** Of the end of `text`. However long it agrees with an analogy, that is worth no more than the words from which the analogy was drawn. */
  continuations(text: TokenIndex): Continuations | null {
    const places = this.index.matches(text).filter(({ length }) => length >= LEAST_MATCH);
    return vote(places.map(({ next, length }) => ({ id: this.index.at(next), length: Math.min(length, this.texts.find(({ end }) => next < end)!.same) })));
  }
}
