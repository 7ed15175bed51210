// How a weight matrix [N, K] lies in the model folder, and the conversion of its rows from GGUF.
// MatMulNBits (com.microsoft): B [N, K/block, block·bits/8] uint8 with the implicit zero point 2^(bits−1); scales [N · K/block] float32.
import { float16ToNumber } from '../../shared/float16.ts';
import type { TensorType } from './tensorTypes.ts';

export interface WeightFormat {
  name: 'f32' | 'q8b32' | 'q8b128' | 'q4b32';
  /** 32 for float. */
  bits: 4 | 8 | 32;
  /** Elements that share a scale; K must be a multiple (1 for float). */
  block: number;
}

export const FORMATS: Record<WeightFormat['name'], WeightFormat> = {
  f32: { name: 'f32', bits: 32, block: 1 },
  q8b32: { name: 'q8b32', bits: 8, block: 32 },
  q8b128: { name: 'q8b128', bits: 8, block: 128 },
  q4b32: { name: 'q4b32', bits: 4, block: 32 },
};

/** Bytes of B and of the scales for [rows, columns]. */
export function formatBytes(format: WeightFormat, rows: number, columns: number): { data: number; scales: number } {
  return { data: (rows * columns * format.bits) / 8, scales: format.bits === 32 ? 0 : (rows * columns * 4) / format.block };
}

/** The format that holds a GGUF type without loss, except that large float models become 8 bit (`floatAs`). */
export function nativeFormat(type: TensorType, floatAs: 'f32' | 'q8b32'): WeightFormat {
  if (type.name === 'Q4_0') return FORMATS.q4b32;
  if (type.name === 'Q8_0') return FORMATS.q8b32;
  return FORMATS[floatAs];
}

/** Converts `rows` rows of `columns` elements. `data` and `scales` receive exactly formatBytes(format, rows, columns). */
export function convertRows(type: TensorType, format: WeightFormat, source: Uint8Array, rows: number, columns: number, data: Uint8Array, scales: Float32Array): void {
  if (type.name === 'Q4_0' && format.name === 'q4b32') return repackQ4(source, data, scales);
  if (type.name === 'Q8_0' && format.name === 'q8b32') return repackQ8(source, data, scales);
  const count = rows * columns;
  if (format.bits === 32) return type.dequantize(source, count, new Float32Array(data.buffer, data.byteOffset, count), 0);
  const values = new Float32Array(count);
  type.dequantize(source, count, values, 0);
  if (format.bits === 8) quantize8(values, format.block, data, scales);
  else quantize4(values, data, scales);
}

/** Q4_0 pairs elements j and j+16 in a byte, MatMulNBits 2j and 2j+1; both mean d·(q − 8). */
function repackQ4(source: Uint8Array, data: Uint8Array, scales: Float32Array): void {
  for (let block = 0, at = 0, to = 0; block < scales.length; block++, at += 18, to += 16) {
    scales[block] = float16ToNumber(source[at] | (source[at + 1] << 8));
    for (let j = 0; j < 8; j++) {
      const a = source[at + 2 + 2 * j];
      const b = source[at + 3 + 2 * j];
      data[to + j] = (a & 15) | ((b & 15) << 4);
      data[to + 8 + j] = (a >> 4) | (b & 0xf0);
    }
  }
}

/** Q8_0's int8 becomes uint8 around 128. */
function repackQ8(source: Uint8Array, data: Uint8Array, scales: Float32Array): void {
  for (let block = 0, at = 0, to = 0; block < scales.length; block++, at += 34, to += 32) {
    scales[block] = float16ToNumber(source[at] | (source[at + 1] << 8));
    for (let j = 0; j < 32; j++) data[to + j] = source[at + 2 + j] ^ 0x80;
  }
}

/** Symmetric absmax: scale = max|x| / 127. */
function quantize8(values: Float32Array, block: number, data: Uint8Array, scales: Float32Array): void {
  for (let b = 0; b < scales.length; b++) {
    let most = 0;
    for (let j = 0; j < block; j++) most = Math.max(most, Math.abs(values[b * block + j]));
    scales[b] = most / 127;
    const inverse = most > 0 ? 127 / most : 0;
    for (let j = 0; j < block; j++) data[b * block + j] = Math.round(values[b * block + j] * inverse) + 128;
  }
}

/** As ggml's quantize_row_q4_0: the element of largest magnitude becomes −8. */
function quantize4(values: Float32Array, data: Uint8Array, scales: Float32Array): void {
  for (let b = 0; b < scales.length; b++) {
    let extreme = 0;
    for (let j = 0; j < 32; j++) if (Math.abs(values[b * 32 + j]) > Math.abs(extreme)) extreme = values[b * 32 + j];
    const scale = extreme / -8;
    scales[b] = scale;
    const inverse = scale ? 1 / scale : 0;
    for (let j = 0; j < 16; j++) {
      const low = Math.min(15, Math.floor(values[b * 32 + 2 * j] * inverse + 8.5));
      const high = Math.min(15, Math.floor(values[b * 32 + 2 * j + 1] * inverse + 8.5));
      data[b * 16 + j] = low | (high << 4);
    }
  }
}
