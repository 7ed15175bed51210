// The index at every token of a finished text, as an editor would have it there: the rest of that token's line is not written yet, what stands below is.
import { joined } from './continuations.ts';
import { TokenIndex } from './tokenIndex.ts';

export class ForcedIndex {
  readonly index = new TokenIndex();
  private line = 0;
  private read = 0;
  /** First tokens of the lines. */
  private readonly starts: number[] = [0];

  /** @param pieces what each of `ids` adds to the text */
  constructor(
    private readonly ids: readonly number[],
    pieces: readonly string[],
  ) {
    pieces.forEach((piece, i) => piece.includes('\n') && this.starts.push(i + 1));
    this.begin();
  }

  /** Reads the next token of the text. */
  advance(): void {
    this.index.push(this.ids[this.read++]);
    if (this.starts[this.line + 1] !== this.read) return;
    this.line++;
    this.begin();
  }

  private begin(): void {
    const { ids, starts, line } = this;
    this.index.become(joined([ids.slice(starts[line + 1] ?? ids.length), ids.slice(0, starts[line])]));
  }
}
