// The GGUF tensor types that we read: bytes per block, and how a row becomes float32. Source: ggml-quants.c's block structs.
import { float16ToNumber } from '../../shared/float16.ts';

export interface TensorType {
  name: 'F32' | 'F16' | 'BF16' | 'Q8_0' | 'Q4_0';
  /** ggml_type */
  id: number;
  /** Elements in a block. */
  block: number;
  /** Bytes of a block. */
  bytes: number;
  /** Decodes `count` elements (whole blocks) from `source` into `out[outAt…]`. */
  dequantize(source: Uint8Array, count: number, out: Float32Array, outAt: number): void;
}

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const F32: TensorType = {
  name: 'F32', id: 0, block: 1, bytes: 4,
  dequantize(source, count, out, outAt) {
    const v = view(source);
    for (let i = 0; i < count; i++) out[outAt + i] = v.getFloat32(i * 4, true);
  },
};

const F16: TensorType = {
  name: 'F16', id: 1, block: 1, bytes: 2,
  dequantize(source, count, out, outAt) {
    for (let i = 0; i < count; i++) out[outAt + i] = float16ToNumber(source[2 * i] | (source[2 * i + 1] << 8));
  },
};

const word = new Uint32Array(1);
const wordAsFloat = new Float32Array(word.buffer);
const BF16: TensorType = {
  name: 'BF16', id: 30, block: 1, bytes: 2,
  dequantize(source, count, out, outAt) {
    for (let i = 0; i < count; i++) {
      word[0] = ((source[2 * i] << 16) | (source[2 * i + 1] << 24)) >>> 0;
      out[outAt + i] = wordAsFloat[0];
    }
  },
};

/** block_q8_0: f16 d; int8 q[32]; x = d·q */
const Q8_0: TensorType = {
  name: 'Q8_0', id: 8, block: 32, bytes: 34,
  dequantize(source, count, out, outAt) {
    for (let at = 0, i = 0; i < count; at += 34, i += 32) {
      const d = float16ToNumber(source[at] | (source[at + 1] << 8));
      for (let j = 0; j < 32; j++) out[outAt + i + j] = d * ((source[at + 2 + j] << 24) >> 24);
    }
  },
};

/** block_q4_0: f16 d; uint8 q[16], byte j holds elements j (low) and j+16 (high); x = d·(q − 8) */
const Q4_0: TensorType = {
  name: 'Q4_0', id: 2, block: 32, bytes: 18,
  dequantize(source, count, out, outAt) {
    for (let at = 0, i = 0; i < count; at += 18, i += 32) {
      const d = float16ToNumber(source[at] | (source[at + 1] << 8));
      for (let j = 0; j < 16; j++) {
        const byte = source[at + 2 + j];
        out[outAt + i + j] = d * ((byte & 15) - 8);
        out[outAt + i + 16 + j] = d * ((byte >> 4) - 8);
      }
    }
  },
};

export const TENSOR_TYPES: readonly TensorType[] = [F32, F16, BF16, Q8_0, Q4_0];

/** The type of that name, or undefined. */
export const tensorType = (name: string): TensorType | undefined => TENSOR_TYPES.find((t) => t.name === name);
