// `deltallm eval`: the whole study of the delta format on one model and one corpus. docs/delta-format.md explains what it decides.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Addon } from '../binding/addon.ts';
import { DeltaError } from '../shared/errors.ts';
import { packageRoot } from '../shared/packageRoot.ts';
import type { Forward } from '../model/forward.ts';
import { inverseFrequencies } from '../model/manifest.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { makeContexts, type Context } from '../model/measure/corpus.ts';
import { compareEngine, type Held } from './engineForm.ts';
import { allVariants, equalBytes, fixed, Forms, keyBytes, region, ruleName, variantName, type EqualBytes, type GridRow, type WindowRule } from './grid.ts';
import { halfKeys, int4Deltas, int4Keys, narrowValues } from './narrow.ts';
import { OnnxAttention } from './onnxAttention.ts';
import { Runner, type Tally } from './runner.ts';
import { measure, summarise, type Form, type Row } from './study.ts';
import { traceSides } from './trace.ts';
import { PREVIOUS_FROM, statisticsOf, type Sides, type Variant } from './variant.ts';

export interface StudyOptions {
  corpora: string[];
  /** Contexts of `length` and of `longLength` tokens. */
  contexts: number;
  longContexts: number;
  length: number;
  longLength: number;
  zeros: number[];
  /** Zeros of the window table and the controls. */
  balanced: number;
  seed: number;
  threads: number;
  /** Fewer forms: for tests. */
  quick: boolean;
  /** Adds the engine's own cache to the controls. */
  addon?: Addon;
}

export interface WindowRow extends Row {
  sinks: number;
  rule: string;
  /** KL when the far keys are not read at all, with the same window and SINKS sinks. */
  maskedKl: number;
}

export interface ControlRow extends Row {
  /** Bytes of a far token of one head, key and value, and their share of float16. */
  bytes: number;
  share: number;
}

export interface Lag {
  side: string;
  layer: number;
  head: number;
  mean: number;
  least: number;
  most: number;
  /** Share of channels below PREVIOUS_FROM. */
  below: number;
}

export interface StudyResult {
  model: string;
  calibrationTokens: number;
  contexts: { corpus: string; tokens: number; files: string[] }[];
  grid: { rows: GridRow[]; controls: Row[]; dense: Row; equalBytes: EqualBytes[]; start: number; window: string; sinks: number };
  winner: Variant;
  windows: { rows: WindowRow[]; dense: Row; start: number };
  controls: ControlRow[];
  lag1: Lag[];
  /** Attention on the first tokens per layer, mean over heads, dense and with the winner, at each number of exact sinks. */
  sinkMass: { form: string; layers: number[] }[];
}

/** Window and sinks of the grid; tokens counted in the sink mass. */
const GRID_WINDOW = fixed(2);
const SINKS = 4;
/** Zeros of the mode compact, as import solves them. */
const COMPACT = 0.7;
/** Tokens of calibration text, as at import where keys are coded as they are. */
export const CALIBRATION_TOKENS = 2048;
/** Share of a context from which positions are scored: 1 024 of 2 048. At 2 blocks of window 80 % of the keys are then far, at 8 blocks of 4 096 tokens 72 %. */
const SCORED_FROM = 0.5;

/** Rows that the forward pass takes at once. */
export const STUDY_CHUNK = 256;

/** Runs the whole study; undefined when it was cancelled. */
export async function study(forward: Forward, tokenizer: Tokenizer, options: StudyOptions, progress: (stage: string, share: number) => void = () => {}, cancelled = () => false): Promise<StudyResult | undefined> {
  const { manifest } = forward;
  const { shape } = manifest;
  const capacity = Math.max(options.longContexts > 0 ? options.longLength : 0, options.length, Math.min(CALIBRATION_TOKENS, shape.context));
  const attention = await OnnxAttention.create(manifest, capacity, options.threads);
  try {
    const ids = calibrationTokens(tokenizer, Math.min(CALIBRATION_TOKENS, shape.context, options.quick ? options.length : Infinity));
    const sides = await traceSides(forward, attention, ids);
    const forms = new Forms(manifest, sides, capacity, inverseFrequencies(manifest.rope));
    const contexts = makeContexts(options.corpora, tokenizer, [...new Array<number>(options.contexts).fill(options.length), ...new Array<number>(options.longContexts).fill(options.longLength)], options.seed);
    for (const [wanted, length] of [[options.contexts, options.length], [options.longContexts, options.longLength]]) {
      if (wanted > 0 && !contexts.some((c) => c.ids.length === length)) throw new DeltaError('usage', `The corpus has too few source files for a context of ${length} tokens`);
    }
    const runner = new Runner(forward, attention, SINKS, cancelled);
    const context = { forms, runner, contexts, options, cancelled, progress, keyLength: shape.keyLength };

    const grid = await measureGrid(context);
    if (cancelled()) return undefined;
    const winner = pick(grid.equalBytes, options);
    const windows = await measureWindows(context, winner);
    const controls = await measureControls(context, winner, shape.valueLength);
    if (cancelled()) return undefined;
    const perLayer = (row: Row) => Array.from({ length: shape.layers }, (_, l) => row.sinkMass.slice(l * shape.heads, (l + 1) * shape.heads).reduce((a, b) => a + b, 0) / shape.heads);
    return {
      model: manifest.name, calibrationTokens: ids.length,
      contexts: contexts.map(({ corpus, ids: { length }, files }) => ({ corpus, tokens: length, files })),
      grid, winner, windows, controls,
      lag1: lags(sides, forward),
      sinkMass: [{ form: 'dense', layers: perLayer(windows.dense) }, ...windows.rows.filter((row) => row.rule === ruleName(GRID_WINDOW)).map((row) => ({ form: `${row.sinks} exact sinks`, layers: perLayer(row) }))],
    };
  } finally {
    await attention.release();
  }
}

