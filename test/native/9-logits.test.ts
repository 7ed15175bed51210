// The native pass over logits, and its slow twin, against sorting and adding up in doubles.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { bestLogits, type FindBest } from '../../src/session/bestLogits.ts';
import { addon, random } from './stage.ts';

function check(logits: Float32Array, most: number): void {
  for (const find of [addon.bestLogits, bestLogits]) checkOne(find, logits, most);
}

function checkOne(find: FindBest, logits: Float32Array, most: number): void {
  const ids = new Int32Array(most).fill(-1);
  const { count, top, sum: found } = find(logits, ids);
  const possible = [...logits.keys()].filter((id) => logits[id] > -Infinity).sort((a, b) => logits[b] - logits[a] || a - b);
  expect(Array.from(ids.subarray(0, count))).toEqual(possible.slice(0, most));
  if (count === 0) return;
  expect(top).toBe(logits[possible[0]]);
  const sum = possible.reduce((all, id) => all + (top === Infinity ? Number(logits[id] === Infinity) : Math.exp(logits[id] - top)), 0);
  expect(Math.abs(found / sum - 1)).toBeLessThan(1e-6);
}

it('finds the best and what all add up to, for every vocabulary up to 40 and a large one', () => {
  const uniform = random(1);
  for (let n = 1; n <= 40; n++) for (const most of [1, 2, Math.ceil(n / 2), n]) check(Float32Array.from({ length: n }, () => Math.round(uniform() * 12) - 6), Math.min(most, n));
  for (const spread of [0.01, 1, 20, 300]) for (const most of [1, 40, 1000]) check(Float32Array.from({ length: 128_256 }, () => (uniform() + uniform() + uniform() - 1.5) * spread), most);
});

it('whatever the logits are', () => {
  const special = fc.constantFrom(NaN, Infinity, -Infinity, 0, -0, 3.4e38, -3.4e38, 1e-45, 88, -88);
  const logits = fc.array(fc.oneof({ weight: 4, arbitrary: fc.float() }, { weight: 1, arbitrary: special }), { minLength: 1, maxLength: 3000 });
  fc.assert(fc.property(logits, fc.integer({ min: 1, max: 50 }), (values, most) => check(Float32Array.from(values), Math.min(most, values.length))));
});

it('when the best comes last, run after run', () => {
  check(Float32Array.from({ length: 5000 }, (_, i) => i / 100), 7);
  check(Float32Array.from({ length: 5000 }, (_, i) => -i / 100), 7);
  check(new Float32Array(5000), 7);
  check(new Float32Array(3).fill(NaN), 2);
});
