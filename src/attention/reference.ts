// The slow twin of native delta attention, in double precision: how keys are coded, and what a query reads. This file is the specification.
// Paper: DeltaLLM, arXiv 2507.19608, sections on delta keys, attention sinks and hybrid attention; block-wise coding is ours (docs/delta-format.md).
import { BLOCK, type DeltaReference } from '../binding/addon.ts';
import { originOf, type Basis } from './basis.ts';

/** Largest step count of a delta (int8) and of a keyframe (int16). */
const MOST_DELTA = 127;
const MOST_KEYFRAME = 32767;

export interface Coding {
  reference: DeltaReference;
  /** θ per channel, `[length]`: an element is kept when |d| ≥ θ. */
  threshold: ArrayLike<number>;
  /** s per channel, `[length]`; undefined codes without quantisation. */
  step?: ArrayLike<number>;
  /** Per token: kept is where |d|·weight ≥ θ. Default: 1. */
  weights?: ArrayLike<number>;
}

export interface Coded {
  /** What a far query reads, `[tokens, length]`; NaN at masked tokens, which nobody reads. */
  decoded: Float64Array;
  /** Zero deltas, and all deltas that are coded (keyframes excluded). */
  zeros: number;
  elements: number;
  /** Keyframes besides the first of each block. */
  keyframes: number;
  /** Tokens with an element that is not finite: they change nothing and are read by nobody. */
  masked: number;
  /** Largest |Δ| met, in the keys' unit, kept elements only. */
  largest: number;
}

/** Codes the keys of one head, `[tokens, length]`, block by block in a closed loop. */
export function codeKeys(keys: Float64Array, length: number, { reference, threshold, step, weights }: Coding): Coded {
  const coded: Coded = { decoded: new Float64Array(keys.length), zeros: 0, elements: 0, keyframes: 0, masked: 0, largest: 0 };
  const tables: Tables = { reference, threshold: Float64Array.from(threshold), step: step && Float64Array.from(step), weights };
  const tokens = keys.length / length;
  for (let from = 0; from < tokens; from += BLOCK) codeBlock(keys, length, from, Math.min(tokens, from + BLOCK), tables, coded);
  return coded;
}

/** A coding with its tables as one kind of array: the loops below run three times faster. */
interface Tables extends Coding {
  threshold: Float64Array;
  step?: Float64Array;
}

function codeBlock(keys: Float64Array, length: number, from: number, to: number, { reference, threshold, step, weights }: Tables, out: Coded): void {
  const toKeyframe = (value: number, j: number) => (step ? step[j] * clamp(roundHalfEven(value / step[j]), MOST_KEYFRAME) : value);
  const valid: number[] = [];
  for (let t = from; t < to; t++) if (keys.subarray(t * length, (t + 1) * length).every(Number.isFinite)) valid.push(t);
  out.masked += to - from - valid.length;
  out.decoded.fill(NaN, from * length, to * length);
  if (valid.length === 0) return;
  const frame = new Float64Array(length);
  for (let j = 0; j < length; j++) {
    let value = keys[valid[0] * length + j];
    if (reference === 'mean') {
      value = 0;
      for (const t of valid) value += keys[t * length + j];
      value /= valid.length;
    }
    frame[j] = toKeyframe(value, j);
  }
  const current = frame.slice();
  for (const t of valid) {
    const first = reference === 'previous' && t === valid[0];
    if (!first && !codeToken(keys, length, t, reference === 'mean' ? frame : current, current, { threshold, step, weight: weights?.[t] ?? 1 }, out)) {
      out.keyframes++;
      for (let j = 0; j < length; j++) current[j] = toKeyframe(keys[t * length + j], j);
    }
    out.decoded.set(current, t * length);
  }
}

/** Codes token t against `base` into `current`; false when a delta does not fit (nothing is changed then). */
function codeToken(keys: Float64Array, length: number, t: number, base: Float64Array, current: Float64Array, { threshold, step, weight }: { threshold: Float64Array; step?: Float64Array; weight: number }, out: Coded): boolean {
  const deltas = new Float64Array(length);
  let zeros = 0;
  for (let j = 0; j < length; j++) {
    const d = keys[t * length + j] - base[j];
    const kept = Math.abs(d) * weight >= threshold[j];
    const steps = kept && step ? roundHalfEven(d / step[j]) : 0;
    if (Math.abs(steps) > MOST_DELTA) return false;
    deltas[j] = kept ? (step ? steps * step[j] : d) : 0;
    if (deltas[j] === 0) zeros++;
  }
  for (let j = 0; j < length; j++) {
    current[j] = base[j] + deltas[j];
    out.largest = Math.max(out.largest, Math.abs(deltas[j]));
  }
  out.zeros += zeros;
  out.elements += length;
  return true;
}

/** Keys `[tokens, length]` of one head whose first token was coded at `base`, a multiple of 64, coded in `basis`; θ and s are in its units. */
export function codeInBasis(keys: Float64Array, base: number, basis: Basis, coding: Coding, weigh?: (coordinates: Float64Array) => ArrayLike<number>): Coded {
  const { length } = basis;
  const coded: Coded = { decoded: new Float64Array(keys.length), zeros: 0, elements: 0, keyframes: 0, masked: 0, largest: 0 };
  const size = BLOCK * length;
  for (let at = 0; at < keys.length; at += size) {
    const origin = originOf(base + at / length);
    const coordinates = basis.toBasis(keys.subarray(at, at + size), origin);
    const block = codeKeys(coordinates, length, { ...coding, weights: weigh?.(coordinates) });
    coded.decoded.set(basis.fromBasis(block.decoded, origin), at);
    for (const count of ['zeros', 'elements', 'keyframes', 'masked'] as const) coded[count] += block[count];
    coded.largest = Math.max(coded.largest, block.largest);
  }
  return coded;
}

/** What a query reads of the keys before it: all exact, or the delta form outside sinks and window. */
export interface Region {
  sinks: number;
  /** w(b), in blocks. */
  windowBlocks(block: number): number;
}

/**
 * Causal hybrid attention of one query head over one KV head.
 * @param query `[tokens, length]` and `exact`, `far` keys alike, rotated; values `[tokens, valueLength]`
 * @param from first query row to compute
 * @returns outputs and scores of rows [from, tokens)
 */
export function hybridAttention(query: Float64Array, exact: Float64Array, far: Float64Array, values: Float64Array, length: number, valueLength: number, scale: number, region: Region, from = 0): Float64Array {
  const tokens = query.length / length;
  const out = new Float64Array((tokens - from) * valueLength);
  const scores = new Float64Array(tokens);
  for (let i = from; i < tokens; i++) {
    const block = Math.floor(i / BLOCK);
    const near = (block - region.windowBlocks(block)) * BLOCK;
    let most = -Infinity;
    for (let t = 0; t <= i; t++) {
      const keys = t < region.sinks || t >= near ? exact : far;
      let score = 0;
      for (let j = 0; j < length; j++) score += query[i * length + j] * keys[t * length + j];
      scores[t] = score * scale;
      most = Math.max(most, scores[t]);
    }
    let sum = 0;
    for (let t = 0; t <= i; t++) sum += scores[t] = Math.exp(scores[t] - most);
    for (let t = 0; t <= i; t++) {
      const weight = scores[t] / sum;
      for (let j = 0; j < valueLength; j++) out[(i - from) * valueLength + j] += weight * values[t * valueLength + j];
    }
  }
  return out;
}

/** Nearest integer, ties to even: what every ISA's conversion does. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

const clamp = (x: number, most: number) => Math.min(most, Math.max(-most, x));
