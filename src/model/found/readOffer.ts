// One model file, read as far as its header goes: what it is, and whether it runs here.
import { createHash } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { basename } from 'node:path';
import { asDeltaError, DeltaError, type ErrorCode } from '../../shared/errors.ts';
import { readArchitecture } from '../format/architecture.ts';
import { checkHeader, readGguf, type GgufFile } from '../format/gguf.ts';
import { readHeader, type ByteSource, type GgufHeader } from '../format/ggufHeader.ts';
import { describe, type Description, type KnownAs } from './describe.ts';
import { checkFit, needsOf, type Needs, type Plan } from './fit.ts';
import { READ_WITHOUT_WAITING } from './folders.ts';
import { nameOf, visible } from './names.ts';
import { describeOnnx } from './onnxOffer.ts';
import { isGraph } from '../onnx/onnxFiles.ts';
import { canFill, checkVocabulary } from './vocabulary.ts';

export interface FoundModel extends Omit<Description, 'isLanguageModel'> {
  /** The same whenever and by whatever way the file is found. */
  id: string;
  path: string;
  /** The program that keeps it; '' for a file that the user chose. */
  program: string;
  /** Of the file; of a model in several files, of all that were read. */
  bytes: number;
  /** Whether it can complete at a cursor; false where it is refused. */
  fim: boolean;
  /** Texts that end an answer by the settings of its program, besides the model's own tokens. */
  stop: string[];
  /** What it takes in memory; null where that cannot be told. */
  needs: Needs | null;
  /** Why it cannot be used, as the catalogue of errors has it. */
  refused: { code: ErrorCode; args: unknown[] } | null;
}

const MAGIC = 'GGUF';
/** Bytes that are read and parsed at a time: whoever shares the thread gets its turn in between. */
const MAX_READ = 1 << 17;

/** What is known of a file besides what it says. */
export interface Origin extends Omit<KnownAs, 'hints'> {
  program?: string;
  hint?: string;
  stop?: string[];
}

/** A file's description as far as its header could be read, and whether it is a language model as far as can be told. */
export interface Offer {
  model: FoundModel;
  /** True: no GGUF file, or no language model: nothing to offer. */
  foreign: boolean;
}

/** Reads the header of a file. Never throws: what is wrong with it is in `refused`. `available`: bytes of memory that are free. */
export async function readOffer(path: string, available: number, origin: Origin = {}, plan?: Plan): Promise<FoundModel> {
  return (await offerAt(path, available, origin, plan)).model;
}

/** As `readOffer`, for a search, which leaves out what is no language model. */
export async function offerAt(path: string, available: number, origin: Origin = {}, plan?: Plan): Promise<Offer> {
  const real = await fs.realpath(path).catch(() => path);
  // Messages show paths: what is in them must not break a line or turn it around.
  const shown = visible(path);
  if (isGraph(path)) return offerOfGraph(path, real, available, origin, plan);
  let handle: fs.FileHandle | undefined;
  try {
    handle = await fs.open(path, READ_WITHOUT_WAITING).catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'ENOENT' ? new DeltaError('fileMissing', shown) : new DeltaError('fileUnreadable', shown, String(error.code));
    });
    const stat = await handle.stat();
    if (!stat.isFile()) throw new DeltaError('notGguf', shown, 'it is not a file');
    return await offerFrom({ path: shown, size: stat.size, read: (offset, length) => readAt(handle!, offset, length, shown) }, path, real, available, origin, plan);
  } catch (thrown) {
    return { model: refuse(blank(path, real, 0, origin), thrown), foreign: true };
  } finally {
    await handle?.close();
  }
}

