// Writes GGUF v3 files: hand-made small ones (valid or damaged on purpose) and random LLaMA models of real shape, streamed to disk.

import { closeSync, ftruncateSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';

/** Blocks of integers under float16 scales: where those lie, what each is of the first, and the deviation of random weights under a first of 1. */
const blockTypes = {
  Q4_0: { id: 2, elements: 32, bytes: 18, halves: [0], parts: [1], deviation: 4.69 },
  Q4_1: { id: 3, elements: 32, bytes: 20, halves: [0, 2], parts: [1, -7.5], deviation: 4.66 },
  Q5_0: { id: 6, elements: 32, bytes: 22, halves: [0], parts: [1], deviation: 9.33 },
  Q5_1: { id: 7, elements: 32, bytes: 24, halves: [0, 2], parts: [1, -15.5], deviation: 9.32 },
  Q8_0: { id: 8, elements: 32, bytes: 34, halves: [0], parts: [1], deviation: 74.1 },
  IQ4_NL: { id: 20, elements: 32, bytes: 18, halves: [0], parts: [1], deviation: 70 },
  Q2_K: { id: 10, elements: 256, bytes: 84, halves: [80, 82], parts: [1, 1.5], deviation: 13.9 },
  Q3_K: { id: 11, elements: 256, bytes: 110, halves: [108], parts: [1], deviation: 42 },
  Q4_K: { id: 12, elements: 256, bytes: 144, halves: [0, 2], parts: [1, 7.5], deviation: 261 },
  Q5_K: { id: 13, elements: 256, bytes: 176, halves: [0, 2], parts: [1, 15.5], deviation: 525 },
  Q6_K: { id: 14, elements: 256, bytes: 210, halves: [208], parts: [1], deviation: 1367 },
  IQ4_XS: { id: 23, elements: 256, bytes: 136, halves: [0], parts: [1], deviation: 1300 },
  TQ1_0: { id: 34, elements: 256, bytes: 54, halves: [52], parts: [1], deviation: 0.82 },
  TQ2_0: { id: 35, elements: 256, bytes: 66, halves: [64], parts: [1], deviation: 1.2 },
} as const;
type BlockType = keyof typeof blockTypes;
export type TensorType = 'F32' | 'F16' | 'BF16' | BlockType;
/** What files are made of: one type, or the mixture that quantising tools make. */
export type FileType = TensorType | 'Q4_K_M';
export type MetadataType = 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'f32' | 'bool' | 'string' | 'u64' | 'i64' | 'f64';
/** `[key, type, value]`; a list is `[key, [elementType], values]`. */
export type MetadataEntry = [key: string, type: MetadataType | [MetadataType], value: unknown];

/** GGUF's numbers for the value types, in the order of the specification. */
const valueTypes: Record<MetadataType | 'array', number> = {
  u8: 0, i8: 1, u16: 2, i16: 3, u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9, u64: 10, i64: 11, f64: 12,
};

/** ggml's number of the type, elements per block, bytes per block. */
const tensorTypes: Record<TensorType, { id: number; elements: number; bytes: number }> = {
  F32: { id: 0, elements: 1, bytes: 4 },
  F16: { id: 1, elements: 1, bytes: 2 },
  BF16: { id: 30, elements: 1, bytes: 2 },
  ...blockTypes,
};

export interface TensorEntry {
  name: string;
  /** A known type, or ggml's number for one that we do not know (then `byteLength` is needed). */
  type: TensorType | number;
  /** As in the file: the fastest dimension first (`[in, out]` for a matrix that maps `in` to `out`). */
  dims: (number | bigint)[];
  /** The bytes, or a function that fills a chunk of whole blocks; without it the tensor is zero, and a hole in the file. */
  data?: Uint8Array | ((chunk: Buffer) => void);
  /** Stated offset instead of the true one, for damaged files. */
  offset?: bigint;
  byteLength?: number;
}

export interface GgufFile {
  metadata: MetadataEntry[];
  tensors?: TensorEntry[];
  alignment?: number;
  // What follows makes damaged files.
  magic?: string;
  version?: number;
  tensorCount?: bigint;
  metadataCount?: bigint;
  /** Cut the file to this many bytes; negative: this many bytes less than whole. */
  truncate?: number;
}

/** Chunks handed to `data` functions hold whole blocks of the type. */
const MOST_CHUNK_BYTES = 7 << 20;
const chunkOf = (type: TensorType | number): number => (typeof type === 'number' ? MOST_CHUNK_BYTES : Math.floor(MOST_CHUNK_BYTES / (4 * tensorTypes[type].bytes)) * 4 * tensorTypes[type].bytes);

function uint(bytes: 1 | 2 | 4, value: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntLE(value, 0, bytes);
  return buffer;
}

function u64(value: number | bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}

function encodeString(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([u64(bytes.length), bytes]);
}

function encodeScalar(type: MetadataType, value: unknown): Buffer {
  const buffer = Buffer.alloc(8);
  switch (type) {
    case 'string': return encodeString(value as string);
    case 'bool': return uint(1, value ? 1 : 0);
    case 'u8': return uint(1, value as number);
    case 'u16': return uint(2, value as number);
    case 'u32': return uint(4, value as number);
    case 'i8': buffer.writeInt8(value as number); return buffer.subarray(0, 1);
    case 'i16': buffer.writeInt16LE(value as number); return buffer.subarray(0, 2);
    case 'i32': buffer.writeInt32LE(value as number); return buffer.subarray(0, 4);
    case 'f32': buffer.writeFloatLE(value as number); return buffer.subarray(0, 4);
    case 'f64': buffer.writeDoubleLE(value as number); return buffer;
    case 'u64': return u64(value as number | bigint);
    case 'i64': buffer.writeBigInt64LE(BigInt(value as number | bigint)); return buffer;
  }
}

function encodeMetadata([key, type, value]: MetadataEntry): Buffer {
  if (!Array.isArray(type)) return Buffer.concat([encodeString(key), uint(4, valueTypes[type]), encodeScalar(type, value)]);
  const items = value as unknown[];
  const head = [encodeString(key), uint(4, valueTypes.array), uint(4, valueTypes[type[0]]), u64(items.length)];
  return Buffer.concat([...head, ...items.map((item) => encodeScalar(type[0], item))]);
}

export function tensorBytes(type: TensorType, elements: number): number {
  const { elements: perBlock, bytes } = tensorTypes[type];
  if (elements % perBlock !== 0) throw new Error(`${elements} elements are not a whole number of ${type} blocks`);
  return (elements / perBlock) * bytes;
}

function byteLengthOf(tensor: TensorEntry): number {
  if (tensor.byteLength !== undefined) return tensor.byteLength;
  if (tensor.data instanceof Uint8Array) return tensor.data.length;
  if (typeof tensor.type === 'number') throw new Error(`${tensor.name}: an unknown type needs byteLength`);
  return tensorBytes(tensor.type, tensor.dims.reduce<number>((product, dim) => product * Number(dim), 1));
}

/** Writes a GGUF file and returns its size in bytes. Holds the header and one chunk in memory. */
export function writeGguf(path: string, file: GgufFile): number {
  const tensors = file.tensors ?? [];
  const alignment = file.alignment ?? 32;
  const aligned = (bytes: number) => Math.ceil(bytes / alignment) * alignment;
  const lengths = tensors.map(byteLengthOf);

  const infos: Buffer[] = [];
  let offset = 0;
  for (const [i, tensor] of tensors.entries()) {
    infos.push(encodeString(tensor.name), uint(4, tensor.dims.length), ...tensor.dims.map(u64));
    infos.push(uint(4, typeof tensor.type === 'number' ? tensor.type : tensorTypes[tensor.type].id), u64(tensor.offset ?? offset));
    offset += aligned(lengths[i]);
  }
  const start = [Buffer.from(file.magic ?? 'GGUF', 'latin1'), uint(4, file.version ?? 3)];
  const counts = [u64(file.tensorCount ?? tensors.length), u64(file.metadataCount ?? file.metadata.length)];
  const header = Buffer.concat([...start, ...counts, ...file.metadata.map(encodeMetadata), ...infos]);

  const descriptor = openSync(path, 'w');
  let size = 0;
  const write = (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done, bytes.length - done, size + done);
    size += bytes.length;
  };
  try {
    write(header);
    if (tensors.length > 0) write(Buffer.alloc(aligned(size) - size));
    const chunk = Buffer.alloc(Math.min(MOST_CHUNK_BYTES, Math.max(0, ...lengths.filter((_, i) => tensors[i].data))));
    for (const [i, tensor] of tensors.entries()) {
      const { data } = tensor;
      if (data instanceof Uint8Array) write(data);
      else if (!data) size += lengths[i];
      else {
        const most = chunkOf(tensor.type);
        for (let left = lengths[i]; left > 0; left -= most) {
          const part = chunk.subarray(0, Math.min(left, most));
          data(part);
          write(part);
        }
      }
      write(Buffer.alloc(aligned(lengths[i]) - lengths[i]));
    }
    ftruncateSync(descriptor, size);
  } finally {
    closeSync(descriptor);
  }
  if (file.truncate !== undefined) {
    size = file.truncate < 0 ? size + file.truncate : file.truncate;
    truncateSync(path, size);
  }
  return size;
}

