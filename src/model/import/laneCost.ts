// What reading on the prefill lane costs a model on a text: layer by layer, one graph in memory at a time, and at the next token.
import { join } from 'node:path';
import { atOnce, type RunPass } from '../../shared/pass.ts';
import type { Addon } from '../../binding/addon.ts';
import { divergence, surprise } from '../divergence.ts';
import { Embedding } from '../embedding.ts';
import { LANE_FROM } from '../lane.ts';
import { flowWidths, type LaneConfig, type Manifest } from '../manifest.ts';
import { Rows, Segment } from '../segment.ts';
import { attendAll, layerCache, withLease } from './layerCost.ts';
import { PORTS } from './llama.ts';

const CHUNK = 64;

type Ports = Record<string, Rows>;

/**
 * Reads `ids` as the engine does, positions below LANE_FROM precisely and the others on the lane, with exact attention.
 * @param preciseHidden what the last layer gives where all is read precisely, `[≥ ids, hidden]`
 */
export async function laneCost(folder: string, manifest: Manifest, files: string[], addon: Addon, ids: number[], preciseHidden: Float32Array, threads: number, pass: RunPass = atOnce): Promise<LaneConfig['cost']> {
  const { shape } = manifest;
  const { qkv, attention } = flowWidths(shape);
  const rows = ids.length;
  const make = (width: number) => new Rows(rows, width);
  const run = (file: string, inputs: Ports, outputs: Ports) => pass(async () => {
    const segment = await Segment.load(join(folder, file), threads);
    await segment.run(inputs, outputs, rows).finally(() => segment.release());
  });

  let residual = make(shape.hidden);
  const table = new Embedding(join(folder, manifest.embedding.file), manifest.embedding.type, shape.vocabulary, shape.hidden);
  table.lookup(ids, residual.data);
  table.close();
  const mixed = make(attention);
  const layers: number[] = [];
  for (let layer = 0; layer < shape.layers; layer++) {
    const inputs: Ports = layer === 0 ? { [PORTS.embedding]: residual } : { [PORTS.attention]: mixed, [PORTS.residual]: residual };
    const outputs = (): Ports => ({ [PORTS.qkv]: make(qkv), ...(layer > 0 && { [PORTS.residualOut]: make(shape.hidden) }) });
    const [precise, lane] = [outputs(), outputs()];
    await run(manifest.segments[layer], inputs, precise);
    await run(files[layer], inputs, lane);
    layers.push(relativeError(precise[PORTS.qkv], lane[PORTS.qkv]));
    for (const [name, { data, width }] of Object.entries(lane)) data.set(precise[name].data.subarray(0, LANE_FROM * width));
    mixed.data.set(withLease(layerCache(addon, manifest), (lease) => attendAll(lease, lane[PORTS.qkv].data, manifest, CHUNK)));
    residual = lane[PORTS.residualOut] ?? residual;
  }
  const hidden = make(shape.hidden);
  await run(manifest.segments[shape.layers], { [PORTS.attention]: mixed, [PORTS.residual]: residual }, { [PORTS.residualOut]: hidden });

  const head = await Segment.load(join(folder, manifest.head.file), threads);
  try {
    const [input, preciseLogits, logits] = [new Rows(1, shape.hidden), new Rows(1, shape.vocabulary), new Rows(1, shape.vocabulary)];
    const predict = (from: Float32Array, row: number, to: Rows) => pass(async () => {
      input.data.set(from.subarray(row * shape.hidden, (row + 1) * shape.hidden));
      await head.run({ [PORTS.hidden]: input }, { [PORTS.logits]: to }, 1);
    });
    const sum = { preciseLoss: 0, loss: 0, kl: 0, top1: 0 };
    for (let row = LANE_FROM; row + 1 < rows; row++) {
      await predict(preciseHidden, row, preciseLogits);
      await predict(hidden.data, row, logits);
      const { kl, agree } = divergence(preciseLogits.data, logits.data);
      sum.preciseLoss += surprise(preciseLogits.data, ids[row + 1]);
      sum.loss += surprise(logits.data, ids[row + 1]);
      sum.kl += kl;
      sum.top1 += Number(agree);
    }
    const positions = Math.max(0, rows - 1 - LANE_FROM);
    const mean = (total: number) => total / Math.max(1, positions);
    return { positions, preciseLoss: mean(sum.preciseLoss), loss: mean(sum.loss), kl: mean(sum.kl), top1: mean(sum.top1), layers };
  } finally {
    await head.release();
  }
}

/** ‖b − a‖ / ‖a‖ over the rows that are read on the lane. */
function relativeError(a: Rows, b: Rows): number {
  let [wrong, whole] = [0, 0];
  for (let i = LANE_FROM * a.width; i < a.data.length; i++) {
    wrong += (b.data[i] - a.data[i]) ** 2;
    whole += a.data[i] ** 2;
  }
  return whole > 0 ? Math.sqrt(wrong / whole) : 0;
}
