// Leases, the prefix tree and the budget against a fake addon that counts references and remembers every token.
import { describe, expect, it } from 'vitest';
import { BLOCK } from '../../src/binding/addon.ts';
import type { Lease } from '../../src/cache/lease.ts';
import { KvCache } from '../../src/cache/store.ts';
import { REWIND_RESERVE } from '../../src/cache/window.ts';
import type { KvMode, StoreConfig } from '../../src/binding/addon.ts';
import { DeltaError } from '../../src/shared/errors.ts';
import { FakeAddon } from '../support/fakeAddon.ts';
import { randomBelow } from '../support/mutate.ts';

const LAYERS = 2;
const config = (mode: KvMode): StoreConfig => ({
  mode, layers: Array.from({ length: LAYERS }, () => ({ scale: 1, softcap: 0, slidingWindow: 0, inverseFrequencies: new Float64Array(2), ropeScale: 1 })),
  heads: 1, kvHeads: 1, keyLength: 4, valueLength: 4, sinks: 4, reference: 'previous', windowMin: 2, windowMax: 4, windowDivisor: 16,
});

function open(mode: KvMode = 'delta', blocks = Infinity): { addon: FakeAddon; cache: KvCache; blockBytes: number } {
  const addon = new FakeAddon();
  const probe = new FakeAddon();
  probe.createStore(config(mode));
  const blockBytes = probe.exactBytes();
  return { addon, cache: new KvCache(addon.asAddon(), config(mode), blocks === Infinity ? Number.MAX_SAFE_INTEGER : blocks * blockBytes), blockBytes };
}

/** Runs `ids` through the lease, checking what attention reads; returns the window's blocks that were read in delta form. */
function feed(addon: FakeAddon, lease: Lease, ids: number[], chunk = 64): number {
  let inexact = 0;
  for (let at = 0; at < ids.length; at += chunk) {
    const piece = ids.slice(at, at + chunk);
    const expected = [...lease.text, ...piece];
    lease.begin(piece);
    for (let layer = 0; layer < LAYERS; layer++) {
      lease.attend(layer, piece.length, Float32Array.from(piece), new Float32Array(4));
      expect(addon.lastRead.text).toEqual(expected);
      inexact += addon.lastRead.inexact;
    }
    lease.commit();
  }
  return inexact;
}

const text = (length: number, first = 1) => Array.from({ length }, (_, i) => first + (i % 97));
const ids = (tokens: number[]) => Int32Array.from(tokens);

/** After everything is released and forgotten nothing may be left. */
function expectEmpty(addon: FakeAddon, cache: KvCache): void {
  for (const node of cache.tree.nodes()) expect([node.pins, node.exactPins]).toEqual([0, 0]);
  cache.clear();
  expect([...cache.tree.nodes()]).toEqual([]);
  expect(addon.blocks.size).toBe(0);
}

