// One way to code keys, and its tables of θ and s, solved on calibration text: never on the text that is scored.
import { codeKeys, type Coded } from '../attention/reference.ts';
import { Rotations } from '../attention/rope.ts';
import { channelStatistics, type ChannelStatistics, type ThresholdLaw } from '../attention/thresholdLaw.ts';
import type { DeltaReference, DeltaTables } from '../binding/addon.ts';
import { solveLayer, type LayerTrace } from '../model/measure/calibrate.ts';
import { splitHeads } from '../model/measure/heads.ts';
import type { Shape } from '../model/manifest.ts';

/** Keys as they are scored, or as the projection gives them. */
export type Side = 'post' | 'pre';
/** `channel`: the previous token for channels whose lag-1 autocorrelation is at least one half, the block's mean for the others. */
export type Reference = DeltaReference | 'channel';

export interface Variant {
  law: ThresholdLaw;
  reference: Reference;
  side: Side;
  /** Share of zero deltas that α is solved for. */
  zeros: number;
}

/** Lag-1 autocorrelation from which the previous token is the better of the two references: E(k_t − k_{t−1})² = 2(1 − ρ)·σ². */
export const PREVIOUS_FROM = 0.5;

export interface Solved {
  side: Side;
  layers: (DeltaTables & { sparsity: number })[];
  code(layer: number, keys: Float64Array, kvHead: number, threshold: ArrayLike<number>, step?: ArrayLike<number>): Coded;
}

/** Both sides of a calibration trace, per layer. */
export interface Sides {
  post: LayerTrace[];
  pre: LayerTrace[];
}

/** Statistics of one layer; before RoPE a channel is read by both queries of its rotary pair. */
export function statisticsOf({ keys, queries }: LayerTrace, shape: Shape, rotated: number, side: Side): ChannelStatistics {
  const { kvHeads, heads, keyLength } = shape;
  const statistics = channelStatistics(keys, queries, kvHeads, heads / kvHeads, keyLength);
  if (side === 'pre') {
    for (let at = 0; at < kvHeads * keyLength; at++) {
      const j = at % keyLength;
      if (j >= rotated / 2) continue;
      statistics.query[at] = statistics.query[at + rotated / 2] = Math.hypot(statistics.query[at], statistics.query[at + rotated / 2]) / Math.SQRT2;
    }
  }
  return statistics;
}

/** Finds the tables of a variant. */
export function solve(variant: Variant, sides: Sides, shape: Shape, rotated: number): Solved {
  const layers = sides[variant.side];
  const statistics = layers.map((layer) => statisticsOf(layer, shape, rotated, variant.side));
  const code: Solved['code'] = (layer, keys, kvHead, threshold, step) => {
    const { keyLength } = shape;
    if (variant.reference !== 'channel') return codeKeys(keys, keyLength, { reference: variant.reference, threshold, step });
    const lag1 = statistics[layer].lag1.subarray(kvHead * keyLength, (kvHead + 1) * keyLength);
    return codeByChannel(keys, keyLength, threshold, step, (j) => lag1[j] >= PREVIOUS_FROM);
  };
  return {
    side: variant.side, code,
    layers: layers.map(({ keys }, l) => solveLayer(splitHeads(keys, shape.kvHeads, shape.keyLength), statistics[l], variant.law, variant.zeros, (head, h, threshold, step) => code(l, head, h, threshold, step))),
  };
}

/** Codes some channels against the previous token and the others against the mean. */
function codeByChannel(keys: Float64Array, length: number, threshold: ArrayLike<number>, step: ArrayLike<number> | undefined, previous: (j: number) => boolean): Coded {
  const out: Coded = { decoded: new Float64Array(keys.length), zeros: 0, elements: 0, keyframes: 0, masked: 0, largest: 0 };
  const all = Array.from({ length }, (_, j) => j);
  for (const reference of ['previous', 'mean'] as const) {
    const channels = all.filter((j) => previous(j) === (reference === 'previous'));
    if (channels.length === 0) continue;
    const pick = (table: ArrayLike<number>) => channels.map((j) => table[j]);
    const part = Float64Array.from({ length: (keys.length / length) * channels.length }, (_, i) => keys[Math.floor(i / channels.length) * length + channels[i % channels.length]]);
    const coded = codeKeys(part, channels.length, { reference, threshold: pick(threshold), step: step && pick(step) });
    coded.decoded.forEach((value, i) => (out.decoded[Math.floor(i / channels.length) * length + channels[i % channels.length]] = value));
    out.zeros += coded.zeros;
    out.elements += coded.elements;
    out.keyframes += coded.keyframes;
    out.largest = Math.max(out.largest, coded.largest);
  }
  return out;
}

/** What a coder of far keys counts. */
export interface CoderCounts {
  zeros: number;
  elements: number;
  keyframes: number;
  blocks: number;
}

/** How a block of far keys is coded during an evaluation, with the counts of what was coded. */
export class BlockCoder implements CoderCounts {
  zeros = 0;
  elements = 0;
  keyframes = 0;
  blocks = 0;

  /** @param quantised whether deltas are whole steps; otherwise they keep their value */
  constructor(
    private readonly solved: Solved,
    private readonly keyLength: number,
    private readonly rotations: Rotations,
    private readonly quantised = true,
    private readonly threshold: 'solved' | 'zero' = 'solved',
  ) {}

  keys = (layer: number, kvHead: number, from: number, rotated: Float32Array, plain: Float32Array): Float64Array => {
    const { side, layers } = this.solved;
    const { keyLength } = this;
    const part = (table: Float32Array) => table.subarray(kvHead * keyLength, (kvHead + 1) * keyLength);
    const threshold = this.threshold === 'zero' ? new Float32Array(keyLength) : part(layers[layer].threshold);
    const coded = this.solved.code(layer, Float64Array.from(side === 'post' ? rotated : plain), kvHead, threshold, this.quantised ? part(layers[layer].step) : undefined);
    this.zeros += coded.zeros;
    this.elements += coded.elements;
    this.keyframes += coded.keyframes;
    this.blocks++;
    if (side === 'pre') for (let i = 0; i * keyLength < coded.decoded.length; i++) this.rotations.rotate(coded.decoded, i * keyLength, from + i);
    return coded.decoded;
  };
}
