// What a store tells of its attends: work by layer and KV head, reading and writing apart, and what a written row looked at, as double precision finds it.
import { describe, expect, it } from 'vitest';
import { rotate } from '../support/attentionReference.ts';
import { addon, BLOCK, sameBits, Stage, withEveryKernelSet } from './stage.ts';

const shape = { layers: 2, heads: 4, kvHeads: 2, keyLength: 32, valueLength: 32, sinks: 4, window: 1 };
const TOKENS = 300;

/** The attention of one row, in double precision on the decoded cache: on the sinks by head, on the blocks and the tokens by mean over the heads. */
function looked(stage: Stage, layer: number, qkv: Float32Array, position: number): { sinks: number[]; blocks: number[]; tokens: number[] } {
  const { heads, kvHeads, keyLength, sinks: first, layers } = stage.config;
  const sinks: number[] = [];
  const blocks = new Array<number>(Math.floor(position / BLOCK) + 1).fill(0);
  const tokens = new Array<number>(position + 1).fill(0);
  for (let head = 0; head < heads; head++) {
    const placed = stage.placed(layer, Math.floor((head * kvHeads) / heads), Math.floor(position / BLOCK)).slice(0, position + 1);
    const q = rotate(layers[layer], qkv.subarray(head * keyLength, (head + 1) * keyLength), position);
    const scores = placed.map(({ key }) => layers[layer].scale * q.reduce((sum, x, d) => sum + x * key[d], 0));
    const most = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - most));
    const sum = weights.reduce((a, b) => a + b, 0);
    sinks.push(weights.slice(0, first).reduce((a, b) => a + b, 0) / sum);
    weights.forEach((weight, t) => {
      if (t < first) return;
      blocks[Math.floor(t / BLOCK)] += weight / sum / heads;
      tokens[t] += weight / sum / heads;
    });
  }
  return { sinks, blocks, tokens };
}

const activity = (stage: Stage, sample = 0) => addon.storeActivity(stage.store, sample);
const sums = (work: Float64Array, phase: number, part: number) => {
  let sum = 0;
  for (let i = phase * (work.length / 2) + part; i < (phase + 1) * (work.length / 2); i += 3) sum += work[i];
  return sum;
};

describe('work', () => {
  it('is that of every attend, by KV head, reading and writing apart', () => {
    const stage = new Stage(shape, 1);
    const own = [[0, 0, 0], [0, 0, 0]];
    const run = (tokens: number, written: number) => {
      const qkv = stage.random(tokens);
      const start = stage.tokens;
      stage.grow(tokens);
      for (let layer = 0; layer < 2; layer++) {
        const { denseOps, requiredOps, executedOps } = addon.attend(stage.store, layer, stage.table(), start, tokens, qkv, new Float32Array(tokens * 4 * 32), stage.cancel, written);
        [denseOps, requiredOps, executedOps].forEach((ops, i) => (own[written][i] += ops));
      }
    };
    for (const [tokens, written] of [[TOKENS, 0], [1, 1], [3, 1], [20, 0], [1, 1]]) run(tokens, written);
    const { work, read, written } = activity(stage);
    expect([read, written]).toEqual([TOKENS + 20, 5]);
    for (const phase of [0, 1]) for (const part of [0, 1, 2]) expect(sums(work, phase, part) / own[phase][part]).toBeCloseTo(1, 12);
    // Both KV heads have their part of it, and hold other deltas.
    expect(work.length).toBe(2 * 2 * 2 * 3);
    expect(work[0]).toBe(work[3]);
    expect(work[1]).not.toBe(work[4]);
  });
});

describe('zeros', () => {
  it('are those of the blocks that there are', () => {
    const stage = new Stage(shape, 2);
    stage.step(stage.random(TOKENS));
    const { coded } = activity(stage);
    const infos = stage.entries.map((_, i) => stage.info(i));
    const total = (of: (info: (typeof infos)[number]) => number) => infos.reduce((sum, info) => sum + of(info), 0);
    expect(coded.length).toBe(2 * 2 * 2);
    expect([0, 2, 4, 6].reduce((sum, i) => sum + coded[i], 0)).toBe(total(({ keyElements }) => keyElements));
    expect([1, 3, 5, 7].reduce((sum, i) => sum + coded[i], 0)).toBe(total(({ keyZeros }) => keyZeros));
    expect(total(({ keyZeros }) => keyZeros)).toBeGreaterThan(0);
    addon.releaseBlock(stage.store, stage.entries[0].block);
    expect(activity(stage).coded[0]).toBeLessThan(coded[0]);
  });

  it('are none in mode exact', () => {
    const stage = new Stage({ ...shape, mode: 'exact' }, 2);
    stage.step(stage.random(TOKENS));
    expect([...activity(stage).coded]).toEqual(new Array(8).fill(0));
  });
});

