// Intervals by bootstrap over contexts.
import { random } from '../shared/random.ts';

const RESAMPLES = 2000;

/** 95 % interval of a statistic of `count` contexts, drawn with replacement: `statistic` gets the drawn indices. */
export function resampled(count: number, seed: number, statistic: (drawn: Int32Array) => number): [number, number] {
  const draw = random(seed);
  const drawn = new Int32Array(count);
  const values = Float64Array.from({ length: RESAMPLES }, () => {
    for (let i = 0; i < count; i++) drawn[i] = Math.floor(draw() * count);
    return statistic(drawn);
  }).sort();
  return [values[Math.floor(0.025 * RESAMPLES)], values[Math.floor(0.975 * RESAMPLES)]];
}

/** 95 % interval of Σ sums / Σ counts over contexts. */
export const bootstrap = (sums: number[], counts: number[], seed: number): [number, number] =>
  resampled(sums.length, seed, (drawn) => drawn.reduce((n, i) => n + sums[i], 0) / drawn.reduce((n, i) => n + counts[i], 0));
