// How sure the model was of the first line it wrote: what decides whether ghost text is shown.

const wholeLine = /\S[^\n]*\n/;

export class FirstLine {
  private text = '';
  private sum = 0;
  private count = 0;
  private whole = false;

  /** Takes a token by the text that it completes (may be empty) and its natural log-probability. A token that also ends the line belongs to it. */
  push(piece: string, logProbability: number): void {
    if (this.whole) return;
    this.sum += logProbability;
    this.count++;
    this.text += piece;
    this.whole = wholeLine.test(this.text);
  }

  /** Mean natural log-probability of its tokens so far; 0 without any. */
  get logProbability(): number {
    return this.count > 0 ? this.sum / this.count : 0;
  }
}
