// How a published decoder turns queries and keys, read from the cosines and sines that its graph holds or makes: whatever scaled them (LLaMA 3, YaRN, longrope),
// the angles are what counts.
import type { RopeConfig } from '../manifest.ts';

/** Any base does: what the tables say stands in the factors. */
const BASE = 10_000;
/** Of cosines and sines against the angles found. */
const TOLERANCE = 2e-3;
/** Of an angle that was computed in float32: the more turns, the less is known of the last one. */
const ROUNDING = 3e-7;

/** Positions of so many at which cosines and sines are looked at: the doublings of 1, and some between. */
export const sampledPositions = (positions: number): number[] => {
  const doublings = Array.from({ length: Math.ceil(Math.log2(positions)) }, (_, i) => 2 ** i);
  return [...new Set([0, ...doublings, 7, positions >> 1, positions - 1])].filter((position) => position < positions).sort((a, b) => a - b);
};

/**
 * Cosines and sines of every pair, `[pairs]` at each of `sampledPositions`, as a RoPE configuration; undefined where they are not those of evenly turning pairs.
 * The angle of position 1 is known to a float's precision; every doubling of the position halves the error, for the turns before it are known by then.
 */
export function rotationOf(pairs: number, positions: number, at: (position: number) => { cosines: ArrayLike<number>; sines: ArrayLike<number> }): RopeConfig | undefined {
  if (!(pairs >= 1) || !(positions >= 2)) return undefined;
  const scale = at(0).cosines[0];
  const factors: number[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const angle = (position: number) => Math.atan2(at(position).sines[pair], at(position).cosines[pair]);
    let radians = angle(1);
    if (radians < 0) radians += 2 * Math.PI;
    for (let position = 2; position < positions; position *= 2) {
      const error = angle(position) - radians * position;
      radians += (error - 2 * Math.PI * Math.round(error / (2 * Math.PI))) / position;
    }
    for (const position of sampledPositions(positions)) {
      const { cosines, sines } = at(position);
      const tolerance = TOLERANCE + ROUNDING * radians * position;
      if (!(Math.abs(Math.cos(radians * position) * scale - cosines[pair]) <= tolerance && Math.abs(Math.sin(radians * position) * scale - sines[pair]) <= tolerance)) return undefined;
    }
    factors.push(BASE ** (-pair / pairs) / radians);
  }
  if (!(scale > 0) || !factors.every((factor) => factor > 0 && Number.isFinite(factor))) return undefined;
  return { base: BASE, rotated: 2 * pairs, linear: 1, factors, ...(Math.abs(scale - 1) < 1e-6 ? {} : { scale }) };
}

/** As `rotationOf`, of tables `[positions, pairs]`. */
export function rotationOfTables(cosines: Float32Array, sines: Float32Array, pairs: number): RopeConfig | undefined {
  if (sines.length !== cosines.length) return undefined;
  const row = (table: Float32Array, position: number) => table.subarray(position * pairs, (position + 1) * pairs);
  return rotationOf(pairs, cosines.length / pairs, (position) => ({ cosines: row(cosines, position), sines: row(sines, position) }));
}
