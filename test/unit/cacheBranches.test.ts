// What requests that follow each other in one document leave in the cache, against a fake addon: nothing dead, and an edit far above costs one reading.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCK, type StoreConfig } from '../../src/binding/addon.ts';
import { KvCache } from '../../src/cache/store.ts';
import type { MovePolicy } from '../../src/cache/known.ts';
import type { End, Reuse } from '../../src/cache/lease.ts';
import { FakeAddon } from '../support/fakeAddon.ts';

const config: StoreConfig = {
  mode: 'delta', layers: [{ scale: 1, softcap: 0, slidingWindow: 0, inverseFrequencies: new Float64Array(2), ropeScale: 1 }],
  heads: 1, kvHeads: 1, keyLength: 4, valueLength: 4, sinks: 4, reference: 'previous', windowMin: 2, windowMax: 4, windowDivisor: 16,
};

/** A cache that is asked as the completions of one document ask it. */
class Document {
  readonly addon = new FakeAddon();
  readonly cache: KvCache;

  constructor(budget = Number.MAX_SAFE_INTEGER) {
    this.cache = new KvCache(this.addon.asAddon(), config, budget);
  }

  private last: { end: End; place: number } | undefined;

  /** Reads a prompt and writes `written` behind it; what had to be read, and how the rest had been. */
  ask(prompt: readonly number[], { written = [], approximate = true, moves, place = 0 }: { written?: readonly number[]; approximate?: boolean; moves?: MovePolicy; place?: number } = {}): { read: number; approximate: boolean; reuse: Reuse } {
    const lease = this.cache.lease(Int32Array.from(prompt), { most: prompt.length - 1, approximate, moves });
    let read = 0;
    const pass = (tokens: readonly number[]) => {
      lease.begin([...tokens]);
      lease.attend(0, tokens.length, Float32Array.from(tokens), new Float32Array(4));
      lease.commit();
    };
    for (let at = lease.join(); at < prompt.length; at = lease.join()) {
      const piece = prompt.slice(at, Math.min(prompt.length, at + BLOCK, lease.until));
      pass(piece);
      read += piece.length;
    }
    for (const token of written) pass([token]);
    expect(this.addon.lastRead.text.join()).toBe([...prompt, ...written].join());
    const result = { read, approximate: lease.approximate, reuse: lease.reuse };
    expect(read + lease.reuse.strict + lease.reuse.approximate + lease.reuse.moved).toBe(prompt.length);
    const end = lease.release();
    if (end && this.last) this.cache.supersede(this.last.end, end, this.last.place === place);
    this.last = end && { end, place };
    return result;
  }

  get blocks(): number {
    return this.addon.blocks.size;
  }

  expectEmpty(): void {
    for (const node of this.cache.tree.nodes()) expect([node.pins, node.exactPins]).toEqual([0, 0]);
    this.cache.clear();
    expect(this.blocks).toBe(0);
  }
}

const text = (length: number, first = 1) => Array.from({ length }, (_, i) => first + ((i * 7) % 991));

describe('an edit far above the cursor', () => {
  it('is read once, not with every key behind it; once it was read strictly, strictly again', () => {
    const document = new Document();
    const before = text(1700);
    document.ask(before);
    const edited = before.with(300, 5000);
    expect(document.ask(edited)).toMatchObject({ read: 1700 - 300, approximate: true });
    const typed = [...edited];
    for (let key = 0; key < 20; key++) {
      typed.push(6000 + key);
      const { read } = document.ask(typed);
      expect(read).toBeLessThanOrEqual(BLOCK);
    }
    expect(document.ask(typed, { approximate: false }).approximate).toBe(false);
    expect(document.ask([...typed, 7000])).toMatchObject({ read: 1, approximate: false });
    document.expectEmpty();
  });

  it('never makes anything strict of what is not', () => {
    const document = new Document();
    document.ask(text(1700));
    const edited = text(1700).with(300, 5000);
    document.ask(edited);
    const strict = document.cache.lease(Int32Array.from(edited));
    expect(strict.length).toBeLessThanOrEqual(300);
    strict.release();
    document.expectEmpty();
  });
});

