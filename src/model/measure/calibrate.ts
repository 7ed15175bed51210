// Finds the delta tables of a model on sample code: what each layer may leave out, and per layer the α that leaves out as much.
import { atOnce, type RunPass } from '../../shared/pass.ts';
import { BLOCK, type Addon, type DeltaTables } from '../../binding/addon.ts';
import type { Lease } from '../../cache/lease.ts';
import { codeKeys, type Coded } from '../../attention/reference.ts';
import { rotate } from '../../attention/rope.ts';
import { channelStatistics, thresholdShape, type ChannelStatistics, type ThresholdLaw } from '../../attention/thresholdLaw.ts';
import { attentionRules } from '../attentionRule.ts';
import { flowWidths } from '../manifest.ts';
import { exactStore } from '../stores.ts';
import type { Forward } from '../forward.ts';
import { DeltaSizes, KeyTables, STEP_MARGIN } from './deltaSizes.ts';
import { splitHeads } from './heads.ts';
import { headCosts, HeadFindings, shareByHead } from './headShares.ts';
import { attendAll, divergencesOf, layerErrors, type LayerError } from './layerCost.ts';
import { shareOut, usable, type MeasuredPoint } from './sparsityBudget.ts';

/** What one pass over a text shows of each layer, rotated: keys `[tokens, kvHeads, D]`; queries `[tokens, heads, D]` where a law asks for them, else none. */
export interface LayerTrace {
  keys: Float32Array;
  queries: Float32Array;
}

export interface Trace {
  layers: LayerTrace[];
  /** What each layer's attention got, before RoPE, `[tokens, width]`; empty where it is not asked for. */
  qkv: Float32Array[];
  /** The residual stream before the head, `[tokens, hidden]`. */
  hidden: Float32Array;
}

/** Runs `ids` with exact attention on a lease that knows nothing of them, and keeps what attention saw. */
export async function trace(forward: Forward, lease: Lease, ids: number[], { withQueries, withInputs, pass }: { withQueries: boolean; withInputs: boolean; pass: RunPass }, progress: (share: number) => void = () => {}): Promise<Trace> {
  const { shape } = forward.manifest;
  const q = shape.heads * shape.keyLength;
  const k = shape.kvHeads * shape.keyLength;
  const width = flowWidths(shape).qkv;
  const rules = attentionRules(forward.manifest);
  const qkvs = Array.from({ length: shape.layers }, () => new Float32Array(withInputs ? ids.length * width : 0));
  const layers: LayerTrace[] = qkvs.map(() => ({ keys: new Float32Array(ids.length * k), queries: new Float32Array(withQueries ? ids.length * q : 0) }));
  const hidden = new Float32Array(ids.length * shape.hidden);
  for (let at = 0; at < ids.length; at += forward.chunk) {
    const chunk = ids.slice(at, at + forward.chunk);
    lease.begin(chunk);
    const rows = await pass(() => forward.run(chunk, {
      attend(layer, count, qkv, out) {
        const { inverseFrequencies: frequencies, ropeScale } = rules[layer];
        if (withInputs) qkvs[layer].set(qkv, at * width);
        for (let i = 0; i < count; i++) {
          const row = qkv.subarray(i * width, (i + 1) * width);
          const { queries, keys } = layers[layer];
          keys.set(row.subarray(q, q + k), (at + i) * k);
          for (let h = 0; h < shape.kvHeads; h++) rotate(keys, (at + i) * k + h * shape.keyLength, at + i, frequencies, ropeScale);
          if (!withQueries) continue;
          queries.set(row.subarray(0, q), (at + i) * q);
          for (let h = 0; h < shape.heads; h++) rotate(queries, (at + i) * q + h * shape.keyLength, at + i, frequencies, ropeScale);
        }
        lease.attend(layer, count, qkv, out);
      },
    }, 'hidden'));
    lease.commit();
    hidden.set(rows!, at * shape.hidden);
    progress((at + chunk.length) / ids.length);
  }
  return { layers, qkv: qkvs, hidden };
}

export interface Calibration {
  tables: DeltaTables[];
  keySparsity: number[];
}

/** Multiples of the θ for the first wanted sparsity at which a layer's error is measured: about 30 to 90 % zeros around 60 %. */
const MULTIPLES = [0.45, 0.6, 0.8, 1, 1.25, 1.55, 1.9];
/** No layer's attention may be further off than this (root of the relative squared error), as long as the others can take its zeros. */
const MOST_ERROR = 0.2;
/** Layers differ from the wanted sparsity by this at most: a sample is not every text. */
const MOST_SHIFT = 0.25;
/** Parameters of a model whose layers are measured one by one. A larger one takes a minute and 200 MB that import does not have: its layers share evenly. */
export const MEASURED_PARAMETERS = 100e6;
/** Tokens that are run again for each layer, in samples: for one layer at most, and for all together. */
const PROBED = { one: 0.5, together: 4 };