/** Reads the metadata of a (small, trusted) GGUF file as entries that `writeGguf` takes. */
export function readMetadata(path: string): MetadataEntry[] {
  const bytes = readFileSync(path);
  const names = Object.entries(valueTypes).map(([name]) => name) as (MetadataType | 'array')[];
  let at = 16;
  const count = Number(bytes.readBigUInt64LE(at));
  at += 8;
  const u32 = () => ((at += 4), bytes.readUInt32LE(at - 4));
  const u64Number = () => ((at += 8), Number(bytes.readBigUInt64LE(at - 8)));
  const scalar = (type: MetadataType): unknown => {
    switch (type) {
      case 'string': { const length = u64Number(); at += length; return bytes.toString('utf8', at - length, at); }
      case 'bool': return bytes.readUInt8(at++) !== 0;
      case 'u8': return bytes.readUInt8(at++);
      case 'i8': return bytes.readInt8(at++);
      case 'u16': return (at += 2), bytes.readUInt16LE(at - 2);
      case 'i16': return (at += 2), bytes.readInt16LE(at - 2);
      case 'u32': return u32();
      case 'i32': return (at += 4), bytes.readInt32LE(at - 4);
      case 'f32': return (at += 4), bytes.readFloatLE(at - 4);
      case 'f64': return (at += 8), bytes.readDoubleLE(at - 8);
      case 'u64': return (at += 8), bytes.readBigUInt64LE(at - 8);
      case 'i64': return (at += 8), bytes.readBigInt64LE(at - 8);
    }
  };
  const entries: MetadataEntry[] = [];
  for (let i = 0; i < count; i++) {
    const key = scalar('string') as string;
    const type = names[u32()];
    if (type === 'array') {
      const element = names[u32()] as MetadataType;
      const length = u64Number();
      entries.push([key, [element], Array.from({ length }, () => scalar(element))]);
    } else entries.push([key, type, scalar(type)]);
  }
  return entries;
}

