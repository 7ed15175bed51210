// Finds the basis that far keys are coded in, for each layer and KV head: from texts, what keys vary in and what queries that matter ask for.
//   Σ_k: second moments of keys around their block's mean, turned back by their origin
//   Σ_q: second moments of the queries that read them, turned to i − origin; mostly weighted by what an error of the score does to the residual stream, p²·‖W_o(v − o)‖²
//   M = Σ_q^½, U the eigenvectors of M·Σ_k·M, A = Uᵀ·M: whitened for queries, uncorrelated for keys
// and how important a token will be, as a linear function of what its encoder knows. docs/delta-format.md has the study.
import { BLOCK, type DeltaTables } from '../../binding/addon.ts';
import { Importance, logOfLength, ORIGIN_SPAN } from '../../attention/basis.ts';
import { eigen, product, solvePositive, transposed } from '../../attention/matrix.ts';
import { codeKeys } from '../../attention/reference.ts';
import { rotate } from '../../attention/rope.ts';
import type { Shape } from '../manifest.ts';
import { quantile, thresholdsByHead } from './deltaSizes.ts';
import { splitHeads } from './heads.ts';

/** Blocks of window that are never far. */
const WINDOW = 2;
/** Every so many queries of a text are looked at, from the first on that has something far. */
const QUERIES = { from: (WINDOW + 1) * BLOCK, every: 16 };
/** Tokens of the shortest text that shows anything. */
export const LEAST_TEXT = 2 * QUERIES.from;
/** Share of Σ_q that counts every query alike: a sample is not every text. */
const PLAIN = 0.3;
/** Added to Σ_q's diagonal, as a share of its mean. */
const RIDGE = 0.02;
/** Power of a head's mean importance that scales its A, so that one θ serves a layer. */
const HEAD_POWER = 0.25;
/** Ridge of the importance regression, and the queries that a token must have been far from. */
const REGRESSION = { ridge: 0.01, seen: 40 };
/** Attention below which a value is not mixed in, and below which (v − o) counts as if v and o were at right angles: it saves two thirds of the work. */
const UNSEEN = { mixed: 1e-7, weighed: 3e-5 };
/** Share of tokens whose deltas fit into int8: the others become keyframes. */
const FITTING = 0.999;
const MOST_DELTA = 127;

/** What one layer saw of one text: keys `[tokens, kvHeads, D]` and queries `[tokens, heads, D]`, rotated; values `[tokens, kvHeads, Dv]`. */
export interface LayerText {
  keys: Float32Array;
  queries: Float32Array;
  values: Float32Array;
}

/** Facts of a layer that its bases depend on. */
export interface LayerFacts {
  shape: Shape;
  scale: number;
  sinks: number;
  inverseFrequencies: Float64Array;
  /** W_o, `[hidden, heads · Dv]`. */
  output: Float32Array;
}

/** What is known of a layer's basis: tables of all its KV heads, and the keys of the texts in it. */
export interface LayerBasis {
  /** A, `[kvHeads, D, D]`. */
  basis: Float32Array;
  /** `[kvHeads, 2·D + 2]`, as `Importance` reads it, for power 1. */
  importance: Float32Array;
  /** Per KV head: the keys of all whole blocks in its basis, `[tokens, D]`, and their values. */
  heads: { coordinates: Float64Array; values: Float32Array }[];
}

/** Sums over the texts of one KV head. */
interface HeadSums {
  keys: Float64Array;
  keyCount: number;
  plain: Float64Array;
  weighted: Float64Array;
  /** Σ of the weights: how much errors of this head count. */
  weight: number;
  texts: { local: Float64Array; values: Float32Array; logWeight: Float64Array; usable: Uint8Array }[];
}

export class LayerSums {
  private readonly heads: HeadSums[];
  /** W_oᵀ·W_o of each query head, `[Dv, Dv]`. */
  private readonly gram: Float64Array[];

  private readonly facts: Omit<LayerFacts, 'output'>;

  /** W_o is not kept: of many layers it is much. */
  constructor({ output, ...facts }: LayerFacts) {
    this.facts = facts;
    const { kvHeads, keyLength: D, heads, valueLength: Dv, hidden } = facts.shape;
    this.heads = Array.from({ length: kvHeads }, () => ({ keys: new Float64Array(D * D), keyCount: 0, plain: new Float64Array(D * D), weighted: new Float64Array(D * D), weight: 0, texts: [] }));
    this.gram = Array.from({ length: heads }, (_, h) => {
      const sum = new Float64Array(Dv * Dv);
      for (let row = 0; row < hidden; row++) {
        const at = (row * heads + h) * Dv;
        for (let i = 0; i < Dv; i++) for (let j = 0, x = output[at + i]; j < Dv; j++) sum[i * Dv + j] += x * output[at + j];
      }
      return sum;
    });
  }

