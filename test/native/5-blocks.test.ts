// The life of a block: sinks that stay exact, rewinding, forking, dropping, handles that end, bytes that are counted.
import { describe, expect, it } from 'vitest';
import { addon, BLOCK, check, refuses, sameBits, Stage } from './stage.ts';

const shape = { layers: 2, window: 0, kvHeads: 2, heads: 4, keyLength: 32, sinks: 4 };

describe('sinks', () => {
  it('stay exact for every query after the exact form is gone', () => {
    const stage = new Stage(shape, 1);
    stage.step(stage.random(130));
    const { store } = stage;
    const block = stage.entries[0].block;
    const exact = addon.readKeys(store, block, 1, 0, 'exact').slice(0, 4 * 32);
    const values = addon.readValues(store, block, 1, 0, 'exact').slice(0, 4 * 32);
    addon.dropExact(store, block);
    expect(addon.readKeys(store, block, 1, 0, 'delta').slice(0, 4 * 32)).toEqual(exact);
    expect(addon.readValues(store, block, 1, 0, 'delta').slice(0, 4 * 32)).toEqual(values);
    check(stage, 1);
    check(stage, 70);
  });

  it.each([0, 1, 17, 64, 100])('may be %i tokens', (sinks) => {
    const stage = new Stage({ ...shape, sinks }, 2);
    stage.step(stage.random(128));
    addon.dropExact(stage.store, stage.entries[0].block);
    check(stage, 1);
    check(stage, 70);
  });
});

describe('dropExact', () => {
  it('changes no bit of a far query', () => {
    const kept = new Stage(shape, 3);
    const dropped = new Stage(shape, 3);
    const qkv = kept.random(256);
    kept.step(qkv);
    dropped.step(qkv);
    for (const { block } of dropped.entries.slice(0, 3)) addon.dropExact(dropped.store, block);
    const next = kept.random(3);
    expect(sameBits(dropped.step(next)[1], kept.step(next)[1])).toBe(true);
    expect(dropped.info(0).exactBytes).toBe(0);
    expect(addon.storeInfo(dropped.store).bytes).toBeLessThan(addon.storeInfo(kept.store).bytes);
  });

  it('is refused for an open block, and does nothing in mode exact', () => {
    const stage = new Stage(shape, 4);
    stage.step(stage.random(63));
    refuses(() => addon.dropExact(stage.store, stage.entries[0].block), 'invalidArgument');
    const exact = new Stage({ ...shape, mode: 'exact' }, 4);
    exact.step(exact.random(64));
    addon.dropExact(exact.store, exact.entries[0].block);
    expect(exact.info(0).exactBytes).toBeGreaterThan(0);
    check(exact, 1);
  });

  it('makes rewinding, forking and exact reading impossible', () => {
    const stage = new Stage(shape, 5);
    stage.step(stage.random(64));
    const { store } = stage;
    const { block } = stage.entries[0];
    addon.dropExact(store, block);
    addon.dropExact(store, block);
    refuses(() => addon.truncateBlock(store, block, 10), 'noExactForm');
    refuses(() => addon.forkBlock(store, block, 10), 'noExactForm');
    refuses(() => addon.readKeys(store, block, 0, 0, 'exact'), 'noExactForm');
    addon.truncateBlock(store, block, 64);
  });

  it('lets a near query read the delta form (a deep rewind)', () => {
    const stage = new Stage({ ...shape, window: 3 }, 6);
    stage.step(stage.random(192));
    for (const { block } of stage.entries) addon.dropExact(stage.store, block);
    check(stage, 1);
  });
});