// Random models ---------------------------------------------------------------------------------------------------------------

export type RandomFamily = 'llama' | 'qwen2' | 'qwen3' | 'granite' | 'starcoder2' | 'smollm3' | 'gemma' | 'phi3' | 'gemma2' | 'gemma3' | 'bitnet' | 'bitnet-b1.58' | 'bitnet-25';

export interface RandomLlama {
  layers: number;
  hidden: number;
  heads: number;
  kvHeads: number;
  /** Default: hidden / heads. */
  headDim?: number;
  ffn: number;
  vocabulary: number;
  /** Of every matrix; norms, biases and rope_freqs are F32. */
  type: FileType | 'I2_S';
  /** Of the embedding, where it differs. */
  embedding?: TensorType;
  /** Default: llama. */
  family?: RandomFamily;
  /** More of the metadata. */
  metadata?: MetadataEntry[];
  /** The embedding is the output head too. */
  tied: boolean;
  ropeBase: number;
  /** Write `rope_freqs.weight` with LLaMA-3.2's factors (32, 1, 4, 8192). */
  ropeFactors?: boolean;
  context: number;
  seed: number;
  /** Pre-tokenizer named in the synthetic vocabulary; default `llama-bpe`. */
  pre?: string;
  /** A GGUF file whose `tokenizer.*` metadata is copied; `vocabulary` must then be its size. */
  tokenizer?: string;
  /** Spread of the attention scores before softmax (they decide how much a query looks far away); default 2. */
  scoreSpread?: number;
}

