// npm run bench:lookup [-- --model GGUF|PRESET --rounds 3 --threads 2 --attention delta --sessions rename,newFunction], -- --cursors, or -- --prior
// Recorded edits (test/fixtures/edits) written with one token a pass and with tokens guessed ahead, in turn; medians of the rounds. The model is made to
// write the recorded text (src/eval/edits.ts), so weights of random values do: what counts is the cost of verifying some rows against that of one.
// --cursors completes at places in this project's sources instead, with the model's own text, either way once, in turn: ordinary completions.
// --prior counts how often guesses come true over this project's sources, each file by itself: what src/locality/draftLength.ts begins with.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadAddon } from '../../src/binding/load.ts';
import { machine } from '../../src/cli/bench.ts';
import { parseEdits, replay, type EditSession, type Replay } from '../../src/eval/edits.ts';
import { random } from '../../src/shared/random.ts';
import { draft } from '../../src/locality/draft.ts';
import { classOf, DraftLength } from '../../src/locality/draftLength.ts';
import { TokenIndex } from '../../src/locality/tokenIndex.ts';
import { starterModel } from '../../src/model/library.ts';
import { loadModel } from '../../src/model/loadModel.ts';
import { Engine } from '../../src/session/engine.ts';
import type { AttentionMode } from '../../src/session/protocol.ts';
import { defaultThreads } from '../../src/session/threadCount.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { packageRoot } from '../../src/shared/packageRoot.ts';
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { randomModel } from '../support/models.ts';
import { presets } from '../support/writeGguf.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'llama32_1b' }, rounds: { type: 'string', default: '3' }, threads: { type: 'string', default: String(defaultThreads()) },
    attention: { type: 'string', default: 'delta' }, sessions: { type: 'string' }, prior: { type: 'boolean' }, cursors: { type: 'boolean' },
  },
});

const FOLDER = join(packageRoot(), 'test/fixtures/edits');
const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

/** Keeps what every pass took: the clock of a shared machine drifts by more than a session gains, medians over all sessions do not. */
class TimedLength extends DraftLength {
  readonly times = new Map<number, number[]>();
  /** Rows of each pass of the last replay. */
  passes: number[] = [];

  override timed(rows: number, ms: number): void {
    super.timed(rows, ms);
    this.passes.push(rows);
    this.times.set(rows, [...(this.times.get(rows) ?? []), ms]);
  }
}

export async function run(): Promise<void> {
  process.env.ORT_DISABLE_TELEMETRY = '1';
  process.env.DELTALLM_CACHE ??= resolve('.cache');
  const threads = Number(values.threads);
  const addon = loadAddon(join(packageRoot(), 'dist'));
  // Ids of the starter's tokenizer: every model here has at least as many.
  const { tokenizer } = await loadModel(starterModel(), { addon });
  if (values.prior) return printPrior(tokenizer);
  const path = existsSync(values.model) ? values.model : randomModel(values.model as keyof typeof presets);
  const engine = await Engine.load(addon, { model: path, threads, attention: values.attention as AttentionMode, cacheBytes: 2e9, background: false });
  const wanted = values.sessions?.split(',');
  try {
    const model = engine.describe();
    console.log(`${model.name}, ${(model.parameters / 1e6).toFixed(0)} M parameters, attention ${values.attention}; ${machine(threads, model.kernels)}\n`);
    if (values.cursors) return await atCursors(engine);
    const sessions = readdirSync(FOLDER).filter((name) => name.endsWith('.txt')).map((name) => parseEdits(name.split('.')[0], readFileSync(join(FOLDER, name), 'utf8')));
    const lengths = new TimedLength();
    const written: { session: EditSession; plain: Replay[]; ahead: Replay[]; rows: number[] }[] = [];
    for (const session of sessions.filter(({ name }) => !wanted || wanted.includes(name))) {
      process.stderr.write(`${session.name} …\n`);
      await replay(engine, tokenizer, session, undefined);
      const [plain, ahead]: [Replay[], Replay[]] = [[], []];
      for (let round = 0; round < Number(values.rounds); round++) {
        plain.push(await replay(engine, tokenizer, session, undefined));
        lengths.passes = [];
        ahead.push(await replay(engine, tokenizer, session, lengths));
      }
      written.push({ session, plain, ahead, rows: lengths.passes });
    }
    const cost = new Map([...lengths.times].map(([rows, ms]) => [rows, median(ms)]));
    console.log(`A pass over ${[...cost].sort(([a], [b]) => a - b).map(([rows, ms]) => `${rows}: ${ms.toFixed(1)}`).join(', ')} rows: ms (medians of the whole run)\n`);
    console.log('| session | tokens | passes | tokens a pass | guessed, of them right | speed-up at these medians | ms a token: one a pass | guessed ahead | speed-up by the clock | rows identical |\n|---|---|---|---|---|---|---|---|---|---|');
    const kinds = ['repetitive edits', 'new text'].map((name) => ({ name, plain: 0, ahead: 0 }));
    for (const { session, plain, ahead, rows: passes } of written) {
      const { tokens, drafted, accepted, rows } = ahead.at(-1)!;
      const ms = [plain, ahead].map((rounds) => median(rounds.map((r) => r.ms)));
      const faster = median(plain.map((r, i) => r.ms / ahead[i].ms));
      // Of every edit the first token comes from reading the prompt.
      const decoded = tokens - session.edits.length;
      const expected = (decoded * cost.get(1)!) / passes.reduce((sum, size) => sum + cost.get(size)!, 0);
      const together = kinds[session.repetitive ? 0 : 1];
      together.plain += ms[0];
      together.ahead += ms[1];
      console.log(`| ${session.name}${session.repetitive ? '' : ' (new text)'} | ${tokens} | ${passes.length} | ${(decoded / passes.length).toFixed(2)} | ${drafted}, ${accepted} | ${expected.toFixed(2)} × | ${(ms[0] / tokens).toFixed(2)} | ${(ms[1] / tokens).toFixed(2)} | ${faster.toFixed(2)} × | ${rows === plain[0].rows ? 'yes' : 'NO'} |`);
    }
    console.log(`\n${kinds.filter((kind) => kind.ahead > 0).map((kind) => `${kind.name} together: ${(kind.plain / kind.ahead).toFixed(2)} ×`).join('; ')} by the clock`);
  } finally {
    await engine.close();
  }
}

