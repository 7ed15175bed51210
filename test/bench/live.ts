// npm run bench:live [-- --model GGUF|PRESET --pairs 240 --context 1024 --tokens 64 --threads 2 --attention delta]
// What an open panel costs a text that is being written: the same text again and again, in pairs, one of each while somebody looks as the panel does (at once,
// and every 250 ms), which of the two comes first in turn. Through the worker and its messages, as in the editor. The ratio of a pair is time looked at over
// time alone; its bound is the upper end of a one-sided 95 % interval of the mean of the logarithms, and beside it that of the median, which a busy machine
// disturbs less.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { machine } from '../../src/cli/bench.ts';
import { LOOK_MS } from '../../src/editor/visualizer/looking.ts';
import { RuntimeClient } from '../../src/session/client.ts';
import type { LoadOptions } from '../../src/session/protocol.ts';
import { benchTokens } from '../../src/session/stageBudget.ts';
import { defaultThreads } from '../../src/session/threadCount.ts';
import { packageRoot } from '../../src/shared/packageRoot.ts';
import { randomModel } from '../support/models.ts';
import { presets } from '../support/writeGguf.ts';
import { progress } from './sides.ts';

/** Of the normal distribution: one side, 95 %. */
const Z = 1.645;
const MOST_RATIO = 1.03;

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: '' }, pairs: { type: 'string', default: '240' }, context: { type: 'string', default: '1024' }, tokens: { type: 'string', default: '64' },
    threads: { type: 'string', default: String(defaultThreads()) }, attention: { type: 'string', default: 'delta' },
  },
});
const [pairs, context, tokens, threads] = [values.pairs, values.context, values.tokens, values.threads].map(Number);

interface Timed {
  /** Milliseconds of a token, of decoding alone: on the wall, and of all processors. */
  wall: number;
  processor: number;
  looks: number;
  text: string;
}

async function written(client: RuntimeClient, ids: number[], isLookedAt: boolean): Promise<Timed> {
  let looks = 0;
  const look = () => void client.call('live', { sample: true }).then(() => looks++);
  let timer: NodeJS.Timeout | undefined;
  let begun = process.cpuUsage();
  const { ms, tokens: { generated }, text } = await client.call('generate', { prompt: { tokens: ids }, max: tokens, sampling: { temperature: 0 }, lookup: false }, (event) => {
    // The text begins: what came before was reading.
    if (event.event !== 'text' || timer !== undefined) return;
    begun = process.cpuUsage();
    timer = setInterval(() => isLookedAt && look(), LOOK_MS);
    if (isLookedAt) look();
  });
  clearInterval(timer);
  const { user, system } = process.cpuUsage(begun);
  return { wall: ms.decode / generated, processor: (user + system) / 1000 / generated, looks, text };
}

const mean = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length;

/** Of a pair's ratio, typical and at most, by mean and by median. */
function bounds(ratios: number[]): { mean: number; meanBound: number; median: number; medianBound: number } {
  const logs = ratios.map(Math.log).sort((a, b) => a - b);
  const n = logs.length;
  const middle = mean(logs);
  const deviation = Math.sqrt(logs.reduce((sum, x) => sum + (x - middle) ** 2, 0) / (n - 1));
  const rank = Math.min(n - 1, Math.ceil(n / 2 + (Z * Math.sqrt(n)) / 2));
  return { mean: Math.exp(middle), meanBound: Math.exp(middle + (Z * deviation) / Math.sqrt(n)), median: Math.exp(logs[n >> 1]), medianBound: Math.exp(logs[rank]) };
}

export async function run(): Promise<void> {
  if (pairs < 200) throw new Error('fewer than 200 pairs say too little');
  process.env.DELTALLM_CACHE ??= resolve('.cache');
  const model = !values.model || existsSync(values.model) ? values.model : randomModel(values.model as keyof typeof presets);
  const client = RuntimeClient.start(join(packageRoot(), 'dist'));
  try {
    const loaded = await client.call('load', { model, threads, attention: values.attention as LoadOptions['attention'], cacheBytes: 2e9, background: false });
    const ids = [...benchTokens(loaded.vocabulary, context)];
    const { text } = await written(client, ids, false);
    const ratios: Record<'wall' | 'processor', number[]> = { wall: [], processor: [] };
    let [alone, looks] = [0, 0];
    for (let pair = 0; pair < pairs; pair++) {
      const timed: Record<string, Timed> = {};
      for (const isLookedAt of pair % 2 === 0 ? [false, true] : [true, false]) {
        const one = (timed[String(isLookedAt)] = await written(client, ids, isLookedAt));
        if (one.text !== text) throw new Error('looking has changed the text');
      }
      for (const kind of ['wall', 'processor'] as const) ratios[kind].push(timed.true[kind] / timed.false[kind]);
      alone += timed.false.wall / pairs;
      looks += timed.true.looks;
      if (pair % 20 === 19) progress(`${pair + 1} of ${pairs} pairs`);
    }
    console.log(`${loaded.name}, attention ${values.attention}, behind ${context} tokens; ${machine(threads, loaded.kernels)}`);
    console.log(`${pairs} alternating pairs of ${tokens} tokens, ${alone.toFixed(2)} ms a token alone, ${(looks / pairs).toFixed(1)} looks a text; the same text every time\n`);
    console.log('| decode, looked at / alone | mean | upper 95 % bound | median | upper 95 % bound |\n|---|---|---|---|---|');
    for (const kind of ['wall', 'processor'] as const) {
      const found = bounds(ratios[kind]);
      console.log(`| ${kind === 'wall' ? 'time on the wall' : 'time of all processors'} | ${[found.mean, found.meanBound, found.median, found.medianBound].map((x) => x.toFixed(4)).join(' | ')} |`);
    }
    const { meanBound } = bounds(ratios.wall);
    console.log(`\nThe bound of time on the wall is ${meanBound <= MOST_RATIO ? 'within' : 'beyond'} ${MOST_RATIO}.`);
  } finally {
    await client.close();
  }
}