const llama32 = { hidden: 2048, heads: 32, kvHeads: 8, ffn: 8192, vocabulary: 128256, tied: true, ropeBase: 500_000, ropeFactors: true, context: 131_072 };
/** The real one has a context of 32 768; what is decoded after as many tokens needs a few more. */
const qwen05b = { family: 'qwen2', hidden: 896, heads: 14, kvHeads: 2, ffn: 4864, vocabulary: 151_936, tied: true, ropeBase: 1_000_000, context: 65_536, pre: 'qwen2' } as const;
const qwen15b = { ...qwen05b, hidden: 1536, heads: 12, ffn: 8960, layers: 28 } as const;
/** BitNet-b1.58-2B-4T, as it is published (I2_S) and, for comparison, in four bits as llama-quantize makes them: an embedding that is the head too is Q6_K there. */
const bitnet2b = { family: 'bitnet-b1.58', hidden: 2560, heads: 20, kvHeads: 5, ffn: 6912, vocabulary: 128_256, tied: true, ropeBase: 500_000, context: 16_384, layers: 30, seed: 5 } as const;
/** Mistral 7B's: 4.4 GB in Q4_K_M. */
const sevenB = { hidden: 4096, heads: 32, kvHeads: 8, ffn: 14_336, vocabulary: 32_000, tied: false, ropeBase: 1_000_000, context: 32_768 };

export const presets = {
  llama32_1b: { ...llama32, layers: 16, type: 'Q4_0', seed: 1 },
  llama32_1b_4layers: { ...llama32, layers: 4, type: 'Q4_0', seed: 1 },
  llama32_1b_q4km: { ...llama32, layers: 16, type: 'Q4_K_M', seed: 1 },
  qwen05b: { ...qwen05b, layers: 24, type: 'Q4_0', seed: 2 },
  qwen05b_6layers: { ...qwen05b, layers: 6, type: 'Q4_0', seed: 2 },
  qwen05b_q4km: { ...qwen05b, layers: 24, type: 'Q4_K_M', seed: 2 },
  qwen15b: { ...qwen15b, type: 'Q4_0', seed: 2 },
  qwen15b_q4km: { ...qwen15b, type: 'Q4_K_M', seed: 2 },
  bitnet2b: { ...bitnet2b, type: 'I2_S' },
  bitnet2b_q4_0: { ...bitnet2b, type: 'Q4_0', embedding: 'Q6_K' },
  /** The same but for its layers: the head stays as it is published. */
  bitnet2b_q4_0_layers: { ...bitnet2b, type: 'Q4_0', embedding: 'F16' },
  llama_7b_q4km: { ...sevenB, layers: 32, type: 'Q4_K_M', seed: 4 },
  tiny: { layers: 2, hidden: 64, heads: 4, kvHeads: 2, headDim: 32, ffn: 192, vocabulary: 512, type: 'F16', tied: true, ropeBase: 10_000, context: 2048, seed: 3 },
  /** So long a context that reading or writing it takes many seconds on any machine: for what is to be ended in the middle of it. */
  long: { layers: 2, hidden: 64, heads: 4, kvHeads: 2, headDim: 32, ffn: 192, vocabulary: 300, type: 'F16', tied: true, ropeBase: 10_000, context: 131_072, seed: 3 },
} as const satisfies Record<string, RandomLlama>;

/** xoshiro128**: fills `words` with uniform 32-bit numbers; continues from call to call. */
function randomWords(seed: number): (words: Uint32Array) => void {
  let z = seed | 0;
  const splitmix = () => {
    z = (z + 0x9e3779b9) | 0;
    let t = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    t = Math.imul(t ^ (t >>> 15), 0x735a2d97);
    return t ^ (t >>> 15);
  };
  let [a, b, c, d] = [splitmix(), splitmix(), splitmix(), splitmix()];
  return (words) => {
    for (let i = 0; i < words.length; i++) {
      const x = Math.imul(b, 5);
      words[i] = Math.imul((x << 7) | (x >>> 25), 9);
      const t = b << 9;
      c ^= a; d ^= b; b ^= c; a ^= d; c ^= t;
      d = (d << 11) | (d >>> 21);
    }
  };
}

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

function f32Bits(value: number): number {
  scratch[0] = value;
  return scratchBits[0];
}

/** Bits of the nearest F16. */
function f16Bits(value: number): number {
  const bits = f32Bits(value);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | Math.round(magnitude * 2 ** 24);
  const rounded = bits + 0xfff + ((bits >>> 13) & 1);
  return sign | (((rounded & 0x7fffffff) - 0x38000000) >>> 13);
}

