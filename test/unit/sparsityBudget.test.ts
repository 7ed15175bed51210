// Zeros are shared out where they cost least: never worse than any other sharing that adds up to the same.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shareOut, usable, type CostPoint, type MeasuredPoint } from '../../src/model/measure/sparsityBudget.ts';

const TOTAL = 0.6;
const at = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
const curve = (cost: (sparsity: number) => number): CostPoint[] => at.map((sparsity) => ({ sparsity, cost: cost(sparsity) }));
/** The cost on the line through the two nearest points. */
const costAt = (points: CostPoint[], sparsity: number) => {
  const i = Math.max(1, points.findIndex((point) => point.sparsity >= sparsity - 1e-12));
  const [a, b] = [points[i - 1], points[i]];
  return a.cost + ((sparsity - a.sparsity) / (b.sparsity - a.sparsity)) * (b.cost - a.cost);
};
const mean = (shares: number[]) => shares.reduce((a, b) => a + b, 0) / shares.length;
/** Rising and convex, as errors are: first cost, and how much steeper each step is than the one before. */
const convex = fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: at.length, maxLength: at.length }).map((rises) => {
  let [cost, slope] = [0, 0];
  return at.map((sparsity, i) => ({ sparsity, cost: (cost += slope += rises[i]) }));
});

describe('zeros shared out among layers', () => {
  it('are the same for layers that are the same', () => {
    for (const share of shareOut([curve((z) => z * z), curve((z) => z * z)], TOTAL)) expect(Math.abs(share - TOTAL)).toBeLessThanOrEqual(0.1 + 1e-12);
  });

  it('go to the layer that suffers less', () => {
    const [frail, hardy] = shareOut([curve((z) => 10 * z ** 3), curve((z) => z ** 3)], TOTAL);
    expect(frail).toBeLessThan(0.45);
    expect(mean([frail, hardy])).toBeCloseTo(TOTAL, 12);
  });

  it('add up to what is wanted, within every curve, and moving some from one layer to another never pays', () => {
    fc.assert(fc.property(fc.array(convex, { minLength: 2, maxLength: 5 }), fc.double({ min: 0.31, max: 0.89, noNaN: true }), fc.double({ min: 0.001, max: 0.2, noNaN: true }), (curves, total, moved) => {
      const shares = shareOut(curves, total);
      expect(mean(shares)).toBeCloseTo(total, 9);
      const best = shares.reduce((n, share, i) => n + costAt(curves[i], share), 0);
      for (const [i, from] of shares.entries()) {
        expect(from).toBeGreaterThan(at[0] - 1e-9);
        expect(from).toBeLessThan(at.at(-1)! + 1e-9);
        for (const [j, to] of shares.entries()) {
          if (i === j || from - moved < at[0] || to + moved > at.at(-1)!) continue;
          const other = best - costAt(curves[i], from) - costAt(curves[j], to) + costAt(curves[i], from - moved) + costAt(curves[j], to + moved);
          expect(other).toBeGreaterThan(best - 1e-9 * (1 + best));
        }
      }
    }));
  });

  it('pass over points above the line between their neighbours', () => {
    const bumpy = curve((z) => z);
    bumpy[3].cost = 5;
    const shares = shareOut([bumpy, curve((z) => 2 * z)], 0.5);
    expect(shares[0]).toBeCloseTo(0.7, 12);
    expect(shares[1]).toBeCloseTo(0.3, 12);
  });

  it('are even where nothing was measured, or where the curves do not reach', () => {
    expect(shareOut([[], curve((z) => z)], TOTAL)).toEqual([TOTAL, TOTAL]);
    expect(shareOut([curve((z) => z), curve((z) => z)], 0.95)).toEqual([0.95, 0.95]);
    expect(shareOut([curve((z) => z), curve((z) => z)], 0.2)).toEqual([0.2, 0.2]);
  });
});

describe('the parts of the curves that may be used', () => {
  const measured = (error: (sparsity: number) => number): MeasuredPoint[] => at.map((sparsity) => ({ sparsity, error: error(sparsity), cost: error(sparsity) }));
  const sparsities = (curves: CostPoint[][]) => curves.map((points) => points.map(({ sparsity }) => sparsity));

  it('lie near what is wanted and within the error, as long as the other layers can take the zeros', () => {
    const [frail, hardy] = [measured((z) => z), measured((z) => 0.1 * z)];
    expect(sparsities(usable([frail, hardy], TOTAL, { shift: 0.25, error: 0.55 }))).toEqual([[0.4, 0.5], [0.4, 0.5, 0.6, 0.7, 0.8]]);
    expect(sparsities(usable([frail, frail], TOTAL, { shift: 0.25, error: 0.55 }))).toEqual([[0.4, 0.5, 0.6, 0.7, 0.8], [0.4, 0.5, 0.6, 0.7, 0.8]]);
  });

  it('leave a layer that is too far off everywhere its least zeros, and the others still differ', () => {
    const curves = usable([measured((z) => 10 * z), measured((z) => z ** 3), measured((z) => z ** 2)], TOTAL, { shift: 0.25, error: 0.9 });
    expect(sparsities(curves)[0]).toEqual([0.4, 0.5]);
    const shares = shareOut(curves, TOTAL);
    expect(shares[0]).toBeLessThan(0.5);
    expect(mean(shares)).toBeCloseTo(TOTAL, 12);
  });
});
