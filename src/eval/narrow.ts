// Values and keys of 4 and 8 bits, for the controls: what quantisation costs beside, and instead of, leaving out small deltas.
import { BLOCK } from '../binding/addon.ts';
import { roundToFloat16 } from '../shared/float16.ts';
import type { FarForm } from './onnxAttention.ts';
import type { Solved } from './variant.ts';

/** Values of `bits` bits, symmetric, with a scale per token (f16 at run time, float here: 2⁻¹¹ of a step at most). */
export function narrowValues(bits: number): NonNullable<FarForm['values']> {
  const most = 2 ** (bits - 1) - 1;
  return (values, length) => {
    for (let at = 0; at < values.length; at += length) {
      let largest = 0;
      for (let j = 0; j < length; j++) largest = Math.max(largest, Math.abs(values[at + j]));
      const scale = largest / most;
      if (scale > 0) for (let j = 0; j < length; j++) values[at + j] = Math.round(values[at + j] / scale) * scale;
    }
  };
}

/** Far keys as float16. */
export const halfKeys: NonNullable<FarForm['keys']> = (_layer, _head, _from, rotated) => rotated.map(roundToFloat16);

/** Every key element in 4 bits between the least and the most of its channel in the block: KIVI's layout of keys (arXiv 2402.02750). No deltas, no zeros. */
export const int4Keys: NonNullable<FarForm['keys']> = (_layer, _head, _from, rotated) => {
  const length = rotated.length / BLOCK;
  const out = new Float32Array(rotated.length);
  for (let j = 0; j < length; j++) {
    let [least, most] = [Infinity, -Infinity];
    for (let t = 0; t < BLOCK; t++) {
      least = Math.min(least, rotated[t * length + j]);
      most = Math.max(most, rotated[t * length + j]);
    }
    const scale = (most - least) / 15 || 1;
    for (let t = 0; t < BLOCK; t++) out[t * length + j] = least + scale * Math.round((rotated[t * length + j] - least) / scale);
  }
  return out;
};

/** Deltas against the block's mean in 4 bits: ±7 steps of one seventh of the largest delta of the calibration text; larger ones are clipped. */
export function int4Deltas(solved: Solved): NonNullable<FarForm['keys']> {
  return (layer, kvHead, _from, rotated) => {
    const length = rotated.length / BLOCK;
    const { threshold, step } = solved.layers[layer];
    const out = new Float32Array(rotated.length);
    for (let j = 0; j < length; j++) {
      const wide = (step[kvHead * length + j] * 127) / 1.1 / 7;
      let mean = 0;
      for (let t = 0; t < BLOCK; t++) mean += rotated[t * length + j] / BLOCK;
      for (let t = 0; t < BLOCK; t++) {
        const d = rotated[t * length + j] - mean;
        const kept = Math.abs(d) >= threshold[kvHead * length + j];
        out[t * length + j] = mean + (kept ? wide * Math.max(-7, Math.min(7, Math.round(d / wide))) : 0);
      }
    }
    return out;
  };
}
