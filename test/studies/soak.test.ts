// `npm run soak` for a minute: what holds however fast the machine is.
import { expect, it } from 'vitest';
import { soak } from '../bench/soak.ts';
import { TINY_Q8 } from '../support/engine.ts';

it('a minute of editing with chat in between stays within the budgets, and nothing is left behind', async () => {
  const { keys, cache } = await soak({ minutes: 1, model: TINY_Q8, cacheBytes: 6e6 });
  expect(keys).toBeGreaterThan(0);
  expect(cache.most).toBeGreaterThan(0);
  expect(cache.beyond).toBeLessThanOrEqual(1);
  expect([cache.atTheEnd, cache.blocksAtTheEnd]).toEqual([0, 0]);
});