/**
 * For each of `sparsities`: θ and s such that this share of the sample's delta elements is zero over all layers, shared out so that the next token
 * suffers least. A layer's cost is the error of its attention's output, which grows with its zeros, times what that error does to the next token when
 * this layer alone is coded; both are measured on the sample, with the window and the sinks of the manifest. In a large model every layer gets the same.
 */
export async function calibrate(forward: Forward, addon: Addon, ids: number[], sparsities: readonly number[], progress: (share: number) => void = () => {}, pass: RunPass = atOnce): Promise<{ calibrations: Calibration[]; hidden: Float32Array }> {
  const { manifest, chunk } = forward;
  const { layers, kvHeads, keyLength, heads } = manifest.shape;
  const { law, reference } = manifest.delta;
  const measured = manifest.parameters <= MEASURED_PARAMETERS;
  const cache = exactStore(addon, manifest);
  try {
    const lease = cache.lease(new Int32Array(0));
    let seen: Trace;
    try {
      seen = await trace(forward, lease, ids, { withQueries: law === 'query', withInputs: measured, pass }, (share) => progress(0.3 * share));
    } finally {
      lease.release();
    }
    const solve = await inPasses(pass, seen.layers, ({ keys, queries }) => {
      const statistics = channelStatistics(keys, queries, kvHeads, heads / kvHeads, keyLength);
      const split = splitHeads(keys, kvHeads, keyLength);
      const sizes = reference === 'mean' ? new DeltaSizes(split, keyLength) : undefined;
      return (sparsity: number) => solveLayer(split, statistics, law, sparsity, (head, _h, threshold, step) => codeKeys(head, keyLength, { reference, threshold, step }), sizes);
    });
    const even = await inPasses(pass, solve, (solveFor) => solveFor(sparsities[0]));

    const errors: LayerError[][] = [];
    for (const [layer, table] of measured ? even.entries() : []) {
      errors.push(await pass(async () => layerErrors(addon, manifest, layer, seen.qkv[layer], MULTIPLES.map((m) => ({ ...table, threshold: table.threshold.map((t) => m * t) })), chunk)));
      progress(0.3 + (0.2 * (layer + 1)) / layers);
      // Measuring is synchronous: a signal is heard in between.
      await new Promise(setImmediate);
    }
    const rows = !measured ? 0 : probedRows(ids.length, layers, (manifest.delta.windowMin + 1) * BLOCK);
    const before = (ids.length - rows) * flowWidths(manifest.shape).qkv;
    const fill = async (lease: Lease, layer: number): Promise<void> => void (await pass(async () => attendAll(lease, seen.qkv[layer].subarray(0, before), manifest, chunk)));
    const divergences: number[] = [];
    const take = (found: Float64Array): void => {
      divergences.push(typical(found));
      progress(0.5 + (0.4 * divergences.length) / layers);
    };
    if (rows > 0) await divergencesOf(forward, cache, ids, rows, even.map((tables, layer) => ({ layer, tables })), fill, manifest, take, pass);
    const curves = measured ? costCurves(errors, divergences) : seen.layers.map(() => []);
    const calibrations: Calibration[] = [];
    for (const wanted of sparsities) {
      const shares = shareOut(usable(curves, wanted, { shift: MOST_SHIFT, error: MOST_ERROR ** 2 }), wanted);
      const solved = await inPasses(pass, [...shares], (share, layer) => (share === sparsities[0] ? even[layer] : solve[layer](share)));
      calibrations.push({ tables: solved, keySparsity: solved.map(({ sparsity }) => sparsity) });
    }
    progress(1);
    return { calibrations, hidden: seen.hidden };
  } finally {
    cache.close();
  }
}

/** What an attempt found before it was stopped: the next one goes on from there. Of one model and one sample. */
export class Headway {
  tables: KeyTables[] | undefined;
  readonly costs = new HeadFindings();
}

/** The same, shared out among KV heads by what they cost on the last `rows` tokens: as many passes as there are heads, for nobody who waits. */
export async function calibrateByHead(forward: Forward, addon: Addon, ids: number[], sparsities: readonly number[], rows: number, progress: (share: number) => void = () => {}, pass: RunPass = atOnce, headway = new Headway()): Promise<Calibration[]> {
  const { manifest } = forward;
  const { kvHeads } = manifest.shape;
  const tables = (headway.tables ??= await keyTables(forward, addon, ids, (share) => progress(0.1 * share), pass));
  const costs = await headCosts(forward, addon, [ids], tables, manifest, rows, (share) => progress(0.1 + 0.9 * share), pass, headway.costs);
  return sparsities.map((wanted) => {
    const shares = shareByHead(costs, kvHeads, wanted);
    return { tables: tables.map((layer, i) => layer.at(shares[i])), keySparsity: shares.map((own) => own.reduce((a, b) => a + b, 0) / kvHeads) };
  });
}

