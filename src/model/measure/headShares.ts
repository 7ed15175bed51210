// How the zeros of keys in a basis are shared out among KV heads, by measurement. A few heads, those that find what was there before, are behind nearly all that
// coding loses; most others could lose nine elements of ten. What a head's zeros cost is the error of its attention's output, at several shares, times what such an
// error does to the next token where this head alone is coded. docs/delta-format.md has the figures.
import { atOnce, type RunPass } from '../../shared/pass.ts';
import { BLOCK, type Addon } from '../../binding/addon.ts';
import type { Forward } from '../forward.ts';
import { exactStore } from '../stores.ts';
import type { BasisTables } from './basis.ts';
import { trace } from './calibrate.ts';
import { divergencesOf, layerErrors, type LayerError, type OneCoded } from './layerCost.ts';
import { BASIS } from './method.ts';
import { shareOut, type CostPoint } from './sparsityBudget.ts';

/** Shares of zeros at which a head's error is measured: a head gets no fewer than the first, and no more than the last, for a sample is not every text. */
const SHARES = [0.15, 0.3, 0.45, 0.6, 0.7, 0.8, 0.9, 0.95];
/** The one at which it is also measured what it does to the next token. */
const PROBED = 4;
/** Between them, errors are read off at steps of this. */
const STEP = 0.01;
/** Tokens at the end of a text whose next tokens are looked at, and how many of the texts show errors. */
const ROWS = 512;
const ERROR_TEXTS = 2;
/** Of what the zeros of all heads do to the next token, on average, that a head does at least. */
const LEAST = 0.01;

/**
 * What zeros cost each KV head, head by head and layer by layer; a head costs nothing at all where the texts are too short to show anything.
 * @param tables of each layer
 * @param texts tokens of each, whole blocks
 */
export async function headCosts(forward: Forward, addon: Addon, texts: readonly ArrayLike<number>[], tables: readonly BasisTables[], progress: (share: number) => void = () => {}, pass: RunPass = atOnce): Promise<CostPoint[][]> {
  const { chunk } = forward;
  const manifest = { ...forward.manifest, delta: { ...forward.manifest.delta, windowMin: BASIS.window } };
  const { layers, kvHeads } = manifest.shape;
  const heads = Array.from({ length: layers * kvHeads }, (_, i) => ({ layer: Math.floor(i / kvHeads), head: i % kvHeads }));
  /** Every other head of the layer is coded without leaving anything out. */
  const alone = ({ layer, head }: (typeof heads)[number], share: number): OneCoded => ({ layer, tables: tables[layer].at(Array.from({ length: kvHeads }, (_, h) => (h === head ? share : 0))) });
  // Arithmetic of eight bits moves at any change of its inputs: what the same coding does that leaves out nothing is not the zeros' doing.
  const cases = [...heads.map((one) => alone(one, SHARES[PROBED])), ...tables.map((_, layer) => alone({ layer, head: 0 }, 0))];
  const divergences = new Float64Array(cases.length);
  const errors = heads.map(() => new Float64Array(SHARES.length));
  for (const [n, text] of texts.entries()) {
    const ids = Array.from(text);
    const rows = Math.min(ROWS, Math.floor(ids.length / (2 * BLOCK)) * BLOCK);
    const cache = exactStore(addon, manifest);
    try {
      const lease = cache.lease(new Int32Array(0));
      const { qkv } = await trace(forward, lease, ids, { withQueries: false, withInputs: true, pass }).finally(() => lease.release());
      const byRow = await divergencesOf(forward, cache, ids, rows, cases, qkv, manifest, (share) => progress((n + 0.7 * share) / texts.length), pass);
      byRow.forEach((row, i) => (divergences[i] += row.reduce((a, b) => a + b, 0)));
      for (const [i, one] of n < ERROR_TEXTS ? heads.entries() : []) {
        const found: LayerError[] = await pass(async () => layerErrors(addon, manifest, one.layer, qkv[one.layer], SHARES.map((share) => alone(one, share).tables), chunk));
        found.forEach(({ error }, at) => (errors[i][at] += error));
        progress((n + 0.7 + (0.3 * (i + 1)) / heads.length) / texts.length);
      }
    } finally {
      cache.close();
    }
  }
  const own = heads.map(({ layer }, i) => Math.max(0, divergences[i] - divergences[heads.length + layer]));
  // What looks like nothing, or less, is something that the texts were too short for.
  const least = (LEAST * own.reduce((a, b) => a + b, 0)) / heads.length;
  return heads.map((_, i) => costCurve(errors[i], Math.max(least, own[i])));
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
