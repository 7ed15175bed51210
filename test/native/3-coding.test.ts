// What the delta form promises: |k − r| ≤ max(θ, s/2), whole keyframes where it would clip, and NaN that never spreads.
import { describe, expect, it } from 'vitest';
import { addon, BLOCK, check, normal, random, sameBits, Stage, toleranceOf, withEveryKernelSet, worst, type Shape } from './stage.ts';

/** No rotation, so that adversarial keys stay what they are. */
const still = (keyLength: number): Shape['layer'] => ({ inverseFrequencies: new Float64Array(0), scale: 1 / Math.sqrt(keyLength) });

type Pattern = (uniform: () => number, t: number, d: number) => number;
const patterns: Record<string, Pattern> = {
  random: (uniform) => normal(uniform),
  'random, large': (uniform) => 30 * normal(uniform),
  constant: (_, __, d) => d / 7,
  alternating: (_, t) => (t % 2 ? 1.5 : -1.5),
  'just below the threshold': (_, t) => (t % 2 ? 0.1999 : 0),
  'slow ramp': (_, t) => t * 0.0101,
  'half steps': (uniform) => (Math.floor(uniform() * 401) - 200) / 128,
  'rare spikes': (uniform) => (uniform() < 0.02 ? 400 : 0.1) * normal(uniform),
  'beyond float16': (uniform) => 1e6 * normal(uniform),
  denormal: (uniform) => 1e-41 * normal(uniform),
  zero: () => 0,
};

describe.each(['previous', 'mean'] as const)('reference %s', (reference) => {
  it.each(Object.keys(patterns))('obeys the bound on %s keys', (name) => {
    const D = 32;
    const uniform = random(11);
    for (const [step, threshold] of [
      [1 / 64, 0.2],
      [1 / 64, 0],
      [1 / 1000, 0.05],
      [0.5, 0.01],
    ]) {
      const coded = new Stage({ keyLength: D, kvHeads: 2, heads: 2, sinks: 0, reference, step, threshold, window: 0, layer: still(D) }, 1);
      const qkv = coded.random(512);
      for (let t = 0; t < 512; t++) for (let i = 0; i < 2 * D; i++) qkv[t * coded.width + 2 * D + i] = patterns[name](uniform, t, i);
      coded.step(qkv);
      const s = Math.fround(step);
      const bound = Math.max(Math.fround(threshold), s / 2) * (1 + 1e-12);
      const range = 32767 * s;
      for (const { block } of coded.entries)
        for (const kvHead of [0, 1]) {
          const exact = addon.readKeys(coded.store, block, 0, kvHead, 'exact');
          const delta = addon.readKeys(coded.store, block, 0, kvHead, 'delta');
          expect(exact.every(Number.isFinite)).toBe(true);
          let beyond = 0;
          exact.forEach((k, i) => {
            if (Math.abs(k) > range) beyond += Math.abs(delta[i]) > range + s ? 1 : 0;
            else beyond += Math.abs(k - delta[i]) > bound ? 1 : 0;
          });
          expect(beyond, `${name}, step ${step}, θ ${threshold}`).toBe(0);
        }
      coded.destroy();
    }
  });

  it('stores clipped tokens as keyframes, and reads them right', () => {
    const stage = new Stage({ keyLength: 32, heads: 3, kvHeads: 1, reference, step: 1 / 100, threshold: 0.1, window: 0, layer: still(32) }, 2);
    const qkv = stage.random(64);
    for (const t of [9, 10, 40, 63]) qkv[t * stage.width + 3 * 32 + 5] = 2.5 * (t % 2 ? -1 : 1);
    stage.step(qkv);
    stage.encode();
    expect(stage.info(0).keyframes).toBeGreaterThanOrEqual(4);
    check(stage, 1);
    check(stage, 40);
  });
});

it('codes 10⁵ tokens of a random walk within the bound', () => {
  const D = 16;
  const stage = new Stage({ keyLength: D, heads: 4, kvHeads: 4, sinks: 0, step: 1 / 40, threshold: 0.15, window: 0, layer: { ...still(D), slidingWindow: 1 } }, 5);
  let worstError = 0;
  for (let block = 0; block < 400; block++) {
    stage.step(stage.random(BLOCK));
    for (let head = 0; head < 4; head++) {
      const { store } = stage;
      const exact = addon.readKeys(store, stage.entries[0].block, 0, head, 'exact');
      const delta = addon.readKeys(store, stage.entries[0].block, 0, head, 'delta');
      exact.forEach((k, i) => (worstError = Math.max(worstError, Math.abs(k - delta[i]))));
    }
    const { keyElements, keyZeros } = stage.info(0);
    expect(keyElements).toBe(63 * D * 4);
    expect(keyZeros).toBeGreaterThan(0);
    addon.releaseBlock(stage.store, stage.entries.pop()!.block);
  }
  expect(worstError).toBeLessThanOrEqual(Math.fround(0.15));
  expect(worstError).toBeGreaterThan(0.1);
});