describe('truncateBlock', () => {
  it.each([0, 1, 40, 63])('to %i tokens, then the same tokens again, gives the same bits', (count) => {
    const straight = new Stage(shape, 7);
    const rewound = new Stage(shape, 7);
    const qkv = straight.random(130);
    const other = straight.random(128 - 64 - count);
    const row = straight.width;
    const expected = straight.step(qkv);
    rewound.step(qkv.slice(0, (64 + count) * row));
    if (other.length > 0) rewound.step(other); // fills the second block, which is then coded
    addon.truncateBlock(rewound.store, rewound.entries[1].block, count);
    rewound.entries[1].count = count;
    if (count === 0) addon.releaseBlock(rewound.store, rewound.entries.pop()!.block);
    const again = rewound.step(qkv.slice((64 + count) * row));
    const out = straight.config.heads * straight.config.valueLength;
    again.forEach((found, layer) => expect(sameBits(found, expected[layer].slice((64 + count) * out))).toBe(true));
    expect(addon.readKeys(rewound.store, rewound.entries[1].block, 1, 1, 'delta')).toEqual(addon.readKeys(straight.store, straight.entries[1].block, 1, 1, 'delta'));
  });

  it('forgets what a cancelled step left in some layers', () => {
    const stage = new Stage(shape, 8);
    stage.step(stage.random(10));
    const { store } = stage;
    const { block } = stage.entries[0];
    const qkv = stage.random(5);
    stage.grow(5);
    addon.attend(store, 0, stage.table(), 10, 5, qkv, new Float32Array(5 * 4 * 32), stage.cancel, 0); // layer 1 never runs
    expect(stage.info(0).count).toBe(15);
    addon.truncateBlock(store, block, 10);
    stage.entries[0].count = 10;
    check(stage, 3);
  });

  it('of an emptied block forgets its position', () => {
    const stage = new Stage(shape, 9);
    stage.step(stage.random(5));
    addon.truncateBlock(stage.store, stage.entries[0].block, 0);
    expect(stage.info(0)).toMatchObject({ base: -1, count: 0 });
  });
});

describe('forkBlock', () => {
  it.each([0, 1, 33, 64])('with %i tokens goes its own way and leaves the source as it was', (count) => {
    const stage = new Stage(shape, 10);
    stage.step(stage.random(64));
    const { store } = stage;
    const source = stage.entries[0].block;
    const before = addon.readKeys(store, source, 1, 1, 'delta');
    const forked = addon.forkBlock(store, source, count);
    const branch = new Stage(shape, 11, store);
    if (count > 0) branch.entries.push({ block: forked, count, delta: 0 });
    check(branch, 100);
    expect(addon.readKeys(store, source, 1, 1, 'delta')).toEqual(before);
    expect(addon.blockInfo(store, forked)).toMatchObject({ base: count ? 0 : -1 });
    check(stage, 5);
  });

  it('refuses more tokens than there are', () => {
    const stage = new Stage(shape, 12);
    stage.step(stage.random(10));
    refuses(() => addon.forkBlock(stage.store, stage.entries[0].block, 11), 'invalidArgument');
  });
});

