// Blocks placed elsewhere than where they were encoded: the query is turned instead of the keys, which is exact.
import { describe, expect, it } from 'vitest';
import { addon, BLOCK, check, sameBits, Stage, withEveryKernelSet } from './stage.ts';

/** A stage whose sequence begins with blocks taken from another sequence, used up to `counts`, then `tail` new tokens. */
function moved(from: Stage, pick: number[], counts: number[]): Stage {
  const stage = new Stage({ ...shapeOf }, 77, from.store);
  let placed = 0;
  pick.forEach((index, i) => {
    const block = from.entries[index].block;
    stage.entries.push({ block, count: counts[i], delta: placed - addon.blockInfo(from.store, block).base, borrowed: true });
    placed += counts[i];
  });
  return stage;
}

const shapeOf = { window: 1, keyLength: 32, kvHeads: 2, heads: 6, sinks: 3 };

describe('moved blocks', () => {
  it('equal the reference with rotated keys: whole, partial, unaligned, near and far', () => {
    withEveryKernelSet(() => {
      const source = new Stage(shapeOf, 1);
      source.step(source.random(64 * 8));
      for (const [pick, counts] of [
        [[5, 6, 7], [64, 64, 64]],
        [[7, 3, 0], [10, 64, 64]],
        [[2, 4, 6, 1, 3], [1, 63, 17, 64, 64]],
        [[0, 1, 5], [64, 64, 64]],
      ]) {
        const stage = moved(source, pick, counts);
        check(stage, 1);
        check(stage, 100);
        check(stage, 1);
      }
    });
  });

  it.each([1, 64, 1000, 16384])('are exact for δ up to ±16384 (%i)', (distance) => {
    // Encode far out by placing many copies of one cheap block before: its own tokens do not matter.
    const filler = new Stage(shapeOf, 2);
    filler.step(filler.random(64));
    const stage = new Stage(shapeOf, 3, filler.store);
    for (let left = distance, placed = 0; left > 0; ) {
      const count = Math.min(BLOCK, left);
      stage.entries.push({ block: filler.entries[0].block, count, delta: placed, borrowed: true });
      placed += count;
      left -= count;
    }
    stage.cancel[0] = 1; // store the tokens, skip the attention
    stage.step(stage.random(128));
    const blocks = stage.entries.slice(-2);
    expect(addon.blockInfo(stage.store, blocks[0].block).base).toBe(distance);

    const back = new Stage(shapeOf, 4, filler.store);
    back.entries.push({ ...blocks[0], count: 64, delta: -distance, borrowed: true });
    withEveryKernelSet(() => check(back, 90));

    const away = new Stage(shapeOf, 5, filler.store);
    away.entries.push(...stage.entries.slice(0, -2), { block: filler.entries[0].block, count: 64, delta: distance, borrowed: true });
    withEveryKernelSet(() => check(away, 3));
  });

  it('moving twice is moving once', () => {
    withEveryKernelSet((kernels) => {
      const source = new Stage(shapeOf, 6);
      source.step(source.random(256));
      const once = moved(source, [3], [64]);
      const via = moved(source, [2, 3], [40, 64]);
      via.entries.shift();
      via.entries[0].delta -= 40;
      const qkv = source.random(2);
      const first = once.step(qkv)[0];
      expect(sameBits(via.step(qkv)[0], first), kernels).toBe(true);
    });
  });

  it('a block placed back where it came from is read as before, to the bit', () => {
    withEveryKernelSet((kernels) => {
      const source = new Stage(shapeOf, 7);
      source.step(source.random(256));
      const again = moved(source, [0, 1, 2, 3], [64, 64, 64, 64]);
      const qkv = source.random(5);
      expect(sameBits(again.step(qkv)[0], source.step(qkv)[0]), kernels).toBe(true);
    });
  });
});