interface Setting {
  forms: Forms;
  runner: Runner;
  contexts: Context[];
  options: StudyOptions;
  keyLength: number;
  progress: (stage: string, share: number) => void;
  cancelled: () => boolean;
}

const start = (length: number) => Math.floor(length * SCORED_FROM);

async function measureGrid({ forms, runner, contexts, options, keyLength, progress, cancelled }: Setting): Promise<StudyResult['grid']> {
  const where = region(SINKS, GRID_WINDOW);
  const variants = [
    ...allVariants(options.zeros, ['previous', 'mean']),
    ...(['post', 'pre'] as const).map((side): Variant => ({ law: 'uniform', reference: 'channel', side, zeros: options.balanced })),
  ];
  const coded: Form[] = [];
  for (const [i, variant] of variants.entries()) {
    // Solving is synchronous: a signal is heard in between.
    await new Promise(setImmediate);
    if (cancelled()) break;
    progress('thresholds', i / variants.length);
    coded.push(forms.coded(variantName(variant), variant, where));
  }
  const scored = (length: number) => Math.min(1024, start(length));
  const controls = [forms.plain('exact'), forms.plain('far keys not read', { region: where, masked: true })];
  const { rows, dense } = await measure(runner, contexts, scored, [...controls, ...coded], options.seed, (share) => progress('formats', share), cancelled);
  const gridRows = rows.slice(controls.length).map((row, i): GridRow => ({ ...row, variant: variants[i], bytes: keyBytes(keyLength, variants[i].reference, row.zeros, row.extraKeyframes) }));
  return { rows: gridRows, controls: rows.slice(0, controls.length), dense, equalBytes: equalBytes(gridRows.filter((r) => r.variant.reference !== 'channel'), options.zeros, options.balanced, keyLength, options.seed), start: scored(options.length), window: ruleName(GRID_WINDOW), sinks: SINKS };
}

/** The least KL at the bytes of `balanced` among the formats after RoPE: before RoPE every far key would have to be rotated at every step. */
function pick(table: EqualBytes[], { zeros, balanced }: StudyOptions): Variant {
  const column = Math.max(0, zeros.indexOf(balanced));
  const [best] = table.filter((row) => row.side === 'post').sort((a, b) => a.kl[column] - b.kl[column]);
  return { law: best.law as Variant['law'], reference: best.reference, side: 'post', zeros: balanced };
}

async function measureWindows({ forms, runner, contexts, options, progress, cancelled }: Setting, winner: Variant): Promise<StudyResult['windows']> {
  const rules: WindowRule[] = options.quick ? [fixed(1), fixed(2)] : [0, 1, 2, 4, 8].map(fixed);
  const growing: WindowRule[] = options.quick ? [] : [
    { windowMin: 1, windowMax: 4, windowDivisor: 16 }, { windowMin: 2, windowMax: 4, windowDivisor: 16 }, { windowMin: 1, windowMax: 8, windowDivisor: 8 }, { windowMin: 2, windowMax: 8, windowDivisor: 8 },
  ];
  const cases = [
    ...(options.quick ? [SINKS] : [0, 1, SINKS, 16]).flatMap((sinks) => rules.map((rule) => ({ sinks, rule }))),
    ...growing.map((rule) => ({ sinks: SINKS, rule })),
  ];
  const longest = options.longContexts > 0 ? options.longLength : options.length;
  const chosen = contexts.filter(({ ids }) => ids.length === longest);
  const coded = cases.map(({ sinks, rule }) => forms.coded(`${sinks} ${ruleName(rule)}`, winner, region(sinks, rule)));
  const controls = [...rules, ...growing];
  const masked = controls.map((rule) => forms.plain(`${ruleName(rule)} not read`, { region: region(SINKS, rule), masked: true }));
  const { rows, dense } = await measure(runner, chosen, start, [...coded, ...masked], options.seed, (share) => progress('windows', share), cancelled);
  return { dense, start: start(longest), rows: cases.map(({ sinks, rule }, i) => ({ ...rows[i], sinks, rule: ruleName(rule), maskedKl: rows[cases.length + controls.indexOf(rule)].kl })) };
}