it.each(['previous', 'mean'] as const)('codes 10⁵ adversarial tokens within the bound, clipped ones as keyframes (%s)', (reference) => {
  const D = 16;
  const uniform = random(12);
  const stage = new Stage({ keyLength: D, heads: 4, kvHeads: 4, sinks: 0, reference, step: 1 / 100, threshold: 0.1, window: 0, layer: { ...still(D), slidingWindow: 1 } }, 5);
  const names = Object.keys(patterns).filter((name) => !['beyond float16', 'random, large', 'rare spikes'].includes(name));
  let worstError = 0;
  let extra = 0;
  for (let block = 0; block < 400; block++) {
    const qkv = stage.random(BLOCK);
    const pattern = patterns[names[block % names.length]];
    for (let t = 0; t < BLOCK; t++)
      for (let i = 0; i < 4 * D; i++) qkv[t * stage.width + 4 * D + i] = pattern(uniform, t, i) + (uniform() < 0.001 ? 9 : 0); // now and then beyond ±127 steps
    stage.step(qkv);
    for (let head = 0; head < 4; head++) {
      const exact = addon.readKeys(stage.store, stage.entries[0].block, 0, head, 'exact');
      const delta = addon.readKeys(stage.store, stage.entries[0].block, 0, head, 'delta');
      exact.forEach((k, i) => (worstError = Math.max(worstError, Math.abs(k - delta[i]))));
    }
    extra += stage.info(0).keyframes - (reference === 'previous' ? 4 : 0);
    addon.releaseBlock(stage.store, stage.entries.pop()!.block);
  }
  expect(worstError).toBeLessThanOrEqual(Math.fround(0.1));
  expect(extra).toBeGreaterThan(400);
});

it('codes values as int8 within half a step of their token', () => {
  const stage = new Stage({ sinks: 0 }, 6);
  stage.step(stage.random(64));
  const exact = addon.readValues(stage.store, stage.entries[0].block, 0, 1, 'exact');
  const delta = addon.readValues(stage.store, stage.entries[0].block, 0, 1, 'delta');
  for (let t = 0; t < 64; t++) {
    const row = exact.subarray(t * 64, t * 64 + 64);
    const largest = row.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    row.forEach((v, i) => expect(Math.abs(v - delta[t * 64 + i])).toBeLessThan((largest / 127) * 0.57));
  }
});

describe('a token that is not finite', () => {
  it.each([NaN, Infinity, -Infinity])('is masked, counted, and never spreads (%f)', (bad) => {
    withEveryKernelSet((kernels) => {
      for (const mode of ['exact', 'delta'] as const) {
        const stage = new Stage({ mode, window: 0, sinks: 2 }, 7);
        const qkv = stage.random(130);
        const key = stage.config.heads * 64;
        const value = key + 2 * 64;
        qkv[0 * stage.width + key + 3] = bad; // first of its block
        qkv[1 * stage.width + value + 64] = bad; // a sink, other head
        qkv[20 * stage.width + key + 63] = bad;
        qkv[129 * stage.width + value] = bad; // open block
        const out = stage.step(qkv)[0];
        expect(out.every(Number.isFinite), kernels).toBe(true);
        expect(worst(out, stage.expected(0, qkv)), kernels).toBeLessThan(toleranceOf(stage.config));
        expect(stage.info(0).masked).toBe(3);
        expect(stage.info(2).masked).toBe(1);
        for (const tokens of [1, 70, 1]) check(stage, tokens);
      }
    });
  });

  it('alone in its sequence gives zeros', () => {
    withEveryKernelSet((kernels) => {
      const stage = new Stage({}, 8);
      const qkv = stage.random(1).fill(NaN);
      expect(stage.step(qkv)[0].every((x) => x === 0), kernels).toBe(true);
    });
  });

  it('in every token of a block leaves an empty block', () => {
    withEveryKernelSet(() => {
      const stage = new Stage({ window: 0 }, 9);
      stage.step(stage.random(64).fill(Infinity));
      expect(stage.info(0)).toMatchObject({ masked: 128, keyElements: 0, keyZeros: 0 });
      check(stage, 70);
    });
  });

  it.each([NaN, Infinity, -Infinity])('in a query gives finite output, and the same as ever for the other heads (%f)', (bad) => {
    withEveryKernelSet((kernels) => {
      const stage = new Stage({}, 10);
      stage.step(stage.random(70));
      const qkv = stage.random(1);
      const expected = stage.step(qkv)[0];
      addon.truncateBlock(stage.store, stage.entries[1].block, --stage.entries[1].count);
      qkv[5] = bad;
      const out = stage.step(qkv)[0];
      expect(out.every(Number.isFinite), kernels).toBe(true);
      expect(sameBits(out.subarray(64), expected.subarray(64)), kernels).toBe(true);
    });
  });
});
