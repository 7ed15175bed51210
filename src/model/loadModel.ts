// From a path to a model that is ready to run: its GGUF is read as it is, and what was measured of it is read too, or measured now and kept.
import { basename, relative, resolve } from 'node:path';
import { DeltaError } from '../shared/errors.ts';
import { atOnce, type RunPass } from '../shared/pass.ts';
import type { Addon, DeltaTables } from '../binding/addon.ts';
import { tokenizerFromMetadata } from '../tokenizer/fromGguf.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';
import { Forward } from './forward.ts';
import { readArchitecture, TensorSource, type Architecture } from './import/architecture.ts';
import { readGguf, type GgufFile } from './import/gguf.ts';
import { printable } from './import/ggufHeader.ts';
import { locate, modelShelf, type ModelFiles } from './library.ts';
import { FOLDER_FORMAT, type Manifest } from './manifest.ts';
import { measure } from './measure/measure.ts';
import { CODING, METHOD_NUMBER } from './measure/method.ts';
import { isThere, readMeasured, writeMeasured, type Measured } from './measured.ts';
import { nativeDecoder } from './run/nativeDecoder.ts';
import { NativeEmbedding } from './run/nativeEmbedding.ts';
import { markUsed, tidy } from './shelf.ts';
import type { Mode } from './stores.ts';

/** Rows of a pass that reads: bounds how long a cancellation waits, one segment of so many rows. */
export const PREFILL_CHUNK = 64;

export interface LoadModelOptions {
  addon: Addon;
  chunk?: number;
  /** What is being done, and how far (0…1). What it throws ends the load, which leaves nothing behind. */
  progress?: (stage: string, share: number) => void;
  /** Runs what takes long, piece by piece: others may be more urgent. Default: at once. */
  pass?: RunPass;
  /** One sentence for the user that is no failure. */
  notice?: (text: string) => void;
  /** Where what is measured is to be kept, instead of the cache; then it must be possible to keep it. */
  out?: string;
  /** Folders of source files that bases are measured on, where the model is not measured yet; without them keys are coded as they are. */
  texts?: string[];
}

/** A model that is ready to run. */
export interface Model {
  forward: Forward;
  tokenizer: Tokenizer;
  /** The chat template of the file, where it has one. */
  chatTemplate: string | undefined;
  tables: Record<Mode, DeltaTables[]>;
  /** W_o of a layer in floats, `[hidden, heads · valueLength]`, read anew at each call. */
  outputOf: (layer: number) => Float32Array;
  /** Where what is measured of it lies; where that could not be written, nothing lies there. */
  folder: string;
}

/** Loads the model at `path`: a GGUF, or the folder of what was measured of one. Throws a DeltaError, and then nothing of it stays in memory. */
export async function loadModel(path: string, options: LoadModelOptions): Promise<Model> {
  const { addon, chunk = PREFILL_CHUNK, progress = () => {}, pass = atOnce, notice = () => {}, out, texts } = options;
  const files = { ...(await locate(path)), ...(out !== undefined && { folder: out, cached: false }) };
  const gguf = await readGguf(files.gguf);
  const arch = readArchitecture(gguf);
  const tokenizerFiles = tokenizerFromMetadata(gguf.metadata, files.gguf);
  const tokenizer = Tokenizer.fromFiles(tokenizerFiles);
  // As in llama.cpp: a row without a token could be sampled but not written.
  if (tokenizer.size !== arch.shape.vocabulary) throw new DeltaError('metadataInvalid', files.gguf, 'tokenizer.ggml.tokens', `${tokenizer.size} tokens but ${arch.shape.vocabulary} embeddings`);

  const kept = await keptOf(files, gguf, arch, notice);
  const source = new TensorSource(gguf);
  // What was freed before goes back to the system before the weights come.
  addon.keepFreedMemory(0);
  const runners = await nativeDecoder(addon, arch, source, { progress: (share) => progress('loading', share), pass });
  const manifest: Manifest = { ...describe(files, gguf, arch, source), ...(kept && { delta: kept.manifest.delta }) };
  const forward = new Forward(manifest, chunk, runners);
  const outputOf = (layer: number) => outputWeights(addon, gguf, arch, layer);
  try {
    let tables = kept?.tables;
    if (!tables) {
      const measured = await measure(forward, tokenizer, addon, (share) => progress('measuring', share), pass, texts && { folders: texts, outputOf });
      ({ tables } = measured);
      manifest.delta = measured.delta;
      await keep(files, manifest, tables, out === undefined ? notice : undefined);
    }
    if (files.cached) await markUsed(files.folder, files.gguf);
    return { forward, tokenizer, chatTemplate: tokenizerFiles.chatTemplate, tables, outputOf, folder: files.folder };
  } catch (error) {
    await forward.release();
    throw error;
  }
}

