// `deltallm eval --basis`: far keys in a basis of their own by the slow coder, beside keys as they are and plain 4 bits, on the same positions.
import type { Addon, DeltaTables } from '../binding/addon.ts';
import { Basis, Importance } from '../attention/basis.ts';
import { codeInBasis } from '../attention/reference.ts';
import { rotate } from '../attention/rope.ts';
import { DeltaError } from '../shared/errors.ts';
import type { Forward } from '../model/forward.ts';
import { inverseFrequencies } from '../model/manifest.ts';
import { BasisTables, type LayerBasis } from '../model/measure/basis.ts';
import { measureBases, type OutputOf } from '../model/measure/basisTexts.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { makeContexts } from '../model/measure/corpus.ts';
import { calibrationTokens, CALIBRATION_TOKENS } from './deltaStudy.ts';
import { fixed, Forms, keyBytes, region } from './grid.ts';
import { int4Keys } from './narrow.ts';
import { OnnxAttention, type FarForm } from './onnxAttention.ts';
import { resampled } from './random.ts';
import { Runner } from './runner.ts';
import { measure, type Form, type Row } from './study.ts';
import { traceSides } from './trace.ts';
import type { CoderCounts } from './variant.ts';

export interface BasisStudyOptions {
  /** Folders that contexts are scored on, and those that bases are measured on. */
  corpora: string[];
  texts: string[];
  contexts: number;
  length: number;
  /** Texts of `textLength` tokens that bases are measured on. */
  textCount: number;
  textLength: number;
  zeros: number[];
  /** Positions by which blocks are moved, at the middle one of `zeros`. */
  moves: number[];
  /** Power of the predicted importance. */
  power: number;
  seed: number;
  threads: number;
  /** Measured before: `texts` are then not read. */
  bases?: LayerBasis[];
}

export interface BasisRow extends Row {
  /** Bytes of a far key of one head. */
  bytes: number;
  /** KL as a share of keys as they are at the same zeros, and of plain 4-bit keys; 95 % intervals over contexts. */
  ofAsTheyAre?: Ratio;
  ofPlain?: Ratio;
}

export interface Ratio {
  share: number;
  interval: [number, number];
}

export interface BasisStudyResult {
  model: string;
  textTokens: number;
  contexts: { corpus: string; tokens: number; files: string[] }[];
  start: number;
  dense: Row;
  rows: BasisRow[];
}

const SINKS = 4;
const WINDOW = fixed(2);

/** Codes blocks in the basis of their layer and head, as if they had been coded `moved` positions further on. */
export class BasisCoder implements CoderCounts {
  zeros = 0;
  elements = 0;
  keyframes = 0;
  blocks = 0;
  private readonly heads: { basis: Basis; importance?: Importance; threshold: Float32Array; step: Float32Array }[][];

  constructor(tables: DeltaTables[], private readonly shape: { kvHeads: number; keyLength: number; valueLength: number }, private readonly frequencies: Float64Array, private readonly moved = 0) {
    const D = shape.keyLength;
    const part = (table: Float32Array, g: number, size: number) => table.subarray(g * size, (g + 1) * size);
    this.heads = tables.map(({ threshold, step, basis, importance }) => Array.from({ length: shape.kvHeads }, (_, g) => ({
      basis: new Basis(Float64Array.from(part(basis!, g, D * D)), D, frequencies), threshold: part(threshold, g, D), step: part(step, g, D),
      importance: importance && new Importance(part(importance, g, 2 * D + 2), D),
    })));
  }

  keys: NonNullable<FarForm['keys']> = (layer, kvHead, from, rotated, _plain, values) => {
    const { basis, importance, threshold, step } = this.heads[layer][kvHead];
    const { keyLength: D, valueLength } = this.shape;
    const keys = Float64Array.from(rotated);
    const move = (of: Float64Array, by: number) => {
      if (by !== 0) for (let at = 0; at < of.length; at += D) rotate(of, at, by, this.frequencies);
    };
    move(keys, this.moved);
    const weigh = importance && ((y: Float64Array) => Float64Array.from({ length: y.length / D }, (_, t) => importance.weight(y, values, valueLength, t)));
    const coded = codeInBasis(keys, from + this.moved, basis, { reference: 'mean', threshold, step }, weigh);
    move(coded.decoded, -this.moved);
    this.zeros += coded.zeros;
    this.elements += coded.elements;
    this.keyframes += coded.keyframes;
    this.blocks++;
    return coded.decoded;
  };
}

