// Dense and delta attention side by side on one text: two passes in step, chunk by chunk, so that only one chunk of dense predictions is kept.
import { BLOCK, type Addon, type DeltaTables } from '../binding/addon.ts';
import { firstExactBlock } from '../cache/window.ts';
import type { CancelFlag } from '../shared/cancel.ts';
import { DeltaError } from '../shared/errors.ts';
import { atOnce, type RunPass } from '../shared/pass.ts';
import { divergence, surprise } from '../model/divergence.ts';
import type { Forward, LayerAttention } from '../model/forward.ts';
import { attentionRules, rotationsOf } from '../model/attentionRule.ts';
import { flowWidths } from '../model/manifest.ts';
import type { Mode } from '../model/stores.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { HeadCaches, type HeadFigures } from './headCaches.ts';
import { Lag1 } from './lag1.ts';
import { LastRows } from './lastRows.ts';
import { lineOfTokens } from './lineOfTokens.ts';
import { INSPECT_SCHEMA, type InspectReport, type LayerReport, type NextToken, type Work } from './report.ts';
import { TwinAttention } from './twinAttention.ts';

export interface InspectOptions {
  text: string;
  /** What the text is called in the report. */
  name: string;
  attention: Mode;
  /** Tokens to read at most: dense keys and values of all of them are kept in float32. */
  most: number;
}

/** Share of the work that the passes are; the rest is where the last rows looked. */
const PASSES = 0.9;

/** Throws `usage` for an empty text, `cancelled` when it was stopped. */
export async function inspect(forward: Forward, tablesOf: Record<Mode, DeltaTables[]>, addon: Addon, tokenizer: Tokenizer, { text, name, attention, most }: InspectOptions, cancel: CancelFlag, progress: (share: number) => void = () => {}, pass: RunPass = atOnce): Promise<InspectReport> {
  const { manifest, chunk } = forward;
  const { shape, delta } = manifest;
  const all = tokenizer.encode(text, { bos: true });
  const ids = Int32Array.from(all.slice(0, Math.min(most, shape.context)));
  if (ids.length < 2) throw new DeltaError('usage', 'The text is too short to inspect: it has fewer than two tokens');
  const firstFar = Array.from(ids.keys()).find((i) => firstExactBlock(delta, i) * BLOCK > delta.sinks);
  const tables = tablesOf[attention];
  const lags = Array.from({ length: shape.layers }, () => new Lag1(shape.kvHeads * shape.keyLength));
  const twin = new TwinAttention(addon, manifest, tables, firstFar ?? Infinity, cancel.word);
  const heads = new HeadCaches(addon, manifest, tables, cancel.word);
  try {
    const last = new LastRows(shape, ids.length, attentionRules(manifest));
    const dense: LayerAttention = listening(twin, forward, lags, last, ids.length);
    const seen: Seen[] = [];
    for (let at = 0; at < ids.length; at += chunk) {
      const step = ids.subarray(at, at + chunk);
      const logits: Float32Array[] = [];
      for (const [side, own] of [[twin, dense], [heads, heads]] as const) {
        side.begin(step);
        logits.push(await pass(async () => {
          const rows = await forward.run(step, own, 'all', () => cancel.isSet);
          if (!rows || cancel.isSet) throw new DeltaError('cancelled');
          side.commit();
          return rows.slice();
        }));
      }
      compare(logits[0], logits[1], step, ids[at + step.length], shape.vocabulary, seen);
      progress(PASSES * ((at + step.length) / ids.length));
    }
    const looked = await last.looked(twin, delta, lineOfTokens(ids, tokenizer), (share) => {
      if (cancel.isSet) throw new DeltaError('cancelled');
      progress(PASSES + (1 - PASSES) * share);
    }, pass);
    return {
      schema: INSPECT_SCHEMA, model: manifest.name, kernels: addon.cpu().selected, attention, sinks: delta.sinks,
      window: { least: delta.windowMin, most: delta.windowMax, divisor: delta.windowDivisor },
      text: { name, tokens: ids.length, total: all.length },
      shape: { layers: shape.layers, heads: shape.heads, kvHeads: shape.kvHeads, keyLength: shape.keyLength, valueLength: shape.valueLength },
      next: summarise(seen, firstFar ?? 0),
      looked,
      ...layersOf(forward, twin, heads, lags, ids.length),
    };
  } finally {
    twin.close();
    heads.close();
  }
}

/** One position with a next token. */
interface Seen {
  kl: number;
  agree: boolean;
  dense: number;
  delta: number;
}