/** The rows of a layer's output projection. */
function outputWeights(addon: Addon, gguf: GgufFile, { shape }: Architecture, layer: number): Float32Array {
  const tensor = new TensorSource(gguf).take(`blk.${layer}.attn_output.weight`, shape.hidden, shape.heads * shape.valueLength);
  const rows = new NativeEmbedding(addon, gguf, tensor);
  try {
    const out = new Float32Array(shape.hidden * shape.heads * shape.valueLength);
    rows.lookup(Int32Array.from({ length: shape.hidden }, (_, i) => i), out);
    return out;
  } finally {
    rows.close();
  }
}

/** What was measured before, where it is whole and of this file. */
async function keptOf({ folder }: ModelFiles, gguf: GgufFile, { shape }: Architecture, notice: (text: string) => void): Promise<Measured | undefined> {
  const found = await readMeasured(folder);
  const wrong = typeof found === 'string' ? found
    : found.manifest.method !== METHOD_NUMBER ? 'another version measured it'
    : found.manifest.source.bytes !== gguf.size || JSON.stringify(found.manifest.shape) !== JSON.stringify(shape) ? 'it is of another file'
    : undefined;
  if (wrong === undefined) return found as Measured;
  // A folder that is not there is what a first start finds.
  if (await isThere(folder)) notice(`What was measured of the model cannot be used (${basename(folder)}: ${wrong}): it is measured again.`);
  return undefined;
}

/** Without `notice` a folder that cannot be written is an error. */
async function keep(files: ModelFiles, manifest: Manifest, tables: Measured['tables'], notice: ((text: string) => void) | undefined): Promise<void> {
  try {
    Object.assign(manifest, await writeMeasured(files.folder, manifest, tables));
    if (files.cached) await tidy(modelShelf(), { keep: files.folder, method: METHOD_NUMBER, notice });
  } catch (error) {
    if (!notice) throw error;
    notice(`What was measured of ${manifest.name} could not be kept: it is measured again at the next start. ${(error as Error).message}`);
  }
}

/** What the file says of the model. */
function describe({ folder, identity }: ModelFiles, gguf: GgufFile, arch: Architecture, source: TensorSource): Manifest {
  const tensors = [...gguf.tensors.values()];
  const elements = (of: typeof tensors) => of.reduce((n, { shape }) => n + shape.reduce((a, b) => a * b, 1), 0);
  // An embedding beside a head is looked up, not multiplied with.
  const matrices = tensors.filter(({ name }) => name !== 'token_embd.weight' || !source.has('output.weight'));
  return {
    format: FOLDER_FORMAT,
    name: printable(String(gguf.metadata['general.name'] ?? basename(gguf.path, '.gguf'))),
    architecture: arch.name,
    source: { file: relative(resolve(folder), resolve(gguf.path)), bytes: gguf.size, identity },
    parameters: elements(tensors), shape: arch.shape, normEpsilon: arch.normEpsilon, rope: arch.rope, attentionScale: arch.scales.attention,
    softcap: arch.softcap, others: arch.others,
    bitsPerWeight: (8 * matrices.reduce((n, { bytes }) => n + bytes, 0)) / elements(matrices),
    delta: { ...CODING, keySparsity: [], compactSparsity: [], tokens: 0 },
    method: METHOD_NUMBER, files: {},
  };
}
