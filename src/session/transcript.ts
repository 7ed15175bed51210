// What a conversation's last prompts were as tokens: what follows up is tokenized behind them, so that the cache knows all that was read and written.
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

interface Known {
  text: string;
  ids: readonly number[];
  /** Whether any text may follow: where the model began to write, a token ended. Elsewhere one could reach over the end. */
  ended: boolean;
}

export class Transcript {
  /** The last prompt, and the same with what was written behind it. */
  private known: Known[] = [];

  constructor(private readonly tokenizer: Pick<Tokenizer, 'encode' | 'isControl' | 'decode'>) {}

  /**
   * The ids of a rendered conversation. What the model wrote keeps the ids that it wrote, which a tokenizer need not choose for the same text, as long as a
   * control token follows: no token reaches over its beginning.
   */
  tokens(text: string, encode: (text: string) => number[]): number[] {
    for (const { text: beginning, ids, ended } of this.known.toReversed()) {
      if (!text.startsWith(beginning)) continue;
      const rest = text.slice(beginning.length);
      if (rest === '') return [...ids];
      const behind = this.tokenizer.encode(rest, { special: true, atStart: ids.length === 0 || this.tokenizer.isControl(ids.at(-1)!) });
      if (ended || this.tokenizer.isControl(behind[0])) return [...ids, ...behind];
    }
    return encode(text);
  }

  /** The prompt that was read, and the ids that were written behind it. */
  become(text: string, ids: readonly number[], written: readonly number[]): void {
    this.known = [{ text, ids, ended: true }, { text: text + this.tokenizer.decode(written), ids: [...ids, ...written], ended: false }];
  }
}
