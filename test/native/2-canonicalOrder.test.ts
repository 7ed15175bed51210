// A token's result has the same bits however the tokens are cut into calls and whatever the number of threads.
import { afterAll, describe, expect, it } from 'vitest';
import { addon, BLOCK, sameBits, Stage, withEveryKernelSet, type Shape } from './stage.ts';

afterAll(() => addon.setThreads(1));

/** The outputs of all layers for the same tokens, cut into the given calls. */
function run(shape: Shape, seed: number, total: number, cut: (left: number) => number): Float32Array[] {
  const stage = new Stage(shape, seed);
  const qkv = stage.random(total);
  const row = stage.config.heads * stage.config.valueLength;
  const outs = stage.config.layers.map(() => new Float32Array(total * row));
  for (let at = 0; at < total; ) {
    const tokens = Math.min(cut(total - at), total - at);
    stage.step(qkv.slice(at * stage.width, (at + tokens) * stage.width)).forEach((out, layer) => outs[layer].set(out, at * row));
    at += tokens;
  }
  stage.destroy();
  return outs;
}

function allSame(a: Float32Array[], b: Float32Array[]): boolean {
  return a.every((out, i) => sameBits(out, b[i]));
}

const shapes: [string, Shape][] = [
  ['previous', { layers: 2, window: 1, kvHeads: 2, heads: 8, keyLength: 32 }],
  ['mean', { reference: 'mean', window: 0, kvHeads: 1, heads: 7, keyLength: 80 }],
  ['basis', { reference: 'mean', basis: true, window: 0, kvHeads: 2, heads: 6, keyLength: 80 }],
  ['exact', { mode: 'exact', kvHeads: 1, heads: 3, keyLength: 96 }],
  ['coarse steps that clip', { window: 0, kvHeads: 1, heads: 4, keyLength: 64, step: 1 / 200, threshold: 0 }],
  ['sliding window and softcap', { window: 0, kvHeads: 2, heads: 4, keyLength: 64, layer: { slidingWindow: 90, softcap: 8 } }],
];

describe.each(shapes)('%s', (_, shape) => {
  it('one token at a time, one call, and random chunks give the same bits', () => {
    withEveryKernelSet((name) => {
      const total = name === 'scalar' ? 150 : 400;
      const decode = run(shape, 1, total, () => 1);
      expect(allSame(run(shape, 1, total, () => total), decode)).toBe(true);
      expect(allSame(run(shape, 1, total, () => BLOCK), decode)).toBe(true);
      for (let seed = 0; seed < 4; seed++) {
        let state = seed + 1;
        expect(allSame(run(shape, 1, total, () => 1 + ((state = (state * 48271) % 2147483647) % 40)), decode)).toBe(true);
      }
    });
  });

  it('one, two and five threads give the same bits', () => {
    const outs = [1, 2, 5].map((threads) => {
      addon.setThreads(threads);
      return [run(shape, 2, 700, () => 350), run(shape, 2, 300, (left) => (left > 8 ? 292 : 1))];
    });
    addon.setThreads(1);
    for (const [whole, tail] of outs) {
      expect(allSame(whole, outs[0][0])).toBe(true);
      expect(allSame(tail, outs[0][1])).toBe(true);
    }
  });
});

it('over several spans, decode equals prefill to the bit', () => {
  const shape: Shape = { window: 2, kvHeads: 2, heads: 8, keyLength: 32 };
  const total = 2200;
  const whole = run(shape, 3, total, () => total);
  expect(allSame(run(shape, 3, total, (left) => (left > 30 ? total - 30 : 1)), whole)).toBe(true);
  expect(allSame(run(shape, 3, total, (left) => (left > 30 ? total - 30 : 15)), whole)).toBe(true);
});

it('the cache does not depend on the kernel set', () => {
  const caches: Float64Array[] = [];
  withEveryKernelSet(() => {
    const stage = new Stage({ window: 0, step: 1 / 100, threshold: 0.05 }, 4);
    stage.step(stage.random(70));
    caches.push(addon.readKeys(stage.store, stage.entries[0].block, 0, 1, 'delta'));
  });
  for (const cache of caches) expect(cache).toEqual(caches[0]);
});
