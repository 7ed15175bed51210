/** Ordinary text ↔ ids, by one kind of vocabulary; tokens that stand for their own text were cut out before. */
export interface TextCoder {
  /** Whether the tokenizer writes a blank before a text. */
  readonly spacePrefix: boolean;
  /** Appends the ids of `text`; `atStart`: nothing, or a control token, stands before it. */
  encode(text: string, atStart: boolean, ids: number[]): void;
  /** The bytes of an ordinary token. */
  bytes(id: number, text: string): Uint8Array;
}

/** Words kept with their ids. A source file of 8,000 tokens has about 1,500 different ones. */
const cachedWords = 50_000;
/** Longer words are not worth keeping. */
const cachedWordLength = 128;

/** Remembers the ids of words. */
export class WordCache {
  private readonly words = new Map<string, number[]>();

  constructor(private readonly encodeWord: (word: string) => number[]) {}

  append(word: string, ids: number[]): void {
    let known = this.words.get(word);
    if (known === undefined) {
      known = this.encodeWord(word);
      if (word.length <= cachedWordLength) {
        if (this.words.size >= cachedWords) this.words.clear();
        this.words.set(word, known);
      }
    }
    for (let i = 0; i < known.length; i++) ids.push(known[i]);
  }
}
