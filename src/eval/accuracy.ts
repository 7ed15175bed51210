// The engine's own accuracy on text that the model has not seen: sparsity × window × sinks, and thresholds shared out by measurement against even ones.
// Unlike the study of formats, everything but the dense reference is native: what is measured is what runs.
import type { Addon, DeltaTables } from '../binding/addon.ts';
import { KvCache } from '../cache/store.ts';
import { DeltaError } from '../shared/errors.ts';
import { calibrate } from '../model/measure/calibrate.ts';
import { storeConfig, type Mode } from '../model/stores.ts';
import type { Forward } from '../model/forward.ts';
import type { Manifest } from '../model/manifest.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { makeContexts } from '../model/measure/corpus.ts';
import { calibrationTokens, CALIBRATION_TOKENS } from './deltaStudy.ts';
import { compareCache, type Held } from './engineForm.ts';
import { fixed, ruleName, type WindowRule } from './grid.ts';
import { OnnxAttention } from './onnxAttention.ts';
import { resampled } from './random.ts';
import { Runner, type Tally } from './runner.ts';
import { summarise, type Row } from './study.ts';
import { traceSides } from './trace.ts';
import { solve } from './variant.ts';

export interface AccuracyOptions {
  corpora: string[];
  contexts: number;
  length: number;
  /** First scored position of a context. */
  start: number;
  seed: number;
  threads: number;
  /** Shares of zeros; `balanced` is the one that window and sinks are varied at, unless `cross`: at each, every window with and without sinks. */
  zeros: number[];
  balanced: number;
  cross?: boolean;
  /** The tables of the model as it runs, in its own window: they are compared with keys coded as they are at the same shares of zeros, in a window of 2 blocks, and nothing else is. */
  shipped?: Record<Mode, DeltaTables[]>;
}

/** `even`: every layer has the same share of zeros. `measured`: as import shares them out. */
export type Split = 'even' | 'measured';

export interface AccuracyRow extends Row {
  sinks: number;
  window: string;
  /** Bytes of a far token of one head as allocated, and their share of float16; 0 where nothing is coded. */
  bytes: number;
  share: number;
}

export interface Comparison {
  zeros: number;
  /** KL of the measured split as a share of the even one's, and its 95 % interval over files. */
  share: number;
  interval: [number, number];
  /** Zeros that either reached on the scored text. */
  reached: Record<Split, number>;
  /** Zeros of each layer on the sample, measured split. */
  layers: number[];
}

export interface AccuracyResult {
  model: string;
  contexts: { corpus: string; tokens: number; files: string[] }[];
  start: number;
  /** Files with scored positions: what intervals are drawn over. */
  files: number;
  dense: Row;
  rows: AccuracyRow[];
  comparisons: Comparison[];
}

interface Case {
  name: string;
  /** Undefined: float32 keys and values. */
  tables?: DeltaTables[];
  sinks: number;
  rule: WindowRule;
}

const UNLIMITED = Number.MAX_SAFE_INTEGER;
const percent = (share: number) => `${Math.round(100 * share)} %`;

/** Undefined when it was cancelled. */
export async function accuracy(forward: Forward, addon: Addon, tokenizer: Tokenizer, options: AccuracyOptions, progress: (stage: string, share: number) => void = () => {}, cancelled = () => false): Promise<AccuracyResult | undefined> {
  const { manifest } = forward;
  const contexts = makeContexts(options.corpora, tokenizer, new Array<number>(options.contexts).fill(options.length), options.seed);
  if (contexts.length === 0) throw new DeltaError('usage', `The corpus has too few source files for a context of ${options.length} tokens`);
  const attention = await OnnxAttention.create(manifest, Math.max(options.length, sampleLength(manifest)), options.threads);
  try {
    const { cases, layers } = await makeCases(forward, addon, tokenizer, attention, options, progress);
    const runner = new Runner(forward, attention, manifest.delta.sinks, cancelled);
    const dense: Tally[] = [];
    const sums = cases.map(() => ({ tallies: [] as Tally[], held: [] as Held[] }));
    for (const [n, { ids, starts }] of contexts.entries()) {
      const reference = await runner.dense(ids, options.start);
      if (cancelled()) return undefined;
      dense.push(reference.tally);
      for (const [i, { tables, sinks, rule }] of cases.entries()) {
        const config = storeConfig({ ...manifest, delta: { ...manifest.delta, ...rule, sinks } }, tables);
        const { tallies, held } = await compareCache(runner, new KvCache(addon, config, UNLIMITED), ids, reference, starts);
        sums[i].tallies.push(...tallies);
        sums[i].held.push(held);
        if (cancelled()) return undefined;
        progress('accuracy', (n + (i + 1) / cases.length) / contexts.length);
      }
    }
    const row = (name: string, tallies: Tally[], held: Held[]) => summarise(name, { tallies, zeros: sum(held, 'zeros'), elements: sum(held, 'elements'), keyframes: 0, blocks: 0 }, options.seed);
    const half = 2 * (manifest.shape.keyLength + manifest.shape.valueLength);
    const rows = cases.map(({ name, sinks, rule }, i): AccuracyRow => {
      const { tallies, held } = sums[i];
      const bytes = sum(held, 'deltaBytes') / Math.max(1, sum(held, 'headTokens'));
      return { ...row(name, tallies, held), sinks, window: ruleName(rule), bytes, share: bytes / half };
    });
    const files = sums[0].tallies.length;
    const comparisons = (options.shipped ? [] : options.zeros).map((zeros): Comparison => {
      const [even, measured] = (['even', 'measured'] as const).map((split) => rows.find(({ name }) => name === caseName(zeros, split))!);
      const ratio = (drawn: Int32Array) => drawn.reduce((n, i) => n + measured.perSample[i].kl, 0) / drawn.reduce((n, i) => n + even.perSample[i].kl, 0);
      return { zeros, share: measured.kl / even.kl, interval: resampled(files, options.seed, ratio), reached: { even: even.zeros, measured: measured.zeros }, layers: layers.get(zeros)! };
    });
    return { model: manifest.name, contexts: contexts.map(({ corpus, ids, files }) => ({ corpus, tokens: ids.length, files })), start: options.start, files, dense: row('dense', dense, []), rows, comparisons };
  } finally {
    await attention.release();
  }
}

