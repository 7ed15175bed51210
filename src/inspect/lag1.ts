// Lag-1 autocorrelation of keys, row by row: what channelStatistics of attention/thresholdLaw.ts finds, without keeping the keys.

export class Lag1 {
  private rows = 0;
  /** Sums over all rows: of x, x², and x times the x before it. */
  private readonly sum: Float64Array;
  private readonly square: Float64Array;
  private readonly product: Float64Array;
  private readonly first: Float64Array;
  private readonly last: Float64Array;

  constructor(channels: number) {
    [this.sum, this.square, this.product, this.first, this.last] = Array.from({ length: 5 }, () => new Float64Array(channels));
  }

  push(row: ArrayLike<number>): void {
    for (let c = 0; c < this.sum.length; c++) {
      const x = row[c];
      this.sum[c] += x;
      this.square[c] += x * x;
      if (this.rows === 0) this.first[c] = x;
      else this.product[c] += x * this.last[c];
      this.last[c] = x;
    }
    this.rows++;
  }

  /** Per channel; 0 for a constant one. */
  values(): Float64Array {
    return this.sum.map((sum, c) => {
      const mean = sum / this.rows;
      const variance = this.square[c] - sum * mean;
      // Σ (x_t − m)(x_{t−1} − m) over the pairs: each end of the text is in one pair only.
      const covariance = this.product[c] - mean * (2 * sum - this.first[c] - this.last[c]) + (this.rows - 1) * mean * mean;
      return variance > 1e-12 * this.square[c] ? covariance / variance : 0;
    });
  }
}
