// GGUF → model folder. Everything is made in a folder beside the target and renamed at the end: a folder is whole or absent.
import { createHash } from 'node:crypto';
import { promises as fs, createReadStream } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DeltaError } from '../../shared/errors.ts';
import { packageRoot } from '../../shared/packageRoot.ts';
import { atOnce, type RunPass } from '../../shared/pass.ts';
import { isAbandoned, partialName } from '../../shared/partialName.ts';
import type { Addon } from '../../binding/addon.ts';
import { Tokenizer } from '../../tokenizer/tokenizer.ts';
import { tokenizerFromMetadata } from '../../tokenizer/fromGguf.ts';
import { damageOf, factsOf, isOurs } from '../folderCheck.ts';
import { FOLDER_FORMAT, flowWidths, type DeltaConfig, type HeadChoice, type LaneConfig, type Manifest } from '../manifest.ts';
import { Forward } from '../forward.ts';
import { DELTA_FILES, deltaTableBytes } from '../stores.ts';
import { readArchitecture, TensorSource, type Architecture } from './architecture.ts';
import { calibrate } from './calibrate.ts';
import { readGguf, type GgufFile } from './gguf.ts';
import { printable } from './ggufHeader.ts';
import { laneCost } from './laneCost.ts';
import { headCandidates, headTensor, onLane, PORTS, precise, writeHead, writeSegment } from './llama.ts';
import { chooseHead, compareLogits, measureHead, rowInvariant } from './probes.ts';
import { readFully, SegmentWriter, writeFully } from './segmentWriter.ts';
import { JoinedFiles, type ByteInput } from './splitFile.ts';
import { FORMATS, type WeightFormat } from './weightFormats.ts';

/** Float models up to this size keep float32 weights; larger ones become 8 bit. */
const FLOAT_PARAMETERS = 300e6;
/** Tokens of sample code for calibration: a pass over them must stay short on a large model. */
const CALIBRATION_TOKENS = { small: 2048, large: 512, smallParameters: 100e6 };
/** Of them, those on which the prefill lane is compared with the precise one. */
const LANE_TOKENS = { small: 1024, large: 256 };
/** Rows of hidden states that head formats are compared on, and logits held for it at most. */
const HEAD_ROWS = 256;
const HEAD_LOGITS = 8e6;
const PREFILL_CHUNK = 64;
/** Sparsity of the modes *balanced* and *compact*, and the coding that docs/delta-format.md settled on. */
const BALANCED = 0.6;
const COMPACT = 0.7;
const DELTA: Omit<DeltaConfig, 'keySparsity' | 'compactSparsity' | 'tokens'> = { reference: 'mean', law: 'uniform', sinks: 4, windowMin: 2, windowMax: 4, windowDivisor: 64 };

/** Raised when graphs, weights or delta tables come out differently. */
export const CONVERTER = 5;
/** How often a running import says that it lives, to those who cannot see its process. */
const HEARTBEAT_MS = 60_000;

/** Changes whenever the same file would be converted to something else: part of the name of a converted model's folder. */
export const CONVERSION = JSON.stringify({ format: FOLDER_FORMAT, converter: CONVERTER, sparsity: [BALANCED, COMPACT], ...DELTA });

export interface ImportOptions {
  addon: Addon;
  threads: number;
  /** What is being done, and how far (0…1). What it throws ends the import, which leaves nothing behind. */
  progress?: (stage: string, share: number) => void;
  /** Runs what takes long, piece by piece: others may be more urgent. Default: at once. */
  pass?: RunPass;
  /** One sentence for the user that is no failure. */
  notice?: (text: string) => void;
}

/** Imports `path` into the folder `out`, replacing nothing but a damaged model folder. Throws a DeltaError; leaves nothing half-made. */
export async function importModel(path: string, out: string, options: ImportOptions): Promise<Manifest> {
  const file = await readGguf(path);
  const arch = readArchitecture(file);
  const tokenizerFiles = tokenizerFromMetadata(file.metadata, path);
  const tokenizer = Tokenizer.fromFiles(tokenizerFiles);
  // As in llama.cpp: a row without a token could be sampled but not written.
  if (tokenizer.size !== arch.shape.vocabulary) throw new DeltaError('metadataInvalid', path, 'tokenizer.ggml.tokens', `${tokenizer.size} tokens but ${arch.shape.vocabulary} embeddings`);

  const partial = join(dirname(resolve(out)), partialName(basename(resolve(out))));
  await prepareFolder(partial, out, file);
  const heartbeat = setInterval(() => {
    const now = new Date();
    fs.utimes(partial, now, now).catch(() => {});
  }, HEARTBEAT_MS);
  try {
    const manifest = await convert(file, arch, partial, options);
    await fs.writeFile(join(partial, 'tokenizer.json'), JSON.stringify(tokenizerFiles));
    await measure(file, arch, partial, manifest, await sampleCode(tokenizer, arch, manifest.parameters), options);
    manifest.files = await factsOf(partial);
    await fs.writeFile(join(partial, 'manifest.json'), JSON.stringify(manifest, undefined, 1), { flush: true });
    await putInPlace(partial, resolve(out));
    return manifest;
  } catch (error) {
    await fs.rm(partial, { recursive: true, force: true });
    throw translate(error as NodeJS.ErrnoException, out);
  } finally {
    clearInterval(heartbeat);
  }
}