describe('handles and bytes', () => {
  it('end with the last reference and are then refused, also after reuse', () => {
    const stage = new Stage(shape, 13);
    const { store } = stage;
    const block = addon.allocateBlock(store);
    addon.retainBlock(store, block);
    addon.releaseBlock(store, block);
    expect(addon.blockInfo(store, block).count).toBe(0);
    addon.releaseBlock(store, block);
    refuses(() => addon.blockInfo(store, block), 'invalidArgument');
    const next = addon.allocateBlock(store);
    expect(next).not.toBe(block);
    refuses(() => addon.releaseBlock(store, block), 'invalidArgument');
    addon.releaseBlock(store, next);
    expect(addon.storeInfo(store)).toEqual({ blocks: 0, bytes: 0, exactBytes: 0, deltaBytes: 0 });
  });

  it('many blocks come and go', () => {
    const stage = new Stage({ ...shape, layers: 1, keyLength: 2, heads: 2 }, 14);
    const handles = Array.from({ length: 500 }, () => addon.allocateBlock(stage.store));
    expect(new Set(handles).size).toBe(500);
    expect(addon.storeInfo(stage.store).blocks).toBe(500);
    for (const handle of handles) addon.releaseBlock(stage.store, handle);
    expect(addon.storeInfo(stage.store).bytes).toBe(0);
  });

  it('add up: the far form takes at most 0.40 of float16 at 60 % zeros and D = 64', () => {
    const stage = new Stage({ layers: 1, kvHeads: 8, heads: 8, keyLength: 64, sinks: 0, step: 1 / 64, threshold: 0.165, layer: { inverseFrequencies: new Float64Array(0) } }, 15);
    stage.step(stage.random(64));
    stage.encode();
    const { exactBytes, deltaBytes, bytes, keyZeros, keyElements } = stage.info(0);
    expect(keyZeros / keyElements).toBeGreaterThan(0.5);
    expect(keyZeros / keyElements).toBeLessThan(0.7);
    expect(exactBytes).toBe(8 * 64 * 128 * 2);
    expect(deltaBytes / exactBytes).toBeLessThan(0.4 + 0.25 * Math.max(0, 0.6 - keyZeros / keyElements) + 0.01);
    expect(bytes).toBeGreaterThanOrEqual(exactBytes + deltaBytes);
    expect(addon.storeInfo(stage.store).bytes).toBe(bytes);
  });

  it('hold no delta form as long as all read them exactly; when it is made changes no bit of it, nor of what reads it', () => {
    const [late, early] = [1, 2].map(() => new Stage({ ...shape, window: 2 }, 23));
    const deltaBytes = (stage: Stage) => stage.entries.map((_, i) => stage.info(i).deltaBytes);
    const recipe = new Uint8Array(32);
    for (const tokens of [64, 64, 64, 30, 70, 1, 64]) {
      const qkv = late.random(tokens);
      early.random(tokens);
      const outs = [late, early].map((stage) => stage.step(qkv));
      early.encode();
      outs[0].forEach((out, layer) => expect(sameBits(out, outs[1][layer])).toBe(true));
      const last = Math.floor((late.tokens - 1) / BLOCK);
      expect(deltaBytes(late).map((bytes) => bytes > 0)).toEqual(late.entries.map((_, i) => i < last - 2));
      expect(deltaBytes(early).map((bytes) => bytes > 0)).toEqual(early.entries.map(({ count }) => count === BLOCK));
    }
    const full = late.entries.filter(({ count }) => count === BLOCK).length;
    for (let i = 0; i < full; i++) {
      const [a, b] = [late, early].map((stage) => addon.serializeBlock(stage.store, stage.entries[i].block, recipe, 0));
      expect(Buffer.from(a).equals(Buffer.from(b))).toBe(true);
    }
    expect(deltaBytes(late)).toEqual(deltaBytes(early));
  });

  it('get their delta form before they lose the exact one', () => {
    const stage = new Stage({ ...shape, window: 2 }, 24);
    stage.step(stage.random(64));
    expect(stage.info(0).deltaBytes).toBe(0);
    addon.dropExact(stage.store, stage.entries[0].block);
    expect(stage.info(0)).toMatchObject({ exactBytes: 0 });
    expect(stage.info(0).deltaBytes).toBeGreaterThan(0);
    check(stage, 100);
  });
});

describe('attend refuses a table that does not fit', () => {
  const attempt = (change: (stage: Stage) => void, code = 'invalidArgument') => {
    const stage = new Stage(shape, 16);
    stage.step(stage.random(70));
    stage.grow(2);
    change(stage);
    const before = [0, 1].map((i) => stage.info(i));
    refuses(() => addon.attend(stage.store, 0, stage.table(), 70, 2, stage.random(2), new Float32Array(2 * 4 * 32), stage.cancel, 0), code);
    expect([0, 1].map((i) => stage.info(i))).toEqual(before);
  };
  it('because of counts, handles, deltas or stored tokens', () => {
    attempt((stage) => (stage.entries[1].count += 1));
    attempt((stage) => (stage.entries[0].count = 65));
    attempt((stage) => (stage.entries[0].count = 0));
    attempt((stage) => (stage.entries[0].delta = 1));
    attempt((stage) => (stage.entries[1].delta = 64));
    attempt((stage) => addon.truncateBlock(stage.store, stage.entries[1].block, 5));
    attempt((stage) => stage.entries.reverse());
    const stage = new Stage(shape, 17);
    stage.step(stage.random(70));
    const table = stage.table();
    table[0] = 12345;
    refuses(() => addon.attend(stage.store, 0, table, 69, 1, stage.random(1), new Float32Array(4 * 32), stage.cancel, 0), 'invalidArgument');
  });
});
