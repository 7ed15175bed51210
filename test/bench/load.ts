// npm run bench:load -- --model GGUF [--rounds 7]: from choosing a model to its first token, in a worker of its own each time: what a start costs once the model
// was measured and the system still holds its file. The round before, which does not count, measures it where that was not done.
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { machine } from '../../src/cli/bench.ts';
import { startRuntime } from '../../src/cli/withRuntime.ts';
import { loadAddon } from '../../src/binding/load.ts';
import { starterModel } from '../../src/model/library.ts';
import { defaultThreads } from '../../src/session/threadCount.ts';
import { packageRoot } from '../../src/shared/packageRoot.ts';
import { median } from './sides.ts';

const { values } = parseArgs({ options: { model: { type: 'string', default: starterModel() }, rounds: { type: 'string', default: '7' }, threads: { type: 'string', default: String(defaultThreads()) } } });

export async function run(): Promise<void> {
  process.env.DELTALLM_CACHE ??= resolve('.cache');
  const threads = Number(values.threads);
  const loads: number[] = [], firsts: number[] = [];
  for (let round = -1; round < Number(values.rounds); round++) {
    const started = performance.now();
    const client = startRuntime();
    try {
      await client.call('load', { model: values.model, threads, attention: 'delta', cacheBytes: 1e9, background: false });
      const loaded = performance.now();
      await client.call('generate', { prompt: { text: 'function add(a, b) {' }, max: 1, sampling: { temperature: 0 } });
      if (round < 0) continue;
      loads.push(loaded - started);
      firsts.push(performance.now() - started);
    } finally {
      await client.close();
    }
  }
  const all = (ms: number[]) => `${median(ms).toFixed(0)} ms (${Math.min(...ms).toFixed(0)} to ${Math.max(...ms).toFixed(0)})`;
  console.log(`${machine(threads, loadAddon(join(packageRoot(), 'dist')).cpu().selected)}; ${values.model}\nready after ${all(loads)}, first token after ${all(firsts)}; medians of ${values.rounds}`);
}
