// Ids in, text out as it becomes certain: the bytes of an unfinished character wait for the next token.
import type { Tokenizer } from './tokenizer.ts';

export class StreamText {
  private readonly decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  constructor(private readonly tokenizer: Pick<Tokenizer, 'bytes'>) {}

  /** The text that this token completes; may be empty. Never half a character, never half a surrogate pair. */
  push(id: number): string {
    return this.decoder.decode(this.tokenizer.bytes(id), { stream: true });
  }

  /** What is left of an unfinished character: U+FFFD, or nothing where a limit cut it off. The stream can be used again afterwards. */
  end(cutOff = false): string {
    const rest = this.decoder.decode();
    return cutOff ? '' : rest;
  }
}
