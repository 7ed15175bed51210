// Reads the header of a GGUF file (spec: ggml/docs/gguf.md), piece by piece, trusting nothing: every count and length is held against a limit
// and against the bytes that are left. Written by hand because @huggingface/gguf 0.4.6 pads a short file with zeros and cuts a string that
// straddles its 2 MB chunks without a word; that library remains the independent reader of the tests.
import { DeltaError } from '../../shared/errors.ts';

/** Where bytes come from; `read` may give fewer than asked for, none at the end. */
export interface ByteSource {
  /** For messages. */
  path: string;
  size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Limits on an untrusted file; each is far above any real model. */
const MAX_TENSORS = 20_000; // LLaMA-405B has 1 138
const MAX_KEYS = 10_000; // real files have 20 to 60
const MAX_HEADER_BYTES = 128 << 20; // Gemma's 262 144 tokens take 6 MB
const MAX_STRING_BYTES = 4 << 20; // chat templates reach 20 kB
const MAX_KEY_BYTES = 65_535; // the specification's
const MAX_NAME_BYTES = 1_024; // the specification says 64
const MAX_ARRAY_VALUES = 8 << 20; // in all arrays together; LLaMA-3 has 0.7 million
const MAX_DIMENSIONS = 4; // GGML_MAX_DIMS

export type MetadataScalar = number | bigint | boolean | string;
export type Metadata = Record<string, MetadataScalar | MetadataScalar[]>;

/** A tensor as the header states it; nothing of it is checked but the number of dimensions. */
export interface StatedTensor {
  name: string;
  shape: number[];
  /** ggml_type */
  type: number;
  /** From the beginning of the data. */
  offset: number;
}

export interface GgufHeader {
  metadata: Metadata;
  tensors: StatedTensor[];
  /** Bytes of the header, before padding. */
  length: number;
}

const enum Value { u8, i8, u16, i16, u32, i32, f32, bool, string, array, u64, i64, f64 }
/** Bytes of a value of each type, at least. */
const LEAST_BYTES = [1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8];

/** Reads the header. Throws notGguf, ggufTruncated or ggufLimit. */
export async function readHeader(source: ByteSource): Promise<GgufHeader> {
  const { path } = source;
  const cursor = new Cursor(source);
  await checkPreamble(source);
  await cursor.need(24, 'its header');
  cursor.skip(8);
  const tensorCount = cursor.count();
  const keyCount = cursor.count();
  if (tensorCount > MAX_TENSORS) throw new DeltaError('ggufLimit', path, `it claims ${tensorCount} tensors`);
  if (keyCount > MAX_KEYS) throw new DeltaError('ggufLimit', path, `it claims ${keyCount} metadata keys`);

  const metadata = Object.create(null) as Metadata; // "__proto__" is a possible key
  const arrays = { left: MAX_ARRAY_VALUES };
  for (let i = 0; i < keyCount; i++) {
    const key = await cursor.string(MAX_KEY_BYTES, 'a metadata key');
    if (key in metadata) throw new DeltaError('notGguf', path, `the metadata key ${printable(key)} appears twice`);
    await cursor.need(4, `the type of ${printable(key)}`);
    metadata[key] = await readValue(cursor, cursor.u32(), key, arrays);
  }

  const tensors: StatedTensor[] = [];
  for (let i = 0; i < tensorCount; i++) {
    const name = await cursor.string(MAX_NAME_BYTES, 'the name of a tensor');
    await cursor.need(4, `the tensor ${printable(name)}`);
    const dimensions = cursor.u32();
    if (dimensions < 1 || dimensions > MAX_DIMENSIONS) throw new DeltaError('ggufLimit', path, `the tensor ${printable(name)} has ${dimensions} dimensions`);
    await cursor.need(8 * dimensions + 12, `the tensor ${printable(name)}`);
    const shape = Array.from({ length: dimensions }, () => cursor.count());
    tensors.push({ name, shape, type: cursor.u32(), offset: cursor.count() });
  }
  return { metadata, tensors, length: cursor.position };
}

/** Magic and version. */
async function checkPreamble({ path, size, read }: ByteSource): Promise<void> {
  const bytes = await read(0, 8);
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (head.toString('latin1', 0, 4) !== 'GGUF') throw new DeltaError('notGguf', path, 'it does not begin with GGUF');
  if (head.length < 8 || size < 24) throw new DeltaError('ggufTruncated', path, 'its header ends too early');
  const version = head.readUInt32LE(4);
  if (version !== 2 && version !== 3) throw new DeltaError('notGguf', path, version > 0 && version % (1 << 24) === 0 ? 'it is big-endian' : `version ${version} is neither 2 nor 3`);
}

async function readValue(cursor: Cursor, type: number, key: string, arrays: { left: number }): Promise<Metadata[string]> {
  const { path } = cursor.source;
  const where = `the value of ${printable(key)}`;
  if (type === Value.string) return cursor.string(MAX_STRING_BYTES, where);
  if (type !== Value.array) {
    if (type >= LEAST_BYTES.length) throw new DeltaError('notGguf', path, `${where} has the unknown type ${type}`);
    await cursor.need(LEAST_BYTES[type], where);
    return cursor.scalar(type);
  }
  await cursor.need(12, where);
  const element = cursor.u32();
  const length = cursor.count();
  if (element >= LEAST_BYTES.length) throw new DeltaError('notGguf', path, `${where} has the unknown type ${element}`);
  if (element === Value.array) throw new DeltaError('notGguf', path, `${where} holds arrays in an array`);
  if (length > arrays.left) throw new DeltaError('ggufLimit', path, `${where} has ${length} entries`);
  if (length * LEAST_BYTES[element] > cursor.left) throw new DeltaError('ggufTruncated', path, `${where} has ${length} entries`);
  arrays.left -= length;
  const values: MetadataScalar[] = [];
  for (let i = 0; i < length; i++) {
    if (element === Value.string) {
      // The common case without a promise per entry.
      values.push(cursor.bufferedString() ?? (await cursor.string(MAX_STRING_BYTES, where)));
    } else {
      if (!cursor.has(LEAST_BYTES[element])) await cursor.need(LEAST_BYTES[element], where);
      values.push(cursor.scalar(element));
    }
  }
  return values;
}

const PIECE_BYTES = 1 << 20;

/** Reads forward through a source, holding one piece of it. */
class Cursor {
  private piece = Buffer.alloc(0);
  private at = 0;
  /** File offset of the piece's end. */
  private end = 0;

