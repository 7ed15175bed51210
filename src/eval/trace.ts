// What attention sees of a text, before and after RoPE, with dense attention in ONNX Runtime.
import type { Forward, LayerAttention } from '../model/forward.ts';
import { Rotations } from '../attention/rope.ts';
import { flowWidths, inverseFrequencies } from '../model/manifest.ts';
import type { LayerTrace } from '../model/measure/calibrate.ts';
import type { OnnxAttention } from './onnxAttention.ts';
import type { Sides } from './variant.ts';

export async function traceSides(forward: Forward, attention: OnnxAttention, ids: ArrayLike<number>): Promise<Sides> {
  const { shape, rope } = forward.manifest;
  const [q, k] = [shape.heads * shape.keyLength, shape.kvHeads * shape.keyLength];
  const width = flowWidths(shape).qkv;
  const empty = (): LayerTrace[] => Array.from({ length: shape.layers }, () => ({ queries: new Float32Array(ids.length * q), keys: new Float32Array(ids.length * k) }));
  const sides: Sides = { post: empty(), pre: empty() };
  const rotations = new Rotations(ids.length, inverseFrequencies(rope));
  attention.reset();
  for (let at = 0; at < ids.length; at += forward.chunk) {
    const listening: LayerAttention = {
      attend(layer, rows, qkv, out) {
        for (let i = 0; i < rows; i++) {
          const row = qkv.subarray(i * width, (i + 1) * width);
          for (const side of [sides.pre[layer], sides.post[layer]]) {
            side.queries.set(row.subarray(0, q), (at + i) * q);
            side.keys.set(row.subarray(q, q + k), (at + i) * k);
          }
          for (let h = 0; h < shape.heads; h++) rotations.rotate(sides.post[layer].queries, (at + i) * q + h * shape.keyLength, at + i);
          for (let h = 0; h < shape.kvHeads; h++) rotations.rotate(sides.post[layer].keys, (at + i) * k + h * shape.keyLength, at + i);
        }
        return attention.attend(layer, rows, qkv, out);
      },
    };
    await forward.run(Array.prototype.slice.call(ids, at, at + forward.chunk) as number[], listening, 'none');
  }
  return sides;
}
