import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Sampler } from '../../src/session/sampler.ts';
import type { SamplerOptions } from '../../src/session/sampler.ts';

const off: SamplerOptions = { temperature: 1, topK: 0, topP: 1, minP: 0 };
// Steps of 1/8 give ties; the extremes are what a broken model may produce.
const logit = fc.oneof({ weight: 20, arbitrary: fc.integer({ min: -160, max: 160 }).map((n) => n / 8) }, { weight: 1, arbitrary: fc.constantFrom(NaN, -Infinity) });
const logits = fc.array(logit, { minLength: 1, maxLength: 300 }).map((list) => Float32Array.from(list)).filter((list) => list.some((x) => x > -Infinity));

function check(options: SamplerOptions, scores: Float32Array | number[]): { id: number; logProbability: number } {
  return new Sampler(options).sample(Float32Array.from(scores));
}

/** The definition: sort all, then one filter after another, as the options say. */
function slowCandidates(scores: Float32Array, { topK = 40, topP = 0.95, minP = 0.05 }: SamplerOptions): number[] {
  let ids = [...scores.keys()].filter((id) => scores[id] > -Infinity).sort((a, b) => scores[b] - scores[a] || a - b);
  if (topK > 0) ids = ids.slice(0, topK);
  const top = scores[ids[0]];
  const sum = ids.reduce((total, id) => total + Math.exp(scores[id] - top), 0);
  if (topP < 1) {
    let reached = 0;
    const end = ids.findIndex((id) => (reached += Math.exp(scores[id] - top) / sum) >= topP);
    ids = ids.slice(0, end < 0 ? undefined : end + 1);
  }
  return ids.filter((id, i) => i === 0 || minP === 0 || scores[id] >= top + Math.log(minP));
}

describe('greedy', () => {
  test('takes the best token, the lowest id of equals', () => {
    expect(check({}, [1, 3, 3, 2]).id).toBe(1);
    expect(check({ temperature: 0, seed: 9 }, [-5, -5]).id).toBe(0);
  });

  test('never takes NaN, and refuses logits that hold nothing else', () => {
    expect(check({}, [NaN, -3, NaN]).id).toBe(1);
    expect(check({}, [NaN, Infinity]).id).toBe(1);
    expect(() => check({}, [NaN, NaN])).toThrow(/no usable probabilities/);
    expect(() => check({}, [-Infinity])).toThrow(/no usable probabilities/);
    expect(() => check(off, [])).toThrow(/no usable probabilities/);
  });

  test('is what top-k 1 gives at any temperature', () => {
    fc.assert(
      fc.property(logits, fc.integer(), (scores, seed) => {
        expect(check({ temperature: 2, topK: 1, seed }, scores).id).toBe(check({}, scores).id);
      }),
      { seed: 1 },
    );
  });
});

describe('the reported probability', () => {
  test('is that of the raw softmax, whatever was filtered', () => {
    const raw = [0, Math.log(2), Math.log(5), NaN];
    for (const options of [{}, { ...off, temperature: 5, seed: 3 }, { repetitionPenalty: 2, temperature: 1, topK: 2 }]) {
      const { id, logProbability } = check(options, raw);
      expect(logProbability).toBeCloseTo(Math.log([1, 2, 5][id] / 8), 6);
    }
  });

  test('does not overflow', () => {
    expect(check({}, [3e38, -3e38]).logProbability).toBe(0);
    expect(check({}, [Infinity, Infinity]).logProbability).toBeCloseTo(Math.log(0.5), 12);
  });
});

