// From a path to a model that is ready to run: its GGUF or its graph is read as it is, and what was measured of it is read too, or measured now and kept.
import { basename, relative, resolve } from 'node:path';
import { DeltaError } from '../shared/errors.ts';
import { isThere } from '../shared/isThere.ts';
import { atOnce, type RunPass } from '../shared/pass.ts';
import type { Addon, DeltaTables } from '../binding/addon.ts';
import { Tokenizer } from '../tokenizer/tokenizer.ts';
import { Forward } from './forward.ts';
import { ggufOf, locate, modelShelf, type ModelFiles } from './library.ts';
import { FOLDER_FORMAT, type Manifest } from './manifest.ts';
import { openGguf, type ModelFacts, type ModelSource } from './modelSource.ts';
import { Headway } from './measure/calibrate.ts';
import { measure, sampleTokens } from './measure/measure.ts';
import { CODING, METHOD_NUMBER } from './measure/method.ts';
import { readMeasured, writeMeasured, type Measured } from './measured.ts';
import { isGraph } from './onnx/onnxFiles.ts';
import { markUsed, tidy } from './shelf.ts';
import type { Mode } from './stores.ts';

/** Rows of a pass that reads: bounds how long a cancellation waits, one segment of so many rows. */
export const PREFILL_CHUNK = 64;

export interface LoadModelOptions {
  addon: Addon;
  chunk?: number;
  /** Of what does not run natively; default 1. */
  threads?: number;
  /** What is being done, and how far (0…1). What it throws ends the load, which leaves nothing behind. */
  progress?: (stage: string, share: number) => void;
  /** Runs what takes long, piece by piece: others may be more urgent. Default: at once. */
  pass?: RunPass;
  /** One sentence for the user that is no failure. */
  notice?: (text: string) => void;
  /** Where what is measured is to be kept, instead of the cache. */
  out?: string;
  /** Where what is measured cannot be kept, that is an error. Default: where it has a folder of its own. */
  mustKeep?: boolean;
  /** Folders of source files that bases are measured on, where the model is not measured yet; without them keys are coded as they are. */
  texts?: string[];
  /** With `texts`: other zeros of *balanced* and *compact* than the usual ones, as shares. */
  zeros?: readonly [balanced: number, compact: number];
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
  /** Measures it again, on more text than somebody could wait for, and keeps that for the next start; absent where nothing would be gained. */
  refine?: (pass: RunPass) => Promise<void>;
}

/** What reads graphs is evaluated where there is one. */
const openGraph = async (path: string): Promise<ModelSource> => (await import('./onnx/onnxDecoder.ts')).openOnnx(path);

/** Loads the model at `path`: a GGUF, or the folder of what was measured of one. Throws a DeltaError, and then nothing of it stays in memory. */
export async function loadModel(path: string, options: LoadModelOptions): Promise<Model> {
  const { addon, chunk = PREFILL_CHUNK, threads = 1, progress = () => {}, pass = atOnce, notice = () => {}, out, mustKeep = out !== undefined, texts, zeros } = options;
  // What a model is takes reading pieces of all of it: side by side with what it says of itself.
  const [located, source] = await Promise.all([locate(path), ggufOf(path).then((gguf) => (isGraph(gguf) ? openGraph(gguf) : openGguf(gguf)))]);
  const files = { ...located, ...(out !== undefined && { folder: out, cached: false }) };
  const tokenizer = Tokenizer.fromFiles(source.tokenizer);
  // As in llama.cpp: a row without a token could be sampled but not written.
  if (tokenizer.size !== source.shape.vocabulary) throw new DeltaError('metadataInvalid', files.gguf, 'tokenizer.ggml.tokens', `${tokenizer.size} tokens but ${source.shape.vocabulary} embeddings`);

  const kept = await keptOf(files, source, notice);
  // What was freed before goes back to the system before the weights come.
  addon.keepFreedMemory(0);
  const { runners, facts } = await source.load(addon, { threads, progress: (share) => progress('loading', share), pass });
  const manifest: Manifest = { ...describe(files, source.size, facts), ...(kept && { delta: kept.manifest.delta }) };
  const forward = new Forward(manifest, chunk, runners);
  const outputOf = (layer: number) => source.outputOf(addon, layer);
  try {
    let tables = kept?.tables;
    if (!tables) {
      const measured = await measure(forward, tokenizer, addon, (share) => progress('measuring', share), pass, { source: texts && { folders: texts, zeros, outputOf } });
      ({ tables } = measured);
      manifest.delta = measured.delta;
      await keep(files, manifest, tables, mustKeep ? undefined : notice);
    }
    if (files.cached) await markUsed(files.folder, files.gguf);
    const isRough = files.cached && !manifest.delta.basis && manifest.delta.tokens < sampleTokens(manifest, 'thorough');
    // It takes minutes, and every key stops it.
    const headway = new Headway();
    const refine = async (within: RunPass): Promise<void> => {
      const { delta, tables: better } = await measure(forward, tokenizer, addon, () => {}, within, { care: 'thorough', headway });
      await writeMeasured(files.folder, { ...manifest, delta }, better, { again: true });
    };
    return { forward, tokenizer, chatTemplate: source.tokenizer.chatTemplate, tables, outputOf, folder: files.folder, ...(isRough && { refine }) };
  } catch (error) {
    await forward.release();
    throw error;
  }
}

/** What was measured before, where it is whole and of this file. */
async function keptOf({ folder }: ModelFiles, { size, shape }: ModelSource, notice: (text: string) => void): Promise<Measured | undefined> {
  const found = await readMeasured(folder);
  const wrong = typeof found === 'string' ? found
    : found.manifest.method !== METHOD_NUMBER ? 'another version measured it'
    : found.manifest.source.bytes !== size || JSON.stringify(found.manifest.shape) !== JSON.stringify(shape) ? 'it is of another file'
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

/** What its files say of the model. */
const describe = ({ folder, identity, gguf }: ModelFiles, size: number, facts: ModelFacts): Manifest => ({
  format: FOLDER_FORMAT,
  source: { file: relative(resolve(folder), resolve(gguf)), bytes: size, identity },
  ...facts,
  delta: { ...CODING, keySparsity: [], compactSparsity: [], tokens: 0 },
  method: METHOD_NUMBER, files: {},
});
