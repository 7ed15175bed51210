// The engine's own cache as a form under test: native coding, storage and attention, with the tables and the window that the study solved.
import type { Addon } from '../binding/addon.ts';
import { KvCache } from '../cache/store.ts';
import type { Manifest } from '../model/manifest.ts';
import { storeConfig } from '../model/stores.ts';
import type { WindowRule } from './grid.ts';
import type { Dense, Runner, Tally } from './runner.ts';
import type { Solved, Variant } from './variant.ts';

const UNLIMITED = Number.MAX_SAFE_INTEGER;

export interface EngineTally extends Tally {
  /** Zeros and elements of the stored far keys; bytes as allocated for full blocks, and their tokens (summed over layers and KV heads). */
  zeros: number;
  elements: number;
  deltaBytes: number;
  headTokens: number;
}

/** One context through the engine. The variant must be after RoPE, its reference `previous` or `mean`. */
export async function compareEngine(runner: Runner, addon: Addon, manifest: Manifest, variant: Variant, { layers }: Solved, window: WindowRule & { sinks: number }, ids: Int32Array, reference: Dense): Promise<EngineTally> {
  if (variant.side !== 'post' || variant.reference === 'channel') throw new RangeError('the engine has no such format');
  return cacheTally(runner, new KvCache(addon, storeConfig({ ...manifest, delta: { ...manifest.delta, ...window, reference: variant.reference } }, layers), UNLIMITED), ids, reference);
}

/** One context through a cache, which is closed then. */
export async function cacheTally(runner: Runner, cache: KvCache, ids: Int32Array, reference: Dense): Promise<EngineTally> {
  const { layers, kvHeads } = runner.forward.manifest.shape;
  const lease = cache.lease(new Int32Array(0));
  try {
    const tally: EngineTally = { ...(await runner.compareOther(ids, reference, lease)), ...lease.coded(), deltaBytes: 0, headTokens: 0 };
    for (let i = 0; i < lease.table.size; i++) {
      const info = cache.addon.blockInfo(cache.store, lease.table.handle(i));
      if (info.deltaBytes === 0) continue;
      tally.deltaBytes += info.deltaBytes;
      tally.headTokens += info.count * layers * kvHeads;
    }
    return tally;
  } finally {
    lease.release();
    cache.close();
  }
}