const sources = (): { path: string; text: string }[] => {
  const folder = join(packageRoot(), 'src');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts')).map((path) => ({ path, text: readFileSync(join(folder, path), 'utf8') }));
};

/** Places a file, drawn by a fixed seed; tokens written at each at most. */
const [CURSORS, WRITTEN] = [3, 64];

async function atCursors(engine: Engine): Promise<void> {
  const draw = random(7);
  const sums = [false, true].map(() => ({ ms: 0, passes: 0, drafted: 0, accepted: 0 }));
  let [places, tokens, different] = [0, 0, 0];
  for (const { path, text } of sources()) {
    for (let i = 0; i < CURSORS; i++, places++) {
      const at = Math.floor(draw() * text.length * 0.9);
      const prompt = { snapshot: { path, languageId: 'typescript', before: text.slice(0, at), after: text.slice(at) }, maxLines: 6 };
      const complete = (lookup: boolean) => engine.generate({ prompt, max: WRITTEN, sampling: { temperature: 0 }, lookup }, new CancelFlag());
      await complete(false); // reads the prompt
      const texts: string[] = [];
      for (const lookup of places % 2 ? [true, false] : [false, true]) {
        const result = await complete(lookup);
        const sum = sums[Number(lookup)];
        sum.ms += result.ms.decode;
        sum.passes += result.lookup.passes;
        sum.drafted += result.lookup.drafted;
        sum.accepted += result.lookup.accepted;
        texts.push(result.text);
        if (!lookup) tokens += result.tokens.generated;
      }
      if (texts[0] !== texts[1]) different++;
    }
  }
  const [plain, ahead] = sums;
  console.log('| places | tokens | passes: one a pass | guessed ahead | guessed, of them right | ms a token: one a pass | guessed ahead | speed-up | other texts |\n|---|---|---|---|---|---|---|---|---|');
  console.log(`| ${places} | ${tokens} | ${plain.passes} | ${ahead.passes} | ${ahead.drafted}, ${ahead.accepted} | ${(plain.ms / tokens).toFixed(2)} | ${(ahead.ms / tokens).toFixed(2)} | ${(plain.ms / ahead.ms).toFixed(2)} × | ${different} |`);
}

/** Tokens of a file from which its guesses count: before that it has hardly said anything. */
const FIRST_COUNTED = 100;

function printPrior(tokenizer: Tokenizer): void {
  const counts: { right: number; seen: number }[] = [];
  for (const { text } of sources()) {
    const index = new TokenIndex();
    for (const [at, id] of tokenizer.encode(text).entries()) {
      const [guess] = at >= FIRST_COUNTED ? draft(index, [], 1) : [];
      if (guess) {
        const count = (counts[classOf(guess)] ??= { right: 0, seen: 0 });
        count.seen++;
        if (guess.id === id) count.right++;
      }
      index.push(id);
    }
  }
  console.log('| class | guesses | right |\n|---|---|---|');
  counts.forEach(({ right, seen }, at) => console.log(`| ${at} | ${seen} | ${(right / seen).toFixed(2)} |`));
}
