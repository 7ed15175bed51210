// npm run bench:replay [-- --model GGUF --sessions a,b --prompt-tokens 512 --most-tokens 8192 --threads 2 --still]
// The recorded sessions of test/fixtures/sessions: what our cache leaves to compute at each step, beside node-llama-cpp's own reuse of a prefix on the same
// prompts. What we read while nobody waits stands apart. Step by step in turn, in one process; chats are left out, for the other side has one sequence.
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadAddon } from '../../src/binding/load.ts';
import { MOVES } from '../../src/cache/known.ts';
import { machine } from '../../src/cli/bench.ts';
import { defaultThreads } from '../../src/cli/options.ts';
import { parseSession } from '../../src/eval/recordedSession.ts';
import { replay } from '../../src/eval/replay.ts';
import { percentile } from '../../src/eval/similarity.ts';
import { Engine } from '../../src/session/engine.ts';
import { ensurePeer, openPeer, peerUnsupported } from '../support/peer.ts';
import { progress } from './sides.ts';

const FOLDER = 'test/fixtures/sessions';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'models/starter/starter-q8_0.gguf' }, sessions: { type: 'string' }, threads: { type: 'string', default: String(defaultThreads()) },
    'prompt-tokens': { type: 'string', default: '512' }, 'most-tokens': { type: 'string', default: '8192' }, still: { type: 'boolean' },
  },
});

export async function run(): Promise<void> {
  const unsupported = peerUnsupported();
  if (unsupported) throw new Error(unsupported);
  ensurePeer();
  process.env.ORT_DISABLE_TELEMETRY = '1';
  const [threads, promptTokens, mostTokens] = [values.threads, values['prompt-tokens'], values['most-tokens']].map(Number);
  const model = resolve(values.model);
  const engine = await Engine.load(loadAddon(resolve('dist')), { model, threads, attention: 'delta', cacheBytes: 2e9, background: false });
  const { context } = engine.forward.manifest.shape;
  const peer = await openPeer(model, { threads, contextSize: Math.min(context, mostTokens + 64) });
  try {
    console.log(`${engine.describe().name}, prompts of at most ${mostTokens} tokens; ${machine(threads, engine.describe().kernels)}\n\n${HEADING}`);
    const names = values.sessions?.split(',') ?? readdirSync(FOLDER).flatMap((name) => (name.endsWith('.jsonl') ? [name.slice(0, -6)] : []));
    for (const name of names) {
      progress(name);
      engine.cache.clear();
      const rows: [ours: number, theirs: number, ourMs: number, theirMs: number, prompt: number, ahead: number][] = [];
      const actions = parseSession(await readFile(`${FOLDER}/${name}.jsonl`, 'utf8'), name);
      await replay(engine, actions, (file) => readFile(`${FOLDER}/${file}`, 'utf8'), {
        promptTokens, mostTokens, max: 4, moves: values.still ? undefined : MOVES,
        heard: async (step, prompt) => {
          if (step.do === 'chat') return;
          const theirs = await peer.followUp([...prompt]);
          rows.push([step.computed, theirs.computed, step.ms, theirs.ms, step.prompt, step.ahead]);
        },
      });
      const column = (i: number) => rows.map((row) => row[i]);
      const sum = (i: number) => column(i).reduce((a, b) => a + b, 0);
      const cells = [rows.length, sum(4) / rows.length, sum(0), sum(5), sum(1), sum(0) / sum(1), percentile(column(2), 0.5), percentile(column(3), 0.5), percentile(column(2), 0.95), percentile(column(3), 0.95), sum(2) / sum(3)];
      console.log(`| ${name} | ${cells.map((n, i) => n.toFixed([5, 10].includes(i) ? 2 : i >= 6 && i < 10 ? 1 : 0)).join(' | ')} |`);
    }
  } finally {
    await peer.dispose();
    await engine.close();
  }
}

const HEADING = `| session | steps | tokens in the prompt | computed | read ahead | llama.cpp computes | ratio | ms p50 | llama.cpp | ms p95 | llama.cpp | ratio of all ms |\n|${'---|'.repeat(12)}`;