  /** Whole blocks of the text count. */
  add({ keys, queries, values }: LayerText): void {
    const { kvHeads, keyLength: D, valueLength: Dv } = this.facts.shape;
    const tokens = Math.floor(keys.length / (kvHeads * D) / BLOCK) * BLOCK;
    const [own, v] = [splitHeads(keys.subarray(0, tokens * kvHeads * D), kvHeads, D), splitHeads(values.subarray(0, tokens * kvHeads * Dv), kvHeads, Dv)];
    for (let g = 0; g < kvHeads; g++) this.addHead(queries, own[g], v[g], tokens, g);
  }

  private addHead(queries: LayerText['queries'], own: Float64Array, v: Float64Array, tokens: number, g: number): void {
    const { shape: { kvHeads, heads, keyLength: D, valueLength: Dv }, scale, sinks, inverseFrequencies } = this.facts;
    const sums = this.heads[g];
    const group = heads / kvHeads;
    const weights = new Float64Array(tokens);
    const seen = new Uint32Array(tokens);
    const spans = Math.ceil(tokens / ORIGIN_SPAN);
    const query = new Float64Array(D);
    for (let h = g * group; h < (g + 1) * group; h++) {
      const projected = new Float64Array(tokens * Dv);
      const square = new Float64Array(tokens);
      for (let t = 0; t < tokens; t++) {
        apply(this.gram[h], v, t * Dv, projected, t * Dv, Dv);
        square[t] = dot(v, t * Dv, projected, t * Dv, Dv);
      }
      const p = new Float64Array(tokens);
      const mixed = new Float64Array(Dv);
      const turnedMixed = new Float64Array(Dv);
      for (let i = QUERIES.from; i < tokens; i += QUERIES.every) {
        for (let j = 0; j < D; j++) query[j] = queries[(i * heads + h) * D + j];
        let most = -Infinity;
        for (let t = 0; t <= i; t++) most = Math.max(most, (p[t] = scale * dot(query, 0, own, t * D, D)));
        let total = 0;
        for (let t = 0; t <= i; t++) total += p[t] = Math.exp(p[t] - most);
        mixed.fill(0);
        for (let t = 0; t <= i; t++) {
          p[t] /= total;
          if (p[t] < UNSEEN.mixed) continue;
          for (let j = 0, w = p[t], at = t * Dv; j < Dv; j++) mixed[j] += w * v[at + j];
        }
        apply(this.gram[h], mixed, 0, turnedMixed, 0, Dv);
        const own2 = dot(mixed, 0, turnedMixed, 0, Dv);
        const end = (Math.floor(i / BLOCK) - WINDOW) * BLOCK;
        for (let span = 0; span < spans && span * ORIGIN_SPAN < end; span++) {
          const [from, to] = [Math.max(sinks, span * ORIGIN_SPAN), Math.min(end, (span + 1) * ORIGIN_SPAN)];
          let sum = 0;
          for (let t = from; t < to; t++) {
            const across = p[t] < UNSEEN.weighed ? 0 : dot(mixed, 0, projected, t * Dv, Dv);
            const w = p[t] * p[t] * Math.max(0, square[t] - 2 * across + own2);
            weights[t] += w;
            sum += w;
            if (h === g * group) seen[t]++;
          }
          const turned = query.slice();
          rotate(turned, 0, -span * ORIGIN_SPAN, inverseFrequencies);
          addOuter(sums.plain, turned, to - from);
          addOuter(sums.weighted, turned, sum);
          sums.weight += sum;
        }
      }
    }
    const local = own.slice();
    const residual = new Float64Array(D);
    for (let from = 0; from < tokens; from += BLOCK) {
      for (let t = from; t < from + BLOCK; t++) rotate(local, t * D, -Math.floor(from / ORIGIN_SPAN) * ORIGIN_SPAN, inverseFrequencies);
      const mean = blockMean(local, from, D);
      for (let t = from; t < from + BLOCK; t++) {
        if (seen[t] === 0) continue;
        for (let j = 0; j < D; j++) residual[j] = local[t * D + j] - mean[j];
        addOuter(sums.keys, residual, 1);
        sums.keyCount++;
      }
    }
    sums.texts.push({
      local, values: Float32Array.from(v),
      logWeight: weights.map((w, t) => Math.log(w / Math.max(1, seen[t]) + 1e-12)),
      usable: Uint8Array.from(seen, (n) => (n * QUERIES.every > REGRESSION.seen * 12 ? 1 : 0)),
    });
  }

