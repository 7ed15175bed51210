// Block format v2: what comes back is what went out, and no damaged or foreign bytes get in or do harm.
import { describe, expect, it } from 'vitest';
import { nativeCode } from '../../src/binding/load.ts';
import { addon, check, random, refuses, sameBits, Stage, type Shape } from './stage.ts';

const recipe = Uint8Array.from({ length: 32 }, (_, i) => i * 7);
const shape: Shape = { layers: 2, window: 0, kvHeads: 2, heads: 4, keyLength: 16, valueLength: 24, sinks: 3, step: 1 / 90, threshold: 0.05 };

/** A stage of 128 tokens with masked tokens and extra keyframes, and its blocks as bytes, with or without their exact form. */
function written(more: Shape = {}, exact = 0): { stage: Stage; files: Uint8Array[] } {
  const stage = new Stage({ ...shape, ...more }, 1);
  const qkv = stage.random(128);
  const key = stage.config.heads * 16;
  qkv[20 * stage.width + key + 3] = NaN;
  qkv[30 * stage.width + key + 4] = 50;
  stage.step(qkv);
  expect(stage.info(0)).toMatchObject({ masked: 2 });
  if (stage.info(0).deltaBytes > 0) expect(stage.info(0).keyframes).toBeGreaterThan(0);
  return { stage, files: stage.entries.map(({ block }) => addon.serializeBlock(stage.store, block, recipe, exact)) };
}

