// Seeded random numbers (mulberry32, public domain), and intervals by bootstrap over contexts.

/** Numbers in [0, 1), the same for the same seed. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

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
