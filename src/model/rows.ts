/** Rows of float32 values: `[rows, width]`, owned by whoever made them, reused from step to step. */
export class Rows {
  readonly data: Float32Array;

  constructor(
    readonly capacity: number,
    readonly width: number,
  ) {
    this.data = new Float32Array(capacity * width);
  }

  /** The first `rows` rows. */
  view(rows: number): Float32Array {
    return this.data.subarray(0, rows * this.width);
  }
}
