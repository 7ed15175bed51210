// npm run bench:segments [-- --model GGUF|PRESET --rows 1,4,64 --rounds 9 --threads 2]
// What lies between the attentions, all layers and the head, in native code and in ONNX Runtime: the same file, the same rows, in turn, with attention left
// out (it copies its queries). Medians, the best in brackets. Also how long each takes to load from the file or the model folder.
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { loadAddon } from '../../src/binding/load.ts';
import { machine } from '../../src/cli/bench.ts';
import { defaultThreads } from '../../src/cli/options.ts';
import { Forward, type LayerAttention } from '../../src/model/forward.ts';
import { resolveModel } from '../../src/model/library.ts';
import { flowWidths } from '../../src/model/manifest.ts';
import { nativeLlama } from '../../src/model/run/nativeLlama.ts';
import { randomModel } from '../support/models.ts';
import { median, type Preset } from './sides.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'llama32_1b_4layers' }, rows: { type: 'string', default: '1,4,64' }, rounds: { type: 'string', default: '9' },
    threads: { type: 'string', default: String(defaultThreads()) },
  },
});
const [threads, rounds] = [values.threads, values.rounds].map(Number);

/** Attention that mixes nothing: each row's first queries. */
function copying(qkvWidth: number, width: number): LayerAttention {
  return {
    attend: (_layer, rows, qkv, out) => {
      for (let r = 0; r < rows; r++) out.set(qkv.subarray(r * qkvWidth, r * qkvWidth + width), r * width);
    },
  };
}

async function timed<T>(work: () => Promise<T>): Promise<{ result: T; ms: number }> {
  const started = performance.now();
  return { result: await work(), ms: performance.now() - started };
}

export async function run(): Promise<void> {
  process.env.ORT_DISABLE_TELEMETRY = '1';
  const path = existsSync(values.model) ? values.model : randomModel(values.model as Preset);
  const addon = loadAddon(import.meta.dirname);
  addon.setThreads(threads);
  const folder = await resolveModel(path, { threads, addon });
  const runtime = await timed(() => Forward.load(folder, threads, 64));
  const runners = await timed(() => nativeLlama(addon, path));
  const native = await Forward.over(runners.result, folder, 64);
  const { shape } = runtime.result.manifest;
  const flow = flowWidths(shape);
  const attention = copying(flow.qkv, flow.attention);
  console.log(`${basename(path)}; ${machine(threads, addon.cpu().selected)}; loaded natively in ${runners.ms.toFixed(0)} ms, by ONNX Runtime in ${runtime.ms.toFixed(0)} ms (converted before)`);
  for (const rows of values.rows.split(',').map(Number)) {
    const ids = Int32Array.from({ length: rows }, (_, i) => (i * 7919) % shape.vocabulary);
    const sides = [native, runtime.result].map((forward) => ({ forward, segments: [] as number[], head: [] as number[] }));
    for (let round = -1; round < rounds; round++)
      for (const { forward, segments, head } of sides) {
        const before = { ...forward.times };
        await forward.run(ids, attention, 'last');
        if (round < 0) continue;
        segments.push(forward.times.segments - before.segments);
        head.push(forward.times.head - before.head);
      }
    const show = (ms: number[]) => `${median(ms).toFixed(2)} (${Math.min(...ms).toFixed(2)})`;
    const [own, other] = sides.map(({ segments, head }) => `segments ${show(segments)}, head ${show(head)}`);
    const ratio = median(sides[1].segments.map((ms, i) => (ms + sides[1].head[i]) / (sides[0].segments[i] + sides[0].head[i])));
    console.log(`${rows} rows, ms: native ${own}; ONNX Runtime ${other}; ${ratio.toFixed(2)} ×`);
  }
  await native.release();
  await runtime.result.release();
}
