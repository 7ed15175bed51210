// Every kernel set against double-precision attention run on the decoded cache.
import { describe, expect, it } from 'vitest';
import { addon, check, sameBits, Stage, withEveryKernelSet, worst, type Shape } from './stage.ts';
import { attendQuery, rotate } from '../support/attentionReference.ts';

/** Grows a sequence in uneven steps and compares each with the reference. */
function checkLengths(shape: Shape, steps: number[], seed: number, tolerance?: number): void {
  const stage = new Stage(shape, seed);
  for (const tokens of steps) check(stage, tokens, tolerance);
  stage.destroy();
}

describe('every kernel set equals the reference', () => {
  it.each([64, 80, 96, 128])('for every group size, key length %i', (keyLength) => {
    withEveryKernelSet(() => {
      for (const group of [1, 2, 3, 4, 6, 7, 8])
        for (const mode of ['exact', 'delta'] as const) checkLengths({ mode, keyLength, kvHeads: 1, heads: group, window: 0 }, [1, 62, 1, 1, 66], keyLength + group);
    });
  });

  it('for every length from 0 to 130', () => {
    withEveryKernelSet(() => {
      checkLengths({ window: 0, heads: 2, kvHeads: 1 }, Array.from({ length: 130 }, () => 1), 3);
    });
  });

  it('for many heads on one KV head, and key length ≠ value length', () => {
    withEveryKernelSet(() => {
      checkLengths({ heads: 71, kvHeads: 1, keyLength: 32, valueLength: 40, window: 0 }, [3, 100, 1, 40], 4);
      checkLengths({ heads: 12, kvHeads: 4, keyLength: 48, valueLength: 72, window: 1, reference: 'mean' }, [70, 100, 1, 40], 5);
      checkLengths({ heads: 1, kvHeads: 1, keyLength: 256, valueLength: 256, window: 0 }, [70, 70], 6);
      checkLengths({ heads: 2, kvHeads: 1, keyLength: 2, valueLength: 1, window: 0 }, [70, 70], 7);
    });
  });

  it('with softcap, sliding window, partial rotary, rope scale', () => {
    const inverseFrequencies = Float64Array.from({ length: 20 }, (_, i) => 10000 ** (-i / 20));
    withEveryKernelSet(() => {
      for (const reference of ['previous', 'mean'] as const) {
        checkLengths({ reference, window: 0, layer: { softcap: 5 } }, [100, 100, 1], 8);
        checkLengths({ reference, window: 0, layer: { softcap: 0.3 } }, [100, 100, 1], 9);
        checkLengths({ reference, window: 0, layer: { slidingWindow: 70 } }, [100, 100, 1, 1], 10);
        checkLengths({ reference, window: 0, layer: { slidingWindow: 1 } }, [66, 1], 11);
        checkLengths({ reference, window: 0, layer: { inverseFrequencies, ropeScale: 1.25 } }, [100, 100, 1], 12);
      }
    });
  });

  it('over several spans', () => {
    withEveryKernelSet(() => {
      checkLengths({ window: 2, heads: 2, kvHeads: 1, keyLength: 16 }, [1100, 1, 17, 1030, 1], 13);
    });
  });

  it('with scores far apart: exact but for the unit of a score of several hundred, in float32 and of a query in 16 bits', () => {
    withEveryKernelSet(() => {
      checkLengths({ mode: 'exact', layer: { scale: 8 } }, [130, 1], 14, 1e-4);
      checkLengths({ window: 0, layer: { scale: 8 }, step: 1 / 512, threshold: 0 }, [130, 1], 14, 2e-3);
    });
  });

  it('to float32 where nothing is read from afar', () => {
    withEveryKernelSet(() => {
      checkLengths({ window: 4 }, [100, 100, 1], 15, 1e-5);
    });
  });

  it('and one another by the rounding of float32 alone: whole sums are exact', () => {
    const seen: Float32Array[] = [];
    withEveryKernelSet(() => {
      const stage = new Stage({ window: 0, heads: 6, kvHeads: 2, keyLength: 80, reference: 'mean' }, 16);
      stage.step(stage.random(130));
      seen.push(stage.step(stage.random(1))[0]);
      stage.destroy();
    });
    for (const out of seen) expect(worst(out, seen[0])).toBeLessThan(2e-6);
  });
});

it('misaligned views give the same bits', () => {
  withEveryKernelSet(checkMisaligned);
});

function checkMisaligned(): void {
  const aligned = new Stage({}, 20);
  const misaligned = new Stage({}, 20);
  const qkv = aligned.random(70);
  const expected = aligned.step(qkv)[0];
  const memory = new ArrayBuffer(qkv.byteLength + expected.byteLength + 12);
  const shifted = new Float32Array(memory, 4, qkv.length);
  shifted.set(qkv);
  const out = new Float32Array(memory, 4 + qkv.byteLength, expected.length);
  misaligned.grow(70);
  addon.attend(misaligned.store, 0, misaligned.table(), 0, 70, shifted, out, misaligned.cancel, 0);
  expect(sameBits(out, expected)).toBe(true);
}