/** The offer of a folder for ONNX Runtime. */
async function offerOfGraph(path: string, real: string, available: number, origin: Origin, plan: Plan | undefined): Promise<Offer> {
  const model = blank(path, real, 0, origin);
  let foreign = true;
  try {
    const { isLanguageModel, name, architecture, bytes, quantisation, chat, fim, shape } = await describeOnnx(path);
    Object.assign(model, { name: nameOf(origin.name, name, origin.hint), architecture, bytes, quantisation, chat, fim, context: shape?.context ?? null });
    if (!isLanguageModel) throw new DeltaError('onnxFolderInvalid', visible(path), 'nothing says that it writes text');
    foreign = false;
    if (shape) {
      model.needs = needsOf(bytes, shape, plan);
      checkFit(model.name, model.needs, available);
    }
    return { model, foreign };
  } catch (thrown) {
    return { model: refuse(model, thrown), foreign };
  }
}

/** The offer that the bytes of a file make; no byte behind the header is asked for, beyond the piece in which it ends. */
export async function offerFrom(source: ByteSource, path: string, real: string, available: number, origin: Origin = {}, plan?: Plan): Promise<Offer> {
  const model = blank(path, real, source.size, origin);
  let foreign = true;
  try {
    foreign = Buffer.from(await source.read(0, MAGIC.length)).toString('latin1') !== MAGIC;
    const header = await readHeader(source);
    const { isLanguageModel, ...description } = describe(header, { name: origin.name, hints: [origin.hint, stem(path)] });
    Object.assign(model, description);
    foreign = !isLanguageModel;
    await judge(model, source, header, available, plan);
    return { model, foreign };
  } catch (thrown) {
    return { model: refuse(model, thrown), foreign };
  }
}

/** Everything that loading would refuse, as far as a header shows it. Throws what loading would throw. */
async function judge(model: FoundModel, source: ByteSource, header: GgufHeader, available: number, plan: Plan | undefined): Promise<void> {
  const parts = Number(header.metadata['split.count'] ?? 1);
  // Whether the other files are there and can be used is to be said when it is loaded.
  const whole = parts > 1 ? await readGguf(model.path) : undefined;
  const stated = Number(header.metadata['split.tensors.count'] ?? 0);
  if (whole && whole.tensors.size < stated) throw new DeltaError('notGguf', source.path, `it holds ${whole.tensors.size} of the ${stated} tensors of a model in ${parts} files`);

  const file = whole ?? ({ path: source.path, size: source.size, metadata: header.metadata, tensors: new Map() } as GgufFile);
  if (!whole) {
    checkArchitecture(file);
    file.tensors = checkHeader(source, header).tensors;
  }
  const { shape } = readArchitecture(file);
  model.bytes = file.size;
  checkVocabulary(file.metadata, source.path);
  model.needs = needsOf([...file.tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0), shape, plan);
  checkFit(model.name, model.needs, available);
  model.fim = canFill(file.metadata);
}

/** An unknown architecture says more than the tensor types that come with it. Throws architectureUnknown. */
function checkArchitecture(file: GgufFile): void {
  try {
    readArchitecture(file);
  } catch (error) {
    if (asDeltaError(error).code === 'architectureUnknown') throw error; // anything else is for want of tensors
  }
}

const stem = (path: string): string => basename(path).replace(/\.gguf$/i, '');
const idOf = (real: string): string => createHash('sha256').update(real).digest('hex').slice(0, 16);

function blank(path: string, real: string, bytes: number, { program = '', name, hint, stop = [] }: Origin): FoundModel {
  return { id: idOf(real), path, program, name: nameOf(name, hint, stem(path)), architecture: '', parameters: null, quantisation: '', bytes, context: null, chat: false, fim: false, stop, needs: null, refused: null };
}

function refuse(model: FoundModel, thrown: unknown): FoundModel {
  const { code, args } = asDeltaError(thrown);
  return { ...model, fim: false, refused: { code, args: [...args] } };
}

async function readAt(handle: fs.FileHandle, offset: number, length: number, shown: string): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafe(Math.min(length, MAX_READ));
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset).catch((error: NodeJS.ErrnoException) => {
    throw new DeltaError('fileUnreadable', shown, String(error.code));
  });
  return buffer.subarray(0, bytesRead);
}