async function measureControls({ forms, runner, contexts, options, keyLength: D, progress, cancelled }: Setting, winner: Variant, valueLength: number): Promise<ControlRow[]> {
  const where = region(SINKS, GRID_WINDOW);
  const chosen = contexts.filter(({ ids }) => ids.length === options.length);
  const [int8, int4] = [narrowValues(8), narrowValues(4)];
  const sparser = (zeros: number) => ({ ...winner, zeros });
  const half = 2 * valueLength;
  const coded = keyBytes(D, winner.reference, winner.zeros, 0);
  const nibbles = (zeros: number) => D / 8 + ((1 - zeros) * D) / 2 + 2 * D / 64;
  // Form, bytes of a far token of one head.
  const list: [Form, number][] = [
    [forms.plain('far keys float16', { region: where, keys: halfKeys }), 2 * D + half],
    [forms.coded('far keys int8, θ = 0', winner, where, { zeroThreshold: true }), D + 2 * D / 64 + half],
    [forms.plain('far keys 4 bit per channel and block, no deltas', { region: where, keys: int4Keys }), D / 2 + 4 * D / 64 + half],
    [forms.plain('far values int8, keys exact', { region: where, values: int8 }), 2 * D + valueLength + 2],
    [forms.plain('far values 4 bit, keys exact', { region: where, values: int4 }), 2 * D + valueLength / 2 + 2],
    [forms.coded('winner, deltas not quantised', winner, where, { quantised: false }), coded + half],
    [forms.coded('winner', winner, where), coded + half],
    [forms.coded('winner, values int8', winner, where, { values: int8 }), coded + valueLength + 2],
    [forms.coded('winner, values 4 bit', winner, where, { values: int4 }), coded + valueLength / 2 + 2],
    ...[winner.zeros, 0.4].map((zeros): [Form, number] => [forms.plain(`deltas of 4 bits at ${100 * zeros} %, values int8`, { region: where, keys: int4Deltas(forms.tables(sparser(zeros))), values: int8 }), nibbles(zeros) + valueLength + 2]),
    [forms.plain(`deltas of 4 bits at ${100 * winner.zeros} %, values 4 bit`, { region: where, keys: int4Deltas(forms.tables(winner)), values: int4 }), nibbles(winner.zeros) + valueLength / 2 + 2],
  ];
  const { rows } = await measure(runner, chosen, (length) => Math.min(1024, start(length)), list.map(([form]) => form), options.seed, (share) => progress('controls', share), cancelled);
  const controls = rows.map((row, i): ControlRow => ({ ...row, bytes: list[i][1], share: list[i][1] / (2 * D + half) }));
  if (options.addon && winner.reference !== 'channel') {
    for (const [variant, name] of [[winner, 'winner'], [sparser(COMPACT), `${100 * COMPACT} % zeros (the mode compact)`]] as const) {
      const tallies: (Tally & Held)[] = [];
      for (const { ids } of chosen) tallies.push(await compareEngine(runner, options.addon, runner.forward.manifest, variant, forms.tables(variant), { sinks: SINKS, ...GRID_WINDOW }, ids, await runner.dense(ids, Math.min(1024, start(ids.length)))));
      const total = (pick: (t: Held) => number) => tallies.reduce((n, t) => n + pick(t), 0);
      const row = summarise(`the engine itself: ${name}, values int8, as allocated`, { tallies, zeros: total((t) => t.zeros), elements: total((t) => t.elements), keyframes: 0, blocks: 0 }, options.seed);
      const bytes = total((t) => t.deltaBytes) / total((t) => t.headTokens);
      controls.push({ ...row, bytes, share: bytes / (2 * D + half) });
    }
  }
  return controls;
}

/** Lag-1 autocorrelation of the keys of the calibration text. */
function lags(sides: Sides, { manifest: { shape, rope } }: Forward): Lag[] {
  return (['post', 'pre'] as const).flatMap((side) => sides[side].flatMap((trace, layer) => {
    const { lag1 } = statisticsOf(trace, shape, rope.rotated, side);
    return Array.from({ length: shape.kvHeads }, (_, head): Lag => {
      const own = Array.from(lag1.subarray(head * shape.keyLength, (head + 1) * shape.keyLength));
      return { side, layer, head, mean: own.reduce((a, b) => a + b, 0) / own.length, least: Math.min(...own), most: Math.max(...own), below: own.filter((x) => x < PREVIOUS_FROM).length / own.length };
    });
  }));
}

/** Our own sample code, as import reads it. */
export function calibrationTokens(tokenizer: Tokenizer, wanted: number): number[] {
  const folder = join(packageRoot(), 'models/calibration');
  const ids: number[] = [];
  for (const name of readdirSync(folder).sort()) ids.push(...tokenizer.encode(readFileSync(join(folder, name), 'utf8')));
  while (ids.length < wanted) ids.push(...ids);
  return ids.slice(0, wanted);
}