/** XXH64, seed 0, after its specification: lets a test seal bytes that it changed. */
function xxh64(bytes: Uint8Array): bigint {
  const M = (1n << 64n) - 1n;
  const [p1, p2, p3, p4, p5] = [0x9e3779b185ebca87n, 0xc2b2ae3d27d4eb4fn, 0x165667b19e3779f9n, 0x85ebca77c2b2ae63n, 0x27d4eb2f165667c5n];
  const rotl = (x: bigint, r: bigint) => ((x << r) | (x >> (64n - r))) & M;
  const round = (acc: bigint, lane: bigint) => (rotl((acc + lane * p2) & M, 31n) * p1) & M;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let hash = p5;
  if (bytes.length >= 32) {
    let lanes = [(p1 + p2) & M, p2, 0n, (M + 1n - p1) & M];
    for (; bytes.length - at >= 32; at += 32) lanes = lanes.map((lane, i) => round(lane, view.getBigUint64(at + 8 * i, true)));
    hash = (rotl(lanes[0], 1n) + rotl(lanes[1], 7n) + rotl(lanes[2], 12n) + rotl(lanes[3], 18n)) & M;
    for (const lane of lanes) hash = ((hash ^ round(0n, lane)) * p1 + p4) & M;
  }
  hash = (hash + BigInt(bytes.length)) & M;
  for (; bytes.length - at >= 8; at += 8) hash = (rotl(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * p1 + p4) & M;
  if (bytes.length - at >= 4) {
    hash = (rotl(hash ^ ((BigInt(view.getUint32(at, true)) * p1) & M), 23n) * p2 + p3) & M;
    at += 4;
  }
  for (; at < bytes.length; at++) hash = (rotl(hash ^ ((BigInt(bytes[at]) * p5) & M), 11n) * p1) & M;
  hash = ((hash ^ (hash >> 33n)) * p2) & M;
  hash = ((hash ^ (hash >> 29n)) * p3) & M;
  return hash ^ (hash >> 32n);
}

function seal(bytes: Uint8Array): Uint8Array {
  new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(bytes.length - 8, xxh64(bytes.subarray(0, -8)), true);
  return bytes;
}

/** Parses and must either refuse with one of the two codes or give a block that attention can read. */
function parse(stage: Stage, bytes: Uint8Array): 'refused' | 'read' {
  let block: number;
  try {
    block = addon.parseBlock(stage.store, bytes, recipe);
  } catch (thrown) {
    expect(['blockDamaged', 'blockForeign']).toContain(nativeCode(thrown));
    return 'refused';
  }
  const { base } = addon.blockInfo(stage.store, block);
  const reader = new Stage(shape, 9, stage.store);
  reader.entries.push({ block, count: 64, delta: -base, borrowed: true });
  expect(reader.step(reader.random(1)).every((out) => out.every(Number.isFinite))).toBe(true);
  for (const { block: own } of reader.entries) addon.releaseBlock(stage.store, own);
  return 'read';
}

describe.each(['previous', 'mean'] as const)('reference %s', (reference) => {
  it('comes back to the bit', () => {
    const { stage, files } = written({ reference });
    const copy = new Stage({ ...shape, reference }, 2);
    copy.entries.push(...files.map((file) => ({ block: addon.parseBlock(copy.store, file, recipe), count: 64, delta: 0 })));
    for (const { block } of stage.entries) addon.dropExact(stage.store, block);
    copy.entries.forEach(({ block }, i) => {
      expect(addon.serializeBlock(copy.store, block, recipe, 0)).toEqual(files[i]);
      const { bytes: _, exactBytes: __, ...numbers } = addon.blockInfo(copy.store, block);
      expect(stage.info(i)).toMatchObject(numbers);
    });
    const qkv = stage.random(70);
    const expected = stage.step(qkv);
    copy.step(qkv).forEach((out, layer) => expect(sameBits(out, expected[layer])).toBe(true));
    check(copy, 3);
  });
});

describe.each([{ mode: 'delta', coded: true }, { mode: 'delta', coded: false }, { mode: 'exact', coded: false }] as const)('the exact form, in mode $mode, the delta form there: $coded', ({ mode, coded }) => {
  const more: Shape = { mode, window: 2 };

  it('comes back to the bit, and with it what is read near and what is rewound', () => {
    const { stage, files } = written({ ...more, window: coded ? 0 : 2 }, 1);
    expect(stage.info(0).deltaBytes > 0).toBe(coded);
    const copy = new Stage({ ...shape, ...more, window: coded ? 0 : 2 }, 2);
    copy.entries.push(...files.map((file) => ({ block: addon.parseBlock(copy.store, file, recipe), count: 64, delta: 0 })));
    copy.entries.forEach(({ block }, i) => {
      expect(addon.serializeBlock(copy.store, block, recipe, 1)).toEqual(files[i]);
      expect(addon.blockInfo(copy.store, block)).toEqual(stage.info(i));
    });
    for (const one of [stage, copy]) {
      addon.truncateBlock(one.store, one.entries[1].block, 40);
      one.entries[1].count = 40;
    }
    const qkv = stage.random(150);
    const expected = stage.step(qkv);
    copy.step(qkv).forEach((out, layer) => expect(sameBits(out, expected[layer])).toBe(true));
  });

  it('is refused where a number of it is not finite', () => {
    const { stage, files } = written(more, 1);
    const header = 8 + 4 + 32 + 40;
    for (const at of [0, 16 * 64 * (mode === 'exact' ? 4 : 2)]) {
      const file = files[0].slice();
      file.set(mode === 'exact' ? [0, 0, 0x80, 0x7f] : [0, 0x7c], header + 8 + at);
      refuses(() => addon.parseBlock(stage.store, seal(file), recipe), 'blockDamaged');
    }
  });
});

it('refuses an open block, a wrong recipe length, a form that is not there', () => {
  const stage = new Stage(shape, 3);
  stage.step(stage.random(63));
  const [{ block }] = stage.entries;
  refuses(() => addon.serializeBlock(stage.store, block, recipe, 1), 'invalidArgument');
  stage.step(stage.random(1));
  refuses(() => addon.serializeBlock(stage.store, block, recipe.subarray(1), 0), 'invalidArgument');
  refuses(() => addon.serializeBlock(stage.store, block, recipe, 2), 'invalidArgument');
  addon.dropExact(stage.store, block);
  refuses(() => addon.serializeBlock(stage.store, block, recipe, 1), 'noExactForm');
  const exact = new Stage({ ...shape, mode: 'exact' }, 3);
  exact.step(exact.random(64));
  refuses(() => addon.serializeBlock(exact.store, exact.entries[0].block, recipe, 0), 'invalidArgument');
});

it('calls another recipe, geometry or format foreign', () => {
  const { stage, files } = written();
  refuses(() => addon.parseBlock(stage.store, files[0], new Uint8Array(32)), 'blockForeign');
  for (const other of [{ layers: 1 }, { keyLength: 8 }, { valueLength: 8 }, { kvHeads: 1 }, { sinks: 4 }, { reference: 'mean' as const }, { mode: 'exact' as const }]) {
    const foreign = new Stage({ ...shape, ...other }, 4);
    refuses(() => addon.parseBlock(foreign.store, files[0], recipe), 'blockForeign');
  }
  const later = files[0].slice();
  later[8] = 3;
  refuses(() => addon.parseBlock(stage.store, later, recipe), 'blockForeign');
});

describe('damage', () => {
  it('2000 random mutations are all refused', () => {
    const { stage, files: [coded] } = written();
    const files = [coded, written({}, 1).files[1]];
    const uniform = random(5);
    const int = (n: number) => Math.floor(uniform() * n);
    for (let i = 0; i < 2000; i++) {
      const file = files[i % 2].slice();
      const at = int(file.length);
      let bytes = file;
      switch (int(4)) {
        case 0: file[at] ^= 1 << int(8); break;
        case 1: bytes = file.slice(0, at); break;
        case 2: bytes = Uint8Array.from([...file, ...Array.from({ length: 1 + int(20) }, () => int(256))]); break;
        default: {
          const length = 1 + int(100);
          const from = file.slice(at, at + length);
          const noise = from.map(() => int(256));
          if (noise.every((x, k) => x === from[k])) noise[0] ^= 1;
          file.set(noise, at);
        }
      }
      expect(parse(stage, bytes), `mutation ${i}`).toBe('refused');
    }
  });

  it('2000 mutations under a right checksum are refused or harmless', () => {
    const { stage, files: [coded] } = written();
    const files = [coded, written({}, 1).files[1]];
    const uniform = random(6);
    const int = (n: number) => Math.floor(uniform() * n);
    const found = { refused: 0, read: 0 };
    for (let i = 0; i < 2000; i++) {
      let file = files[i % 2].slice();
      // Often near the start, where the counts and masks are.
      const at = int(i % 3 ? file.length - 8 : 400);
      if (int(5) === 0) file = file.slice(0, Math.max(at, 8));
      else for (let n = 1 + int(6); n > 0; n--) file[Math.min(at + int(12), file.length - 9)] = int(4) === 0 ? 255 : int(256);
      found[parse(stage, seal(file))]++;
    }
    expect(found.refused).toBeGreaterThan(300);
    expect(found.read).toBeGreaterThan(300);
  });

  it('empty and tiny files are refused', () => {
    const { stage, files } = written();
    for (const length of [0, 1, 7, 8, 12, 44, 76, 84, 91, 92, 93]) refuses(() => addon.parseBlock(stage.store, files[0].slice(0, length), recipe), 'blockDamaged');
  });
});
