// npm run bench:lookup [-- --model GGUF|PRESET --rounds 3 --threads 2 --attention delta --sessions rename,newFunction]
// Recorded edits (test/fixtures/edits) written with one token a pass and with tokens guessed ahead, in turn; medians of the rounds. The model is made to
// write the recorded text (src/eval/edits.ts), so weights of random values do: what counts is the cost of verifying some rows against that of one.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadAddon } from '../../src/binding/load.ts';
import { machine } from '../../src/cli/bench.ts';
import { parseEdits, replay, type Replay } from '../../src/eval/edits.ts';
import { DraftLength } from '../../src/locality/draftLength.ts';
import { resolveModel, starterModel } from '../../src/model/library.ts';
import { readTokenizer } from '../../src/model/readTokenizer.ts';
import { Engine } from '../../src/session/engine.ts';
import type { AttentionMode } from '../../src/session/protocol.ts';
import { defaultThreads } from '../../src/session/threadCount.ts';
import { packageRoot } from '../../src/shared/packageRoot.ts';
import { randomModel } from '../support/models.ts';
import { presets } from '../support/writeGguf.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'llama32_1b' }, rounds: { type: 'string', default: '3' }, threads: { type: 'string', default: String(defaultThreads()) },
    attention: { type: 'string', default: 'delta' }, sessions: { type: 'string' },
  },
});

const FOLDER = join(packageRoot(), 'test/fixtures/edits');
const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

export async function run(): Promise<void> {
  process.env.ORT_DISABLE_TELEMETRY = '1';
  process.env.DELTALLM_CACHE ??= resolve('.cache');
  const threads = Number(values.threads);
  const addon = loadAddon(join(packageRoot(), 'dist'));
  const path = existsSync(values.model) ? values.model : randomModel(values.model as keyof typeof presets);
  const engine = await Engine.load(addon, { model: path, threads, attention: values.attention as AttentionMode, cacheBytes: 2e9, background: false });
  const wanted = values.sessions?.split(',');
  try {
    // Ids of the starter's tokenizer: every model here has at least as many.
    const tokenizer = readTokenizer(await resolveModel(starterModel(), { addon, threads }));
    const model = engine.describe();
    console.log(`${model.name}, ${(model.parameters / 1e6).toFixed(0)} M parameters, attention ${values.attention}; ${machine(threads, model.kernels)}\n`);
    console.log('| session | tokens | passes | tokens a pass | guessed, of them right | ms a token: one a pass | guessed ahead | speed-up | rows identical |\n|---|---|---|---|---|---|---|---|---|');
    const sessions = readdirSync(FOLDER).filter((name) => name.endsWith('.txt')).map((name) => parseEdits(name.split('.')[0], readFileSync(join(FOLDER, name), 'utf8')));
    const lengths = new DraftLength();
    for (const session of sessions.filter(({ name }) => !wanted || wanted.includes(name))) {
      await replay(engine, tokenizer, session, undefined);
      const [plain, ahead]: [Replay[], Replay[]] = [[], []];
      for (let round = 0; round < Number(values.rounds); round++) {
        plain.push(await replay(engine, tokenizer, session, undefined));
        ahead.push(await replay(engine, tokenizer, session, lengths));
      }
      const { tokens, passes, drafted, accepted, rows } = ahead.at(-1)!;
      const ms = [plain, ahead].map((rounds) => median(rounds.map((r) => r.ms)) / tokens);
      const faster = median(plain.map((r, i) => r.ms / ahead[i].ms));
      // Of every edit the first token comes from reading the prompt.
      const edits = session.edits.length;
      console.log(`| ${session.name}${session.repetitive ? '' : ' (new text)'} | ${tokens} | ${passes} | ${((tokens - edits) / passes).toFixed(2)} | ${drafted}, ${accepted} | ${ms[0].toFixed(2)} | ${ms[1].toFixed(2)} | ${faster.toFixed(2)} × | ${rows === plain[0].rows ? 'yes' : 'NO'} |`);
    }
  } finally {
    await engine.close();
  }
}