  constructor(readonly source: ByteSource) {}

  get position(): number {
    return this.end - this.piece.length + this.at;
  }

  /** Bytes that the header may still have. */
  get left(): number {
    return Math.min(this.source.size, MAX_HEADER_BYTES) - this.position;
  }

  has(bytes: number): boolean {
    return this.at + bytes <= this.piece.length;
  }

  /** Makes sure that `bytes` can be read without waiting. */
  async need(bytes: number, what: string): Promise<void> {
    if (this.has(bytes)) return;
    const { source } = this;
    if (this.position + bytes > source.size) throw new DeltaError('ggufTruncated', source.path, `it ends in ${what}`);
    if (bytes > this.left) throw new DeltaError('ggufLimit', source.path, `its header is longer than ${MAX_HEADER_BYTES} bytes`);
    const pieces: Uint8Array[] = [this.piece.subarray(this.at)];
    for (let got = pieces[0].length; got < bytes; ) {
      const more = await source.read(this.end, Math.min(Math.max(PIECE_BYTES, bytes - got), source.size - this.end));
      if (more.length === 0) throw new DeltaError('ggufTruncated', source.path, `it ends in ${what}`);
      pieces.push(more);
      got += more.length;
      this.end += more.length;
    }
    this.piece = Buffer.concat(pieces);
    this.at = 0;
  }

  skip(bytes: number): void {
    this.at += bytes;
  }

  u32(): number {
    this.at += 4;
    return this.piece.readUInt32LE(this.at - 4);
  }

  /** A 64-bit count; beyond 2⁵³ it is only roughly right, and beyond every limit. */
  count(): number {
    this.at += 8;
    return this.piece.readUInt32LE(this.at - 8) + this.piece.readUInt32LE(this.at - 4) * 2 ** 32;
  }

  async string(most: number, what: string): Promise<string> {
    await this.need(8, what);
    const length = this.count();
    if (length > most) throw new DeltaError('ggufLimit', this.source.path, `${what} is ${length} bytes long`);
    await this.need(length, what);
    return this.text(length);
  }

  /** The next string, when all of it is at hand. */
  bufferedString(): string | undefined {
    if (!this.has(8)) return undefined;
    const length = this.count();
    if (this.has(length)) return this.text(length);
    this.at -= 8;
    return undefined;
  }

  private text(length: number): string {
    this.at += length;
    return this.piece.toString('utf8', this.at - length, this.at);
  }

  scalar(type: number): MetadataScalar {
    const { piece, at } = this;
    this.at += LEAST_BYTES[type];
    switch (type) {
      case Value.u8: return piece.readUInt8(at);
      case Value.i8: return piece.readInt8(at);
      case Value.u16: return piece.readUInt16LE(at);
      case Value.i16: return piece.readInt16LE(at);
      case Value.u32: return piece.readUInt32LE(at);
      case Value.i32: return piece.readInt32LE(at);
      case Value.f32: return piece.readFloatLE(at);
      case Value.f64: return piece.readDoubleLE(at);
      case Value.bool: return piece.readUInt8(at) !== 0;
      case Value.u64: return narrow(piece.readBigUInt64LE(at));
      default: return narrow(piece.readBigInt64LE(at));
    }
  }
}

const narrow = (value: bigint): number | bigint => (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value);

/** Text from an untrusted file, for a message: short, one line. */
export const printable = (text: string): string => JSON.stringify(text.slice(0, 80)).slice(1, -1);
