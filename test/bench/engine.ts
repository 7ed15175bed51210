// npm run bench:engine [-- --model GGUF|PRESET --contexts 64,2048,8192 --rounds 3 --tokens 8 --threads 2 --attention delta --no-peer]
// The budget of every stage of our engine, beside node-llama-cpp on the same file, alternating in one run; medians of the rounds.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { formatRow, heading, machine, measureRow, type BenchRow } from '../../src/cli/bench.ts';
import { defaultThreads } from '../../src/cli/options.ts';
import { RuntimeClient } from '../../src/session/client.ts';
import { randomModel } from '../support/models.ts';
import { openPeer, peerUnsupported } from '../support/peer.ts';
import { presets } from '../support/writeGguf.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'llama32_1b' }, contexts: { type: 'string', default: '64,2048,8192' }, rounds: { type: 'string', default: '3' },
    tokens: { type: 'string', default: '8' }, threads: { type: 'string', default: String(defaultThreads()) }, attention: { type: 'string', default: 'delta' },
    'no-peer': { type: 'boolean', default: false },
  },
});

const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

export async function run(): Promise<void> {
  process.env.ORT_DISABLE_TELEMETRY = '1';
  process.env.DELTALLM_CACHE ??= resolve('.cache');
  const [threads, rounds, tokens] = [Number(values.threads), Number(values.rounds), Number(values.tokens)];
  const contexts = values.contexts.split(',').map(Number);
  const path = existsSync(values.model) ? values.model : randomModel(values.model as keyof typeof presets);
  const client = RuntimeClient.start(resolve('dist'));
  const model = await client.call('load', { model: path, threads, attention: values.attention as 'delta', cacheBytes: 8e9, background: false });
  const why = values['no-peer'] ? 'not asked for' : peerUnsupported();
  const peer = why ? undefined : await openPeer(path, { threads, contextSize: Math.max(...contexts) + tokens + 8 });

  console.log(`${values.model}, ${(model.parameters / 1e6).toFixed(0)} M parameters, attention ${values.attention}; ${machine(threads, model.kernels)}`);
  if (why) console.log(`node-llama-cpp is left out: ${why}`);
  console.log(`${heading()}${peer ? ['peer ms', 'decode ×', 'peer pre/s', 'prefill ×'].map((name) => name.padStart(11)).join('') : ''}`);
  let longest = 0;
  for (const context of contexts) {
    const ours: BenchRow[] = [];
    const theirs: { decode: number; prefill: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      ours.push(await measureRow({ client }, context, tokens));
      if (peer) theirs.push(await peer.decodeSpeed({ context, tokens }));
    }
    // The prefill happens in the first round only; later rounds find the context in the cache.
    const row = ours.toSorted((a, b) => a.decode.step - b.decode.step)[rounds >> 1];
    row.prefill = ours[0].prefill;
    longest = Math.max(longest, ...ours.map((o) => o.longestCall));
    const beside = peer && [
      median(theirs.map((t) => t.decode)).toFixed(2),
      median(ours.map((o, i) => theirs[i].decode / o.decode.step)).toFixed(2),
      theirs[0].prefill.toFixed(0),
      (row.prefill.perSecond / theirs[0].prefill).toFixed(2),
    ].map((text) => text.padStart(11)).join('');
    console.log(`${formatRow(row)}${beside ?? ''}`);
  }
  console.log(`longest single call of ONNX Runtime (load or run): ${longest.toFixed(0)} ms`);
  await client.close();
  await peer?.dispose();
}
