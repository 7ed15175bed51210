import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeKeys, hybridAttention, roundHalfEven, type Coding } from '../../src/attention/reference.ts';
import { Rotations, rotate } from '../../src/attention/rope.ts';
import { random } from '../../src/shared/random.ts';

const LENGTH = 8;
/** Keys that wander, so that there is something to code: `[tokens, LENGTH]`. */
function wander(tokens: number, seed: number, size = 1): Float64Array {
  const draw = random(seed);
  const keys = new Float64Array(tokens * LENGTH);
  for (let i = 0; i < keys.length; i++) keys[i] = (i < LENGTH ? 0 : 0.8 * keys[i - LENGTH]) + size * (draw() + draw() + draw() - 1.5);
  return keys;
}
const table = (value: number) => new Float64Array(LENGTH).fill(value);
const REFERENCES = ['previous', 'mean'] as const;

describe.each(REFERENCES)('coding against %s', (reference) => {
  const code = (keys: Float64Array, options: Partial<Coding> = {}) => codeKeys(keys, LENGTH, { reference, threshold: table(0), ...options });

  it('with θ = 0 and no quantisation gives the keys back, to the rounding of one addition', () => {
    const keys = wander(200, 1);
    const { decoded, keyframes } = code(keys);
    expect(keyframes).toBe(0);
    decoded.forEach((value, i) => expect(Math.abs(value - keys[i])).toBeLessThanOrEqual(1e-15));
  });

  it('stays within max(θ, s/2) of the key, whatever the keys', () => {
    fc.assert(fc.property(fc.integer(), fc.integer({ min: 1, max: 150 }), fc.double({ min: 0, max: 3, noNaN: true }), fc.double({ min: 0.01, max: 0.5, noNaN: true }), (seed, tokens, theta, step) => {
      const keys = wander(tokens, seed);
      const { decoded } = code(keys, { threshold: table(theta), step: table(step) });
      const bound = Math.max(theta, step / 2) + 1e-12;
      return decoded.every((value, i) => Math.abs(value - keys[i]) <= bound);
    }));
  });

  it('stores a key whole when a delta does not fit into int8, and keeps the bound there', () => {
    const keys = wander(64, 3);
    keys.fill(40, 10 * LENGTH, 11 * LENGTH);
    const { decoded, keyframes } = code(keys, { threshold: table(0.2), step: table(0.05) });
    expect(keyframes).toBeGreaterThanOrEqual(1);
    for (let i = 0; i < keys.length; i++) expect(Math.abs(decoded[i] - keys[i])).toBeLessThanOrEqual(0.2 + 1e-12);
  });

  it('has more zeros the larger θ is', () => {
    const keys = wander(640, 4);
    const shares = [0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2].map((theta) => {
      const { zeros, elements } = code(keys, { threshold: table(theta), step: table(0.04) });
      return zeros / elements;
    });
    for (let i = 1; i < shares.length; i++) expect(shares[i]).toBeGreaterThan(shares[i - 1]);
    expect(shares.at(-1)).toBeGreaterThan(0.95);
  });

  it('passes over tokens that are not finite: the others are coded as if they were absent', () => {
    const keys = wander(64, 9);
    const bad = [0, 17, 63];
    const holes = keys.slice();
    holes[0] = NaN;
    holes[17 * LENGTH + 3] = -Infinity;
    holes[63 * LENGTH + 7] = Infinity;
    const options = { threshold: table(0.5), step: table(0.05) };
    const got = code(holes, options);
    const without = code(Float64Array.from([...keys].filter((_, i) => !bad.includes(Math.floor(i / LENGTH)))), options);
    expect(got.masked).toBe(3);
    expect([got.zeros, got.elements]).toEqual([without.zeros, without.elements]);
    expect(got.decoded.filter((_, i) => !bad.includes(Math.floor(i / LENGTH)))).toEqual(without.decoded);
    expect(got.decoded.filter((_, i) => bad.includes(Math.floor(i / LENGTH))).every(Number.isNaN)).toBe(true);
  });

  it('codes each block of 64 tokens by itself', () => {
    const keys = wander(192, 5);
    const options = { threshold: table(0.5), step: table(0.05) };
    const whole = code(keys, options).decoded;
    for (let from = 0; from < keys.length; from += 64 * LENGTH) {
      expect(code(keys.slice(from, from + 64 * LENGTH), options).decoded).toEqual(whole.slice(from, from + 64 * LENGTH));
    }
  });
});

