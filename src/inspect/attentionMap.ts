// The attention of one query head over a whole text, in bins: one dense pass, whose queries and keys of that head are weighed chunk by chunk.
import type { Addon } from '../binding/addon.ts';
import type { CancelFlag } from '../shared/cancel.ts';
import { DeltaError } from '../shared/errors.ts';
import { atOnce, type RunPass } from '../shared/pass.ts';
import type { Forward } from '../model/forward.ts';
import { attentionRules, rotationsOf } from '../model/attentionRule.ts';
import { flowWidths } from '../model/manifest.ts';
import { exactStore } from '../model/stores.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { INSPECT_SCHEMA, type AttentionMap } from './report.ts';
import { weights } from './weights.ts';

/** Rows and columns of a map at most: a picture has hardly more pixels to show it with. */
export const MOST_BINS = 512;

export interface MapOptions {
  text: string;
  name: string;
  layer: number;
  head: number;
  /** Tokens to read at most. */
  most: number;
}

/** Throws `usage` for an empty text or a head that the model has not, `cancelled` when it was stopped. */
export async function attentionMap(forward: Forward, addon: Addon, tokenizer: Tokenizer, { text, name, layer, head, most }: MapOptions, cancel: CancelFlag, progress: (share: number) => void = () => {}, pass: RunPass = atOnce): Promise<AttentionMap> {
  const { manifest, chunk } = forward;
  const { shape, delta } = manifest;
  const ids = Int32Array.from(tokenizer.encode(text, { bos: true }).slice(0, Math.min(most, shape.context)));
  if (ids.length < 2) throw new DeltaError('usage', 'The text is too short to inspect: it has fewer than two tokens');
  const within = (index: number, count: number) => Number.isInteger(index) && index >= 0 && index < count;
  if (!within(layer, shape.layers) || !within(head, shape.heads)) throw new DeltaError('usage', `The model has ${shape.layers} layers of ${shape.heads} heads, counted from 0`);
  const bins = Math.min(MOST_BINS, ids.length);
  const mass = new Float64Array(bins * bins);
  const binOf = Int32Array.from(ids, (_, t) => Math.floor((t * bins) / ids.length));
  const { heads, kvHeads, keyLength: length } = shape;
  const width = flowWidths(shape).qkv;
  const keyAt = (heads + Math.floor((head * kvHeads) / heads)) * length;
  const rotations = rotationsOf(manifest, ids.length)[layer];
  const rule = attentionRules(manifest)[layer];
  const keys = new Float64Array(ids.length * length);
  const row = new Float64Array(ids.length);
  const query = new Float64Array(length);
  const cache = exactStore(addon, manifest);
  const lease = cache.lease(new Int32Array(0));
  lease.cancel = cancel.word;
  try {
    for (let at = 0; at < ids.length; at += chunk) {
      const step = ids.subarray(at, at + chunk);
      lease.begin(step);
      await pass(async () => {
        await forward.run(step, { attend: (own, rows, qkv, out) => {
          lease.attend(own, rows, qkv, out);
          if (own !== layer) return;
          for (let i = 0; i < rows; i++) {
            const position = at + i;
            keys.set(qkv.subarray(i * width + keyAt, i * width + keyAt + length), position * length);
            rotations.rotate(keys, position * length, position);
            query.set(qkv.subarray(i * width + head * length, i * width + (head + 1) * length));
            rotations.rotate(query, 0, position);
            weights(query, 0, length, rule, position + 1, () => keys, row);
            const line = binOf[position] * bins;
            for (let t = 0; t <= position; t++) mass[line + binOf[t]] += row[t];
          }
        } }, 'none', () => cancel.isSet);
        if (cancel.isSet) throw new DeltaError('cancelled');
        lease.commit();
      });
      progress((at + step.length) / ids.length);
    }
  } finally {
    lease.release();
    cache.close();
  }
  return {
    schema: INSPECT_SCHEMA, model: manifest.name, layer, head, name, tokens: ids.length, bins, sinks: delta.sinks,
    window: { least: delta.windowMin, most: delta.windowMax, divisor: delta.windowDivisor }, mass: Float32Array.from(mass),
  };
}
