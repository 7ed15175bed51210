// Ids in, text out as it becomes certain: the bytes of an unfinished character wait for the next token.
import type { Tokenizer } from './tokenizer.ts';

export class StreamText {
  private readonly decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  /** `opening`: the blank that the model writes where a text begins (`Tokenizer.opening`) is no part of it. */
  constructor(private readonly tokenizer: Pick<Tokenizer, 'bytes'>, private opening = '') {}

  /** The text that this token completes; may be empty. Never half a character, never half a surrogate pair. */
  push(id: number): string {
    const text = this.decoder.decode(this.tokenizer.bytes(id), { stream: true });
    const { opening } = this;
    if (text !== '') this.opening = '';
    return opening !== '' && text.startsWith(opening) ? text.slice(opening.length) : text;
  }

  /** What is left of an unfinished character: U+FFFD, or nothing where a limit cut it off. The stream can be used again afterwards. */
  end(cutOff = false): string {
    const rest = this.decoder.decode();
    return cutOff ? '' : rest;
  }
}