async function keyTables(forward: Forward, addon: Addon, ids: number[], progress: (share: number) => void, pass: RunPass): Promise<KeyTables[]> {
  const { manifest } = forward;
  const { kvHeads, keyLength } = manifest.shape;
  const cache = exactStore(addon, manifest);
  try {
    const lease = cache.lease(new Int32Array(0));
    const { layers } = await trace(forward, lease, ids, { withQueries: false, withInputs: false, pass }, progress).finally(() => lease.release());
    return await inPasses(pass, layers, ({ keys }) => new KeyTables(splitHeads(keys, kvHeads, keyLength), keyLength));
  } finally {
    cache.close();
  }
}

/** One after the other, each in a pass of its own: who is more urgent waits for one of them. */
async function inPasses<T, U>(pass: RunPass, items: readonly T[], of: (item: T, i: number) => U): Promise<U[]> {
  const results: U[] = [];
  for (const [i, item] of items.entries()) results.push(await pass(async () => of(item, i)));
  return results;
}

/** Rows at the end of the sample, from a block's first on, that each layer is run again for; 0 when there are no far keys before them. */
function probedRows(tokens: number, layers: number, firstFar: number): number {
  const wanted = Math.floor(tokens * Math.min(PROBED.one, PROBED.together / layers));
  const known = Math.floor((tokens - wanted) / BLOCK) * BLOCK;
  return known >= firstFar ? tokens - known : 0;
}

/** The square of the mean root: in a plain mean of so few tokens one of them can outweigh all others. */
const typical = (divergences: Float64Array): number => (divergences.reduce((sum, kl) => sum + Math.sqrt(kl), 0) / divergences.length) ** 2;

/** KL against zeros: a layer's error, scaled so that the KL measured with the even tables is met. No points where nothing was far. */
function costCurves(errors: LayerError[][], divergences: number[]): MeasuredPoint[][] {
  const even = MULTIPLES.indexOf(1);
  return errors.map((points, layer) => {
    const weight = divergences[layer] / points[even].error;
    return Number.isFinite(weight) && points.every(({ sparsity }) => !Number.isNaN(sparsity)) ? points.map(({ sparsity, error }) => ({ sparsity, error, cost: weight * error })) : [];
  });
}

/** Steps of the bisection on α: 2⁻¹² of its range. */
const BISECTIONS = 12;

/** Codes the keys of KV head h, `[tokens, length]`. */
export type CodeHead = (keys: Float64Array, h: number, threshold: Float64Array, step?: Float32Array) => Coded;

/**
 * The α of one layer that makes `sparsity` of all delta elements zero, as tables of θ and s; `sparsity` of the result is what was reached.
 * @param sizes of the deltas, where they do not depend on θ: α is then found without coding the keys at each step
 */
export function solveLayer(heads: Float64Array[], statistics: ChannelStatistics, law: ThresholdLaw, sparsity: number, codeHead: CodeHead, sizes?: DeltaSizes): DeltaTables & { sparsity: number } {
  const shape = thresholdShape(law, statistics);
  const length = shape.length / heads.length;
  const part = <T extends Float64Array | Float32Array>(table: T, h: number) => table.subarray(h * length, (h + 1) * length) as T;
  const code = (alpha: number, step?: Float32Array) => heads.map((head, h) => codeHead(head, h, part(shape, h).map((s) => alpha * s), step && part(step, h)));
  const share = (coded: Coded[]) => coded.reduce((n, c) => n + c.zeros, 0) / coded.reduce((n, c) => n + c.elements, 0);
  let [low, high] = [0, 8 * Math.max(...statistics.spread.map((s, c) => s / shape[c]))];
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (low + high) / 2;
    if ((sizes ? sizes.zeros(shape, middle) : share(code(middle))) < sparsity) low = middle;
    else high = middle;
  }
  const step = new Float32Array(shape.length);
  const largest = sizes ? sizes.largest(shape, high) : code(high).map((coded) => coded.largest);
  largest.forEach((most, h) => part(step, h).fill(Math.max((STEP_MARGIN * most) / 127, 1e-30)));
  return { threshold: Float32Array.from(shape, (s) => high * s), step, sparsity: share(code(high, step)) };
}
