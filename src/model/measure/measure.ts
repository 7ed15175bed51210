// What is measured of a loaded model before its first token: the delta tables of each mode, on sample code of our own.
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../shared/packageRoot.ts';
import type { RunPass } from '../../shared/pass.ts';
import { BLOCK, type Addon, type DeltaTables } from '../../binding/addon.ts';
import { DeltaError } from '../../shared/errors.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { Forward } from '../forward.ts';
import type { DeltaConfig, Manifest } from '../manifest.ts';
import type { Mode } from '../stores.ts';
import { BasisTables, LEAST_TEXT, type LayerBasis } from './basis.ts';
import { measureBases, type OutputOf } from './basisTexts.ts';
import { calibrate, calibrateByHead, MEASURED_PARAMETERS, type Headway } from './calibrate.ts';
import { makeContexts } from './corpus.ts';
import { headCosts, shareByHead } from './headShares.ts';
import { BALANCED, BASIS, CODING, COMPACT, HEADS } from './method.ts';

/** Which contexts the folders of a basis give. */
const TEXTS_SEED = 3;
/** Tokens of sample code, by parameters: somebody waits for the first token of a large model, and nobody when it is measured again. */
const SAMPLES = [{ most: 100e6, first: 2048, thorough: 2048 }, { most: 2e9, first: 256, thorough: 2048 }, { most: Infinity, first: 128, thorough: 1024 }];

/** Of the time that bases and the sharing out of zeros take, that of the bases. */
const BASES = 0.2;

/** Of exact keys and values, while a model is measured that others use; head by head they are held twice, and for minutes. */
const MOST_BYTES = { byHead: 64e6, even: 256e6 };

/** While somebody waits for a model, and while nobody does. */
export type Care = 'first' | 'thorough';

/** Tokens that a model is measured on. */
export function sampleTokens({ parameters, shape }: Pick<Manifest, 'parameters' | 'shape'>, care: Care): number {
  const { first, ...more } = SAMPLES.find(({ most }) => parameters <= most)!;
  const bytes = shape.layers * shape.kvHeads * (shape.keyLength + shape.valueLength) * Float32Array.BYTES_PER_ELEMENT;
  return Math.min(shape.context, care === 'first' ? first : Math.max(first, Math.min(more.thorough, Math.floor((isByHead(parameters) ? MOST_BYTES.byHead : MOST_BYTES.even) / bytes))));
}

/** Whether zeros are shared out among heads where nobody waits. */
const isByHead = (parameters: number): boolean => parameters > MEASURED_PARAMETERS && parameters <= HEADS.parameters;

export interface Measurement {
  delta: DeltaConfig;
  tables: Record<Mode, DeltaTables[]>;
}

/** Source text for a basis. */
export interface BasisSource {
  /** Folders of source files: what the bases of all layers are measured on. */
  folders: string[];
  /** Zeros of *balanced* and of *compact*, as shares of the elements; default: as `BASIS.shared` says, in a large model `BALANCED` and `COMPACT`. */
  zeros?: readonly [balanced: number, compact: number];
  outputOf: OutputOf;
}

/** Measures `forward`, whose manifest states the coding, in passes of `pass`; in a basis where there is text for one. */
export async function measure(forward: Forward, tokenizer: Tokenizer, addon: Addon, progress: (share: number) => void, pass: RunPass, { care = 'first', source, headway }: { care?: Care; source?: BasisSource; headway?: Headway } = {}): Promise<Measurement> {
  if (source) return measureTexts(forward, tokenizer, addon, source, progress, pass);
  const sample = await sampleCode(tokenizer, sampleTokens(forward.manifest, care));
  const { parameters } = forward.manifest;
  const [balanced, compact] = care === 'thorough' && isByHead(parameters)
    ? await calibrateByHead(forward, addon, sample, [BALANCED, COMPACT], HEADS.sampleRows, progress, pass, headway)
    : (await calibrate(forward, addon, sample, [BALANCED, COMPACT], progress, pass)).calibrations;
  return {
    delta: { ...CODING, keySparsity: balanced.keySparsity, compactSparsity: compact.keySparsity, tokens: sample.length },
    tables: { delta: balanced.tables, compact: compact.tables },
  };
}

