// npm run bench:longfile -- [--model GGUF] [--lengths 2048,8192,16384] [--keys 16] [--threads 2]: from a key to the first token in a file of so many tokens, once it
// was read ahead, beside a cold reading of the same prompt. Typed forward behind the middle of the file, as the editor asks: the prompt is as large as what is known,
// and a suffix that comes last is as long as it is read in time.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadAddon } from '../../src/binding/load.ts';
import { machine } from '../../src/cli/bench.ts';
import { suffixTokens } from '../../src/completion/latency.ts';
import { percentile } from '../../src/eval/similarity.ts';
import { sourceFiles } from '../../src/model/measure/corpus.ts';
import { Engine } from '../../src/session/engine.ts';
import { defaultThreads } from '../../src/session/threadCount.ts';
import { atOnce } from '../../src/shared/pass.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { packageRoot } from '../../src/shared/packageRoot.ts';

/** What is read in time of a place that is not known. */
const AFFORDABLE = 512;
/** What a person types, over and over; it ends no line. */
const TYPED = 'const carried = total + ';
/** Of tokens of the prompt that stand behind the cursor in the file. */
const BEHIND = 400;

const { values } = parseArgs({
  options: { model: { type: 'string', default: 'models/starter/starter-q8_0.gguf' }, lengths: { type: 'string', default: '2048,8192,16384' }, keys: { type: 'string', default: '16' }, threads: { type: 'string', default: String(defaultThreads()) } },
});

export async function run(): Promise<void> {
  const [threads, keys] = [values.threads, values.keys].map(Number);
  const engine = await Engine.load(loadAddon(resolve('dist')), { model: resolve(values.model), threads, attention: 'delta', cacheBytes: 4e9, background: false });
  try {
    const { context } = engine.forward.manifest.shape;
    console.log(`${engine.describe().name}; ${machine(threads, engine.describe().kernels)}\n\n| tokens in the prompt | cold, s | tokens computed at a key | of them suffix, at most | key → first token, ms: median (p95) | times sooner |\n|---|---|---|---|---|---|`);
    for (const length of values.lengths.split(',').map(Number)) {
      if (length > context) {
        console.log(`| ${length} | beyond the model's context of ${context} |`);
        continue;
      }
      console.log(await measure(engine, length, keys));
    }
  } finally {
    await engine.close();
  }
}

/** A row of the table. */
async function measure(engine: Engine, length: number, keys: number): Promise<string> {
  const { tokenizer } = engine;
  const text = sourceFiles(join(packageRoot(), 'src')).map((file) => readFileSync(file, 'utf8')).join('\n');
  // A prompt of one token may not be all of it: some stand for the file's path, and for the places around the hole.
  const cut = (tokens: number): string => tokenizer.decode(tokenizer.encode(text.slice(0, 8 * tokens)).slice(0, tokens));
  const [before, whole] = [cut(length), cut(length + BEHIND)];
  const snapshot = { path: 'long.ts', languageId: 'typescript', before: `${before}\n  `, after: `\n${whole.slice(before.length)}` };
  const cancel = new CancelFlag();
  let speed: { prefill: number; decode: number } | undefined;
  const ask = async (typed: string, promptTokens: number) => {
    const began = performance.now();
    let first = 0;
    const result = await engine.generate({
      prompt: { snapshot: { ...snapshot, before: snapshot.before + typed }, promptTokens, mostTokens: length, suffixTokens: suffixTokens(speed) }, max: 2, sampling: { temperature: 0 }, lookup: false,
    }, cancel, () => (first ||= performance.now() - began));
    const { tokens, ms } = result;
    return { prompt: tokens.prompt, computed: tokens.prompt - tokens.reused, ms: first || ms.prefill };
  };
  engine.cache.clear();
  const { computed: read, ms: coldMs } = await ask('', length);
  speed = { prefill: (1000 * read) / coldMs, decode: 1 };
  engine.cache.clear();
  await ask('', AFFORDABLE);
  while (await engine.readAhead(cancel, atOnce));
  const steps = [];
  for (let key = 0; key <= keys; key++) steps.push(await ask(TYPED.repeat(1 + Math.floor(keys / TYPED.length)).slice(0, key), AFFORDABLE));
  const [, ...typed] = steps; // the first finds the prompt that was read ahead
  const times = typed.map(({ ms }) => ms).sort((a, b) => a - b);
  const computed = typed.map((step) => step.computed).sort((a, b) => a - b);
  const [median, p95] = [percentile(times, 0.5), percentile(times, 0.95)];
  return `| ${typed.at(-1)!.prompt} | ${(coldMs / 1000).toFixed(2)} | ${percentile(computed, 0.5)} (at most ${computed.at(-1)}) | ${suffixTokens(speed)} | ${median.toFixed(0)} (${p95.toFixed(0)}) | ${(coldMs / median).toFixed(0)} |`;
}
