// What requests that follow each other in one document leave in the cache, against a fake addon: nothing dead, and an edit far above costs one reading.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCK, type StoreConfig } from '../../src/binding/addon.ts';
import { KvCache } from '../../src/cache/store.ts';
import type { TreeNode } from '../../src/cache/prefixTree.ts';
import { FakeAddon } from '../support/fakeAddon.ts';

const config: StoreConfig = {
  mode: 'delta', layers: [{ scale: 1, softcap: 0, slidingWindow: 0, inverseFrequencies: new Float64Array(2), ropeScale: 1 }],
  heads: 1, kvHeads: 1, keyLength: 4, valueLength: 4, sinks: 4, reference: 'previous', windowMin: 2, windowMax: 4, windowDivisor: 16,
};

/** A cache that is asked as the completions of one document ask it. */
class Document {
  readonly addon = new FakeAddon();
  readonly cache = new KvCache(this.addon.asAddon(), config, Number.MAX_SAFE_INTEGER);
  private last: TreeNode | undefined;

  /** Reads a prompt and writes `written` behind it; tokens that had to be read. */
  ask(prompt: readonly number[], written: readonly number[] = [], approximate = true): { read: number; approximate: boolean } {
    const lease = this.cache.lease(Int32Array.from(prompt), { most: prompt.length - 1, approximate });
    const read = prompt.length - lease.length;
    const pass = (tokens: readonly number[]) => {
      lease.begin([...tokens]);
      lease.attend(0, tokens.length, Float32Array.from(tokens), new Float32Array(4));
      lease.commit();
    };
    for (let at = lease.length; at < prompt.length; at += BLOCK) pass(prompt.slice(at, Math.min(prompt.length, at + BLOCK)));
    for (const token of written) pass([token]);
    expect(this.addon.lastRead.text.join()).toBe([...prompt, ...written].join());
    const result = { read, approximate: lease.approximate };
    const end = lease.release();
    if (end && this.last) this.cache.supersede(this.last, end);
    this.last = end;
    return result;
  }

  get blocks(): number {
    return this.addon.blocks.size;
  }

  expectEmpty(): void {
    for (const tree of [this.cache.tree, this.cache.approximate]) for (const node of tree.nodes()) expect([node.pins, node.exactPins]).toEqual([0, 0]);
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
    expect(document.ask(edited)).toEqual({ read: 1700 - 256, approximate: true });
    const typed = [...edited];
    for (let key = 0; key < 20; key++) {
      typed.push(6000 + key);
      const { read } = document.ask(typed);
      expect(read).toBeLessThanOrEqual(BLOCK);
    }
    expect(document.ask(typed, [], false).approximate).toBe(false);
    expect(document.ask([...typed, 7000])).toEqual({ read: 1, approximate: false });
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

describe('a typing session', () => {
  it('of a thousand keys, suffix behind the cursor, holds no more than its last prompt and a tenth', () => {
    const document = new Document();
    const [prefix, suffix] = [text(1200), text(500, 2000)];
    for (let key = 0; key < 1000; key++) document.ask([...prefix, ...text(key >> 2, 3000), ...suffix, 9], [1, 2, 3]);
    const prompt = Math.ceil((1200 + 250 + 500 + 4) / BLOCK);
    expect(document.blocks).toBeLessThanOrEqual(1.1 * prompt);
    document.expectEmpty();
  });

  it('keeps what belongs to another place in the document', () => {
    const document = new Document();
    const [here, there] = [text(1000), text(1000, 4000)];
    document.ask(here);
    document.ask(there);
    expect(document.ask([...here, 5]).read).toBeLessThanOrEqual(BLOCK);
    document.expectEmpty();
  });

  it('of random edits anywhere reads what it reads and loses no block', () => fc.assert(fc.property(
    fc.array(fc.record({ at: fc.nat(900), removed: fc.nat(8), inserted: fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 8 }), approximate: fc.boolean(), written: fc.nat(70) }), { maxLength: 14 }),
    (edits) => {
      const document = new Document();
      let tokens = text(900);
      for (const { at, removed, inserted, approximate, written } of edits) {
        tokens = tokens.toSpliced(at, removed, ...inserted);
        document.ask(tokens, text(written, 8000), approximate);
      }
      document.expectEmpty();
    },
  ), { numRuns: 40 }));
});