describe('filters', () => {
  test('keep the same tokens as a plain slow implementation', () => {
    const options = fc.record({ topK: fc.constantFrom(0, 1, 2, 5, 40, 1000), topP: fc.constantFrom(0, 0.1, 0.5, 0.9, 0.95, 1), minP: fc.constantFrom(0, 0.01, 0.05, 0.3, 1) });
    fc.assert(
      fc.property(logits, options, (scores, filter) => {
        expect(new Sampler({ temperature: 1, ...filter }).candidates(scores)).toEqual(slowCandidates(scores, filter));
      }),
      { seed: 2, numRuns: 2000 },
    );
  });

  test('never let a token through that they removed', () => {
    fc.assert(
      fc.property(logits, fc.integer(), (scores, seed) => {
        const sampler = new Sampler({ temperature: 1.5, topK: 5, topP: 0.8, minP: 0.1, seed });
        const allowed = sampler.candidates(scores);
        for (let i = 0; i < 5; i++) expect(allowed).toContain(sampler.sample(scores).id);
      }),
      { seed: 3 },
    );
  });

  test('work on a vocabulary of 128 k as on a small one', () => {
    const scores = Float32Array.from({ length: 128_256 }, (_, i) => Math.sin(i * 12.9898) * 8);
    for (const filter of [{ topK: 40 }, { topK: 0, topP: 0.9, minP: 0 }, { topK: 0, topP: 1, minP: 0.2 }, { topK: 500, topP: 0.5, minP: 0.05 }]) {
      const fast = new Sampler({ temperature: 1, ...filter }).candidates(scores);
      const slow = slowCandidates(scores, filter);
      expect(Math.abs(fast.length - slow.length)).toBeLessThanOrEqual(1); // sums of 100 k terms round differently
      expect(fast.slice(0, -1)).toEqual(slow.slice(0, fast.length - 1));
    }
  });
});

describe('drawing', () => {
  test('with the same seed gives the same text, with another seed another', () => {
    const run = (seed: number): number[] => {
      const sampler = new Sampler({ ...off, seed, repetitionPenalty: 1.1 });
      return Array.from({ length: 50 }, (_, step) => {
        const { id } = sampler.sample(Float32Array.from({ length: 100 }, (_, i) => Math.cos(i * 3 + step)));
        sampler.accept(id);
        return id;
      });
    };
    expect(run(7)).toEqual(run(7));
    expect(run(7)).not.toEqual(run(8));
  });

  test.each([
    ['the softmax', 1],
    ['the softmax at temperature 0.5', 0.5],
    ['the softmax at temperature 2', 2],
  ])('follows %s', (_, temperature) => {
    const scores = Float32Array.from([1, 0.5, 0, -0.5, -1, 2]);
    const weights = [...scores].map((x) => Math.exp(x / temperature));
    const sum = weights.reduce((a, b) => a + b);
    const draws = 20_000;
    const sampler = new Sampler({ ...off, temperature, seed: 42 });
    const counts = new Array<number>(scores.length).fill(0);
    for (let i = 0; i < draws; i++) counts[sampler.sample(scores).id]++;
    const chiSquare = counts.reduce((total, count, i) => total + (count - (draws * weights[i]) / sum) ** 2 / ((draws * weights[i]) / sum), 0);
    expect(chiSquare).toBeLessThan(20.5); // 0.999 of chi-square with 5 degrees of freedom
  });
});

describe('the repetition penalty', () => {
  test('divides positive logits and multiplies the others, once per token', () => {
    const sampler = new Sampler({ repetitionPenalty: 2 });
    sampler.accept(0);
    sampler.accept(0);
    expect(sampler.sample(Float32Array.from([3, 2])).id).toBe(1); // 3 / 2 < 2, but 3 / 1 would not be
    expect(sampler.sample(Float32Array.from([5, 2])).id).toBe(0); // 5 / 2 > 2: not divided twice
    expect(sampler.sample(Float32Array.from([-1, -1.5])).id).toBe(1); // -1 · 2 < -1.5
  });

  test('forgets what lies more than last-n tokens back', () => {
    const sampler = new Sampler({ repetitionPenalty: 10, repetitionLastN: 2 });
    const scores = Float32Array.from([3, 2, 1]);
    sampler.accept(0);
    expect(sampler.sample(scores).id).toBe(1);
    sampler.accept(2);
    sampler.accept(2);
    expect(sampler.sample(scores).id).toBe(0);
  });

  test('does not touch the logits it was given', () => {
    const sampler = new Sampler({ repetitionPenalty: 2 });
    sampler.accept(0);
    const scores = Float32Array.from([3, 2]);
    sampler.sample(scores);
    expect([...scores]).toEqual([3, 2]);
  });
});

test('options that mean nothing are refused', () => {
  for (const options of [{ temperature: -1 }, { topP: 2 }, { minP: NaN }, { topK: -1 }, { repetitionPenalty: 0 }]) expect(() => new Sampler(options)).toThrow(RangeError);
});