describe('the references', () => {
  it('previous: the first n tokens of a block are coded the same whatever follows (truncation is a prefix cut)', () => {
    const options: Coding = { reference: 'previous', threshold: table(0.4), step: table(0.05) };
    const keys = wander(64, 6);
    const whole = codeKeys(keys, LENGTH, options).decoded;
    for (let n = 1; n <= 64; n++) expect(codeKeys(keys.slice(0, n * LENGTH), LENGTH, options).decoded).toEqual(whole.slice(0, n * LENGTH));
  });

  it('mean: a dropped element reads as the block mean, rounded to a step', () => {
    const keys = wander(64, 7);
    const step = 0.05;
    const { decoded, zeros, elements } = codeKeys(keys, LENGTH, { reference: 'mean', threshold: table(1e9), step: table(step) });
    expect(zeros).toBe(elements);
    expect(elements).toBe(64 * LENGTH);
    for (let j = 0; j < LENGTH; j++) {
      let mean = 0;
      for (let t = 0; t < 64; t++) mean += keys[t * LENGTH + j] / 64;
      for (let t = 0; t < 64; t++) expect(decoded[t * LENGTH + j]).toBeCloseTo(step * roundHalfEven(mean / step), 12);
    }
  });

  it('mean: a token is decoded from the mean and its own deltas alone, so that tokens may be dropped from either end', () => {
    const keys = wander(64, 8);
    const options: Coding = { reference: 'mean', threshold: table(0.4), step: table(0.05) };
    const { decoded } = codeKeys(keys, LENGTH, options);
    const order = Array.from({ length: 64 }, (_, t) => (t * 37) % 64);
    const shuffled = new Float64Array(keys.length);
    order.forEach((from, to) => shuffled.set(keys.subarray(from * LENGTH, (from + 1) * LENGTH), to * LENGTH));
    const again = codeKeys(shuffled, LENGTH, options).decoded;
    order.forEach((from, to) => {
      for (let j = 0; j < LENGTH; j++) expect(again[to * LENGTH + j]).toBeCloseTo(decoded[from * LENGTH + j], 12);
    });
  });
});

describe('hybrid attention', () => {
  const setting = (tokens: number) => ({ query: wander(tokens, 10), exact: wander(tokens, 11), far: wander(tokens, 12), values: wander(tokens, 13) });
  const region = { sinks: 4, windowBlocks: () => 1 };

  it('is dense attention when the far keys are the exact keys', () => {
    const { query, exact, values } = setting(200);
    const dense = hybridAttention(query, exact, exact, values, LENGTH, LENGTH, 0.5, { sinks: 0, windowBlocks: () => 1e9 });
    expect(hybridAttention(query, exact, exact, values, LENGTH, LENGTH, 0.5, region)).toEqual(dense);
  });

  it('reads far keys only between the sinks and the window', () => {
    const { query, exact, far, values } = setting(256);
    const hybrid = hybridAttention(query, exact, far, values, LENGTH, LENGTH, 0.5, region);
    const dense = hybridAttention(query, exact, exact, values, LENGTH, LENGTH, 0.5, region);
    expect(hybrid.slice(0, 128 * LENGTH)).toEqual(dense.slice(0, 128 * LENGTH));
    expect(hybrid.slice(128 * LENGTH)).not.toEqual(dense.slice(128 * LENGTH));
    const touched = far.slice();
    touched.fill(1e6, 0, 4 * LENGTH);
    touched.fill(1e6, 128 * LENGTH);
    const last = (keys: Float64Array) => hybridAttention(query, exact, keys, values, LENGTH, LENGTH, 0.5, region, 192);
    expect(last(touched)).toEqual(last(far));
  });
});

describe('rotary embedding', () => {
  const frequencies = Float64Array.from([1, 0.1, 0.01, 0.001]);

  it('composes: turning by a and then by b is turning by a + b', () => {
    const once = wander(1, 20);
    const twice = once.slice();
    rotate(once, 0, 1234, frequencies);
    rotate(twice, 0, 1000, frequencies);
    rotate(twice, 0, 234, frequencies);
    once.forEach((value, i) => expect(twice[i]).toBeCloseTo(value, 12));
  });

  it('makes a score depend on the distance alone', () => {
    const [q, k] = [wander(1, 21), wander(1, 22)];
    const score = (i: number, t: number) => {
      const [a, b] = [q.slice(), k.slice()];
      rotate(a, 0, i, frequencies);
      rotate(b, 0, t, frequencies);
      return a.reduce((sum, x, j) => sum + x * b[j], 0);
    };
    expect(score(5000, 4100)).toBeCloseTo(score(900, 0), 11);
  });

  it('leaves channels beyond the rotated ones alone, and tables agree with single rotations', () => {
    const vector = wander(1, 23);
    const [a, b] = [vector.slice(), vector.slice()];
    rotate(a, 0, 77, frequencies.slice(0, 2));
    new Rotations(100, frequencies.slice(0, 2)).rotate(b, 0, 77);
    expect(b).toEqual(a);
    expect(a.slice(4)).toEqual(vector.slice(4));
  });
});
