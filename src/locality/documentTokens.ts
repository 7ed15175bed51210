// A document as tokens, piece by piece: what did not change since the last time is not tokenized again.

/** Characters on each side of the cursor that are indexed at most; further away, a file says little about a place. */
const MOST_BEFORE = 160_000;
const MOST_AFTER = 80_000;
/** Characters of pieces kept, tokens included about four times as many bytes. */
const MOST_KEPT = 1_000_000;

/**
 * Cut where a line ends with text and the next begins with text: whatever the tokenizer, no token reaches over the line break there, nor does what stands
 * on one side change the other, so the tokens of the pieces together are those of the whole.
 */
export function pieces(text: string): string[] {
  return text === '' ? [] : text.split(/(?<=\S\n)(?=\S)/);
}

/**
 * The same, but none longer than `most` where the text lets: a long one (the body of a class) is cut between a word and a line break too. No tokenizer
 * in use has both in one token.
 */
export function shortPieces(text: string, most: number): string[] {
  return pieces(text).flatMap((piece) => (piece.length > most ? piece.split(/(?<=[\p{L}\p{N}])(?=\n)/u) : [piece]));
}

export class DocumentTokens {
  private known = new Map<string, readonly number[]>();
  private characters = 0;

  constructor(private readonly encode: (text: string) => number[]) {}

  /** Whole pieces of the text before a cursor, as far back as the bound lets; line ends are \n. */
  before(text: string): number[] {
    const cut = pieces(text);
    let first = cut.length;
    for (let room = MOST_BEFORE; first > 0 && cut[first - 1].length <= room; first--) room -= cut[first - 1].length;
    // A piece that is alone too long: its end.
    return first === cut.length && first > 0 ? this.encode(cut[first - 1].slice(-MOST_BEFORE)) : this.tokensOf(cut.slice(first));
  }

  /** The beginning of the text after a cursor. */
  after(text: string): number[] {
    return this.tokensOf(pieces(text.slice(0, MOST_AFTER)));
  }

  private tokensOf(cut: readonly string[]): number[] {
    const ids: number[] = [];
    for (const piece of cut) for (const id of this.piece(piece)) ids.push(id);
    return ids;
  }

  /** Whether it need not be tokenized. */
  knows(piece: string): boolean {
    return this.known.has(piece);
  }

  /** The tokens of one piece. */
  piece(piece: string): readonly number[] {
    let ids = this.known.get(piece);
    // The newest last, so that the oldest is the first.
    if (ids) this.known.delete(piece);
    else this.characters += piece.length;
    this.known.set(piece, (ids ??= this.encode(piece)));
    for (const [old] of this.known) {
      if (this.characters <= MOST_KEPT || old === piece) break;
      this.known.delete(old);
      this.characters -= old.length;
    }
    return ids;
  }
}