/** Tokens of the sample: what was measured on more texts is compared on no longer one. */
const sampleLength = ({ shape, delta }: Manifest) => Math.min(CALIBRATION_TOKENS, shape.context, delta.tokens);

const caseName = (zeros: number, split: Split) => `${percent(zeros)} zeros, ${split === 'even' ? 'the same in each layer' : 'shared out by measurement'}`;

async function makeCases(forward: Forward, addon: Addon, tokenizer: Tokenizer, attention: OnnxAttention, { zeros, balanced, cross, shipped }: AccuracyOptions, progress: (stage: string, share: number) => void): Promise<{ cases: Case[]; layers: Map<number, number[]> }> {
  const { manifest } = forward;
  const { law, reference, sinks, windowMin, windowMax, windowDivisor } = manifest.delta;
  const sample = calibrationTokens(tokenizer, sampleLength(manifest));
  // Import measures what an error of a layer does at the sparsity of the mode balanced.
  const ordered = [balanced, ...zeros.filter((z) => z !== balanced)];
  const { calibrations } = await calibrate(forward, addon, sample, ordered, (share) => progress('calibrating', share));
  const measured = new Map(ordered.map((z, i) => [z, calibrations[i]]));
  const own = { sinks, rule: { windowMin, windowMax, windowDivisor } };
  if (shipped) {
    const named = (['delta', 'compact'] as const).map((mode): Case => ({ name: `${mode === 'delta' ? 'balanced' : 'compact'}, as it is used`, tables: shipped[mode], ...own }));
    const asTheyAre = ordered.map((z): Case => ({ name: `keys as they are, ${percent(z)} zeros`, tables: measured.get(z)!.tables, sinks, rule: fixed(2) }));
    return { layers: new Map(), cases: [...asTheyAre, ...named] };
  }
  const sides = await traceSides(forward, attention, sample);
  const even = new Map(ordered.map((z) => [z, solve({ law, reference, side: 'post', zeros: z }, sides, manifest.shape, manifest.rope.rotated).layers]));
  const best = measured.get(balanced)!.tables;
  const windows = [0, 1, 4].map(fixed);
  const varied: { sinks: number; rule: WindowRule }[] = cross
    ? [{ sinks: 0, rule: own.rule }, ...windows.flatMap((rule) => [{ sinks, rule }, { sinks: 0, rule }])]
    : [{ sinks: 0, rule: own.rule }, ...windows.map((rule) => ({ sinks, rule })), { sinks: 0, rule: windows[0] }];
  return {
    layers: new Map(ordered.map((z) => [z, measured.get(z)!.keySparsity])),
    cases: [
      { name: 'exact: float32', ...own },
      { name: 'int8, θ = 0', tables: best.map(({ step }) => ({ threshold: new Float32Array(step.length), step })), ...own },
      ...zeros.flatMap((z): Case[] => [{ name: caseName(z, 'even'), tables: even.get(z)!, ...own }, { name: caseName(z, 'measured'), tables: measured.get(z)!.tables, ...own }]),
      ...(cross ? zeros : [balanced]).flatMap((z) => varied.map((where): Case => ({ name: caseName(z, 'measured'), tables: measured.get(z)!.tables, ...where }))),
    ],
  };
}

const sum = (held: Held[], of: keyof Held) => held.reduce((n, one) => n + one[of], 0);
