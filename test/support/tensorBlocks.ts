// The weights that a block of each GGUF tensor type stands for, weight by weight in doubles: the slow twin of native/products/types.cc, written from the
// formulas that the file format's authors publish and not from the native code.

export interface BlockType {
  name: string;
  /** ggml_type */
  id: number;
  /** Weights and bytes of a block. */
  block: number;
  bytes: number;
  /** Where its float16 numbers lie: scales, and mins. */
  halves: number[];
  /** Activations are rounded to 8 bits by so many columns (0: not at all; −1: by whole rows). */
  rounding: number;
  /** Weight i of the block whose bytes these are. */
  weight(b: DataView, i: number): number;
}

export function fromHalf(bits: number): number {
  const exponent = (bits >> 10) & 31, fraction = bits & 1023, sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24);
}

const half = (b: DataView, at: number) => fromHalf(b.getUint16(at, true));
const u8 = (b: DataView, at: number) => b.getUint8(at);
const low = (x: number) => x & 15;
const high = (x: number) => x >> 4;
/** Code i of 32 in 16 bytes. */
const nibble = (b: DataView, at: number, i: number) => (i < 16 ? low(u8(b, at + i)) : high(u8(b, at + i - 16)));
const table = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/** Scale and min of sub-block j of Q4_K and Q5_K. */
function scaleMin(b: DataView, j: number): [number, number] {
  const s = (k: number) => u8(b, 4 + k);
  if (j < 4) return [s(j) & 63, s(j + 4) & 63];
  return [low(s(j + 4)) | ((s(j - 4) >> 6) << 4), high(s(j + 4)) | ((s(j) >> 6) << 4)];
}

/** i of 256 as half h, run t, place l. */
const places = (i: number): [number, number, number] => [i >> 7, (i % 128) >> 5, i % 32];

function trit(x: number, n: number): number {
  return (((x * 3 ** n) % 256) * 3) >> 8;
}

