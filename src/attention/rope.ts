// Rotary position embedding in double precision, half-split pairing (RoFormer, arXiv 2104.09864): the specification of what native code does.

/** Rotates `vector[at … at + length)` to `position` in place; only the first 2·inverseFrequencies.length elements turn. */
export function rotate(vector: Float64Array | Float32Array, at: number, position: number, inverseFrequencies: Float64Array, scale = 1): void {
  const half = inverseFrequencies.length;
  for (let i = 0; i < half; i++) {
    const angle = (position * inverseFrequencies[i]) % (2 * Math.PI);
    const c = Math.cos(angle) * scale;
    const s = Math.sin(angle) * scale;
    const a = vector[at + i];
    const b = vector[at + half + i];
    vector[at + i] = a * c - b * s;
    vector[at + half + i] = b * c + a * s;
  }
}

/** Cosines and sines of positions [0, count), computed once: rotates many vectors of the same positions. */
export class Rotations {
  private readonly half: number;
  private readonly cosine: Float64Array;
  private readonly sine: Float64Array;

  constructor(count: number, inverseFrequencies: Float64Array, scale = 1) {
    this.half = inverseFrequencies.length;
    this.cosine = new Float64Array(count * this.half);
    this.sine = new Float64Array(count * this.half);
    for (let at = 0; at < this.cosine.length; at++) {
      const angle = (Math.floor(at / this.half) * inverseFrequencies[at % this.half]) % (2 * Math.PI);
      this.cosine[at] = Math.cos(angle) * scale;
      this.sine[at] = Math.sin(angle) * scale;
    }
  }

  /** As `rotate`. */
  rotate(vector: Float64Array | Float32Array, at: number, position: number): void {
    const { half, cosine, sine } = this;
    for (let i = 0; i < half; i++) {
      const c = cosine[position * half + i];
      const s = sine[position * half + i];
      const a = vector[at + i];
      const b = vector[at + half + i];
      vector[at + i] = a * c - b * s;
      vector[at + half + i] = b * c + a * s;
    }
  }
}