describe('what moved', () => {
  const moves = { fresh: 64 };

  it('is found behind an edit, read no more than once, and never strict', () => {
    const document = new Document();
    const before = text(1700);
    document.ask(before);
    const edited = before.toSpliced(300, 3, 5000, 5001);
    const first = document.ask(edited, { moves });
    expect(first.read).toBeLessThanOrEqual(2 * BLOCK + moves.fresh + 3);
    expect(first).toMatchObject({ approximate: true, reuse: { strict: 300, approximate: 0 } });
    const second = document.ask([...edited, 6000], { moves });
    expect(second.read).toBeLessThanOrEqual(2);
    expect(second.reuse).toMatchObject({ strict: 300, moved: first.reuse.moved });
    expect(document.ask(edited, { approximate: false }).reuse.moved).toBe(0);
    document.expectEmpty();
  });

  it('is found at every place that a few keys make of it', () => {
    const document = new Document();
    let tokens = text(3000);
    document.ask(tokens);
    for (let key = 0; key < 100; key++) {
      tokens = tokens.toSpliced(1000 + key, 0, 7000 + key);
      const { read } = document.ask(tokens, { moves, place: 1 });
      expect(read).toBeLessThanOrEqual(2 * BLOCK + moves.fresh);
    }
    // Undone at once: what was there before is there yet.
    expect(document.ask(text(3000).concat(1), { moves, place: 2 })).toMatchObject({ read: 1, approximate: false });
    document.expectEmpty();
  });

  it('of a suffix behind the cursor costs what is read anew at its end, with every key', () => {
    const document = new Document();
    const [prefix, suffix] = [text(1200), text(500, 2000)];
    for (let key = 0; key < 300; key++) {
      const { read } = document.ask([...prefix, ...text(key, 3000), ...suffix, 9], { moves, written: [1, 2, 3] });
      if (key > 0) expect(read).toBeLessThanOrEqual(2 * BLOCK + moves.fresh);
    }
    expect(document.blocks).toBeLessThanOrEqual(1.3 * Math.ceil((1200 + 300 + 504) / BLOCK));
    document.expectEmpty();
  });
});

describe('where room is needed', () => {
  it('a text that is no more loses its exact form first, then its blocks, and only then anything else', () => {
    const document = new Document(60_000);
    const before = text(1700);
    document.ask(before);
    document.ask(before.with(900, 5000), { approximate: false, place: 1 });
    const nodes = () => [...document.cache.tree.nodes()];
    const superseded = new Set(nodes().filter((node) => node.superseded));
    const others = nodes().filter((node) => !node.superseded);
    expect(superseded.size).toBeGreaterThan(10);
    const exact = () => [...superseded].filter((node) => !node.gone && node.tokens.length === BLOCK && document.cache.hasExact(node.handle)).length;
    expect(exact()).toBeGreaterThan(5);
    const lease = document.cache.lease(new Int32Array(0));
    let freed = document.addon.freed.length;
    for (let i = 0; [...superseded].some((node) => !node.gone); i++) {
      lease.begin(text(BLOCK, 10_000 + i));
      lease.attend(0, BLOCK, Float32Array.from(text(BLOCK, 10_000 + i)), new Float32Array(4));
      lease.commit();
      if (document.addon.freed.length > freed) expect(exact()).toBe(0);
      freed = document.addon.freed.length;
      expect(others.every((node) => !node.gone)).toBe(true);
      expect(document.cache.bytes).toBeLessThanOrEqual(60_000);
    }
    lease.release();
    document.expectEmpty();
  });
});

describe('a typing session', () => {
  it('of a thousand keys, suffix behind the cursor, holds no more than its last prompt and a tenth', () => {
    const document = new Document();
    const [prefix, suffix] = [text(1200), text(500, 2000)];
    for (let key = 0; key < 1000; key++) document.ask([...prefix, ...text(key >> 2, 3000), ...suffix, 9], { written: [1, 2, 3] });
    const prompt = Math.ceil((1200 + 250 + 500 + 4) / BLOCK);
    expect(document.blocks).toBeLessThanOrEqual(1.1 * prompt);
    document.expectEmpty();
  });

  it.each([10, 60, 120])('is no different where the file is short (%i tokens)', (length) => {
    const document = new Document();
    for (let key = 0; key < 1000; key++) document.ask([...text(length), ...text(key >> 4, 3000), ...text(200, 2000), 9], { written: [1, 2, 3] });
    expect(document.blocks).toBeLessThanOrEqual(1 + Math.ceil((length + 63 + 204) / BLOCK));
    document.expectEmpty();
  });

  it('keeps what belongs to another place in the document', () => {
    const document = new Document();
    const [here, there] = [text(1000), text(1000, 4000)];
    document.ask(here);
    document.ask(there, { place: 1 });
    expect(document.ask([...here, 5]).read).toBeLessThanOrEqual(BLOCK);
    document.expectEmpty();
  });

  it('of random edits anywhere reads what it reads and loses no block', () => fc.assert(fc.property(
    fc.array(fc.record({ at: fc.nat(900), removed: fc.nat(8), inserted: fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 8 }), approximate: fc.boolean(), fresh: fc.option(fc.integer({ min: 0, max: 200 }), { nil: undefined }), written: fc.nat(70) }), { maxLength: 14 }),
    (edits) => {
      const document = new Document();
      let tokens = text(900);
      for (const { at, removed, inserted, approximate, fresh, written } of edits) {
        tokens = tokens.toSpliced(at, removed, ...inserted);
        document.ask(tokens, { written: text(written, 8000), approximate, moves: fresh === undefined ? undefined : { fresh }, place: at >> 8 });
      }
      document.expectEmpty();
    },
  ), { numRuns: 40 }));
});