/** Undefined when it was cancelled. */
export async function basisStudy(forward: Forward, addon: Addon, tokenizer: Tokenizer, outputOf: OutputOf, options: BasisStudyOptions, progress: (stage: string, share: number) => void = () => {}, cancelled = () => false): Promise<BasisStudyResult | undefined> {
  const { manifest } = forward;
  const { shape } = manifest;
  const contextsOf = (folders: string[], count: number, length: number) => {
    const made = makeContexts(folders, tokenizer, new Array<number>(count).fill(length), options.seed);
    if (made.length === 0) throw new DeltaError('usage', `The corpus has too few source files for a context of ${length} tokens`);
    return made;
  };
  const contexts = contextsOf(options.corpora, options.contexts, options.length);
  const texts = options.bases ? [] : contextsOf(options.texts, options.textCount, options.textLength);
  const attention = await OnnxAttention.create(manifest, Math.max(options.length, CALIBRATION_TOKENS), options.threads);
  try {
    const sides = await traceSides(forward, attention, calibrationTokens(tokenizer, Math.min(CALIBRATION_TOKENS, shape.context)));
    const frequencies = inverseFrequencies(manifest.rope);
    const forms = new Forms(manifest, sides, options.length, frequencies);
    const bases = options.bases ?? await measureBases(forward, addon, texts.map(({ ids }) => ids), outputOf, (share) => progress('basis', share));
    if (cancelled()) return undefined;
    const [plain, weighted] = [0, options.power].map((power) => bases.map((basis) => new BasisTables(basis, shape, power)));
    const where = region(SINKS, WINDOW);
    const inBasis = (name: string, tables: BasisTables[], zeros: number, moved = 0): Form => {
      const solved = tables.map((layer) => layer.solve(zeros));
      return {
        name,
        make: () => {
          const coder = new BasisCoder(solved, shape, frequencies, moved);
          return { coder, far: { region: where, keys: coder.keys } };
        },
      };
    };
    const percent = (z: number) => `${Math.round(100 * z)} %`;
    const middle = options.zeros[Math.floor((options.zeros.length - 1) / 2)];
    const list: { zeros?: number; form: Form }[] = [
      { form: forms.plain('plain 4-bit keys, no deltas', { region: where, keys: int4Keys }) },
      ...options.zeros.flatMap((zeros) => [
        { zeros, form: forms.coded(`as they are, ${percent(zeros)}`, { law: 'uniform', reference: 'mean', side: 'post', zeros }, where) },
        { zeros, form: inBasis(`basis, ${percent(zeros)}`, plain, zeros) },
        { zeros, form: inBasis(`basis and importance, ${percent(zeros)}`, weighted, zeros) },
      ]),
      ...options.moves.map((moved) => ({ zeros: middle, form: inBasis(`basis, ${percent(middle)}, coded ${moved} positions away`, plain, middle, moved) })),
    ];
    const start = Math.floor(options.length / 2);
    const { rows, dense } = await measure(new Runner(forward, attention, SINKS, cancelled), contexts, () => start, list.map(({ form }) => form), options.seed, (share) => progress('forms', share), cancelled);
    if (cancelled()) return undefined;
    const ratio = (row: Row, to: Row | undefined): Ratio | undefined => to && to !== row ? {
      share: row.kl / to.kl,
      interval: resampled(row.perSample.length, options.seed, (drawn) => drawn.reduce((n, i) => n + row.perSample[i].kl, 0) / drawn.reduce((n, i) => n + to.perSample[i].kl, 0)),
    } : undefined;
    return {
      model: manifest.name, textTokens: options.textLength * texts.length, start, dense,
      contexts: contexts.map(({ corpus, ids, files }) => ({ corpus, tokens: ids.length, files })),
      rows: rows.map((row, i): BasisRow => ({
        ...row,
        bytes: list[i].zeros === undefined ? shape.keyLength / 2 + (4 * shape.keyLength) / 64 : keyBytes(shape.keyLength, 'mean', row.zeros, row.extraKeyframes),
        ofAsTheyAre: ratio(row, rows[list.findIndex(({ zeros, form }) => zeros === list[i].zeros && form.name.startsWith('as they are'))]),
        ofPlain: ratio(row, rows[0]),
      })),
    };
  } finally {
    await attention.release();
  }
}