/** Names the finished folder. Where another process was faster its folder is as good as ours; a damaged one gives way. */
async function putInPlace(partial: string, out: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fs.rename(partial, out);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (attempt === MOST_ATTEMPTS || !IN_THE_WAY.includes(String(code)) || !(await isOurs(out))) throw error;
    }
    if ((await damageOf(out)) === undefined) return fs.rm(partial, { recursive: true, force: true });
    const aside = join(dirname(out), partialName(basename(out)));
    await fs.rename(out, aside).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error; // another import moved it
    });
    await fs.rm(aside, { recursive: true, force: true });
  }
}

/** Makes the partial folder after removing what dead imports left, and checks that the disk has room. */
async function prepareFolder(partial: string, out: string, file: GgufFile): Promise<void> {
  const parent = dirname(partial);
  try {
    await makeFolder(parent);
    const stem = basename(partial).split('.partial-')[0];
    for (const name of await fs.readdir(parent)) {
      if (!name.startsWith(`${stem}.partial-`)) continue;
      const stat = await fs.stat(join(parent, name)).catch(() => undefined);
      if (stat && isAbandoned(name, stat.mtimeMs)) await fs.rm(join(parent, name), { recursive: true, force: true });
    }
    await makeFolder(join(partial, 'segments'));
  } catch (error) {
    throw translate(error as NodeJS.ErrnoException, out);
  }
  const { bavail, bsize } = await fs.statfs(partial);
  const needed = [...file.tensors.values()].reduce((n, t) => n + largestBytes(t.bytes, t.type.name) + t.shape.reduce((a, b) => a * b, 1), 0);
  if (bavail * bsize < needed) {
    await fs.rm(partial, { recursive: true, force: true });
    throw new DeltaError('diskFull', out, readable(needed), readable(bavail * bsize));
  }
}

/** As `mkdir` with `recursive`, which never returns for a folder in /proc. */
async function makeFolder(path: string): Promise<void> {
  const stat = await fs.stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' || dirname(path) === path) throw error;
  });
  if (stat?.isDirectory()) return;
  if (stat) throw Object.assign(new Error('a file is in the way'), { code: 'ENOTDIR' });
  await makeFolder(dirname(path));
  await fs.mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error; // another import made it
  });
}