describe.each<KvMode>(['delta', 'exact'])('leases in mode %s', (mode) => {
  it('reuse what an earlier one computed, and only that', () => {
    const { addon, cache } = open(mode);
    const first = cache.lease(ids(text(300)));
    expect(first.length).toBe(0);
    feed(addon, first, text(300));
    first.release();
    const other = [...text(200), 5000, ...text(50)];
    const second = cache.lease(ids(other));
    expect(second.length).toBe(200);
    feed(addon, second, other.slice(200));
    second.release();
    expect(cache.lease(ids(other)).length).toBe(other.length);
    expect(cache.lease(ids([9999])).length).toBe(0);
  });

  it('keep an open tail until a longer one comes', () => {
    const { addon, cache } = open(mode);
    const nodes = () => [...cache.tree.nodes()].map((node) => node.tokens.length).sort((a, b) => a - b);
    for (const length of [10, 20, 30]) {
      const lease = cache.lease(ids(text(length)));
      feed(addon, lease, text(length).slice(lease.length));
      lease.release();
      expect(nodes()).toEqual([length]);
    }
    const lease = cache.lease(ids(text(70)));
    expect(lease.length).toBe(30);
    feed(addon, lease, text(70).slice(30));
    lease.release();
    expect(nodes()).toEqual([6, BLOCK]);
    expectEmpty(addon, cache);
  });

  it('obey the budget, forget the oldest first, and never what is in use', () => {
    const { addon, cache, blockBytes } = open('exact', 10);
    const put = (first: number) => {
      const lease = cache.lease(ids(text(2 * BLOCK, first)));
      feed(addon, lease, text(2 * BLOCK, first).slice(lease.length));
      lease.release();
    };
    const known = (first: number) => [...cache.tree.nodes()].filter((node) => node.depth === 1).some((node) => node.tokens[0] === first);
    for (const first of [1000, 2000, 3000, 4000, 5000]) put(first);
    expect(cache.bytes).toBe(10 * blockBytes);
    const held = cache.lease(ids(text(2 * BLOCK, 2000)));
    put(6000);
    expect([1000, 2000, 3000, 6000].map(known)).toEqual([false, true, true, true]);
    put(7000);
    expect([2000, 3000, 4000].map(known)).toEqual([true, false, true]);
    expect(cache.bytes).toBeLessThanOrEqual(10 * blockBytes);
    held.release();
    expectEmpty(addon, cache);
  });

  it('say that the budget is too small, and go back to where the step began', () => {
    const { addon, cache } = open('exact', 3);
    const lease = cache.lease(ids([]));
    feed(addon, lease, text(100));
    expect(() => lease.begin(text(200))).toThrowError(expect.objectContaining({ code: 'memoryBudget' }) as Error);
    expect(lease.length).toBe(100);
    feed(addon, lease, text(92).map((t) => t + 500));
    lease.release();
    expectEmpty(addon, cache);
  });

  it('hold nothing when they could not be opened', () => {
    const { addon, cache } = open(mode);
    const lease = cache.lease(ids([]));
    feed(addon, lease, text(150));
    lease.release();
    addon.fail = Object.assign(new Error('outOfMemory'), { code: 'outOfMemory' });
    expect(() => cache.lease(ids(text(150)))).toThrow('outOfMemory');
    expectEmpty(addon, cache);
  });

  it('do without a copy of the open tail where the budget has no room for one', () => {
    const { addon, cache } = open('exact', 3);
    const lease = cache.lease(ids([]));
    feed(addon, lease, text(150));
    lease.release();
    const second = cache.lease(ids(text(150)));
    expect(second.length).toBe(2 * BLOCK);
    feed(addon, second, text(22, 500));
    second.truncate(2 * BLOCK - 10);
    second.release();
    expectEmpty(addon, cache);
  });

  it('undo a step that did not end', () => {
    const { addon, cache } = open(mode);
    const lease = cache.lease(ids([]));
    feed(addon, lease, text(90));
    for (const length of [1, 37, 38, 39, 64, 200]) {
      lease.begin(text(length, 300));
      lease.attend(0, length, Float32Array.from(text(length, 300)), new Float32Array(4));
      lease.abort();
      expect(lease.length).toBe(90);
    }
    feed(addon, lease, text(100, 400));
    lease.release();
    expectEmpty(addon, cache);
  });
});

