// How a published decoder turns queries and keys, read from the tables of cosines and sines in its graph: whatever scaled them (LLaMA 3, YaRN, longrope), the
// angles are what counts.
import type { RopeConfig } from '../manifest.ts';

/** Any base does: what the tables say stands in the factors. */
const BASE = 10_000;
/** Of cosines and sines against the angles found. */
const TOLERANCE = 2e-3;

/**
 * Cosines and sines `[positions, pairs]` as a RoPE configuration; undefined where they are not those of evenly turning pairs.
 * The angle of position 1 is known to a float's precision; every doubling of the position halves the error, for the turns before it are known by then.
 */
export function rotationOf(cosines: Float32Array, sines: Float32Array, pairs: number): RopeConfig | undefined {
  const positions = cosines.length / pairs;
  if (!(pairs >= 1) || positions < 2 || sines.length !== cosines.length) return undefined;
  const scale = cosines[0];
  const factors: number[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const angle = (position: number) => Math.atan2(sines[position * pairs + pair], cosines[position * pairs + pair]);
    let radians = angle(1);
    if (radians < 0) radians += 2 * Math.PI;
    for (let position = 2; position < positions; position *= 2) {
      const error = angle(position) - radians * position;
      radians += (error - 2 * Math.PI * Math.round(error / (2 * Math.PI))) / position;
    }
    for (const position of [0, 1, 7, positions >> 1, positions - 1]) {
      if (position >= positions) continue;
      const at = position * pairs + pair;
      if (!(Math.abs(Math.cos(radians * position) * scale - cosines[at]) <= TOLERANCE && Math.abs(Math.sin(radians * position) * scale - sines[at]) <= TOLERANCE)) return undefined;
    }
    factors.push(BASE ** (-pair / pairs) / radians);
  }
  if (!(scale > 0) || !factors.every((factor) => factor > 0 && Number.isFinite(factor))) return undefined;
  return { base: BASE, rotated: 2 * pairs, linear: 1, factors, ...(Math.abs(scale - 1) < 1e-6 ? {} : { scale }) };
}
