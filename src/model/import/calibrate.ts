// Finds the delta tables of a model on sample code: one pass with exact attention, then per layer the α that gives the wanted key sparsity.
import type { Addon, DeltaReference, DeltaTables } from '../../binding/addon.ts';
import { codeKeys, type Coded } from '../../attention/reference.ts';
import { rotate } from '../../attention/rope.ts';
import { channelStatistics, thresholdShape, type ChannelStatistics, type ThresholdLaw } from '../../attention/thresholdLaw.ts';
import { flowWidths, inverseFrequencies, type Manifest } from '../manifest.ts';
import { exactStore } from '../stores.ts';
import type { Forward } from '../forward.ts';

/** What one pass over a text shows of each layer, rotated: keys `[tokens, kvHeads, D]`; queries `[tokens, heads, D]` where a law asks for them, else none. */
export interface LayerTrace {
  keys: Float32Array;
  queries: Float32Array;
}

export interface Trace {
  layers: LayerTrace[];
  /** The residual stream before the head, `[tokens, hidden]`. */
  hidden: Float32Array;
}

/** Runs `ids` with exact attention and keeps what attention saw. */
export async function trace(forward: Forward, addon: Addon, ids: number[], withQueries: boolean, progress: (done: number) => void): Promise<Trace> {
  const { shape, rope } = forward.manifest;
  const q = shape.heads * shape.keyLength;
  const k = shape.kvHeads * shape.keyLength;
  const width = flowWidths(shape).qkv;
  const frequencies = inverseFrequencies(rope);
  const layers: LayerTrace[] = Array.from({ length: shape.layers }, () => ({
    keys: new Float32Array(ids.length * k), queries: new Float32Array(withQueries ? ids.length * q : 0),
  }));
  const hidden = new Float32Array(ids.length * shape.hidden);
  const cache = exactStore(addon, forward.manifest);
  const lease = cache.lease(new Int32Array(0));
  try {
    for (let at = 0; at < ids.length; at += forward.chunk) {
      const chunk = ids.slice(at, at + forward.chunk);
      lease.begin(chunk);
      const rows = await forward.run(chunk, {
        attend(layer, count, qkv, out) {
          for (let i = 0; i < count; i++) {
            const row = qkv.subarray(i * width, (i + 1) * width);
            const { queries, keys } = layers[layer];
            keys.set(row.subarray(q, q + k), (at + i) * k);
            for (let h = 0; h < shape.kvHeads; h++) rotate(keys, (at + i) * k + h * shape.keyLength, at + i, frequencies);
            if (!withQueries) continue;
            queries.set(row.subarray(0, q), (at + i) * q);
            for (let h = 0; h < shape.heads; h++) rotate(queries, (at + i) * q + h * shape.keyLength, at + i, frequencies);
          }
          lease.attend(layer, count, qkv, out);
        },
      }, 'hidden');
      lease.commit();
      hidden.set(rows!, at * shape.hidden);
      progress(at + chunk.length);
    }
  } finally {
    lease.release();
    cache.close();
  }
  return { layers, hidden };
}

export interface Calibration {
  tables: DeltaTables[];
  keySparsity: number[];
}

/** Steps of the bisection on α: 2⁻¹² of its range. */
const BISECTIONS = 12;
/** Head room of the int8 range over the largest delta seen on the sample. */
const STEP_MARGIN = 1.1;

/** For each of `sparsities`: θ and s per layer such that this share of the sample's delta elements is zero. */
export function calibrate(layers: LayerTrace[], manifest: Pick<Manifest, 'shape'>, sparsities: readonly number[], law: ThresholdLaw, reference: DeltaReference): Calibration[] {
  const { kvHeads, keyLength, heads } = manifest.shape;
  const results = sparsities.map((): Calibration => ({ tables: [], keySparsity: [] }));
  for (const { keys, queries } of layers) {
    const statistics = channelStatistics(keys, queries, kvHeads, heads / kvHeads, keyLength);
    const split = splitHeads(keys, kvHeads, keyLength);
    for (const [i, sparsity] of sparsities.entries()) {
      const solved = solveLayer(split, statistics, law, sparsity, (head, _h, threshold, step) => codeKeys(head, keyLength, { reference, threshold, step }));
      results[i].tables.push(solved);
      results[i].keySparsity.push(solved.sparsity);
    }
  }
  return results;
}

/** Codes the keys of KV head h, `[tokens, length]`. */
export type CodeHead = (keys: Float64Array, h: number, threshold: Float64Array, step?: Float32Array) => Coded;

/** The α of one layer that makes `sparsity` of all delta elements zero, as tables of θ and s; `sparsity` of the result is what was reached. */
export function solveLayer(heads: Float64Array[], statistics: ChannelStatistics, law: ThresholdLaw, sparsity: number, codeHead: CodeHead): DeltaTables & { sparsity: number } {
  const shape = thresholdShape(law, statistics);
  const length = shape.length / heads.length;
  const part = <T extends Float64Array | Float32Array>(table: T, h: number) => table.subarray(h * length, (h + 1) * length) as T;
  const code = (alpha: number, step?: Float32Array) => heads.map((head, h) => codeHead(head, h, part(shape, h).map((s) => alpha * s), step && part(step, h)));
  const share = (coded: Coded[]) => coded.reduce((n, c) => n + c.zeros, 0) / coded.reduce((n, c) => n + c.elements, 0);
  let [low, high] = [0, 8 * Math.max(...statistics.spread.map((s, c) => s / shape[c]))];
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (low + high) / 2;
    if (share(code(middle)) < sparsity) low = middle;
    else high = middle;
  }
  const step = new Float32Array(shape.length);
  code(high).forEach(({ largest }, h) => part(step, h).fill(Math.max((STEP_MARGIN * largest) / 127, 1e-30)));
  return { threshold: Float32Array.from(shape, (s) => high * s), step, sparsity: share(code(high, step)) };
}

/** `[tokens, kvHeads, length]` → per head `[tokens, length]`. */
export function splitHeads(rows: Float32Array, heads: number, length: number): Float64Array[] {
  const tokens = rows.length / (heads * length);
  return Array.from({ length: heads }, (_, h) => {
    const out = new Float64Array(tokens * length);
    for (let t = 0; t < tokens; t++) for (let j = 0; j < length; j++) out[t * length + j] = rows[(t * heads + h) * length + j];
    return out;
  });
}
