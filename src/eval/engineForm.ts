// The engine's own cache as a form under test: native coding, storage and attention, with the tables and the window that the study solved.
import type { Addon } from '../binding/addon.ts';
import { KvCache } from '../cache/store.ts';
import type { Manifest } from '../model/manifest.ts';
import { storeConfig } from '../model/stores.ts';
import type { WindowRule } from './grid.ts';
import type { Dense, Runner, Tally } from './runner.ts';
import type { Solved, Variant } from './variant.ts';

const UNLIMITED = Number.MAX_SAFE_INTEGER;

/** Far blocks of a cache, summed over layers and KV heads. */
export interface Held {
  /** Elements of the stored keys, and the zeros among them. */
  zeros: number;
  elements: number;
  /** Bytes as allocated for full blocks, and their tokens. */
  deltaBytes: number;
  headTokens: number;
}

/** One context through the engine. The variant must be after RoPE, its reference `previous` or `mean`. */
export async function compareEngine(runner: Runner, addon: Addon, manifest: Manifest, variant: Variant, { layers }: Solved, window: WindowRule & { sinks: number }, ids: Int32Array, reference: Dense): Promise<Tally & Held> {
  if (variant.side !== 'post' || variant.reference === 'channel') throw new RangeError('the engine has no such format');
  const cache = new KvCache(addon, storeConfig({ ...manifest, delta: { ...manifest.delta, ...window, reference: variant.reference } }, layers), UNLIMITED);
  const { tallies: [tally], held } = await compareCache(runner, cache, ids, reference, [0]);
  return { ...tally, ...held };
}

/** One context through a cache, which is closed then: a tally for each part that begins at one of `starts`, and what the cache held at the end. */
export async function compareCache(runner: Runner, cache: KvCache, ids: Int32Array, reference: Dense, starts: readonly number[]): Promise<{ tallies: Tally[]; held: Held }> {
  const { layers, kvHeads } = runner.forward.manifest.shape;
  const lease = cache.lease(new Int32Array(0));
  try {
    const tallies = await runner.compareOther(ids, reference, lease, starts);
    lease.encode();
    const held: Held = { ...lease.coded(), deltaBytes: 0, headTokens: 0 };
    for (let i = 0; i < lease.table.size; i++) {
      const info = cache.addon.blockInfo(cache.store, lease.table.handle(i));
      if (info.deltaBytes === 0) continue;
      held.deltaBytes += info.deltaBytes;
      held.headTokens += info.count * layers * kvHeads;
    }
    return { tallies, held };
  } finally {
    lease.release();
    cache.close();
  }
}