describe('a tile far below the running maximum', () => {
  /** Two far blocks; the second one's scores lie `gap` nats below those of the first. */
  function gapped(gap: number) {
    const stage = new Stage({ heads: 2, kvHeads: 1, keyLength: 32, window: 0, sinks: 0, step: 1 / 16, threshold: 0, layer: { inverseFrequencies: new Float64Array(0), scale: 1 } }, 42);
    const qkv = stage.random(129);
    for (let t = 0; t < 129; t++) {
      qkv.fill(0, t * stage.width, t * stage.width + 96);
      qkv[t * stage.width] = qkv[t * stage.width + 32] = 1; // both queries read channel 0
      qkv[t * stage.width + 64] = t < 64 ? 1 : -gap + 1;
    }
    stage.step(qkv.slice(0, 128 * stage.width));
    stage.grow(1);
    const out = new Float32Array(64);
    const last = qkv.slice(128 * stage.width);
    const stats = addon.attend(stage.store, 0, stage.table(), 128, 1, last, out, stage.cancel, 0);
    const error = worst(out, stage.expected(0, last));
    stage.destroy();
    return { executed: stats.executedOps, error };
  }

  it('leaves its values unread, changes nothing beyond the bound, and is not counted', () => {
    withEveryKernelSet(() => {
      const scores = 2 * 3 * 64 * 32;
      const near = gapped(20);
      const far = gapped(40);
      expect(near.executed).toBe(scores + 2 * 32 * (64 + 64 + 1));
      expect(far.executed).toBe(scores + 2 * 32 * 64); // the second block and the token after it
      expect(near.error).toBeLessThan(1e-4);
      expect(far.error).toBeLessThan(1e-4);
    });
  });

  it('differs by at most 2·n·e⁻²⁵ of the largest value for n tokens left out', () => {
    withEveryKernelSet(() => {
      for (let gap = 24; gap <= 27; gap += 0.25) expect(gapped(gap).error).toBeLessThan(2 * 65 * Math.exp(-25) + 2e-5);
    });
  });
});

/** Dense causal attention of raw tokens in double precision: no cache at all. */
function dense(stage: Stage, qkv: Float32Array): Float64Array {
  const { config, width } = stage;
  const { heads, kvHeads, keyLength, valueLength } = config;
  const layer = config.layers[0];
  const tokens = qkv.length / width;
  const out = new Float64Array(tokens * heads * valueLength);
  for (let head = 0; head < heads; head++) {
    const kvHead = Math.floor((head * kvHeads) / heads);
    const placed = Array.from({ length: tokens }, (_, position) => {
      const k = position * width + (heads + kvHead) * keyLength;
      const v = position * width + (heads + kvHeads) * keyLength + kvHead * valueLength;
      return { position, key: rotate(layer, qkv.subarray(k, k + keyLength), position), value: qkv.subarray(v, v + valueLength) };
    });
    for (let t = 0; t < tokens; t++) {
      const q = rotate(layer, qkv.subarray(t * width + head * keyLength, t * width + (head + 1) * keyLength), t);
      out.set(attendQuery(config, layer, q, t, placed), (t * heads + head) * valueLength);
    }
  }
  return out;
}

describe('against dense attention without a cache', () => {
  it('mode exact equals it to 1e-5', () => {
    withEveryKernelSet(() => {
      const stage = new Stage({ mode: 'exact' }, 30);
      const qkv = stage.random(300);
      expect(worst(stage.step(qkv)[0], dense(stage, qkv))).toBeLessThan(1e-5);
    });
  });

  it('delta coding with θ = 0 and a fine step comes close', () => {
    const stage = new Stage({ threshold: 0, step: 1 / 128, window: 0 }, 31);
    const qkv = stage.random(300);
    expect(worst(stage.step(qkv)[0], dense(stage, qkv))).toBeLessThan(0.02);
  });
});

it('counts operations: dense, required, executed', () => {
  const stage = new Stage({ heads: 4, kvHeads: 2, keyLength: 64, window: 0, sinks: 0, threshold: 100 }, 40);
  stage.step(stage.random(64));
  stage.grow(1);
  const out = new Float32Array(4 * 64);
  const stats = addon.attend(stage.store, 0, stage.table(), 64, 1, stage.random(1), out, stage.cancel, 0);
  expect(stats).toMatchObject({ cancelled: 0, denseOps: 65 * 4 * 128 });
  // Far: one keyframe and 64 values; near: the token itself.
  expect(stats.requiredOps).toBe(4 * (64 + 64 * 64 + 128));
  expect(stats.executedOps).toBe(4 * (64 * 64 + 64 * 64) + 4 * (64 * 64 + 64));
});

it('a set cancel word stops the call and says so', () => {
  const stage = new Stage({}, 41);
  stage.cancel[0] = 1;
  stage.grow(70);
  const out = new Float32Array(70 * 4 * 64);
  expect(addon.attend(stage.store, 0, stage.table(), 0, 70, stage.random(70), out, stage.cancel, 0).cancelled).toBe(1);
});