/** Passes queries, keys and values on, shows the rotated keys to `lags` and the rotated queries to `last`. */
function listening(twin: TwinAttention, { manifest }: Forward, lags: Lag1[], last: LastRows, tokens: number): LayerAttention {
  const { shape } = manifest;
  const { heads, kvHeads, keyLength } = shape;
  const width = flowWidths(shape).qkv;
  const rotations = rotationsOf(manifest, tokens);
  const positions = new Int32Array(shape.layers);
  return {
    attend(layer, rows, qkv, out) {
      for (let i = 0; i < rows; i++, positions[layer]++) {
        const keys = qkv.slice(i * width + heads * keyLength, i * width + (heads + kvHeads) * keyLength);
        for (let g = 0; g < kvHeads; g++) rotations[layer].rotate(keys, g * keyLength, positions[layer]);
        lags[layer].push(keys);
        last.see(layer, positions[layer], qkv.subarray(i * width, i * width + heads * keyLength), rotations[layer]);
      }
      twin.attend(layer, rows, qkv, out);
    },
  };
}

/** @param after the token that follows the chunk; undefined at the end of the text */
function compare(dense: Float32Array, delta: Float32Array, ids: Int32Array, after: number | undefined, vocabulary: number, seen: Seen[]): void {
  for (let i = 0; i < ids.length; i++) {
    const next = i + 1 < ids.length ? ids[i + 1] : after;
    if (next === undefined) return;
    const [p, q] = [dense, delta].map((rows) => rows.subarray(i * vocabulary, (i + 1) * vocabulary));
    seen.push({ ...divergence(p, q), dense: surprise(p, next), delta: surprise(q, next) });
  }
}

function summarise(seen: Seen[], from: number): NextToken {
  // The last token of a text has no next one: where it alone has far keys, all positions count.
  const first = from < seen.length ? from : 0;
  const counted = seen.slice(first);
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const kls = counted.map(({ kl }) => kl).sort((a, b) => a - b);
  const quantile = (q: number) => kls[Math.max(0, Math.ceil(q * kls.length) - 1)];
  return {
    from: first, positions: counted.length,
    kl: { mean: mean(kls), median: quantile(0.5), p95: quantile(0.95), most: quantile(1) },
    klByBlock: Array.from({ length: Math.ceil(seen.length / BLOCK) }, (_, b) => mean(seen.slice(b * BLOCK, (b + 1) * BLOCK).map(({ kl }) => kl))),
    top1: mean(counted.map(({ agree }) => Number(agree))),
    loss: { dense: mean(counted.map(({ dense }) => dense)), delta: mean(counted.map(({ delta }) => delta)) },
  };
}

function layersOf({ manifest: { shape } }: Forward, twin: TwinAttention, caches: HeadCaches, lags: Lag1[], tokens: number): Pick<InspectReport, 'whole' | 'layers'> {
  const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0) / values.length;
  const group = shape.heads / shape.kvHeads;
  const figures = Array.from({ length: shape.layers }, (_, layer) => Array.from({ length: shape.kvHeads }, (_, g) => caches.figures(layer, g)));
  const layers = figures.map((own, layer): LayerReport => {
    const channels = lags[layer].values();
    const kvHeads = own.map((one, kvHead) => ({ kvHead, ...work([one]), lag1: mean(channels.subarray(kvHead * shape.keyLength, (kvHead + 1) * shape.keyLength)) }));
    const heads = Array.from({ length: shape.heads }, (_, head) => ({ head, kvHead: Math.floor(head / group), ...twin.result(layer, head) }));
    const measured = heads.flatMap(({ sinkMass, outputError }) => (sinkMass === null || outputError === null ? [] : [{ ...sinkMass, outputError }]));
    const over = (of: (head: (typeof measured)[number]) => number) => mean(measured.map(of));
    return {
      layer, ...work(own), lag1: mean(kvHeads.map(({ lag1 }) => lag1)), kvHeads, heads,
      sinkMass: measured.length > 0 ? { dense: over(({ dense }) => dense), delta: over((head) => head.delta) } : null,
      outputError: measured.length > 0 ? over(({ outputError }) => outputError) : null,
    };
  });
  const everything = figures.flat();
  const float16 = 2 * tokens * shape.layers * shape.kvHeads * (shape.keyLength + shape.valueLength);
  return { whole: { ...work(everything), bytes: { allocated: everything.reduce((n, { bytes }) => n + bytes, 0), float16 } }, layers };
}

function work(figures: HeadFigures[]): Work {
  const sum = (of: (figures: HeadFigures) => number) => figures.reduce((n, one) => n + of(one), 0);
  const elements = sum((one) => one.elements);
  const multiplyAdds = { dense: sum(({ ops }) => ops.dense), required: sum(({ ops }) => ops.required), executed: sum(({ ops }) => ops.executed) };
  return { keySparsity: elements > 0 ? sum(({ zeros }) => zeros) / elements : null, multiplyAdds, attentionSparsity: 1 - multiplyAdds.required / multiplyAdds.dense };
}
