// The bound of the delta form on keys as a trained model makes them of real text, with every kernel set of this CPU.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BLOCK } from '../../src/binding/addon.ts';
import { sourceFiles } from '../../src/model/measure/corpus.ts';
import type { Engine } from '../../src/session/engine.ts';
import { step } from '../../src/session/session.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { openEngine, testAddon, TINY_Q8 } from '../support/engine.ts';

/** Of each file: short enough that every block still has its exact form. */
const TOKENS = 512;
/** Keys, one a token, layer and KV head. */
const KEYS = 100_000;

describe.each(testAddon().cpu().usable)('keys of real tokens, kernels %s', (kernels) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openEngine(TINY_Q8, { kernels });
  });
  afterAll(() => engine.close());

  /** Feeds the first tokens of a text; the error of every element as a share of its bound, and the keys' count. */
  async function errors(text: string): Promise<{ worst: number; keys: number; zeros: number; elements: number }> {
    const { addon, cache, forward, tokenizer } = engine;
    const ids = Int32Array.from(tokenizer.encode(text).slice(0, TOKENS));
    const lease = cache.lease(new Int32Array(0));
    const found = { worst: 0, keys: 0, zeros: 0, elements: 0 };
    try {
      for (let at = 0; at < ids.length; at += forward.chunk) await step(forward, lease, ids.subarray(at, at + forward.chunk), 'none', new CancelFlag());
      for (let i = 0; i < lease.table.size && lease.table.count(i) === BLOCK; i++) {
        const handle = lease.table.handle(i);
        addon.encodeBlock(cache.store, handle);
        const { masked, keyZeros, keyElements } = addon.blockInfo(cache.store, handle);
        expect(masked).toBe(0);
        found.zeros += keyZeros;
        found.elements += keyElements;
        cache.config.layers.forEach(({ delta }, layer) => {
          for (let head = 0; head < cache.config.kvHeads; head++) {
            const exact = addon.readKeys(cache.store, handle, layer, head, 'exact');
            const coded = addon.readKeys(cache.store, handle, layer, head, 'delta');
            const D = cache.config.keyLength;
            expect(coded.length).toBe(BLOCK * D);
            for (let n = 0; n < exact.length; n++) {
              const [θ, s] = [delta!.threshold[head * D + (n % D)], delta!.step[head * D + (n % D)]];
              found.worst = Math.max(found.worst, Math.abs(exact[n] - coded[n]) / Math.max(θ, s / 2)); // NaN stays NaN
            }
            found.keys += BLOCK;
          }
        });
      }
      return found;
    } finally {
      lease.release();
      cache.clear();
    }
  }

  it('lie within max(θ, s/2) of what is stored, element by element', async () => {
    expect(engine.describe().kernels).toBe(kernels);
    const sum = { worst: 0, keys: 0, zeros: 0, elements: 0 };
    for (const file of sourceFiles('src')) {
      const { worst, keys, zeros, elements } = await errors(readFileSync(file, 'utf8'));
      expect(worst, file).toBeLessThanOrEqual(1 + 1e-12);
      sum.worst = Math.max(sum.worst, worst);
      sum.keys += keys;
      sum.zeros += zeros;
      sum.elements += elements;
      if (sum.keys >= KEYS) break;
    }
    expect(sum.keys).toBeGreaterThanOrEqual(KEYS);
    // The bound is one that these keys come close to, and most of their deltas are left out.
    expect(sum.worst).toBeGreaterThan(0.99);
    expect(sum.zeros / sum.elements).toBeGreaterThan(0.5);
  });
});
