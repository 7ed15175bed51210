// What delta-coded keys cost each layer of a model on a text: the error of its attention, and what that does to the next token.
import { atOnce, type RunPass } from '../../shared/pass.ts';
import type { Addon, DeltaTables } from '../../binding/addon.ts';
import { KvCache } from '../../cache/store.ts';
import type { Lease } from '../../cache/lease.ts';
import { divergenceFrom, likely, type Likely } from '../divergence.ts';
import type { Forward } from '../forward.ts';
import { flowWidths, type Manifest } from '../manifest.ts';
import { storeConfig, type StoreFacts } from '../stores.ts';

export interface LayerError {
  /** Zeros among the coded elements; NaN where nothing was coded. */
  sparsity: number;
  /** Σ‖ô − o‖² / Σ‖o‖² of the attention's output over all tokens. */
  error: number;
}

const UNLIMITED = Number.MAX_SAFE_INTEGER;

/** A cache for that layer alone; without tables an exact one. */
export function layerCache(addon: Addon, manifest: StoreFacts, layer: number, tables?: DeltaTables): KvCache {
  const config = storeConfig(manifest);
  return new KvCache(addon, { ...config, mode: tables ? 'delta' : 'exact', layers: [{ ...config.layers[layer], delta: tables }] }, UNLIMITED);
}

/** Attention of one layer over `qkv`, `[tokens, width]`, in steps of `chunk` rows: `[tokens, heads · valueLength]`. */
export function attendAll(lease: Lease, qkv: Float32Array, manifest: Pick<Manifest, 'shape'>, chunk: number): Float32Array {
  const { qkv: width, attention } = flowWidths(manifest.shape);
  const tokens = qkv.length / width;
  const out = new Float32Array(tokens * attention);
  for (let at = 0; at < tokens; at += chunk) {
    const rows = Math.min(chunk, tokens - at);
    lease.begin(new Int32Array(rows));
    lease.attend(0, rows, qkv.subarray(at * width, (at + rows) * width), out.subarray(at * attention, (at + rows) * attention));
    lease.commit();
  }
  return out;
}

/** Runs `use` on an empty lease of a cache of its own. */
export function withLease<T>(cache: KvCache, use: (lease: Lease) => T): T {
  const lease = cache.lease(new Int32Array(0));
  try {
    return use(lease);
  } finally {
    lease.release();
    cache.close();
  }
}

/** Compares that layer's attention with each of `tables` with exact attention over the same `qkv`, `[tokens, width]`. */
export function layerErrors(addon: Addon, manifest: StoreFacts, layer: number, qkv: Float32Array, tables: DeltaTables[], chunk: number): LayerError[] {
  const exact = withLease(layerCache(addon, manifest, layer), (lease) => attendAll(lease, qkv, manifest, chunk));
  const energy = exact.reduce((n, x) => n + x * x, 0);
  return tables.map((table) => withLease(layerCache(addon, manifest, layer, table), (lease) => {
    const out = attendAll(lease, qkv, manifest, chunk);
    const error = out.reduce((n, x, i) => n + (x - exact[i]) ** 2, 0);
    lease.encode();
    const { zeros, elements } = lease.coded();
    return { sparsity: zeros / elements, error: energy > 0 ? error / energy : 0 };
  }));
}

/** Tables of one layer; in all others keys are exact. */
export interface OneCoded {
  layer: number;
  tables: DeltaTables;
}

/**
 * KL of the next token over the last `rows` tokens of `ids`, nats, row by row, for each of `cases`: `take` hears of one after the other.
 * @param exact a cache that knows `ids`; `rows` must leave whole blocks before them
 * @param fill gives a lease of a layer's own cache what that layer's attention got before the rows, with exact attention
 * @param manifest says which blocks are exact
 */
export async function divergencesOf(forward: Forward, exact: KvCache, ids: readonly number[], rows: number, cases: readonly OneCoded[], fill: (lease: Lease, layer: number) => Promise<void>, manifest: StoreFacts, take: (found: Float64Array, n: number) => void, pass: RunPass = atOnce): Promise<void> {
  const { chunk } = forward;
  const { vocabulary } = manifest.shape;
  const known = ids.length - rows;
  const dense: Likely[] = [];
  for (const [n, one] of [undefined, ...cases].entries()) {
    const lease = exact.lease(Int32Array.from(ids.slice(0, known)));
    const coded = one && layerCache(exact.addon, manifest, one.layer, one.tables);
    const own = coded?.lease(new Int32Array(0));
    const divergences = new Float64Array(rows);
    try {
      if (own) await fill(own, one!.layer);
      for (let at = known; at < ids.length; at += chunk) {
        const step = ids.slice(at, at + chunk);
        lease.begin(step);
        own?.begin(step);
        const logits = await pass(() => forward.run(step, {
          attend(layer, count, row, out) {
            lease.attend(layer, count, row, out);
            if (own && layer === one!.layer) own.attend(0, count, row, out);
          },
        }, 'all'));
        lease.commit();
        own?.commit();
        for (let i = 0; i < step.length; i++) {
          const row = logits!.subarray(i * vocabulary, (i + 1) * vocabulary);
          if (own) divergences[at - known + i] = divergenceFrom(dense[at - known + i], row);
          else dense.push(likely(row));
        }
      }
      if (own) take(divergences, n - 1);
    } finally {
      own?.release();
      coded?.close();
      lease.release();
    }
  }
}
