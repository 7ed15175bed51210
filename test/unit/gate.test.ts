import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { threshold, type Eagerness } from '../../src/completion/gate.ts';
import type { ConfidenceCurve } from '../../src/session/protocol.ts';

/** Points as [threshold, coverage, precision]. */
const curveOf = (points: readonly (readonly [number, number, number])[]): ConfidenceCurve => ({
  samples: 100, points: points.map(([threshold, coverage, precision]) => ({ threshold, coverage, precision })),
});

function check(points: readonly (readonly [number, number, number])[] | null, eagerness: Eagerness, expected: number): void {
  expect(threshold(points && curveOf(points), eagerness)).toBe(expected);
}

const good = [[-0.1, 0.2, 0.95], [-0.4, 0.6, 0.8], [-1, 0.8, 0.7], [-3, 1, 0.6]] as const;
const weak = [[-0.1, 0.02, 0.6], [-0.3, 0.05, 0.5], [-0.5, 0.25, 0.2], [-1, 0.6, 0.1], [-3, 1, 0.05]] as const;
const hopeless = [[-0.1, 0.02, 0], [-0.5, 0.25, 0], [-3, 1, 0]] as const;

describe('the threshold', () => {
  test.each<[string, typeof good | typeof weak | typeof hopeless | null, Eagerness, number]>([
    ['of a good model is where right lines outweigh wrong ones most', good, 'low', -0.4],
    ['of a good model is lower where wrong ones cost less', good, 'auto', -1],
    ['at high lets everything through', good, 'high', -Infinity],
    ['of a weak model at low is its surest twentieth', weak, 'low', -0.3],
    ['of a weak model at auto is its surest quarter', weak, 'auto', -0.5],
    ['of a hopeless model shows no more than it must', hopeless, 'auto', -0.5],
    ['of an unmeasured model at low', null, 'low', -0.2],
    ['of an unmeasured model at auto', null, 'auto', -0.7],
    ['of an unmeasured model at high', null, 'high', -Infinity],
    ['of a curve without points is that of an unmeasured model', [] as never, 'auto', -0.7],
    ['of two that are worth the same is the stricter', [[-0.1, 0.5, 0.5], [-1, 1, 0.5]] as never, 'low', -0.1],
    ['of a curve that never reaches the coverage is its lowest', [[-0.1, 0.01, 1], [-0.2, 0.02, 1]] as never, 'low', -0.2],
  ])('%s', (_, points, eagerness, expected) => check(points, eagerness, expected));

  const curves = fc
    .array(fc.record({ fall: fc.double({ min: 0, max: 1, noNaN: true }), more: fc.integer({ min: 1, max: 10 }), precision: fc.double({ min: 0, max: 1, noNaN: true }) }), { minLength: 1, maxLength: 40 })
    .map((steps) => {
      const total = steps.reduce((sum, { more }) => sum + more, 0);
      let [at, seen] = [0, 0];
      const precisions = steps.map(({ precision }) => precision).sort((a, b) => b - a);
      return curveOf(steps.map(({ fall, more }, i) => [(at -= fall), (seen += more) / total, precisions[i]] as const));
    });

  test('never falls below the coverage that is promised, and never rises with eagerness', () => {
    fc.assert(
      fc.property(curves, (curve) => {
        const [low, auto, high] = (['low', 'auto', 'high'] as const).map((eagerness) => threshold(curve, eagerness));
        const coverage = (at: number): number => Math.max(0, ...curve.points.filter((point) => point.threshold >= at).map((point) => point.coverage));
        expect(coverage(low)).toBeGreaterThanOrEqual(0.05);
        expect(coverage(auto)).toBeGreaterThanOrEqual(0.125);
        expect(coverage(high)).toBe(1);
        expect(low).toBeGreaterThanOrEqual(auto);
        expect(auto).toBeGreaterThanOrEqual(high);
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});
