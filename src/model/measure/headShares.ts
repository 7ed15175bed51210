// How zeros are shared out among KV heads, by measurement. A few heads, those that find what was there before, are behind nearly all that
// coding loses; most others could lose nine elements of ten. What a head's zeros cost is the error of its attention's output, at several shares, times what such an
// error does to the next token where this head alone is coded. docs/delta-format.md has the figures.
import { atOnce, type RunPass } from '../../shared/pass.ts';
import { BLOCK, type Addon, type DeltaTables } from '../../binding/addon.ts';
import type { KvCache } from '../../cache/store.ts';
import type { Lease } from '../../cache/lease.ts';
import { flowWidths, type Shape } from '../manifest.ts';
import { exactStore, type StoreFacts } from '../stores.ts';
import type { Forward } from '../forward.ts';
import { divergencesOf, layerCache, type OneCoded } from './layerCost.ts';
import { shareOut, type CostPoint } from './sparsityBudget.ts';

/** Shares of zeros at which a head's error is measured: a head gets no fewer than the first, and no more than the last, for a sample is not every text. */
const SHARES = [0.15, 0.3, 0.45, 0.6, 0.7, 0.8, 0.9, 0.95];
/** The one at which it is also measured what it does to the next token. */
const PROBED = 5;
/** Rows at the end of a text that show errors. */
const ERROR_ROWS = 128;
/** Between them, errors are read off at steps of this. */
const STEP = 0.01;
/** Of what the zeros of all heads do to the next token, on average, that a head does at least. */
const LEAST = 0.01;

/** What keys of one layer are coded with, for any share of zeros of each of its KV heads. */
export interface HeadTables {
  at(zeros: readonly number[]): DeltaTables;
}

/** What exact attention showed of a text, by layer. */
interface Seen {
  /** Before its last rows: k and v as a layer's attention got them, `[known, k + v]`. */
  keysAndValues: Float32Array[];
  /** Of the last few rows: all that it got, `[rows, width]`, and what it gave, `[rows, heads · Dv]`. */
  qkv: Float32Array[];
  attention: Float32Array[];
}

/** What was found of heads so far. */
export class HeadFindings {
  /** By text and layer: errors at each of SHARES, by head. */
  readonly errors = new Map<string, Float64Array[]>();
  /** By text and case: the sum over its rows. */
  readonly divergences = new Map<string, number>();
}

/**
 * What zeros cost each KV head, head by head and layer by layer; a head costs nothing at all where the texts are too short to show anything.
 * @param tables of each layer
 * @param texts tokens of each; the next tokens of its last `most` rows are looked at
 * @param manifest says which blocks are exact
 * @param found of the same texts and tables: what is there is not measured again
 */
