// How large the deltas of keys are against the mean of their block. Which of them a θ makes zero can be told without coding anything: the mean does not depend on θ.
// `codeKeys` without steps is the slow twin.
import { BLOCK, type DeltaTables } from '../../binding/addon.ts';

/** Head room of the int8 range over the largest delta seen on the sample. */
export const STEP_MARGIN = 1.1;
const MOST_DELTA = 127;

/** Quantiles of a head's deltas that are kept: a step of them is 0.05 % of zeros. */
const QUANTILES = 2048;

/** θ and s of a layer's keys as they are, for any share of zeros of each KV head: one θ a head. */
export class KeyTables {
  private readonly sorted: Float32Array[];
  private readonly step: Float32Array;

  /** @param heads keys by KV head, `[tokens, length]` */
  constructor(heads: readonly Float64Array[], private readonly length: number) {
    this.sorted = heads.map((keys) => quantilesOf(Float32Array.from(sizesOf(keys, length)).sort()));
    this.step = new Float32Array(heads.length * length);
    this.sorted.forEach((sizes, g) => this.step.fill(Math.max((STEP_MARGIN * (sizes.at(-1) ?? 0)) / MOST_DELTA, 1e-30), g * length, (g + 1) * length));
  }

  at(zeros: readonly number[]): DeltaTables {
    return { threshold: thresholdsByHead(this.sorted, this.length, zeros), step: this.step };
  }
}

/** The first, the last, and what lies evenly between them. */
const quantilesOf = (sorted: Float32Array): Float32Array => (sorted.length <= QUANTILES ? sorted : Float32Array.from({ length: QUANTILES }, (_, i) => sorted[Math.floor((i * (sorted.length - 1)) / (QUANTILES - 1))]));

/** What this share of the sorted sizes is below; 0 for none. */
export const quantile = (sorted: Float32Array, share: number): number => (share > 0 && sorted.length > 0 ? sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] : 0);

/** θ of every head, `[heads, length]`, each by its own share of zeros. @param sorted sizes of each head's deltas */
export function thresholdsByHead(sorted: readonly Float32Array[], length: number, zeros: readonly number[]): Float32Array {
  const threshold = new Float32Array(sorted.length * length);
  zeros.forEach((share, g) => threshold.fill(quantile(sorted[g], share), g * length, (g + 1) * length));
  return threshold;
}

export class DeltaSizes {
  /** By head, |delta| of the tokens that are not masked, `[tokens, length]`. */
  private readonly sizes: Float64Array[];
  private readonly elements: number;

  /** @param heads keys by KV head, `[tokens, length]` */
  constructor(heads: readonly Float64Array[], private readonly length: number) {
    this.sizes = heads.map((keys) => sizesOf(keys, length));
    this.elements = this.sizes.reduce((sum, { length: own }) => sum + own, 0);
  }

  /** The share of zeros where channel c of all heads has the threshold `alpha · shape[c]`. */
  zeros(shape: Float64Array, alpha: number): number {
    const { length } = this;
    let count = 0;
    for (const [h, sizes] of this.sizes.entries()) {
      const thresholds = shape.subarray(h * length, (h + 1) * length).map((s) => alpha * s);
      for (let at = 0; at < sizes.length; at += length) for (let j = 0; j < length; j++) if (!(sizes[at + j] >= thresholds[j]) || sizes[at + j] === 0) count++;
    }
    return count / this.elements;
  }

  /** The largest of what is kept, by head. */
  largest(shape: Float64Array, alpha: number): number[] {
    const { length } = this;
    return this.sizes.map((sizes, h) => {
      let largest = 0;
      for (let i = 0; i < sizes.length; i++) if (sizes[i] >= alpha * shape[h * length + (i % length)]) largest = Math.max(largest, sizes[i]);
      return largest;
    });
  }
}

function sizesOf(keys: Float64Array, length: number): Float64Array {
  const tokens = keys.length / length;
  const sizes = new Float64Array(keys.length);
  let filled = 0;
  const mean = new Float64Array(length);
  for (let from = 0; from < tokens; from += BLOCK) {
    const valid: number[] = [];
    for (let t = from; t < Math.min(tokens, from + BLOCK); t++) if (keys.subarray(t * length, (t + 1) * length).every(Number.isFinite)) valid.push(t);
    mean.fill(0);
    for (const t of valid) for (let j = 0; j < length; j++) mean[j] += keys[t * length + j];
    for (let j = 0; j < length; j++) mean[j] /= valid.length;
    for (const t of valid) for (let j = 0; j < length; j++) sizes[filled++] = Math.abs(keys[t * length + j] - mean[j]);
  }
  return sizes.subarray(0, filled);
}
