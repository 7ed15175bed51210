import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { continuations } from '../../src/locality/continuations.ts';
import { mix, spread } from '../../src/locality/mixture.ts';
import { neighbourWeightOf } from '../../src/locality/neighbourWeights.ts';
import { TokenIndex } from '../../src/locality/tokenIndex.ts';
import { weightOf } from '../../src/locality/weights.ts';

const softmax = (logits: ArrayLike<number>): number[] => {
  const top = Math.max(...Array.from(logits));
  const parts = Array.from(logits, (x) => Math.exp(x - top));
  const sum = parts.reduce((a, b) => a + b);
  return parts.map((x) => x / sum);
};

const tokens = fc.array(fc.nat(7), { minLength: 1, maxLength: 60 });
const row = fc.array(fc.float({ min: -20, max: 20, noNaN: true }), { minLength: 8, maxLength: 8 });

describe('the mixture', () => {
  it('is (1 − λ)·model + λ·file', () => {
    fc.assert(fc.property(tokens, row, (text, logits) => {
      const index = new TokenIndex();
      index.become(text);
      const mixed = Float32Array.from(logits);
      const own = softmax(mixed);
      const entropy = -own.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0);
      mix(mixed, index);
      const found = continuations(index);
      const weight = found ? weightOf(found.longest, found.top, spread(Float32Array.from(logits)).entropy) : 0;
      expect(spread(Float32Array.from(logits)).entropy).toBeCloseTo(entropy, 5);
      softmax(mixed).forEach((p, id) => expect(p).toBeCloseTo((1 - weight) * own[id] + weight * (found?.shares.get(id) ?? 0), 5));
    }));
  });

  it('is (1 − λ′)·that + λ′·neighbours where they hold a longer match, and else what it is without them', () => {
    let asked = 0;
    fc.assert(fc.property(tokens, tokens, row, (text, around, logits) => {
      const [index, neighbours] = [new TokenIndex(), new TokenIndex()];
      index.become(text);
      neighbours.become(around);
      const [without, mixed] = [Float32Array.from(logits), Float32Array.from(logits)];
      mix(without, index);
      mix(mixed, index, { neighbours });
      const beside = continuations(neighbours, index);
      if (!beside || beside.longest <= (continuations(index)?.longest ?? 0)) return void expect(mixed).toEqual(without);
      asked++;
      const weight = neighbourWeightOf(beside.longest, beside.top, spread(Float32Array.from(logits)).entropy);
      const both = softmax(without);
      softmax(mixed).forEach((p, id) => expect(p).toBeCloseTo((1 - weight) * both[id] + weight * (beside.shares.get(id) ?? 0), 5));
    }));
    expect(asked).toBeGreaterThan(10);
  });

  it('leaves what cannot be used, and ids that the model does not have', () => {
    const index = new TokenIndex();
    index.become([1, 900, 1]);
    for (const logits of [[-Infinity, -Infinity], [NaN, NaN], [Infinity, 0], [1, 2]]) {
      const mixed = Float32Array.from(logits);
      mix(mixed, index);
      expect([...mixed]).toEqual(logits);
    }
  });

  it('trusts the file more where it matched longer, agrees with itself, and the model is unsure', () => {
    for (const [longest, top, entropy] of [[1, 0.2, 0.1], [6, 0.6, 3], [40, 1, 8]]) {
      expect(weightOf(longest, top, entropy)).toBeGreaterThan(0);
      expect(weightOf(longest, top, entropy)).toBeLessThan(1);
    }
    expect(weightOf(20, 1, 5)).toBeGreaterThan(weightOf(1, 1, 5));
    expect(weightOf(3, 1, 5)).toBeGreaterThan(weightOf(3, 0.2, 5));
    expect(weightOf(1, 0.2, 5)).toBeGreaterThan(weightOf(1, 0.2, 0.1));
  });
});
