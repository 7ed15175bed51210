// The bases of a model's layers from texts: each is read once with exact attention.
import { atOnce, type RunPass } from '../../shared/pass.ts';
import type { Addon } from '../../binding/addon.ts';
import { attentionRules } from '../attentionRule.ts';
import { flowWidths } from '../manifest.ts';
import { exactStore } from '../stores.ts';
import type { Forward } from '../forward.ts';
import { LayerSums, type LayerBasis } from './basis.ts';
import { trace } from './calibrate.ts';

/** W_o of a layer, `[hidden, heads · Dv]`. */
export type OutputOf = (layer: number) => Float32Array;

/** @param texts tokens of each; whole blocks of them count */
export async function measureBases(forward: Forward, addon: Addon, texts: readonly ArrayLike<number>[], outputOf: OutputOf, progress: (share: number) => void = () => {}, pass: RunPass = atOnce): Promise<LayerBasis[]> {
  const { manifest } = forward;
  const { shape, delta: { sinks } } = manifest;
  const rules = attentionRules(manifest);
  const sums = rules.map(({ scale, inverseFrequencies }, layer) => new LayerSums({ shape, scale, sinks, inverseFrequencies, output: outputOf(layer) }));
  const { qkv: width } = flowWidths(shape);
  const value = shape.kvHeads * shape.valueLength;
  const cache = exactStore(addon, manifest);
  try {
    for (const [n, ids] of texts.entries()) {
      const lease = cache.lease(new Int32Array(0));
      try {
        const { layers, qkv } = await trace(forward, lease, Array.from(ids), { withQueries: true, withInputs: true, pass });
        for (const [layer, { keys, queries }] of layers.entries()) {
          const values = new Float32Array(ids.length * value);
          for (let t = 0; t < ids.length; t++) values.set(qkv[layer].subarray((t + 1) * width - value, (t + 1) * width), t * value);
          await pass(async () => sums[layer].add({ keys, queries, values }));
          progress((n + (layer + 1) / layers.length) / (texts.length + 1));
        }
      } finally {
        lease.release();
      }
    }
    const bases: LayerBasis[] = [];
    // What was summed up of a layer is not wanted behind its basis.
    for (let sum = sums.shift(); sum; sum = sums.shift()) {
      const own = sum;
      bases.push(await pass(async () => own.solve()));
      progress((texts.length + bases.length / rules.length) / (texts.length + 1));
    }
    return bases;
  } finally {
    cache.close();
  }
}
