// The cache under anything that an editor may do with it, against a naive reference: a cold run of the same text, on a cache of its own.
import { describe, expect, it } from 'vitest';
import { BLOCK, type KvMode, type StoreConfig } from '../../src/binding/addon.ts';
import { census, claim } from '../../src/cache/census.ts';
import { commonPrefix } from '../../src/cache/commonPrefix.ts';
import type { End, Lease } from '../../src/cache/lease.ts';
import { KvCache } from '../../src/cache/store.ts';
import { DeltaError } from '../../src/shared/errors.ts';
import { FakeAddon } from '../support/fakeAddon.ts';
import { randomBelow } from '../support/mutate.ts';

const config = (mode: KvMode): StoreConfig => ({
  mode, layers: [{ scale: 1, softcap: 0, slidingWindow: 0, inverseFrequencies: new Float64Array(2), ropeScale: 1 }],
  heads: 1, kvHeads: 1, keyLength: 4, valueLength: 4, sinks: 4, reference: 'previous', windowMin: 2, windowMax: 4, windowDivisor: 16,
});

/** One pass, with what moved joined in before it. */
function pass(addon: FakeAddon, lease: Lease, ids: readonly number[]): void {
  const whole = [...lease.text, ...ids];
  lease.begin(ids);
  lease.attend(0, ids.length, Float32Array.from(ids), new Float32Array(4));
  expect(addon.lastRead.text.join()).toBe(whole.join());
  lease.commit();
}

/** Reads a text behind what is known of it. */
function readAll(addon: FakeAddon, lease: Lease, text: readonly number[], chunk: number): void {
  for (let at = lease.join(); at < text.length; at = lease.join()) pass(addon, lease, text.slice(at, Math.min(text.length, at + chunk, lease.until)));
}

/** The naive reference. */
function cold(mode: KvMode, text: readonly number[]): number {
  const addon = new FakeAddon();
  const cache = new KvCache(addon.asAddon(), config(mode), Number.MAX_SAFE_INTEGER);
  const lease = cache.lease(new Int32Array(0));
  readAll(addon, lease, text, BLOCK);
  return addon.digestOf(lease.table.view);
}

const STEPS = 2500;