/** Bases, and θ and s in them: zeros are shared out among heads by what they cost, in a large model every layer gets the same. Throws `usage` where there is too little text. */
async function measureTexts(forward: Forward, tokenizer: Tokenizer, addon: Addon, { folders, zeros: chosen, outputOf }: BasisSource, progress: (share: number) => void, pass: RunPass): Promise<Measurement> {
  const { shape } = forward.manifest;
  const length = Math.floor(Math.min(BASIS.length, shape.context) / BLOCK) * BLOCK;
  if (length < LEAST_TEXT) throw new DeltaError('usage', `The model reads ${shape.context} tokens: too few for --texts`);
  const isShared = forward.manifest.parameters <= MEASURED_PARAMETERS;
  // Of a large model even the fewest take gigabytes.
  const count = isShared ? BASIS.texts.most : BASIS.texts.least;
  const texts = await pass(async () => makeContexts(folders, tokenizer, new Array<number>(count).fill(length), TEXTS_SEED));
  if (texts.length < BASIS.texts.least) throw new DeltaError('usage', `The folders of --texts have too few source files for ${BASIS.texts.least} contexts of ${length} tokens`);
  const ids = texts.map((text) => text.ids);
  const bases = await measureBases(forward, addon, ids, outputOf, (share) => progress(isShared ? BASES * share : share), pass);
  const tablesOf = (basis: LayerBasis): Promise<BasisTables> => pass(async () => new BasisTables(basis, shape, BASIS.power));
  const [balanced, compact]: ReturnType<BasisTables['solve']>[][] = [[], []];
  const solve = (layer: BasisTables, zeros: readonly (number | readonly number[])[]): Promise<void> => pass(async () => {
    balanced.push(layer.solve(zeros[0]));
    compact.push(layer.solve(zeros[1]));
  });
  if (isShared) {
    const layers: BasisTables[] = [];
    for (const basis of bases) layers.push(await tablesOf(basis));
    const manifest = { ...forward.manifest, delta: { ...forward.manifest.delta, windowMin: BASIS.window } };
    const costs = await headCosts(forward, addon, ids.slice(0, BASIS.texts.costs), layers, manifest, HEADS.textRows, (share) => progress(BASES + (1 - BASES) * share), pass);
    const [atBalanced, atCompact] = (chosen ?? [BASIS.shared.balanced, BASIS.shared.compact]).map((zeros) => shareByHead(costs, shape.kvHeads, zeros));
    for (const [i, layer] of layers.entries()) await solve(layer, [atBalanced[i], atCompact[i]]);
  } else for (const basis of bases) await solve(await tablesOf(basis), chosen ?? [BALANCED, COMPACT]);
  const reached = (tables: { sparsity: number }[]) => tables.map(({ sparsity }) => sparsity);
  const tokens = texts.length * length;
  return { delta: { ...CODING, windowMin: BASIS.window, keySparsity: reached(balanced), compactSparsity: reached(compact), tokens, basis: { power: BASIS.power } }, tables: { delta: balanced, compact } };
}

/** The first tokens of our sample code, repeated where it is too short. */
async function sampleCode(tokenizer: Tokenizer, wanted: number): Promise<number[]> {
  const folder = join(packageRoot(), 'models/calibration');
  const ids: number[] = [];
  for (const name of (await fs.readdir(folder)).sort()) {
    if (ids.length >= wanted) break;
    ids.push(...tokenizer.encode(await fs.readFile(join(folder, name), 'utf8')));
  }
  while (ids.length < wanted) ids.push(...ids);
  return ids.slice(0, wanted);
}
