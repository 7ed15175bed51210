// How far one prediction is from another, by all tokens and by those that are worth a name.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { divergence, divergenceFrom, likely } from '../../src/model/divergence.ts';

const row = fc.array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 300, maxLength: 300 }).map((logits) => Float32Array.from(logits));

describe('by the likely tokens', () => {
  it('is never more than by all, and nearly all of it', () => {
    fc.assert(fc.property(row, row, (p, q) => {
      const [all, some] = [divergence(p, q).kl, divergenceFrom(likely(p), q)];
      expect(some).toBeLessThan(all + 1e-3);
      expect(some).toBeGreaterThan(0.9 * all - 0.05);
    }));
  });

  it('is nothing between equals', () => {
    fc.assert(fc.property(row, (p) => {
      expect(divergenceFrom(likely(p), p)).toBeLessThan(1e-5);
    }));
  });

  it('names at most ten thousand tokens of however many', () => {
    expect(likely(new Float32Array(200_000)).tokens).toHaveLength(0);
    expect(likely(Float32Array.from({ length: 200_000 }, (_, v) => (v < 9000 ? 5 : -5))).tokens).toHaveLength(9000);
  });
});