/** Float16 may become float32; quantised types grow by their wider scales. The prefill lane takes a byte a weight besides. */
const largestBytes = (bytes: number, type: string) => (type === 'F16' || type === 'BF16' ? 2 * bytes : 1.3 * bytes);
const readable = (bytes: number) => (bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`);

/** What a rename says when a folder has the name already (EPERM and EACCES: on Windows). */
const IN_THE_WAY = ['ENOTEMPTY', 'EEXIST', 'EPERM', 'EACCES'];
const MOST_ATTEMPTS = 4;

/** ENOENT: a folder that nothing can be made in, or one that somebody removed meanwhile. */
const NOT_WRITABLE = ['EACCES', 'EROFS', 'EPERM', 'ENOTDIR', 'ENOENT', 'ENAMETOOLONG', 'ENOTEMPTY', 'EEXIST', 'EISDIR'];

function translate(error: NodeJS.ErrnoException, out: string): Error {
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') return new DeltaError('diskFull', out, 'more room', '0 bytes');
  if (error.code && NOT_WRITABLE.includes(error.code)) return new DeltaError('folderNotWritable', out, error.code);
  return error;
}

/** Writes graphs, weights and embedding; the manifest still lacks what is measured. */
async function convert(file: GgufFile, arch: Architecture, folder: string, { progress = () => {}, pass = atOnce }: ImportOptions): Promise<Manifest> {
  const { shape } = arch;
  const source = new TensorSource(file);
  const parameters = [...file.tensors.values()].reduce((n, t) => n + t.shape.reduce((a, b) => a * b, 1), 0);
  const floatAs = parameters <= FLOAT_PARAMETERS || [shape.hidden, shape.feedForward, shape.heads * shape.valueLength].some((columns) => columns % 32 !== 0) ? 'f32' : 'q8b32';
  const sha256 = await hashFile(file, (share) => progress('checking', share));

  const input = await JoinedFiles.open(file.parts);
  try {
    if (source.has('rope_freqs.weight')) arch.rope.factors = await readVector(input, source, 'rope_freqs.weight', arch.rope.rotated / 2);
    let done = 0;
    const total = file.size + laneSourceBytes(file);
    const converted = (bytes: number) => progress('converting', Math.min(1, (done += bytes) / total));
    const open = (name: string) => SegmentWriter.open(folder, name, input, converted);
    const segments: string[] = [];
    let bytes = 0;
    for (let i = 0; i <= shape.layers; i++) {
      const segment = await pass(() => writeSegment(open, segmentName('segment', i), i, arch, source, precise(floatAs)));
      segments.push(segment.name);
      bytes += segment.bytes;
    }
    const lane: LaneConfig = { files: [], bytes: 0, rowInvariant: false, cost: { positions: 0, preciseLoss: 0, loss: 0, kl: 0, top1: 0, layers: [] } };
    for (let i = 0; i < shape.layers; i++) {
      const segment = await pass(() => writeSegment(open, segmentName('lane', i), i, arch, source, onLane));
      lane.files.push(segment.name);
      lane.bytes += segment.bytes;
    }
    const [lossless] = headCandidates(headTensor(arch, source), shape.hidden);
    bytes += await pass(() => writeHead(open, headName(lossless.name), arch, source, lossless));
    const embedding = source.take('token_embd.weight', shape.vocabulary, shape.hidden);
    await copyRange(input, embedding.offset, embedding.bytes, join(folder, 'embedding.bin'));
    source.finish();
    return {
      format: FOLDER_FORMAT,
      name: printable(String(file.metadata['general.name'] ?? basename(file.path, '.gguf'))),
      architecture: 'llama',
      source: { file: basename(file.path), bytes: file.size, sha256 },
      parameters, shape, normEpsilon: arch.normEpsilon, rope: arch.rope,
      embedding: { file: 'embedding.bin', type: embedding.type.name },
      segments,
      head: { file: `${headName(lossless.name)}.onnx`, format: lossless.name, table: [] },
      bitsPerWeight: (8 * bytes) / (parameters - (source.has('output.weight') ? shape.vocabulary * shape.hidden : 0)),
      rowInvariant: false,
      delta: { ...DELTA, keySparsity: [], compactSparsity: [], tokens: 0 },
      lane,
      converter: CONVERTER,
    };
  } finally {
    await input.close();
  }
}

/** Fills in what is measured: row invariance, delta tables, the head's format. */
async function measure(file: GgufFile, arch: Architecture, folder: string, manifest: Manifest, sample: number[], options: ImportOptions): Promise<void> {
  const { progress = () => {}, threads, addon, pass = atOnce } = options;
  const { shape } = arch;
  const flow = flowWidths(shape);
  progress('measuring', 0);
  const between = { [PORTS.attention]: flow.attention, [PORTS.residual]: shape.hidden };
  const lane = manifest.lane!;
  const isInvariant: typeof rowInvariant = (...probe) => pass(() => rowInvariant(...probe));
  const invariant = async (files: string[]) => (await isInvariant(folder, files[0], { [PORTS.embedding]: shape.hidden }, { [PORTS.qkv]: flow.qkv }, threads))
    && (shape.layers === 1 || (await isInvariant(folder, files[1], between, { [PORTS.qkv]: flow.qkv, [PORTS.residualOut]: shape.hidden }, threads)));
  manifest.rowInvariant = (await invariant(manifest.segments)) && (await isInvariant(folder, manifest.segments[shape.layers], between, { [PORTS.residualOut]: shape.hidden }, threads));
  lane.rowInvariant = await invariant(lane.files);

  // Until the lane is measured, the folder is one without.
  await fs.writeFile(join(folder, 'manifest.json'), JSON.stringify({ ...manifest, lane: undefined }));
  // What converting took and freed goes back to the system before the weights come.
  addon.keepFreedMemory(0);
  const forward = await Forward.load(folder, threads, PREFILL_CHUNK, undefined, undefined, pass);
  let measured: Awaited<ReturnType<typeof calibrate>>;
  try {
    measured = await calibrate(forward, addon, sample, [BALANCED, COMPACT], (share) => progress('calibrating', share), pass);
  } finally {
    await forward.release();
  }
  const [balanced, compact] = measured.calibrations;
  await fs.writeFile(join(folder, DELTA_FILES.delta), deltaTableBytes(balanced.tables));
  await fs.writeFile(join(folder, DELTA_FILES.compact), deltaTableBytes(compact.tables));
  manifest.delta = { ...DELTA, keySparsity: balanced.keySparsity, compactSparsity: compact.keySparsity, tokens: sample.length };
  await chooseHeadFormat(file, arch, folder, manifest, measured.hidden, options);
  progress('comparing the prefill lane', 0);
  const tokens = sample.slice(0, manifest.parameters <= CALIBRATION_TOKENS.smallParameters ? LANE_TOKENS.small : LANE_TOKENS.large);
  lane.cost = await laneCost(folder, manifest, lane.files, addon, tokens, measured.hidden, threads, pass);
}

async function chooseHeadFormat(file: GgufFile, arch: Architecture, folder: string, manifest: Manifest, hidden: Float32Array, { threads, progress = () => {}, pass = atOnce }: ImportOptions): Promise<void> {
  const { shape } = arch;
  const source = new TensorSource(file);
  const candidates = headCandidates(headTensor(arch, source), shape.hidden);
  // A single candidate has nothing to be compared with: only its time is taken.
  const count = candidates.length === 1 ? 8 : Math.min(HEAD_ROWS, Math.ceil(HEAD_LOGITS / shape.vocabulary));
  const rows = hidden.subarray(0, count * shape.hidden);
  const input = await JoinedFiles.open(file.parts);
  try {
    let lossless: Float32Array | undefined;
    for (const [i, format] of candidates.entries()) {
      progress('choosing a head', i / candidates.length);
      const name = headName(format.name);
      if (i > 0) await pass(() => writeHead((n) => SegmentWriter.open(folder, n, input, () => {}), name, arch, source, format));
      const { logits, ms, megabytes } = await pass(() => measureHead(folder, name, rows, shape.hidden, shape.vocabulary, threads));
      lossless ??= logits;
      const row: HeadChoice = { format: format.name, megabytes, ms, ...compareLogits(lossless, logits, shape.vocabulary) };
      manifest.head.table.push(row);
    }
  } finally {
    await input.close();
  }
  manifest.head.format = chooseHead(manifest.head.table);
  manifest.head.file = `${headName(manifest.head.format)}.onnx`;
  for (const { name } of candidates) {
    if (name === manifest.head.format) continue;
    for (const end of ['onnx', 'bin']) await fs.rm(join(folder, `${headName(name)}.${end}`));
  }
}

const segmentName = (kind: 'segment' | 'lane', i: number) => `segments/${kind}-${String(i).padStart(2, '0')}`;
/** What is read once more for the prefill lane. */
const laneSourceBytes = (file: GgufFile) => [...file.tensors].reduce((n, [name, tensor]) => n + (name.startsWith('blk.') ? tensor.bytes : 0), 0);

const headName = (format: WeightFormat['name']) => `segments/head-${FORMATS[format].name}`;

/** Sample code of our own, as tokens: enough of it, repeated where it is too short. */
async function sampleCode(tokenizer: Tokenizer, arch: Architecture, parameters: number): Promise<number[]> {
  const wanted = Math.min(arch.shape.context, parameters <= CALIBRATION_TOKENS.smallParameters ? CALIBRATION_TOKENS.small : CALIBRATION_TOKENS.large);
  const folder = join(packageRoot(), 'models/calibration');
  const ids: number[] = [];
  for (const name of (await fs.readdir(folder)).sort()) ids.push(...tokenizer.encode(await fs.readFile(join(folder, name), 'utf8')));
  while (ids.length < wanted) ids.push(...ids);
  return ids.slice(0, wanted);
}

async function readVector(input: ByteInput, source: TensorSource, name: string, length: number): Promise<number[]> {
  const tensor = source.take(name, 1, length);
  const bytes = Buffer.alloc(tensor.bytes);
  await readFully(input, bytes, tensor.offset);
  const values = new Float32Array(length);
  tensor.type.dequantize(bytes, length, values, 0);
  if (!values.every((v) => Number.isFinite(v) && v > 0)) throw new DeltaError('metadataInvalid', source.file.path, name, 'a factor is not positive');
  return [...values];
}

async function hashFile(file: GgufFile, progress: (share: number) => void): Promise<string> {
  const hash = createHash('sha256');
  let done = 0;
  for (const { path } of file.parts) {
    for await (const piece of createReadStream(path, { highWaterMark: 4 << 20 })) {
      hash.update(piece as Buffer);
      progress((done += (piece as Buffer).length) / file.size);
    }
  }
  return hash.digest('hex');
}

async function copyRange(input: ByteInput, offset: number, length: number, to: string): Promise<void> {
  const output = await fs.open(to, 'w');
  try {
    const buffer = Buffer.alloc(Math.min(length, 4 << 20));
    for (let done = 0; done < length; ) {
      const piece = buffer.subarray(0, Math.min(buffer.length, length - done));
      await readFully(input, piece, offset + done);
      await writeFully(output, piece, done);
      done += piece.length;
    }
  } finally {
    await output.close();
  }
}
