// A GGUF file: metadata and tensors, every claim of the header checked against the file itself.
import { promises as fs } from 'node:fs';
import { DeltaError } from '../../shared/errors.ts';
import { printable, readHeader, type ByteSource, type GgufHeader, type Metadata, type StatedTensor } from './ggufHeader.ts';
import { FAMILIES } from './families.ts';
import { checkPart, otherParts } from './splitFile.ts';
import { TENSOR_TYPES, type TensorType } from './tensorTypes.ts';

const MAX_ELEMENTS = 2 ** 40;
const MAX_ALIGNMENT = 1 << 20;

export interface TensorInfo {
  name: string;
  /** GGUF order: the first dimension is the contiguous one (K of a weight `[N, K]`). */
  shape: number[];
  type: TensorType;
  /** Byte offset in the file; of a model in several files, in all of them end to end. */
  offset: number;
  bytes: number;
}

export interface GgufFile {
  path: string;
  /** Of all parts together. */
  size: number;
  /** The files that the model consists of, end to end; offsets of tensors count from the beginning of the first. */
  parts: { path: string; size: number }[];
  metadata: Metadata;
  tensors: Map<string, TensorInfo>;
}

/** Reads and checks the headers of a model, in one file or several. Throws fileMissing, fileUnreadable, notGguf, ggufTruncated, ggufLimit, tensorTypeUnknown, ggufOtherPart or ggufPartMissing. */
export async function readGguf(path: string): Promise<GgufFile> {
  const first = await readPart(path);
  const parts = [{ path, size: first.size }];
  const tensors = first.tensors;
  let { size } = first;
  const others = otherParts(path, first.metadata);
  for (const [i, other] of others.entries()) {
    const part = await readPart(other);
    checkPart(other, part.metadata, i + 1, others.length + 1);
    for (const [name, tensor] of part.tensors) {
      if (tensors.has(name)) throw new DeltaError('notGguf', other, `the tensor ${printable(name)} is in another part too`);
      tensors.set(name, { ...tensor, offset: tensor.offset + size });
    }
    parts.push({ path: other, size: part.size });
    size += part.size;
  }
  const stated = first.metadata['split.tensors.count'];
  if (others.length > 0 && stated !== undefined && stated !== tensors.size) throw new DeltaError('notGguf', path, `its parts hold ${tensors.size} tensors instead of ${printable(String(stated))}`);
  return { path, size, parts, metadata: first.metadata, tensors };
}

async function readPart(path: string): Promise<Pick<GgufFile, 'size' | 'metadata' | 'tensors'>> {
  const unreadable = (error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new DeltaError('fileMissing', path) : new DeltaError('fileUnreadable', path, error.code ?? error.message);
  };
  const stat = await fs.stat(path).catch(unreadable);
  if (!stat.isFile()) throw new DeltaError('notGguf', path, 'it is not a file');
  const handle = await fs.open(path, 'r').catch(unreadable);
  try {
    const read = async (offset: number, length: number) => {
      const buffer = Buffer.allocUnsafe(length);
      const { bytesRead } = await handle.read(buffer, 0, length, offset).catch(unreadable);
      return buffer.subarray(0, bytesRead);
    };
    return { size: stat.size, ...(await checkGguf({ path, size: stat.size, read })) };
  } finally {
    await handle.close();
  }
}

/** The header of `source`, checked. */
export async function checkGguf(source: ByteSource): Promise<Pick<GgufFile, 'metadata' | 'tensors'>> {
  return checkHeader(source, await readHeader(source));
}

/** A header that was read, held against the size of its file. */
export function checkHeader({ path, size }: Pick<ByteSource, 'path' | 'size'>, { metadata, tensors: stated, length }: GgufHeader): Pick<GgufFile, 'metadata' | 'tensors'> {
  const alignment = metadata['general.alignment'] ?? 32;
  if (typeof alignment !== 'number' || !(alignment >= 1 && alignment <= MAX_ALIGNMENT) || !Number.isInteger(Math.log2(alignment))) {
    throw new DeltaError('ggufLimit', path, `its alignment is ${printable(String(alignment))}`);
  }
  const dataStart = Math.ceil(length / alignment) * alignment;
  const tensors = new Map<string, TensorInfo>();
  const family = String(metadata['general.architecture']);
  const types = [...TENSOR_TYPES, ...((Object.hasOwn(FAMILIES, family) && FAMILIES[family].types) || [])];
  for (const claim of stated) {
    const tensor = checkTensor(path, types, claim, dataStart, alignment, size);
    if (tensors.has(tensor.name)) throw new DeltaError('notGguf', path, `the tensor ${printable(tensor.name)} appears twice`);
    tensors.set(tensor.name, tensor);
  }
  checkOverlap(path, [...tensors.values()]);
  return { metadata, tensors };
}

function checkTensor(path: string, types: readonly TensorType[], { name, shape, type: id, offset: relative }: StatedTensor, dataStart: number, alignment: number, fileSize: number): TensorInfo {
  const type = types.find((t) => t.id === id);
  const known = types.map((t) => t.name).join(', ');
  if (!type) throw new DeltaError('tensorTypeUnknown', printable(name), typeName(id), known);
  const elements = shape.reduce((a, b) => a * b, 1);
  if (!(elements > 0 && elements <= MAX_ELEMENTS)) throw new DeltaError('ggufLimit', path, `the tensor ${printable(name)} has ${elements} elements`);
  if (shape[0] % type.block !== 0) throw new DeltaError('notGguf', path, `the rows of ${printable(name)} are no whole blocks`);
  const bytes = (elements / type.block) * type.bytes + (type.tail ?? 0);
  const offset = dataStart + relative;
  if (relative % alignment !== 0) throw new DeltaError('notGguf', path, `the tensor ${printable(name)} is not aligned`);
  if (!(offset + bytes <= fileSize)) throw new DeltaError('ggufTruncated', path, `the tensor ${printable(name)} ends at byte ${offset + bytes} of ${fileSize}`);
  return { name, shape, type, offset, bytes };
}

/** Tensors that share bytes would let a small file grow into a huge model folder. */
function checkOverlap(path: string, tensors: TensorInfo[]): void {
  tensors.sort((a, b) => a.offset - b.offset);
  for (let i = 1; i < tensors.length; i++) {
    const [before, after] = [tensors[i - 1], tensors[i]];
    if (before.offset + before.bytes > after.offset) throw new DeltaError('notGguf', path, `the tensors ${printable(before.name)} and ${printable(after.name)} overlap`);
  }
}

/** Names of ggml types that we do not read, so that they can be named. */
const OTHER_TYPES: Record<number, string> = {
  9: 'Q8_1', 15: 'Q8_K', 16: 'IQ2_XXS', 17: 'IQ2_XS', 18: 'IQ3_XXS', 19: 'IQ1_S', 21: 'IQ3_S', 22: 'IQ2_S', 29: 'IQ1_M', 36: 'I2_S', 39: 'MXFP4', 40: 'NVFP4', 41: 'Q1_0', 42: 'Q2_0',
};

/** The name of a ggml type, whether we read it or not. */
export const typeName = (id: number): string => TENSOR_TYPES.find((type) => type.id === id)?.name ?? OTHER_TYPES[id] ?? `number ${id}`;