export async function headCosts(forward: Forward, addon: Addon, texts: readonly ArrayLike<number>[], tables: readonly HeadTables[], manifest: StoreFacts, most: number, progress: (share: number) => void = () => {}, pass: RunPass = atOnce, found = new HeadFindings()): Promise<CostPoint[][]> {
  const { layers, kvHeads } = manifest.shape;
  const heads = Array.from({ length: layers * kvHeads }, (_, i) => ({ layer: Math.floor(i / kvHeads), head: i % kvHeads }));
  /** Every other head of the layer is coded without leaving anything out. */
  const alone = ({ layer, head }: (typeof heads)[number], share: number): OneCoded => ({ layer, tables: tables[layer].at(Array.from({ length: kvHeads }, (_, h) => (h === head ? share : 0))) });
  // Arithmetic of eight bits moves at any change of its inputs: what the same coding does that leaves out nothing is not the zeros' doing.
  const cases = [...heads.map((one) => alone(one, SHARES[PROBED])), ...tables.map((_, layer) => alone({ layer, head: 0 }, 0))];
  for (const [n, text] of texts.entries()) {
    const [ofLayer, ofCase] = [(layer: number) => `${n} ${layer}`, (i: number) => `${n} ${i}`];
    const layersLeft = tables.flatMap((_, layer) => (found.errors.has(ofLayer(layer)) ? [] : [layer]));
    const casesLeft = [...cases.keys()].filter((i) => !found.divergences.has(ofCase(i)));
    if (casesLeft.length === 0) continue;
    const ids = Array.from(text).slice(0, Math.floor(text.length / BLOCK) * BLOCK);
    const rows = Math.min(most, Math.floor(ids.length / (2 * BLOCK)) * BLOCK);
    const errorRows = Math.min(rows, ERROR_ROWS);
    const cache = exactStore(addon, forward.manifest);
    try {
      const seen = await look(forward, cache, ids, errorRows, pass);
      const fill = (lease: Lease, layer: number, tokens: number): Promise<void> => remember(lease, seen.keysAndValues[layer], tokens, manifest.shape, forward.chunk, pass);
      for (const layer of layersLeft) {
        const errors: Float64Array[] = [];
        for (const share of SHARES) errors.push(await errorsOf(addon, manifest, layer, tables[layer].at(new Array<number>(kvHeads).fill(share)), seen, forward.chunk, (lease) => fill(lease, layer, ids.length - errorRows), pass));
        found.errors.set(ofLayer(layer), errors);
        progress((n + (0.2 * (layer + 1)) / layers) / texts.length);
      }
      const take = (row: Float64Array, at: number): void => {
        found.divergences.set(ofCase(casesLeft[at]), row.reduce((a, b) => a + b, 0));
        progress((n + 0.2 + (0.8 * (casesLeft[at] + 1)) / cases.length) / texts.length);
      };
      await divergencesOf(forward, cache, ids, rows, casesLeft.map((i) => cases[i]), (lease, layer) => fill(lease, layer, ids.length - rows), manifest, take, pass);
    } finally {
      cache.close();
    }
  }
  const sum = (of: (n: number) => number): number => texts.reduce((total, _, n) => total + of(n), 0);
  const divergences = cases.map((_, i) => sum((n) => found.divergences.get(`${n} ${i}`)!));
  const errors = heads.map(({ layer, head }) => Float64Array.from(SHARES, (_, at) => sum((n) => found.errors.get(`${n} ${layer}`)![at][head])));
  const own = heads.map(({ layer }, i) => Math.max(0, divergences[i] - divergences[heads.length + layer]));
  // What looks like nothing, or less, is something that the texts were too short for.
  const least = (LEAST * own.reduce((a, b) => a + b, 0)) / heads.length;
  return heads.map((_, i) => costCurve(errors[i], Math.max(least, own[i])));
}

/** Reads a text with exact attention, and keeps what it showed, of the last `rows` in full; the cache knows the text then. */
async function look(forward: Forward, cache: KvCache, ids: readonly number[], rows: number, pass: RunPass): Promise<Seen> {
  const { shape } = forward.manifest;
  const { qkv: width, attention } = flowWidths(shape);
  const queries = shape.heads * shape.keyLength;
  const known = ids.length - rows;
  const of = (length: number): Float32Array[] => Array.from({ length: shape.layers }, () => new Float32Array(length));
  const seen: Seen = { keysAndValues: of(known * (width - queries)), qkv: of(rows * width), attention: of(rows * attention) };
  const lease = cache.lease(new Int32Array(0));
  try {
    for (let at = 0, step = 0; at < ids.length; at += step) {
      step = Math.min(forward.chunk, (at < known ? known : ids.length) - at);
      const from = at;
      const chunk = ids.slice(at, at + step);
      lease.begin(chunk);
      await pass(() => forward.run(chunk, {
        attend(layer, count, qkv, out) {
          lease.attend(layer, count, qkv, out);
          if (from < known) for (let i = 0; i < count; i++) seen.keysAndValues[layer].set(qkv.subarray(i * width + queries, (i + 1) * width), (from + i) * (width - queries));
          else {
            seen.qkv[layer].set(qkv.subarray(0, count * width), (from - known) * width);
            seen.attention[layer].set(out.subarray(0, count * attention), (from - known) * attention);
          }
        },
      }, 'none'));
      lease.commit();
    }
    return seen;
  } finally {
    lease.release();
  }
}