describe('rewinding', () => {
  const long = 30 * BLOCK + 17;

  it('within the reserve stays exact', () => {
    const { addon, cache } = open();
    const lease = cache.lease(ids([]));
    feed(addon, lease, text(long));
    lease.truncate(long - REWIND_RESERVE);
    expect(lease.length).toBe(long - REWIND_RESERVE);
    expect(lease.approximate).toBe(false);
    expect(feed(addon, lease, text(300, 700))).toBe(0);
    lease.release();
    expectEmpty(addon, cache);
  });

  it('deeper is approximate, and what follows is not shared', () => {
    const { addon, cache } = open();
    const lease = cache.lease(ids([]));
    feed(addon, lease, text(long));
    lease.truncate(10 * BLOCK + 5);
    expect(lease.approximate).toBe(true);
    expect(lease.length).toBe(10 * BLOCK);
    const before = [...cache.tree.nodes()].length;
    feed(addon, lease, text(300, 700));
    lease.release();
    expect([...cache.tree.nodes()].length).toBe(before);
    expectEmpty(addon, cache);
  });

  it('of the cache finds only as much as a cold run would give, unless asked', () => {
    const { addon, cache } = open();
    const lease = cache.lease(ids([]));
    feed(addon, lease, text(long));
    lease.release();
    const other = [...text(10 * BLOCK), ...text(200, 900)];
    const strict = cache.lease(ids(other));
    expect(feed(addon, strict, other.slice(strict.length))).toBe(0);
    strict.release();
    const third = [...text(12 * BLOCK), ...text(200, 1200)];
    const loose = cache.lease(ids(third), { approximate: true });
    expect(loose.length).toBe(12 * BLOCK);
    expect(loose.approximate).toBe(true);
    loose.release();
    expectEmpty(addon, cache);
  });
});

describe('any history of leases', () => {
  it.each([['delta', Infinity], ['delta', 12], ['exact', Infinity], ['exact', 9]] as const)('in mode %s with a budget of %d blocks reads its own text and leaves nothing', (mode, blocks) => {
    for (let seed = 1; seed <= 30; seed++) {
      const below = randomBelow(seed);
      const { addon, cache } = open(mode, blocks);
      const leases: { lease: Lease; tokens: number[] }[] = [];
      // Texts share prefixes of every length: a few stems, cut and continued.
      const stems = Array.from({ length: 3 }, (_, i) => text(1500, 1 + 100 * i));
      const randomText = () => [...stems[below(3)].slice(0, below(blocks === Infinity ? 1400 : 300)), ...text(below(90), 1000 + below(3))];
      const guarded = (action: () => void) => {
        try {
          action();
        } catch (error) {
          if (!(error instanceof DeltaError) || error.code !== 'memoryBudget') throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
        }
      };
      for (let n = 0; n < 40; n++) {
        const at = below(Math.max(1, leases.length));
        const held = leases[at];
        switch (below(held ? 6 : 1)) {
          case 0: {
            if (leases.length >= 3) break;
            const tokens = randomText();
            guarded(() => {
              const lease = cache.lease(ids(tokens), { most: below(4) ? undefined : tokens.length - 1, approximate: below(5) === 0 });
              expect([...lease.text]).toEqual(tokens.slice(0, lease.length));
              leases.push({ lease, tokens });
            });
            break;
          }
          case 1: case 2: guarded(() => {
            const { lease, tokens } = held;
            const rest = lease.length < tokens.length && tokens.slice(0, lease.length).every((t, i) => t === lease.text[i]) ? tokens.slice(lease.length) : text(below(100), 2000);
            const inexact = feed(addon, lease, rest, 1 + below(130));
            if (inexact > 0) expect(lease.approximate, `seed ${seed}, step ${n}`).toBe(true);
          }); break;
          case 3: {
            const { lease } = held;
            const length = below(2) ? below(lease.length + 1) : Math.max(0, lease.length - below(80));
            guarded(() => lease.truncate(length));
            expect(lease.length).toBeLessThanOrEqual(length);
            break;
          }
          case 4: guarded(() => {
            const count = 1 + below(150);
            held.lease.begin(text(count, 3000));
            held.lease.attend(0, count, Float32Array.from(text(count, 3000)), new Float32Array(4));
            held.lease.abort();
          }); break;
          case 5:
            held.lease.release();
            leases.splice(at, 1);
        }
        for (const node of cache.tree.nodes()) {
          expect(Math.min(node.pins, node.exactPins), `seed ${seed}, step ${n}`).toBeGreaterThanOrEqual(0);
          expect(addon.blocks.has(node.handle)).toBe(true);
        }
        if (blocks !== Infinity) expect(cache.bytes).toBeLessThanOrEqual(blocks * addon.exactBytes() * 1.25);
      }
      for (const { lease } of leases) lease.release();
      expectEmpty(addon, cache);
    }
  });
});
