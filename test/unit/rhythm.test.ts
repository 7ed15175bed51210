import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Rhythm } from '../../src/completion/rhythm.ts';
import type { Speed } from '../../src/completion/source.ts';

const fast: Speed = { prefill: 5000, decode: 1000 };
const slow: Speed = { prefill: 50, decode: 5 };

/** The pause after keys with these gaps, in milliseconds; the first key comes after a long time. */
function check(gaps: readonly number[], speed: Speed | undefined, expected: number): void {
  expect(pauseAfter(gaps, speed)).toBe(expected);
}

function pauseAfter(gaps: readonly number[], speed: Speed | undefined): number {
  const rhythm = new Rhythm();
  let now = 50_000;
  rhythm.key(now);
  for (const gap of gaps) rhythm.key((now += gap));
  return rhythm.pause(speed);
}

const burst = (gap: number, keys = 20): number[] => Array<number>(keys).fill(gap);

describe('the pause', () => {
  test.each<[string, number[], Speed | undefined, number]>([
    ['before any rhythm is known', [], undefined, 50],
    ['in a fast burst is the gap between keys', burst(80), undefined, 80],
    ['in a burst outlasts most gaps, not the longest', [...burst(80, 13), 400, 400, 80], undefined, 80],
    ['after a real pause is half as long', [...burst(80), 3000], undefined, 40],
    ['is a burst\'s again with the next key', [...burst(80), 3000, 80], undefined, 80],
    ['is never shorter than anyone feels', burst(20), undefined, 30],
    ['of a slow typist is not his gap: he looks between keys', burst(700), undefined, 200],
    ['on a fast machine is hardly longer', burst(80), fast, 81],
    ['on a slow machine is longer by what a cancelled step costs', burst(80), slow, 280],
    ['is never longer than someone who waits would bear', burst(150), slow, 300],
    ['forgets an old rhythm within a few words', [...burst(180), ...burst(60, 16)], undefined, 60],
    ['counts changes at the same moment as one key', burst(80).flatMap((gap) => [gap, 0, 2]), undefined, 82],
  ])('%s', (_, gaps, speed, expected) => check(gaps, speed, expected));

  const gaps = fc.array(fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 100_000 })), { maxLength: 60 });
  const speeds = fc.option(fc.record({ prefill: fc.double({ min: 0, noNaN: true }), decode: fc.double({ min: 0, noNaN: true }) }), { nil: undefined });

  test('stays within its limits whatever is typed at whatever speed', () => {
    fc.assert(
      fc.property(gaps, speeds, (gaps, speed) => {
        const pause = pauseAfter(gaps, speed);
        expect(pause).toBeGreaterThanOrEqual(30);
        expect(pause).toBeLessThanOrEqual(300);
      }),
      { seed: 1 },
    );
  });

  test('is never shorter on a slower machine', () => {
    fc.assert(
      fc.property(gaps, fc.double({ min: 0.1, max: 1000, noNaN: true }), fc.double({ min: 1, max: 100, noNaN: true }), (gaps, decode, times) => {
        expect(pauseAfter(gaps, { prefill: 1, decode })).toBeGreaterThanOrEqual(pauseAfter(gaps, { prefill: 1, decode: decode * times }));
      }),
      { seed: 2 },
    );
  });

  test('is moved little by a single odd gap', () => {
    fc.assert(
      fc.property(fc.integer({ min: 40, max: 190 }), fc.integer({ min: 5, max: 1000 }), (gap, odd) => {
        expect(pauseAfter([...burst(gap), odd, gap], undefined)).toBe(gap);
      }),
      { seed: 3 },
    );
  });
});