export const BLOCK_TYPES: readonly BlockType[] = [
  { name: 'F32', id: 0, block: 1, bytes: 4, halves: [], rounding: 0, weight: (b) => b.getFloat32(0, true) },
  { name: 'F16', id: 1, block: 1, bytes: 2, halves: [], rounding: 0, weight: (b) => half(b, 0) },
  { name: 'BF16', id: 30, block: 1, bytes: 2, halves: [], rounding: 0, weight: (b) => new Float32Array(Uint32Array.of(b.getUint16(0, true) * 65536).buffer)[0] },
  { name: 'Q4_0', id: 2, block: 32, bytes: 18, halves: [0], rounding: 32, weight: (b, i) => half(b, 0) * (nibble(b, 2, i) - 8) },
  { name: 'Q4_1', id: 3, block: 32, bytes: 20, halves: [0, 2], rounding: 32, weight: (b, i) => half(b, 0) * nibble(b, 4, i) + half(b, 2) },
  { name: 'Q5_0', id: 6, block: 32, bytes: 22, halves: [0], rounding: 32, weight: (b, i) => half(b, 0) * ((nibble(b, 6, i) | (((b.getUint32(2, true) >>> i) & 1) << 4)) - 16) },
  { name: 'Q5_1', id: 7, block: 32, bytes: 24, halves: [0, 2], rounding: 32, weight: (b, i) => half(b, 0) * (nibble(b, 8, i) | (((b.getUint32(4, true) >>> i) & 1) << 4)) + half(b, 2) },
  { name: 'Q8_0', id: 8, block: 32, bytes: 34, halves: [0], rounding: 32, weight: (b, i) => half(b, 0) * b.getInt8(2 + i) },
  { name: 'IQ4_NL', id: 20, block: 32, bytes: 18, halves: [0], rounding: 32, weight: (b, i) => half(b, 0) * table[nibble(b, 2, i)] },
  {
    name: 'Q2_K', id: 10, block: 256, bytes: 84, halves: [80, 82], rounding: 256,
    weight(b, i) {
      const [h, t, l] = places(i), s = u8(b, 8 * h + 2 * t + (l >> 4));
      return half(b, 80) * low(s) * ((u8(b, 16 + 32 * h + l) >> (2 * t)) & 3) - half(b, 82) * high(s);
    },
  },
  {
    name: 'Q3_K', id: 11, block: 256, bytes: 110, halves: [108], rounding: 256,
    weight(b, i) {
      const [h, t, l] = places(i), k = 8 * h + 2 * t + (l >> 4), s = (j: number) => u8(b, 96 + j);
      const scale = (k < 8 ? low(s(k)) : high(s(k - 8))) | (((s(8 + (k % 4)) >> (2 * (k >> 2))) & 3) << 4);
      const q = ((u8(b, 32 + 32 * h + l) >> (2 * t)) & 3) - ((u8(b, l) >> (4 * h + t)) & 1 ? 0 : 4);
      return half(b, 108) * (scale - 32) * q;
    },
  },
  {
    name: 'Q4_K', id: 12, block: 256, bytes: 144, halves: [0, 2], rounding: 256,
    weight(b, i) {
      const [scale, min] = scaleMin(b, i >> 5), byte = u8(b, 16 + 32 * (i >> 6) + (i % 32));
      return half(b, 0) * scale * (i % 64 < 32 ? low(byte) : high(byte)) - half(b, 2) * min;
    },
  },
  {
    name: 'Q5_K', id: 13, block: 256, bytes: 176, halves: [0, 2], rounding: 256,
    weight(b, i) {
      const [scale, min] = scaleMin(b, i >> 5), byte = u8(b, 48 + 32 * (i >> 6) + (i % 32)), fifth = (u8(b, 16 + (i % 32)) >> (i >> 5)) & 1;
      return half(b, 0) * scale * ((i % 64 < 32 ? low(byte) : high(byte)) + 16 * fifth) - half(b, 2) * min;
    },
  },
  {
    name: 'Q6_K', id: 14, block: 256, bytes: 210, halves: [208], rounding: 256,
    weight(b, i) {
      const [h, t, l] = places(i), byte = u8(b, 64 * h + 32 * (t & 1) + l);
      const q = ((t < 2 ? low(byte) : high(byte)) | (((u8(b, 128 + 32 * h + l) >> (2 * t)) & 3) << 4)) - 32;
      return half(b, 208) * b.getInt8(192 + 8 * h + 2 * t + (l >> 4)) * q;
    },
  },
  {
    name: 'IQ4_XS', id: 23, block: 256, bytes: 136, halves: [0], rounding: 256,
    weight(b, i) {
      const j = i >> 5, scale = ((u8(b, 4 + (j >> 1)) >> (4 * (j % 2))) & 15) | (((b.getUint16(2, true) >> (2 * j)) & 3) << 4);
      return half(b, 0) * (scale - 32) * table[nibble(b, 8 + 16 * j, i % 32)];
    },
  },
  {
    name: 'TQ1_0', id: 34, block: 256, bytes: 54, halves: [52], rounding: 256,
    weight(b, i) {
      const digit = i < 160 ? trit(u8(b, i % 32), i >> 5) : i < 240 ? trit(u8(b, 32 + ((i - 160) % 16)), (i - 160) >> 4) : trit(u8(b, 48 + ((i - 240) % 4)), (i - 240) >> 2);
      return half(b, 52) * (digit - 1);
    },
  },
  {
    name: 'TQ2_0', id: 35, block: 256, bytes: 66, halves: [64], rounding: 256,
    weight(b, i) {
      const [h, t, l] = places(i);
      return half(b, 64) * (((u8(b, 32 * h + l) >> (2 * t)) & 3) - 1);
    },
  },
  { name: 'I2_S', id: 36, block: 128, bytes: 32, halves: [], rounding: -1, weight: (b, i) => ((u8(b, i % 32) >> (6 - 2 * (i >> 5))) & 3) - 1 },
];

/** All weights of rows as they lie in a file. */
export function decode(type: BlockType, bytes: Uint8Array): Float64Array {
  const weights = new Float64Array((bytes.length / type.bytes) * type.block);
  for (let n = 0, at = 0; n < weights.length; n += type.block, at += type.bytes) {
    const block = new DataView(bytes.buffer, bytes.byteOffset + at, type.bytes);
    for (let i = 0; i < type.block; i++) weights[n + i] = type.weight(block, i);
  }
  return weights;
}

/** What a product of this type reads in place of one row of x: q·scale, with q = x·127/max to the nearest whole number, even ones first. In float32 where the kernels are. */
export function rounded(type: BlockType, x: Float32Array): Float64Array {
  if (type.rounding === 0) return Float64Array.from(x);
  const span = type.rounding < 0 ? x.length : type.rounding, read = new Float64Array(x.length);
  for (let k = 0; k < x.length; k += span) {
    let most = 0;
    for (let i = k; i < k + span; i++) most = Math.max(most, Math.abs(x[i]));
    if (most < 2 ** -100) continue;
    const scale = Math.fround(most / 127), inverse = Math.fround(127 / most);
    for (let i = k; i < k + span; i++) {
      const value = Math.fround(x[i] * inverse), floor = Math.floor(value), fraction = value - floor;
      read[i] = scale * (floor + (fraction > 0.5 || (fraction === 0.5 && floor % 2 !== 0) ? 1 : 0));
    }
  }
  return read;
}