describe.each([1, 2])('a row that was written, %i threads', (threads) => {
  it.each([TOKENS, 60, 1100])('looked at the sinks and the blocks as double precision says, behind %i tokens', (before) => {
    addon.setThreads(threads);
    withEveryKernelSet(() => {
      for (const mode of ['delta', 'exact'] as const) {
        const stage = new Stage({ ...shape, mode }, 3);
        stage.step(stage.random(before));
        activity(stage, 1);
        const qkv = stage.random(3);
        stage.step(qkv, 1);
        const { position, sinks, blocks, tokens } = activity(stage);
        expect(position).toBe(before);
        const count = Math.floor(before / BLOCK) + 1;
        expect([sinks.length, blocks.length]).toEqual([2 * 4, 2 * count]);
        const byToken = new Array<number>(before + 1).fill(0);
        for (let layer = 0; layer < 2; layer++) {
          const expected = looked(stage, layer, qkv, before);
          expected.tokens.forEach((mass, t) => (byToken[t] += mass / 2));
          const found = { sinks: [...sinks.subarray(4 * layer, 4 * layer + 4)], blocks: [...blocks.subarray(count * layer, count * (layer + 1))] };
          expected.sinks.forEach((mass, head) => expect(found.sinks[head]).toBeCloseTo(mass, 5));
          expected.blocks.forEach((mass, b) => expect(found.blocks[b]).toBeCloseTo(mass, 5));
          expect(found.sinks.reduce((a, b) => a + b, 0) / 4 + found.blocks.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
        }
        expect(tokens.length).toBe(before + 1);
        byToken.forEach((mass, t) => expect(tokens[t]).toBeCloseTo(mass, 6));
        expect([...tokens.subarray(0, 4)]).toEqual([0, 0, 0, 0]);
      }
    });
    addon.setThreads(1);
  });
});

describe('sampling', () => {
  it('waits for a written pass from its first layer on, happens once, and changes no bit', () => {
    const [plain, sampled] = [new Stage(shape, 4), new Stage(shape, 4)];
    const text = plain.random(TOKENS);
    for (const stage of [plain, sampled]) stage.step(text);
    expect(activity(sampled, 1)).toMatchObject({ position: -1, sinks: new Float32Array(0), blocks: new Float32Array(0), tokens: new Float32Array(0) });
    const more = plain.random(2);
    plain.step(more);
    sampled.step(more); // read: not sampled
    expect(activity(sampled).position).toBe(-1);
    for (const row of [plain.random(1), plain.random(1)]) {
      const [expected, found] = [plain.step(row, 1), sampled.step(row, 1)];
      expected.forEach((out, layer) => expect(sameBits(found[layer], out)).toBe(true));
    }
    expect(activity(sampled).position).toBe(TOKENS + 2);
    expect(activity(plain).position).toBe(-1);
  });

  it('forgets a pass that was cancelled', () => {
    const stage = new Stage(shape, 5);
    stage.step(stage.random(TOKENS));
    activity(stage, 1);
    const row = stage.random(1);
    stage.grow(1);
    const run = (layer: number) => addon.attend(stage.store, layer, stage.table(), TOKENS, 1, row, new Float32Array(4 * 32), stage.cancel, 1);
    run(0);
    stage.cancel[0] = 1;
    expect(run(1).cancelled).toBe(1);
    stage.cancel[0] = 0;
    const last = stage.entries.at(-1)!;
    addon.truncateBlock(stage.store, last.block, --last.count);
    expect(activity(stage).position).toBe(-1);
    stage.step(stage.random(1), 1);
    expect(activity(stage).position).toBe(TOKENS);
  });
});
