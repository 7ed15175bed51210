// A decoder's forward pass in double precision, written for reading: what a family that llama.cpp does not know is held against. Tensors are decoded by the
// published formulas (tensorBlocks.ts); a product reads its activations as its type of weights asks for.
import { openSync, readSync, closeSync } from 'node:fs';
import type { GgufFile } from '../../src/model/format/gguf.ts';
import { BLOCK_TYPES, decode, rounded, type BlockType } from './tensorBlocks.ts';

interface Matrix { type: BlockType; columns: number; weights: Float64Array; factor: number }

/** Logits behind every token of a BitNet-b1.58 file, `[ids][vocabulary]`. */
export function bitnetLogits(file: GgufFile, ids: readonly number[]): Float64Array[] {
  const number = (key: string) => file.metadata[`${String(file.metadata['general.architecture'])}.${key}`] as number;
  const [layers, heads, kvHeads, length, epsilon, base] = ['block_count', 'attention.head_count', 'attention.head_count_kv', 'attention.key_length', 'attention.layer_norm_rms_epsilon', 'rope.freq_base'].map(number);
  const tensor = (name: string): Matrix => {
    const { shape, type, offset, bytes } = file.tensors.get(`${name}.weight`)!;
    const all = Buffer.alloc(bytes);
    const handle = openSync(file.path, 'r');
    readSync(handle, all, 0, bytes, offset);
    closeSync(handle);
    const own = BLOCK_TYPES.find(({ id }) => id === type.id)!;
    const end = (shape.reduce((a, b) => a * b, 1) / own.block) * own.bytes;
    return { type: own, columns: shape[0], weights: decode(own, all.subarray(0, end)), factor: type.name === 'I2_S' ? all.readFloatLE(end) : 1 };
  };
  const product = ({ type, columns, weights, factor }: Matrix, x: Float64Array): Float64Array => {
    const read = rounded(type, Float32Array.from(x));
    return Float64Array.from({ length: weights.length / columns }, (_, row) => {
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += weights[row * columns + k] * read[k];
      return factor * sum;
    });
  };
  const norm = (x: Float64Array, { weights }: Matrix): Float64Array => {
    const inverse = 1 / Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / x.length + epsilon);
    return x.map((v, i) => v * inverse * weights[i]);
  };
  const turned = (head: Float64Array, position: number): Float64Array => {
    const half = length / 2;
    return head.map((_, i) => {
      const angle = position * base ** ((-2 * (i % half)) / length);
      return i < half ? head[i] * Math.cos(angle) - head[i + half] * Math.sin(angle) : head[i] * Math.cos(angle) + head[i - half] * Math.sin(angle);
    });
  };
  const headOf = (x: Float64Array, h: number) => x.slice(h * length, (h + 1) * length);
  const plus = (a: Float64Array, b: Float64Array) => a.map((v, i) => v + b[i]);

  const table = tensor('token_embd');
  let rows = ids.map((id) => table.weights.slice(id * table.columns, (id + 1) * table.columns));
  for (let layer = 0; layer < layers; layer++) {
    const own = (part: string) => tensor(`blk.${layer}.${part}`);
    const [q, k, v, o, gate, up, down] = ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'].map(own);
    const [attnNorm, attnSubNorm, ffnNorm, ffnSubNorm] = ['attn_norm', 'attn_sub_norm', 'ffn_norm', 'ffn_sub_norm'].map(own);
    const keys: Float64Array[][] = [], values: Float64Array[] = [];
    rows = rows.map((row, position) => {
      const x = norm(row, attnNorm);
      const [queries, newKeys] = [product(q, x), product(k, x)];
      keys.push(Array.from({ length: kvHeads }, (_, g) => turned(headOf(newKeys, g), position)));
      values.push(product(v, x));
      const mixed = new Float64Array(heads * length);
      for (let h = 0; h < heads; h++) {
        const g = Math.floor((h * kvHeads) / heads), query = turned(headOf(queries, h), position);
        const scores = keys.map((of) => of[g].reduce((sum, key, i) => sum + key * query[i], 0) / Math.sqrt(length));
        const weights = scores.map((score) => Math.exp(score - Math.max(...scores)));
        const all = weights.reduce((a, b) => a + b, 0);
        for (let i = 0; i < length; i++) mixed[h * length + i] = weights.reduce((sum, weight, t) => sum + (weight / all) * values[t][g * length + i], 0);
      }
      const between = plus(row, product(o, norm(mixed, attnSubNorm)));
      const y = norm(between, ffnNorm), ups = product(up, y);
      return plus(between, product(down, norm(product(gate, y).map((z, i) => Math.max(z, 0) ** 2 * ups[i]), ffnSubNorm)));
    });
  }
  const last = tensor('output_norm');
  return rows.map((row) => product(table, norm(row, last)));
}
