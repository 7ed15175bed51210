// What attention has counted since the model was loaded, for whoever looks: one native call.
import type { Addon } from '../binding/addon.ts';
import type { Manifest } from '../model/manifest.ts';
import type { LiveFigures, LiveWork } from '../shared/liveFigures.ts';

const PARTS = 3;

/** What the addon knows; `tokens`: the attention of the sampled row by token, without the sinks. */
export type Counted = Omit<LiveFigures, 'role' | 'wrote' | 'looked'> & { tokens: Float32Array };

/** @param sample whether the next row that is written is to be sampled */
export function liveFigures(addon: Pick<Addon, 'storeActivity'>, store: number, { name, shape, delta }: Pick<Manifest, 'name' | 'shape' | 'delta'>, sample: boolean): Counted {
  const { layers, heads, kvHeads, keyLength, valueLength } = shape;
  const { read, written, work, coded, position, sinks, blocks, tokens } = addon.storeActivity(store, Number(sample));
  const cells = layers * kvHeads;
  /** Every `stride`th number from `at` on. */
  const column = (from: Float64Array, at: number, stride: number) => Float64Array.from({ length: cells }, (_, i) => from[at + stride * i]);
  const of = (phase: number, tokens: number): LiveWork => {
    const [dense, required, executed] = [0, 1, 2].map((part) => column(work, phase * cells * PARTS + part, PARTS));
    return { tokens, dense, required, executed };
  };
  return {
    model: name, shape: { layers, heads, kvHeads, keyLength, valueLength }, sinks: delta.sinks, elements: column(coded, 0, 2), zeros: column(coded, 1, 2),
    reading: of(0, read), writing: of(1, written), sample: position < 0 ? null : { position, sinks, blocks }, tokens,
  };
}