  /** The layer's tables. */
  solve(): LayerBasis {
    const { keyLength: D, kvHeads, valueLength } = this.facts.shape;
    const basis = new Float32Array(kvHeads * D * D);
    const importance = new Float32Array(kvHeads * (2 * D + 2));
    const scale = this.heads.reduce((sum, { weight }) => sum + Math.log(weight), 0) / kvHeads;
    const heads = this.heads.map((sums, g) => {
      const factor = Math.exp(HEAD_POWER * (Math.log(sums.weight) - scale));
      const a = basisOf(sums, D).map((x) => x * factor);
      basis.set(a, g * D * D);
      const rounded = Float64Array.from(basis.subarray(g * D * D, (g + 1) * D * D));
      const parts = sums.texts.map(({ local }) => {
        const out = new Float64Array(local.length);
        for (let at = 0; at < local.length; at += D) apply(rounded, local, at, out, at, D);
        return out;
      });
      importance.set(regress(sums, parts, D, valueLength), g * (2 * D + 2));
      return { coordinates: joined(Float64Array, parts), values: joined(Float32Array, sums.texts.map(({ values }) => values)) };
    });
    return { basis, importance, heads };
  }
}

/** A of one KV head. */
export function basisOf({ keys, keyCount, plain, weighted }: Pick<HeadSums, 'keys' | 'keyCount' | 'plain' | 'weighted'>, n: number): Float64Array {
  const traceOf = (m: Float64Array) => Array.from({ length: n }, (_, i) => m[i * n + i]).reduce((a, b) => a + b, 0);
  const [plainTrace, weightedTrace] = [traceOf(plain), traceOf(weighted)];
  const q = plain.map((x, i) => n * ((PLAIN * x) / plainTrace + ((1 - PLAIN) * weighted[i]) / weightedTrace));
  for (let i = 0; i < n; i++) q[i * n + i] += RIDGE;
  const { values, vectors } = eigen(q, n);
  const scaled = vectors.map((x, at) => x * Math.sqrt(values[at % n]));
  const m = product(scaled, transposed(vectors, n), n);
  const u = eigen(product(product(m, keys.map((x) => x / keyCount), n), m, n), n).vectors;
  return product(transposed(u, n), m, n);
}

/** ln of a token's weight as a linear function of y, y² and ln‖v‖, around its mean. */
function regress({ texts }: HeadSums, coordinates: Float64Array[], D: number, valueLength: number): Float64Array {
  const width = 2 * D + 1;
  const rows: Float64Array[] = [];
  const targets: number[] = [];
  for (const [n, { values, logWeight, usable }] of texts.entries()) {
    for (let t = 0; t < usable.length; t++) {
      if (!usable[t]) continue;
      const row = new Float64Array(width);
      for (let j = 0; j < D; j++) {
        const y = coordinates[n][t * D + j];
        row[j] = y;
        row[D + j] = y * y;
      }
      let square = 0;
      for (let j = 0; j < valueLength; j++) square += values[t * valueLength + j] ** 2;
      row[2 * D] = logOfLength(square);
      rows.push(row);
      targets.push(logWeight[t]);
    }
  }
  const out = new Float64Array(width + 1);
  if (rows.length < 2 * width) return out;
  const mean = new Float64Array(width);
  const spread = new Float64Array(width);
  for (const row of rows) for (let i = 0; i < width; i++) mean[i] += row[i] / rows.length;
  for (const row of rows) for (let i = 0; i < width; i++) spread[i] += (row[i] - mean[i]) ** 2 / (rows.length - 1);
  const deviation = spread.map((s) => Math.sqrt(s) + 1e-6);
  const target = targets.reduce((a, b) => a + b, 0) / targets.length;
  const gram = new Float64Array(width * width);
  const right = new Float64Array(width);
  for (const [r, row] of rows.entries()) {
    for (let i = 0; i < width; i++) row[i] = (row[i] - mean[i]) / deviation[i];
    for (let i = 0; i < width; i++) {
      const x = row[i];
      for (let j = 0; j <= i; j++) gram[i * width + j] += x * row[j];
      right[i] += x * (targets[r] - target);
    }
  }
  for (let i = 0; i < width; i++) {
    gram[i * width + i] += REGRESSION.ridge * rows.length;
    for (let j = 0; j < i; j++) gram[j * width + i] = gram[i * width + j];
  }
  const found = solvePositive(gram, right, width);
  for (let i = 0; i < width; i++) {
    out[i] = found[i] / deviation[i];
    out[width] -= out[i] * mean[i];
  }
  return out;
}

/** θ and s of a layer in its basis, for any share of zeros. @param power of the predicted importance; 0: every token counts alike */
export class BasisTables {
  /** Of each KV head: the sizes of all its deltas. */
  private readonly sorted: Float32Array[] = [];
  private readonly step: Float32Array;
  /** As native code takes it; undefined for power 0. */
  readonly importance: Float32Array | undefined;
  private readonly weights: (Float64Array | undefined)[];

