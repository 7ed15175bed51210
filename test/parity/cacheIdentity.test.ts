// What the cache holds is a function of (recipe, tokens) and nothing else: not of chunking, rewinds or who else holds a lease.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Lease } from '../../src/cache/lease.ts';
import { BLOCK } from '../../src/binding/addon.ts';
import { REWIND_RESERVE } from '../../src/cache/window.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import type { Engine } from '../../src/session/engine.ts';
import { step } from '../../src/session/session.ts';
import { openEngine, TINY_F16, TINY_Q8 } from '../support/engine.ts';

const noCancel = new CancelFlag();
const sum = (bytes: Uint8Array | Float32Array) => createHash('sha256').update(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)).digest('hex');

describe.each([['F16', TINY_F16], ['Q8_0', TINY_Q8]] as const)('cache identity on the tiny model, %s', (_, model) => {
  let engine: Engine;
  let text: Int32Array;

  beforeAll(async () => {
    engine = await openEngine(model);
    text = Int32Array.from(engine.tokenizer.encode(readFileSync('src/cache/lease.ts', 'utf8')));
  });
  afterAll(() => engine.close());

  /** Feeds ids in pieces of the given sizes; returns the logits behind the last one. */
  async function feed(lease: Lease, ids: Int32Array, pieces: readonly number[]): Promise<Float32Array> {
    let logits: Float32Array | undefined;
    for (let at = 0, i = 0; at < ids.length; i++) {
      const size = Math.min(pieces[i % pieces.length], engine.forward.chunk, ids.length - at);
      logits = await step(engine.forward, lease, ids.subarray(at, at + size), 'last', noCancel);
      at += size;
    }
    return logits!.slice();
  }

  /** The bytes of every full block, in order, and of the open tail's exact form. */
  function bytes(lease: Lease): string[] {
    const { addon, cache } = engine;
    return Array.from({ length: lease.table.size }, (_, i) => {
      const handle = lease.table.handle(i);
      if (lease.table.count(i) === BLOCK) return sum(addon.serializeBlock(cache.store, handle, cache.recipe, 0));
      return cache.config.layers.flatMap((__, layer) => [0, 1].map((head) => sum(Float32Array.from(addon.readKeys(cache.store, handle, layer, head, 'exact'))))).join();
    });
  }

  /** What a cold run in steps of a whole chunk gives. */
  async function cold(ids: Int32Array): Promise<{ logits: string; bytes: string[] }> {
    engine.cache.clear();
    const lease = engine.cache.lease(new Int32Array(0));
    const logits = await feed(lease, ids, [engine.forward.chunk]);
    const result = { logits: sum(logits), bytes: bytes(lease) };
    lease.release();
    engine.cache.clear();
    return result;
  }

  test('random chunkings, rewinds within the reserve and re-extensions give the bytes and logits of a cold run', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          length: fc.integer({ min: 1, max: 1400 }),
          pieces: fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 6 }),
          rewinds: fc.array(fc.integer({ min: 1, max: REWIND_RESERVE }), { maxLength: 3 }),
          detour: fc.integer({ min: 0, max: 90 }),
        }),
        async ({ length, pieces, rewinds, detour }) => {
          const ids = text.slice(0, length);
          const expected = await cold(ids);
          const lease = engine.cache.lease(new Int32Array(0));
          try {
            let logits = await feed(lease, ids, pieces);
            for (const back of rewinds) {
              // Somewhere else for a while, then back to where the texts part, then on again.
              const from = Math.max(0, length - back);
              lease.truncate(from);
              if (detour > 0) await feed(lease, text.slice(1500, 1500 + Math.min(detour, REWIND_RESERVE - Math.min(back, REWIND_RESERVE - 1))), pieces);
              lease.truncate(from);
              logits = await feed(lease, ids.subarray(lease.length), pieces);
            }
            expect(lease.approximate).toBe(false);
            expect(sum(logits)).toBe(expected.logits);
            expect(bytes(lease)).toEqual(expected.bytes);
          } finally {
            lease.release();
          }
        },
      ),
      { numRuns: 25, seed: 7 },
    );
  });

  test('a lease on a known prefix continues with the bits of a cold run', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 900 }), fc.integer({ min: 1, max: 300 }), async (known, more) => {
        const ids = text.slice(0, known + more);
        const expected = await cold(ids);
        const first = engine.cache.lease(new Int32Array(0));
        await feed(first, ids.subarray(0, known), [64]);
        first.release();
        const second = engine.cache.lease(ids, { most: ids.length - 1 });
        expect(second.length).toBe(Math.min(known, ids.length - 1));
        const logits = await feed(second, ids.subarray(second.length), [17]);
        expect(sum(logits)).toBe(expected.logits);
        expect(bytes(second)).toEqual(expected.bytes);
        second.release();
      }),
      { numRuns: 12, seed: 11 },
    );
  });

  test('two leases on one prefix never see each other’s tail', async () => {
    for (const shared of [1, 63, 64, 65, 200, 640]) {
      const a = Int32Array.from([...text.slice(0, shared), ...text.slice(1000, 1150)]);
      const b = Int32Array.from([...text.slice(0, shared), ...text.slice(1200, 1350)]);
      const [coldA, coldB] = [await cold(a), await cold(b)];
      const root = engine.cache.lease(new Int32Array(0));
      await feed(root, text.slice(0, shared), [64]);
      root.release();
      const [leaseA, leaseB] = [engine.cache.lease(a, { most: shared }), engine.cache.lease(b, { most: shared })];
      expect([leaseA.length, leaseB.length]).toEqual([shared, shared]);
      // In turn, a few tokens each.
      let [logitsA, logitsB]: Float32Array[] = [new Float32Array(0), new Float32Array(0)];
      for (let at = shared; at < a.length; at += 30) {
        logitsA = await feed(leaseA, a.subarray(at, at + 30), [30]);
        logitsB = await feed(leaseB, b.subarray(at, at + 30), [30]);
      }
      expect(sum(logitsA)).toBe(coldA.logits);
      expect(sum(logitsB)).toBe(coldB.logits);
      expect(bytes(leaseA)).toEqual(coldA.bytes);
      expect(bytes(leaseB)).toEqual(coldB.bytes);
      leaseA.release();
      leaseB.release();
    }
  });

  test('a cancelled step leaves nothing behind', async () => {
    const ids = text.slice(0, 300);
    const expected = await cold(ids);
    const lease = engine.cache.lease(new Int32Array(0));
    await feed(lease, ids.subarray(0, 150), [50]);
    for (const layer of [0, 1, 3]) {
      const cancel = new CancelFlag();
      lease.cancel = cancel.word;
      const attend = lease.attend.bind(lease);
      lease.attend = (l, rows, qkv, out) => {
        if (l === layer) cancel.set();
        attend(l, rows, qkv, out);
      };
      expect(await step(engine.forward, lease, ids.subarray(150, 214), 'last', cancel)).toBeUndefined();
      expect(lease.length).toBe(150);
      lease.attend = attend;
    }
    lease.cancel = noCancel.word;
    const logits = await feed(lease, ids.subarray(150), [64]);
    expect(sum(logits)).toBe(expected.logits);
    expect(bytes(lease)).toEqual(expected.bytes);
    lease.release();
  });

  test('blocks are evicted by the budget, oldest first, and what remains is right', async () => {
    const small = await openEngine(model, { cacheBytes: 3e6 });
    try {
      let failed = 0;
      for (let i = 0; i < 12; i++) {
        const ids = text.slice(i * 100, i * 100 + 300);
        const lease = small.cache.lease(ids, { most: ids.length - 1 });
        try {
          while (lease.length < ids.length) await step(small.forward, lease, ids.subarray(lease.length, Math.min(ids.length, lease.length + small.forward.chunk)), 'last', noCancel);
        } catch {
          failed++;
        }
        lease.release();
        expect(small.cache.bytes).toBeLessThanOrEqual(3e6);
      }
      expect(failed).toBe(0);
    } finally {
      await small.close();
    }
  });
});