describe('anything that an editor does', () => {
  it.each([['delta', Infinity], ['delta', 40], ['delta', 7], ['exact', 25]] as const)('reads its own text, strictly as a cold run reads it, within the budget, and leaves nothing (%s, %d blocks)', (mode, blocks) => {
    const below = randomBelow(blocks === Infinity ? 1 : blocks);
    const addon = new FakeAddon();
    new FakeAddon().createStore(config(mode));
    const probe = new FakeAddon();
    probe.createStore(config(mode));
    const room = 1.6 * probe.exactBytes();
    const budget = blocks === Infinity ? 400 * room : blocks * room;
    const cache = new KvCache(addon.asAddon(), config(mode), budget);
    const most = blocks === Infinity ? 1500 : Math.min(1200, (blocks - 3) * BLOCK);
    const documents = Array.from({ length: 3 }, (_, i) => Array.from({ length: Math.floor(most * 0.8) }, (__, j) => 1 + ((j * (7 + i)) % (311 + 97 * i))));
    const undo: { document: number; text: number[] }[] = [];
    const ends: { end: End; document: number }[] = [];
    const held: { lease: Lease; text: number[] }[] = [];
    let strictChecks = 0;
    let moved = 0;
    let approximate = 0;
    for (let step = 0; step < STEPS; step++) {
      const document = below(3);
      let text = documents[document];
      switch (below(8)) {
        case 0: text = text.toSpliced(below(text.length), below(4), ...Array.from({ length: below(6) }, () => 2000 + below(50))); break;
        case 1: case 2: case 3: text = [...text, 3000 + below(9)]; break;
        case 4: { // a move of a part
          const [from, length] = [below(text.length), below(400)];
          const part = text.slice(from, from + length);
          const rest = text.toSpliced(from, length);
          text = rest.toSpliced(below(rest.length), 0, ...part);
          break;
        }
        case 5: text = undo.findLast((u) => u.document === document)?.text ?? text; break;
        case 6: text = text.slice(0, Math.max(1, text.length - below(700))); break;
        default: text = [...text, ...documents[below(3)].slice(below(300), 300 + below(200))];
      }
      text = text.slice(0, most);
      if (text.length === 0) text = [1];
      undo.push({ document, text: documents[document] });
      if (undo.length > 20) undo.shift();
      documents[document] = text;
      const options = below(3) === 0 ? {} : { approximate: true, moves: below(4) === 0 ? undefined : { fresh: below(130) } };
      try {
        const known = cache.known(Int32Array.from(text), { most: text.length - 1, ...options });
        const lease = cache.lease(Int32Array.from(text), { most: text.length - 1, ...options });
        const { strict, approximate: loose, moved: far } = lease.reuse;
        // Where there is no room for a copy of a tail, less is found.
        expect(strict + loose + far).toBeLessThanOrEqual(known);
        if (!options.approximate) expect([lease.approximate, loose, far]).toEqual([false, 0, 0]);
        const from = lease.length;
        held.push({ lease, text });
        if (below(10) === 0) readAll(addon, lease, text.slice(0, from), BLOCK);
        else readAll(addon, lease, text, 1 + below(130));
        moved += far;
        if (!lease.approximate && lease.length === text.length && below(4) === 0) {
          strictChecks++;
          expect(addon.digestOf(lease.table.view), `step ${step}`).toBe(cold(mode, text));
        }
        approximate += Number(lease.approximate);
        if (below(6) === 0) {
          lease.begin([7, 8, 9]);
          lease.attend(0, 3, Float32Array.from([7, 8, 9]), new Float32Array(4));
          lease.abort();
        }
        if (below(6) === 0) {
          lease.truncate(below(lease.length + 1));
          pass(addon, lease, Array.from({ length: 1 + below(90) }, (_, i) => 4000 + i));
          const now = [...lease.text];
          if (!lease.approximate) expect(addon.digestOf(lease.table.view), `step ${step}, rewound`).toBe(cold(mode, now));
        }
      } catch (error) {
        if (!(error instanceof DeltaError) || error.code !== 'memoryBudget') throw new Error(`step ${step}: ${String(error)}`, { cause: error });
      }
      while (held.length > below(3)) {
        const end = held.splice(below(held.length), 1)[0].lease.release();
        claim(end, `/${document}`);
        if (!end) continue;
        for (const older of ends.filter((other) => other.document === document)) if (below(3) > 0) cache.supersede(older.end, end, below(2) === 0);
        ends.push({ end, document });
        if (ends.length > 12) ends.shift();
      }
      if (step % 50 > 0) continue;
      for (const node of cache.tree.nodes()) {
        expect(Math.min(node.pins, node.exactPins), `step ${step}`).toBeGreaterThanOrEqual(0);
        expect(addon.blocks.has(node.handle)).toBe(true);
        if (node.tokens.length === BLOCK) expect(cache.tree.content.find(node.tokens, 0, BLOCK).some((move) => commonPrefix(move.node.tokens, node.tokens) === BLOCK)).toBe(true);
      }
      expect(cache.bytes).toBeLessThanOrEqual(budget + room);
      const counted = census(cache);
      expect(counted.groups.reduce((n, group) => n + group.bytes, counted.underWay.bytes)).toBe(cache.bytes);
    }
    for (const { lease } of held) lease.release();
    for (const node of cache.tree.nodes()) expect([node.pins, node.exactPins]).toEqual([0, 0]);
    cache.clear();
    expect(addon.blocks.size).toBe(0);
    expect(strictChecks).toBeGreaterThan(20);
    // In a few blocks there is no room for what moves.
    if (blocks > 10) expect(Math.min(moved, approximate)).toBeGreaterThan(10);
  });
});
