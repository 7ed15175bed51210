import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plan, promisesBlock, type Plan } from '../../src/completion/latency.ts';
import type { Speed } from '../../src/completion/source.ts';

interface Asked {
  latencyMs?: number;
  maxTokens?: number;
  speed?: Speed;
  manual?: boolean;
  block?: boolean;
  last?: number;
}

const planFor = ({ latencyMs = 1500, maxTokens = 96, speed, manual = false, block, last }: Asked): Plan => plan({ latencyMs, maxTokens, speed, manual, block, last });

function check(asked: Asked, expected: Plan): void {
  expect(planFor(asked)).toEqual(expected);
}

const decode = 20;

describe('the plan', () => {
  test.each<[string, Asked, Plan]>([
    ['before any measurement is cautious', {}, { promptTokens: 512, max: 32 }],
    ['before any measurement keeps to the setting', { maxTokens: 8 }, { promptTokens: 512, max: 8 }],
    ['asked for by the user may take twice as long', { manual: true }, { promptTokens: 512, max: 64 }],
    ['where a block may follow may take three times as long', { block: true }, { promptTokens: 512, max: 96 }],
    ['where a block may follow writes on behind the first line', { block: true, speed: { prefill: 400, decode } }, { promptTokens: 1024, max: 90 }],
    ['on a fast machine is everything', { speed: { prefill: 3000, decode: 200 } }, { promptTokens: 2048, max: 96 }],
    ['on a middling machine reads what two budgets allow', { speed: { prefill: 400, decode } }, { promptTokens: 1024, max: 30 }],
    ['on a slow machine reads little and writes a line', { speed: { prefill: 30, decode: 2 } }, { promptTokens: 128, max: 16 }],
    ['with a short budget is small', { latencyMs: 200, speed: { prefill: 400, decode } }, { promptTokens: 128, max: 16 }],
    ['with a long budget is large', { latencyMs: 10_000, maxTokens: 1024, speed: { prefill: 400, decode } }, { promptTokens: 2048, max: 200 }],
    ['asked for by the user reads the same prompt and writes more', { manual: true, speed: { prefill: 400, decode } }, { promptTokens: 1024, max: 60 }],
    ['never writes more than the setting', { manual: true, maxTokens: 5, speed: { prefill: 400, decode } }, { promptTokens: 1024, max: 5 }],
    ['takes a speed of nothing for no measurement', { speed: { prefill: 0, decode: 0 } }, { promptTokens: 512, max: 32 }],
    ['keeps the size of the former prompt near a border', { speed: { prefill: 360, decode }, last: 512 }, { promptTokens: 512, max: 30 }],
    ['keeps it from both sides', { speed: { prefill: 310, decode }, last: 1024 }, { promptTokens: 1024, max: 30 }],
    ['gives it up where the machine is clearly faster', { speed: { prefill: 450, decode }, last: 512 }, { promptTokens: 1024, max: 30 }],
    ['gives it up where the machine is clearly slower', { speed: { prefill: 250, decode }, last: 1024 }, { promptTokens: 512, max: 30 }],
    ['without a measurement keeps the former size', { last: 2048 }, { promptTokens: 2048, max: 32 }],
  ])('%s', (_, asked, expected) => check(asked, expected));

  const speeds = fc.record({ prefill: fc.double({ min: 1e-3, max: 1e6, noNaN: true }), decode: fc.double({ min: 1e-3, max: 1e5, noNaN: true }) });
  const asked = fc.record({ latencyMs: fc.integer({ min: 100, max: 30_000 }), maxTokens: fc.integer({ min: 1, max: 1024 }), speed: speeds, manual: fc.boolean() });
  const sizes = [128, 256, 512, 1024, 2048];

  test('is always one of five sizes, and at least one token', () => {
    fc.assert(
      fc.property(asked, fc.option(fc.constantFrom(...sizes), { nil: undefined }), (asked, last) => {
        const { promptTokens, max } = planFor({ ...asked, last });
        expect(sizes).toContain(promptTokens);
        expect(max).toBeGreaterThanOrEqual(1);
        expect(max).toBeLessThanOrEqual(asked.maxTokens);
      }),
      { seed: 1 },
    );
  });

  test('never shrinks with a faster machine or a longer budget', () => {
    fc.assert(
      fc.property(asked, fc.double({ min: 1, max: 10, noNaN: true }), (asked, times) => {
        const before = planFor(asked);
        const { prefill, decode } = asked.speed;
        for (const better of [planFor({ ...asked, speed: { prefill: prefill * times, decode: decode * times } }), planFor({ ...asked, latencyMs: asked.latencyMs * times })]) {
          expect(better.promptTokens).toBeGreaterThanOrEqual(before.promptTokens);
          expect(better.max).toBeGreaterThanOrEqual(before.max);
        }
      }),
      { seed: 2 },
    );
  });

  test('settles on one size while measurements differ by a tenth', () => {
    fc.assert(
      fc.property(asked, fc.array(fc.double({ min: 0.9, max: 1.1, noNaN: true }), { minLength: 2, maxLength: 30 }), (asked, noise) => {
        const seen: number[] = [];
        for (const factor of noise) {
          const speed = { prefill: asked.speed.prefill * factor, decode: asked.speed.decode };
          seen.push(planFor({ ...asked, speed, last: seen.at(-1) }).promptTokens);
        }
        expect(new Set(seen).size).toBe(1);
      }),
      { seed: 3 },
    );
  });
});

describe('a block is promised', () => {
  const at = (text: string): boolean => promisesBlock({ before: text.split('|')[0], after: text.split('|')[1] });
  test.each(['a\n  |', 'if (a) {|', 'if (a) {|}', 'def f():|', 'const f = () =>|', 'f(|\n', 'if a; then |'])('at %j', (text) => expect(at(text)).toBe(true));
  test.each(['const a = |', 'f(|)', 'return |;', '|a', 'often|'])('not at %j', (text) => expect(at(text)).toBe(false));
});