/** Gives a lease of one layer the first keys and values; nobody asks for anything. */
async function remember(lease: Lease, keysAndValues: Float32Array, tokens: number, shape: Shape, most: number, pass: RunPass): Promise<void> {
  const { qkv: width, attention } = flowWidths(shape);
  const queries = shape.heads * shape.keyLength;
  const own = width - queries;
  const out = new Float32Array(most * attention);
  const qkv = new Float32Array(most * width);
  for (let at = 0; at < tokens; at += most) {
    const count = Math.min(most, tokens - at);
    for (let i = 0; i < count; i++) qkv.set(keysAndValues.subarray((at + i) * own, (at + i + 1) * own), i * width + queries);
    lease.begin(new Int32Array(count));
    await pass(async () => lease.attend(0, count, qkv.subarray(0, count * width), out.subarray(0, count * attention)));
    lease.commit();
  }
}

/** Of each KV head of a layer: Σ‖ô − o‖² of its attention's output over the last rows of a text. */
async function errorsOf(addon: Addon, manifest: StoreFacts, layer: number, tables: DeltaTables, seen: Seen, most: number, fill: (lease: Lease) => Promise<void>, pass: RunPass): Promise<Float64Array> {
  const { heads, kvHeads, valueLength } = manifest.shape;
  const { qkv: width, attention } = flowWidths(manifest.shape);
  const ofHead = (heads / kvHeads) * valueLength;
  const errors = new Float64Array(kvHeads);
  const cache = layerCache(addon, manifest, layer, tables);
  const lease = cache.lease(new Int32Array(0));
  try {
    await fill(lease);
    const [qkv, exact] = [seen.qkv[layer], seen.attention[layer]];
    const out = new Float32Array(most * attention);
    for (let at = 0; at * width < qkv.length; at += most) {
      const count = Math.min(most, qkv.length / width - at);
      lease.begin(new Int32Array(count));
      await pass(async () => lease.attend(0, count, qkv.subarray(at * width, (at + count) * width), out.subarray(0, count * attention)));
      lease.commit();
      for (let i = 0; i < count * attention; i++) errors[Math.floor((i % attention) / ofHead)] += (out[i] - exact[at * attention + i]) ** 2;
    }
    return errors;
  } finally {
    lease.release();
    cache.close();
  }
}

/** A head's error by its share of zeros, in what it does to the next token. */
function costCurve(errors: Float64Array, divergence: number): CostPoint[] {
  const weight = errors[PROBED] > 0 ? divergence / errors[PROBED] : 0;
  const steps = Math.round((SHARES.at(-1)! - SHARES[0]) / STEP);
  return Array.from({ length: steps + 1 }, (_, i) => {
    const sparsity = SHARES[0] + i * STEP;
    const to = Math.max(1, SHARES.findIndex((share) => share >= sparsity - 1e-9));
    const between = (sparsity - SHARES[to - 1]) / (SHARES[to] - SHARES[to - 1]);
    return { sparsity, cost: weight > 0 ? weight * Math.exp((1 - between) * Math.log(errors[to - 1]) + between * Math.log(errors[to])) : 0 };
  });
}

/** The share of zeros of each layer's KV heads, so much on average, with the least sum of costs; the same for all where nothing costs anything. */
export function shareByHead(costs: CostPoint[][], kvHeads: number, wanted: number): number[][] {
  const shares = costs.some((curve) => curve.at(-1)!.cost > 0) ? shareOut(costs, wanted) : costs.map(() => wanted);
  return Array.from({ length: shares.length / kvHeads }, (_, layer) => shares.slice(layer * kvHeads, (layer + 1) * kvHeads));
}