  constructor(private readonly layer: LayerBasis, private readonly shape: Pick<Shape, 'kvHeads' | 'keyLength' | 'valueLength'>, power: number) {
    const { kvHeads, keyLength: D, valueLength } = shape;
    this.importance = power > 0 ? layer.importance.map((x) => power * x) : undefined;
    this.step = new Float32Array(kvHeads * D);
    this.weights = layer.heads.map(({ coordinates, values }, g) => {
      const importance = this.importance && new Importance(this.importance.subarray(g * (2 * D + 2), (g + 1) * (2 * D + 2)), D);
      const tokens = coordinates.length / D;
      const weights = importance && Float64Array.from({ length: tokens }, (_, t) => importance.weight(coordinates, values, valueLength, t));
      const sizes = new Float32Array(coordinates.length);
      const largest = new Float32Array(tokens);
      for (let from = 0; from < tokens; from += BLOCK) {
        const mean = blockMean(coordinates, from, D);
        for (let t = from; t < Math.min(tokens, from + BLOCK); t++) {
          for (let j = 0; j < D; j++) {
            const size = Math.abs(coordinates[t * D + j] - mean[j]);
            sizes[t * D + j] = size * (weights?.[t] ?? 1);
            if (size > largest[t]) largest[t] = size;
          }
        }
      }
      this.step.fill(Math.max(largest.sort()[Math.floor(FITTING * (tokens - 1))] / MOST_DELTA, 1e-30), g * D, (g + 1) * D);
      this.sorted.push(sizes.sort());
      return weights;
    });
  }

  /** θ such that this share of the texts' delta elements is zero: one for all heads or, given a share of each, one a head. */
  at(zeros: number | readonly number[]): DeltaTables {
    const threshold = typeof zeros === 'number'
      ? new Float32Array(this.step.length).fill(quantile(joined(Float32Array, this.sorted).sort(), zeros))
      : thresholdsByHead(this.sorted, this.shape.keyLength, zeros);
    return { threshold, step: this.step, basis: this.layer.basis, ...(this.importance && { importance: this.importance }) };
  }

  /** The same, with the share that is reached on the texts. */
  solve(zeros: number | readonly number[]): DeltaTables & { sparsity: number } {
    const tables = this.at(zeros);
    return { ...tables, sparsity: this.reached(tables.threshold) };
  }

  private reached(threshold: Float32Array): number {
    const D = this.shape.keyLength;
    const part = (table: Float32Array, g: number) => table.subarray(g * D, (g + 1) * D);
    const coded = this.layer.heads.map(({ coordinates }, g) => codeKeys(coordinates, D, { reference: 'mean', threshold: part(threshold, g), step: part(this.step, g), weights: this.weights[g] }));
    return coded.reduce((n, { zeros }) => n + zeros, 0) / coded.reduce((n, { elements }) => n + elements, 0);
  }
}

function blockMean(rows: Float64Array, from: number, length: number): Float64Array {
  const mean = new Float64Array(length);
  const to = Math.min(rows.length / length, from + BLOCK);
  for (let t = from; t < to; t++) for (let j = 0; j < length; j++) mean[j] += rows[t * length + j];
  return mean.map((x) => x / (to - from));
}

/** sum += factor · x·xᵀ */
function addOuter(sum: Float64Array, x: Float64Array, factor: number): void {
  const n = x.length;
  for (let i = 0; i < n; i++) for (let j = 0, left = factor * x[i], at = i * n; j < n; j++) sum[at + j] += left * x[j];
}

/** to[…] = matrix · from[…] */
function apply(matrix: Float64Array, from: Float64Array, at: number, to: Float64Array, toAt: number, n: number): void {
  for (let i = 0; i < n; i++) to[toAt + i] = dot(matrix, i * n, from, at, n);
}

function dot(a: Float64Array, i: number, b: Float64Array, j: number, n: number): number {
  // Four chains: the sum of one waits for nobody.
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let k = 0;
  for (; k + 4 <= n; k += 4) {
    s0 += a[i + k] * b[j + k];
    s1 += a[i + k + 1] * b[j + k + 1];
    s2 += a[i + k + 2] * b[j + k + 2];
    s3 += a[i + k + 3] * b[j + k + 3];
  }
  for (; k < n; k++) s0 += a[i + k] * b[j + k];
  return s0 + s1 + (s2 + s3);
}

/** The parts one behind the other. */
function joined<T extends Float32Array | Float64Array>(make: new (length: number) => T, parts: readonly T[]): T {
  const out = new make(parts.reduce((n, { length }) => n + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