/** Bits of the nearest BF16. */
function bf16Bits(value: number): number {
  const bits = f32Bits(value);
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** The standard normal's quantiles at (i + ½) / 65536: a table makes a normal number one look-up (Acklam's approximation, 1e-9). */
function normalQuantiles(): Float64Array {
  const a = [-3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.38357751867269e2, -3.066479806614716e1, 2.506628277459239];
  const b = [-5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1, 1];
  const c = [-7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968, 2.938163982698783];
  const d = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1];
  const polynomial = (k: number[], x: number) => k.reduce((sum, coefficient) => sum * x + coefficient, 0);
  return Float64Array.from({ length: 65536 }, (_, i) => {
    const p = (i + 0.5) / 65536;
    if (p > 0.5) return 0; // mirrored below
    if (p < 0.02425) {
      const q = Math.sqrt(-2 * Math.log(p));
      return polynomial(c, q) / polynomial(d, q);
    }
    const q = p - 0.5;
    return (polynomial(a, q * q) * q) / polynomial(b, q * q);
  }).map((_, i, all) => (i < 32768 ? all[i] : -all[65535 - i]));
}

type Fill = (chunk: Buffer) => void;

/** Makes functions that fill chunks with random weights of mean 0 and the wanted standard deviation. */
function randomFills(seed: number): (type: TensorType, deviation: number, mean?: number) => Fill {
  const next = randomWords(seed);
  const quantiles = normalQuantiles();
  const words = new Uint32Array(Math.ceil(MOST_CHUNK_BYTES / 4));

  /** Blocks of random integers under scales of random sign (so that the mean is 0) that vary by ± 25 %. */
  const blocks = ({ bytes: blockBytes, halves, parts, deviation }: (typeof blockTypes)[BlockType], wanted: number): Fill => {
    const scales = parts.map((part) => Uint16Array.from({ length: 256 }, (_, i) => f16Bits(((part * wanted) / deviation) * (0.75 + (i >> 1) / 254) * (i & 1 ? -1 : 1))));
    return (chunk) => {
      const part = words.subarray(0, Math.ceil(chunk.length / 4));
      next(part);
      new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length).set(new Uint8Array(part.buffer, 0, chunk.length));
      // −128 does not occur in files made by quantising: 8-bit blocks keep to −127…127.
      if (blockBytes === 34) for (let i = 0; i < chunk.length; i++) if (chunk[i] === 0x80) chunk[i] = 0;
      for (let i = 0; i < chunk.length; i += blockBytes) {
        const choice = chunk[i + halves[0]];
        halves.forEach((half, n) => chunk.writeUInt16LE(scales[n][choice], i + half));
      }
    };
  };

  /** Normal numbers through a table of 65 536 values already in the target format. */
  const floats = (type: 'F32' | 'F16' | 'BF16', deviation: number, mean: number): Fill => {
    const values = quantiles.map((q) => mean + q * deviation);
    const table = type === 'F32' ? Float32Array.from(values) : Uint16Array.from(values, type === 'F16' ? f16Bits : bf16Bits);
    return (chunk) => {
      const target =
        type === 'F32' ? new Float32Array(chunk.buffer, chunk.byteOffset, chunk.length / 4) : new Uint16Array(chunk.buffer, chunk.byteOffset, chunk.length / 2);
      const part = words.subarray(0, Math.ceil(target.length / 2));
      next(part);
      const indices = new Uint16Array(part.buffer, 0, target.length);
      for (let i = 0; i < target.length; i++) target[i] = table[indices[i]];
    };
  };

  // Uniform integers: −8…7 has deviation 4.61 about −0.5 (root mean square 4.64), −127…127 has 73.3; the scales' ± 25 % add 1 %.
  return (type, deviation, mean = 0) => {
    return type === 'F32' || type === 'F16' || type === 'BF16' ? floats(type, deviation, mean) : blocks(blockTypes[type], deviation);
  };
}

