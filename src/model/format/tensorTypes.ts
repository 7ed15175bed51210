// The GGUF tensor types that native products read: weights and bytes of a block. Source: the block structs of ggml-common.h; native/products/types.cc decodes them.

export interface TensorType {
  name: string;
  /** ggml_type */
  id: number;
  /** Weights in a block. */
  block: number;
  /** Bytes of a block. */
  bytes: number;
  /** Bytes behind all blocks of a tensor; they begin with its scale, as float32. */
  tail?: number;
}

/** Ternary weights as BitNet's authors publish them, in files of their architectures only: elsewhere the number meant another type, which is gone. */
export const I2_S: TensorType = { name: 'I2_S', id: 36, block: 128, bytes: 32, tail: 32 };

export const TENSOR_TYPES: readonly TensorType[] = [
  { name: 'F32', id: 0, block: 1, bytes: 4 },
  { name: 'F16', id: 1, block: 1, bytes: 2 },
  { name: 'BF16', id: 30, block: 1, bytes: 2 },
  { name: 'Q4_0', id: 2, block: 32, bytes: 18 },
  { name: 'Q4_1', id: 3, block: 32, bytes: 20 },
  { name: 'Q5_0', id: 6, block: 32, bytes: 22 },
  { name: 'Q5_1', id: 7, block: 32, bytes: 24 },
  { name: 'Q8_0', id: 8, block: 32, bytes: 34 },
  { name: 'IQ4_NL', id: 20, block: 32, bytes: 18 },
  { name: 'Q2_K', id: 10, block: 256, bytes: 84 },
  { name: 'Q3_K', id: 11, block: 256, bytes: 110 },
  { name: 'Q4_K', id: 12, block: 256, bytes: 144 },
  { name: 'Q5_K', id: 13, block: 256, bytes: 176 },
  { name: 'Q6_K', id: 14, block: 256, bytes: 210 },
  { name: 'IQ4_XS', id: 23, block: 256, bytes: 136 },
  { name: 'TQ1_0', id: 34, block: 256, bytes: 54 },
  { name: 'TQ2_0', id: 35, block: 256, bytes: 66 },
];
