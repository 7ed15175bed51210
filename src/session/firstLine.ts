// How sure the model was of the first line it wrote: what decides whether ghost text is shown.

/** Tokens that complete a piece of the line together (a character may take several): where it begins, and their log-probabilities. */
interface Piece {
  begin: number;
  sum: number;
  count: number;
}

/**
 * The line is the first that is not blank. A token belongs to it when a part of its text does: one that holds the line break before it and its
 * indentation, or its last characters and the line break behind it. Blank lines before it do not count, nor do tokens that a stop rule cut off.
 */
export class FirstLine {
  private length = 0;
  private begin = 0;
  private line = '';
  private pieces: Piece[] = [];
  private open = { sum: 0, count: 0 };
  private whole = false;

  /** Takes a token by the text that it completes (may be empty) and its natural log-probability. */
  push(text: string, logProbability: number): void {
    if (this.whole) return;
    this.open.sum += logProbability;
    this.open.count++;
    const piece = text.replaceAll('\r', '');
    if (piece === '') return;
    const blank = this.line.trim() === '';
    const first = blank ? piece.search(/\S/) : 0;
    const newline = blank ? piece.lastIndexOf('\n', first < 0 ? piece.length : first) : -1;
    if (newline >= 0) {
      this.begin = this.length + newline + 1;
      this.line = '';
      this.pieces = [];
    }
    if (newline < piece.length - 1) {
      this.pieces.push({ begin: this.length, ...this.open });
      this.line += piece.slice(newline + 1);
      this.whole = first >= 0 && piece.includes('\n', newline + 1);
    }
    this.length += piece.length;
    this.open = { sum: 0, count: 0 };
  }

  /** Mean natural log-probability of the line's tokens so far; 0 without any. */
  get soFar(): number {
    return this.line.trim() === '' ? 0 : mean(this.pieces);
  }

  /** The same where only `kept`, a beginning of the text, is left of it. */
  of(kept: string): number {
    const left = kept.replaceAll('\r', '').slice(this.begin).split('\n', 1)[0];
    if (left.trim() === '') return 0;
    if (left.trimEnd() === this.line.split('\n', 1)[0].trimEnd()) return mean(this.pieces);
    return mean(this.pieces.filter(({ begin }) => begin < this.begin + left.length));
  }
}

function mean(pieces: readonly Piece[]): number {
  const [sum, count] = pieces.reduce(([s, n], piece) => [s + piece.sum, n + piece.count], [0, 0]);
  return count > 0 ? sum / count : 0;
}