/** LLaMA-3's factors on the wavelengths: factor 32, low 1, high 4, original context 8192 (as llama.cpp's converter writes them). */
export function llama32RopeFactors(headDim: number, base: number): Float32Array {
  const [factor, low, high, original] = [32, 1, 4, 8192];
  return Float32Array.from({ length: headDim / 2 }, (_, i) => {
    const wavelength = 2 * Math.PI * base ** ((2 * i) / headDim);
    if (wavelength < original / high) return 1;
    if (wavelength > original / low) return factor;
    const smooth = (original / wavelength - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

/** GPT-2's printable character for each byte. */
function byteCharacters(): string[] {
  let next = 256;
  const printable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++));
}

/** A byte-level BPE vocabulary of any size: 256 bytes, then pairs, then triples of ASCII characters, then ten special tokens. */
function syntheticTokenizer(size: number, pre: string): MetadataEntry[] {
  const specials = ['<|begin_of_text|>', '<|end_of_text|>', '<|eot_id|>', '<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>', '<|fim_pad|>', '<|repo_name|>', '<|file_sep|>', '<|reserved_0|>'];
  const tokens = byteCharacters();
  const merges: string[] = [];
  // Likely neighbours first, so that small vocabularies merge something in ordinary code.
  const letters = [...'etaoinsrhldcumfpgwybvkxjqz'];
  const others = Array.from({ length: 95 }, (_, i) => tokens[32 + i]).filter((character) => !letters.includes(character));
  const alphabet = [...letters, ...others];
  let level = alphabet;
  const wanted = size - specials.length;
  while (tokens.length < wanted) {
    const longer: string[] = [];
    for (const left of level) {
      for (const right of alphabet) {
        if (tokens.length + longer.length === wanted) break;
        merges.push(`${left} ${right}`);
        longer.push(left + right);
      }
    }
    // Not by spreading: the last level of a large vocabulary has more members than a call may have arguments.
    for (const token of longer) tokens.push(token);
    level = longer;
  }
  const id = (name: string) => wanted + specials.indexOf(name);
  tokens.push(...specials);
  const roles: [string, string][] = [
    ['bos', '<|begin_of_text|>'], ['eos', '<|end_of_text|>'], ['eot', '<|eot_id|>'],
    ['fim_pre', '<|fim_prefix|>'], ['fim_suf', '<|fim_suffix|>'], ['fim_mid', '<|fim_middle|>'],
    ['fim_pad', '<|fim_pad|>'], ['fim_rep', '<|repo_name|>'], ['fim_sep', '<|file_sep|>'],
  ];
  return [
    ['tokenizer.ggml.model', 'string', 'gpt2'],
    ['tokenizer.ggml.pre', 'string', pre],
    ['tokenizer.ggml.tokens', ['string'], tokens],
    ['tokenizer.ggml.token_type', ['i32'], tokens.map((_, i) => (i < wanted ? 1 : 3))],
    ['tokenizer.ggml.merges', ['string'], merges],
    ...roles.map(([role, name]): MetadataEntry => [`tokenizer.ggml.${role}_token_id`, 'u32', id(name)]),
    ['tokenizer.ggml.add_bos_token', 'bool', false],
    ['tokenizer.ggml.add_eos_token', 'bool', false],
  ];
}

/** The type of a matrix in a file, as quantising tools choose it: some get more bits, and rows of no whole blocks of 256 another type. */
function typeIn(file: Exclude<FileType, 'I2_S'>, name: string, inputs: number): TensorType {
  const type = file !== 'Q4_K_M' ? file : /attn_v|ffn_down|^output|token_embd/.test(name) ? 'Q6_K' : 'Q4_K';
  if (file !== 'Q4_K_M' || inputs % 256 === 0) return type;
  return type === 'Q6_K' ? 'Q8_0' : 'Q5_0';
}

/** What a family says of itself: Granite 3's factors, roughly; windows and caps that a short text and random weights reach. */
const own: Partial<Record<RandomFamily, MetadataEntry[]>> = {
  granite: [['granite.embedding_scale', 'f32', 12], ['granite.residual_scale', 'f32', 0.22], ['granite.logit_scale', 'f32', 8], ['granite.attention.scale', 'f32', 1 / 32]],
  gemma2: [['gemma2.attention.sliding_window', 'u32', 100], ['gemma2.attn_logit_softcapping', 'f32', 2], ['gemma2.final_logit_softcapping', 'f32', 3]],
  gemma3: [['gemma3.attention.sliding_window', 'u32', 100], ['gemma3.rope.scaling.type', 'string', 'linear'], ['gemma3.rope.scaling.factor', 'f32', 8]],
};

/** Every byte of four codes. */
const FOUR_CODES = Uint8Array.from({ length: 81 }, (_, n) => [27, 9, 3, 1].reduce((byte, power) => byte << 2 | Math.floor(n / power) % 3, 0));

/** A matrix of I2_S: four codes 0, 1, 2 a byte, then eight copies of the scale. */
function ternary(name: string, inputs: number, outputs: number, deviation: number, seed: number): TensorEntry {
  const words = new Uint32Array((inputs * outputs) / 4);
  randomWords(seed + [...name].reduce((sum, character) => 31 * sum + character.charCodeAt(0) | 0, 0))(words);
  const data = Buffer.alloc(words.length + 32);
  for (let at = 0; at < words.length; at++) data[at] = FOUR_CODES[words[at] % FOUR_CODES.length];
  for (let copy = 0; copy < 8; copy++) data.writeFloatLE(deviation * Math.sqrt(1.5), words.length + 4 * copy);
  return { name, type: 36, dims: [inputs, outputs], data };
}

/** The metadata and tensors of a random model, ready for `writeGguf`; tests may damage them first. */
export function randomLlama(shape: RandomLlama): GgufFile & { tensors: TensorEntry[] } {
  const { layers, hidden, heads, kvHeads, ffn, vocabulary, family = 'llama' } = shape;
  const headDim = shape.headDim ?? hidden / heads;
  const fill = randomFills(shape.seed);
  const matrix = (name: string, inputs: number, outputs: number, gain = 1): TensorEntry => {
    if (shape.type === 'I2_S') return name.startsWith('blk.') ? ternary(name, inputs, outputs, gain / Math.sqrt(inputs), shape.seed) : { name, type: 'F16', dims: [inputs, outputs], data: fill('F16', gain / Math.sqrt(inputs)) };
    const type = (name.startsWith('token_embd') && shape.embedding) || typeIn(shape.type, name, inputs);
    return { name, type, dims: [inputs, outputs], data: fill(type, gain / Math.sqrt(inputs)) };
  };
  const norm = (name: string, length = hidden): TensorEntry => ({ name, type: 'F32', dims: [length], data: fill('F32', 0.1, 1) });
  const bias = (name: string, length: number): TensorEntry => ({ name: `${name}.bias`, type: 'F32', dims: [length], data: fill('F32', 0.3) });
  const biases = (layer: number): TensorEntry[] => Object.entries({ attn_q: heads, attn_k: kvHeads, attn_v: kvHeads }).map(([part, count]) => bias(`blk.${layer}.${part}`, count * headDim));
  const [isGemma, isBitnet, isStarcoder] = [/^gemma[23]/.test(family), /^bitnet/.test(family), family === 'starcoder2'];
  /** What only some families have in a layer. */
  const special = (layer: number): TensorEntry[] => {
    const name = (part: string) => `blk.${layer}.${part}`;
    return [
      ...(family === 'qwen2' || isStarcoder ? biases(layer) : []),
      ...(family === 'qwen3' || family === 'gemma3' ? [norm(`${name('attn_q_norm')}.weight`, headDim), norm(`${name('attn_k_norm')}.weight`, headDim)] : []),
      ...(isGemma ? [norm(`${name('post_attention_norm')}.weight`), norm(`${name('post_ffw_norm')}.weight`)] : []),
      ...(isBitnet ? [norm(`${name('attn_sub_norm')}.weight`, heads * headDim), norm(`${name('ffn_sub_norm')}.weight`, ffn)] : []),
      ...(isStarcoder ? ['attn_norm', 'ffn_norm', 'attn_output', 'ffn_down'].map((part) => bias(name(part), hidden)) : []),
      ...(isStarcoder ? [bias(name('ffn_up'), ffn)] : []),
    ];
  };
  // With unit keys and queries a score has deviation 1; each branch adds 1 / (2 · layers) of the residual's variance.
  const [score, branch] = [shape.scoreSpread ?? 2, 1 / Math.sqrt(2 * layers)];

  const tensors: TensorEntry[] = [matrix('token_embd.weight', hidden, vocabulary, 2)];
  if (shape.ropeFactors) {
    const factors = llama32RopeFactors(headDim, shape.ropeBase);
    tensors.push({ name: 'rope_freqs.weight', type: 'F32', dims: [headDim / 2], data: new Uint8Array(factors.buffer) });
  }
  for (let layer = 0; layer < layers; layer++) {
    const name = (part: string) => `blk.${layer}.${part}.weight`;
    tensors.push(
      norm(name('attn_norm')),
      ...(family === 'phi3' ? [matrix(name('attn_qkv'), hidden, (heads + 2 * kvHeads) * headDim, Math.sqrt(score))] : [
        matrix(name('attn_q'), hidden, heads * headDim, score),
        matrix(name('attn_k'), hidden, kvHeads * headDim),
        matrix(name('attn_v'), hidden, kvHeads * headDim),
      ]),
      matrix(name('attn_output'), heads * headDim, hidden, branch),
      norm(name('ffn_norm')),
      ...(family === 'phi3' ? [matrix(name('ffn_up'), hidden, 2 * ffn)] : [...(isStarcoder ? [] : [matrix(name('ffn_gate'), hidden, ffn)]), matrix(name('ffn_up'), hidden, ffn)]),
      matrix(name('ffn_down'), ffn, hidden, branch),
      ...special(layer),
    );
  }
  tensors.push(norm('output_norm.weight'), ...(isStarcoder ? [bias('output_norm', hidden)] : []));
  if (!shape.tied) tensors.push(matrix('output.weight', hidden, vocabulary, 2));

  const tokenizer = shape.tokenizer
    ? readMetadata(shape.tokenizer).filter(([key]) => key.startsWith('tokenizer.'))
    : syntheticTokenizer(vocabulary, shape.pre ?? 'llama-bpe');
  const fileType = { F32: 0, F16: 1, Q4_0: 2, Q4_1: 3, Q8_0: 7, Q5_0: 8, Q5_1: 9, Q2_K: 10, Q3_K: 12, Q4_K: 14, Q4_K_M: 15, Q5_K: 16, Q6_K: 18, IQ4_NL: 25, IQ4_XS: 30, BF16: 32, TQ1_0: 36, TQ2_0: 37, I2_S: 40 }[shape.type];
  return {
    metadata: [
      ['general.architecture', 'string', family],
      ['general.type', 'string', 'model'],
      ['general.name', 'string', 'Random weights'],
      ['general.file_type', 'u32', fileType],
      ['general.quantization_version', 'u32', 2],
      [`${family}.block_count`, 'u32', layers],
      [`${family}.context_length`, 'u32', shape.context],
      [`${family}.embedding_length`, 'u32', hidden],
      [`${family}.feed_forward_length`, 'u32', ffn],
      [`${family}.attention.head_count`, 'u32', heads],
      [`${family}.attention.head_count_kv`, 'u32', kvHeads],
      [`${family}.attention.key_length`, 'u32', headDim],
      [`${family}.attention.value_length`, 'u32', headDim],
      [`${family}.attention.${isStarcoder ? 'layer_norm_epsilon' : 'layer_norm_rms_epsilon'}`, 'f32', 1e-5],
      [`${family}.rope.dimension_count`, 'u32', headDim],
      [`${family}.rope.freq_base`, 'f32', shape.ropeBase],
      [`${family}.vocab_size`, 'u32', vocabulary],
      ...(own[family] ?? []),
      ...tokenizer,
    ].filter(([key]) => !shape.metadata?.some(([given]) => given === key)).concat(shape.metadata ?? []) as MetadataEntry[],
    tensors,
  };
}

/** Writes a random model and returns its size in bytes. The same shape and seed give the same file. */
export function writeRandomLlama(path: string, shape: RandomLlama): number {
  return writeGguf(path, randomLlama(shape));
}

/** A model file whose header says truly that it is as large as this, and which holds nothing: it takes no room on the disk. Returns its size in bytes. */
export function writeHollowLlama(path: string, bytes: number, tokenizer: string): number {
  const vocabulary = (readMetadata(tokenizer).find(([key]) => key === 'tokenizer.ggml.tokens')![2] as unknown[]).length;
  const shape: RandomLlama = { layers: 1, hidden: 8192, heads: 64, kvHeads: 8, ffn: 28_672, vocabulary, type: 'Q8_0', tied: false, ropeBase: 500_000, context: 8192, seed: 1, tokenizer };
  const layerBytes = tensorBytes('Q8_0', 8192 * (2 * 8192 + 2 * 1024 + 3 * 28_672));
  const { metadata, tensors } = randomLlama({ ...shape, layers: Math.ceil(bytes / layerBytes) });
  return writeGguf(path, { metadata, tensors: tensors.map(({ name, type, dims }) => ({ name, type, dims })) });
}
