// What a model file is, from its header alone, and whether it can run here.
import { createHash } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { basename } from 'node:path';
import { asDeltaError, DeltaError, type ErrorCode } from '../../shared/errors.ts';
import { hasTemplate } from '../../chat/template.ts';
import { tokenizerFromMetadata } from '../../tokenizer/fromGguf.ts';
import { readArchitecture } from '../import/architecture.ts';
import { readGguf } from '../import/gguf.ts';
import { printable, readHeader, type GgufHeader, type Metadata } from '../import/ggufHeader.ts';

export interface FoundModel {
  /** The same for the same file. */
  id: string;
  path: string;
  /** The program that keeps it; "" for a file that the user chose. */
  program: string;
  name: string;
  architecture: string;
  /** Null where the header does not say. */
  parameters: number | null;
  /** "Q4_K_M", as far as the file says. */
  quantisation: string;
  bytes: number;
  context: number | null;
  /** Whether it was made to converse. */
  chat: boolean;
  /** Why it cannot be used, as the catalogue of errors has it. */
  refused: { code: ErrorCode; args: unknown[] } | null;
}

/** What a model takes besides its file: weights grow by wider scales, and there are activations. */
const GROWTH = 1.1;
const BESIDES_BYTES = 300e6;
/** Tokens whose keys and values must fit besides. */
const CONTEXT = 8192;
/** `general.file_type` of the formats that are in use. */
const FILE_TYPES: Readonly<Record<number, string>> = {
  0: 'F32', 1: 'F16', 2: 'Q4_0', 3: 'Q4_1', 7: 'Q8_0', 8: 'Q5_0', 9: 'Q5_1', 10: 'Q2_K', 11: 'Q3_K_S', 12: 'Q3_K_M', 13: 'Q3_K_L', 14: 'Q4_K_S', 15: 'Q4_K_M',
  16: 'Q5_K_S', 17: 'Q5_K_M', 18: 'Q6_K', 25: 'IQ4_NL', 30: 'IQ4_XS', 32: 'BF16', 36: 'TQ1_0', 37: 'TQ2_0',
};
/** They answer with vectors, or belong to another model. */
const NO_LANGUAGE_MODEL = /^(clip|bert|nomic-bert|jina-bert-v\d|t5encoder|mmproj)/;

/** Reads the header of a file. Never throws: what is wrong with it is in `refused`. Null for what is no language model at all. */
export async function readOffer(path: string, available: number, program = '', knownAs?: string): Promise<FoundModel> {
  const model: FoundModel = {
    id: idOf(path), path, program, name: knownAs ?? basename(path).replace(/\.gguf$/i, ''), architecture: '', parameters: null, quantisation: '', bytes: 0, context: null, chat: false, refused: null,
  };
  try {
    const stat = await fs.stat(path).catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'ENOENT' ? new DeltaError('fileMissing', path) : new DeltaError('fileUnreadable', path, String(error.code));
    });
    if (!stat.isFile()) throw new DeltaError('notGguf', path, 'it is not a file');
    model.bytes = stat.size;
    const header = await headerOf(path, stat.size);
    describe(model, header, knownAs);
    await check(model, available);
  } catch (thrown) {
    const { code, args } = asDeltaError(thrown);
    model.refused = { code, args: [...args] };
  }
  return model;
}

/** Whether it is one that writes text. */
export const isLanguageModel = ({ architecture }: Pick<FoundModel, 'architecture'>): boolean => architecture !== '' && !NO_LANGUAGE_MODEL.test(architecture);

async function headerOf(path: string, size: number): Promise<GgufHeader> {
  const handle = await fs.open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw new DeltaError('fileUnreadable', path, String(error.code));
  });
  try {
    return await readHeader({
      path, size,
      read: async (offset, length) => {
        const buffer = Buffer.allocUnsafe(length);
        const { bytesRead } = await handle.read(buffer, 0, length, offset);
        return buffer.subarray(0, bytesRead);
      },
    });
  } finally {
    await handle.close();
  }
}

function describe(model: FoundModel, { metadata, tensors }: GgufHeader, knownAs: string | undefined): void {
  const text = (key: string) => (typeof metadata[key] === 'string' ? printable(metadata[key]) : undefined);
  const architecture = text('general.architecture') ?? '';
  const type = text('general.type');
  model.architecture = type === 'adapter' || type === 'mmproj' || type === 'imatrix' ? 'mmproj' : architecture;
  model.name = knownAs ?? text('general.name') ?? model.name;
  model.quantisation = FILE_TYPES[Number(metadata['general.file_type'])] ?? '';
  const count = tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  model.parameters = count > 0 && Number.isFinite(count) ? count : null;
  const context = Number(metadata[`${architecture}.context_length`]);
  model.context = Number.isSafeInteger(context) && context > 0 ? context : null;
  const template = metadata['tokenizer.chat_template'];
  model.chat = hasTemplate(typeof template === 'string' ? template : undefined, architecture);
}

/** Everything that loading would refuse, found out without reading a weight. */
async function check(model: FoundModel, available: number): Promise<void> {
  const file = await readGguf(model.path);
  const { shape } = readArchitecture(file);
  tokenizerFromMetadata(file.metadata as Metadata, model.path);
  const keysAndValues = shape.layers * shape.kvHeads * (shape.keyLength + shape.valueLength) * Math.min(shape.context, CONTEXT);
  const needed = model.bytes * GROWTH + keysAndValues + BESIDES_BYTES;
  if (needed > available) throw new DeltaError('modelTooLarge', model.name, gigabytes(needed), gigabytes(available));
}

const idOf = (path: string): string => createHash('sha256').update(path).digest('hex').slice(0, 16);
const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
