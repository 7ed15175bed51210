// npm run eval:completions [-- --model M --files F --files G --per-file 2 --seed 1 --attention dense,delta,compact --threads 2 --kernels K --neighbours 8 --alone --json]
// Completions on files (or folders of them) that the model has not seen; without --files this repository's own sources, which the starter never saw.
// --neighbours N adds each mode with the text of N files around (src/eval/neighbours.ts), chosen among those of the same F.
// --no-analogy: without what follows like text under other names. --alone adds each mode without the text around mixed in, and the baselines of src/eval/baselines.ts.
// What is measured: src/eval/completions.ts; where: src/eval/cursors.ts. --outcomes prints every place, --keep FILE keeps them, --prompt-tokens overrides what the speed allows.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadAddon } from '../../src/binding/load.ts';
import { machine } from '../../src/cli/bench.ts';
import { languageOf } from '../../src/shared/languages.ts';
import { plan, type Plan } from '../../src/completion/latency.ts';
import { settingsTable } from '../../src/editor/settingsTable.ts';
import { BASELINES, baselineOutcomes } from '../../src/eval/baselines.ts';
import { baselineReport, completionReport, type Measured } from '../../src/eval/completionReport.ts';
import { completeAll, summarise, type Outcome } from '../../src/eval/completions.ts';
import { sourceFiles } from '../../src/model/measure/corpus.ts';
import { drawCursors, type Cursor, type HeldOutFile } from '../../src/eval/cursors.ts';
import { neighbourTexts } from '../../src/eval/neighbours.ts';
import { typeLines } from '../../src/eval/typing.ts';
import { starterModel } from '../../src/model/library.ts';
import { measureConfidence, sampleTexts } from '../../src/session/confidence.ts';
import { Engine } from '../../src/session/engine.ts';
import type { NeighbourDocument } from '../../src/session/neighbourSet.ts';
import type { AttentionMode, LoadedModel } from '../../src/session/protocol.ts';
import { defaultThreads } from '../../src/session/threadCount.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { packageRoot } from '../../src/shared/packageRoot.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: starterModel() }, files: { type: 'string', multiple: true }, 'per-file': { type: 'string', default: '2' }, seed: { type: 'string', default: '1' },
    attention: { type: 'string', default: 'dense,delta,compact' }, threads: { type: 'string', default: String(defaultThreads()) }, kernels: { type: 'string' },
    /** The editor's settings. */
    latency: { type: 'string', default: String(settingsTable['completions.latencyBudget'].default) }, 'prompt-tokens': { type: 'string' },
    'max-tokens': { type: 'string', default: String(settingsTable['completions.maxTokens'].default) },
    /** Tokens of sample code for the confidence curve, as in the editor; lines typed key by key. */
    sample: { type: 'string', default: '2048' }, typed: { type: 'string', default: '8' },
    /** Files around each that take part at most. */
    neighbours: { type: 'string', default: '0' },
    alone: { type: 'boolean', default: false }, 'no-analogy': { type: 'boolean', default: false }, outcomes: { type: 'boolean', default: false }, json: { type: 'boolean', default: false }, keep: { type: 'string' },
  },
});

const OWN_SOURCES = ['src', 'test', 'scripts'];

/** Files and folders of source files; names are relative to the package where they lie in it. */
function heldOut(paths: readonly string[]): HeldOutFile[] {
  const files = paths.flatMap((path) => (statSync(path).isDirectory() ? sourceFiles(path) : [path]));
  return files.map((file) => {
    const path = relative(packageRoot(), resolve(file));
    const text = readFileSync(file, 'utf8');
    return { path, text, languageId: languageOf(path, text) };
  });
}

/** By the name that `heldOut` gave: the files around it, of the same folder of `paths`. */
function neighboursOf(paths: readonly string[], most: number): (path: string) => NeighbourDocument[] {
  return (path) => {
    const file = resolve(packageRoot(), path);
    const folder = paths.map((root) => resolve(root)).find((root) => file.startsWith(`${root}/`));
    return folder ? neighbourTexts(file, readFileSync(file, 'utf8'), sourceFiles(folder), most).map((text) => ({ path: '', text })) : [];
  };
}

/** What the editor would plan, by a speed measured on one place that is not counted. */
async function planFor(engine: Engine, { snapshot }: Cursor): Promise<Plan> {
  const { tokens, ms } = await engine.generate({ prompt: { snapshot }, max: 32, sampling: { temperature: 0 } }, new CancelFlag());
  const speed = { prefill: (1000 * (tokens.prompt - tokens.reused)) / ms.prefill, decode: (1000 * Math.max(1, tokens.generated - 1)) / ms.decode };
  const planned = plan({ latencyMs: Number(values.latency), maxTokens: Number(values['max-tokens']), speed, manual: false });
  return { ...planned, ...(values['prompt-tokens'] && { promptTokens: Number(values['prompt-tokens']) }) };
}

export async function run(): Promise<void> {
  process.env.ORT_DISABLE_TELEMETRY = '1';
  process.env.DELTALLM_CACHE ??= resolve('.cache');
  const [threads, seed, perFile] = [Number(values.threads), Number(values.seed), Number(values['per-file'])];
  const paths = values.files ?? OWN_SOURCES.map((folder) => join(packageRoot(), folder));
  const files = heldOut(paths);
  const cursors = files.flatMap((file) => drawCursors(file, perFile, seed));
  const places = new Set(cursors.map(({ snapshot }) => snapshot.path)).size;
  const addon = loadAddon(join(packageRoot(), 'dist'));
  const print = (line: string): void => void (values.json || console.log(line));

  const measured: Measured[] = [];
  const recipes = new Map<string, string>();
  const baselines: { name: string; outcomes: Outcome[] }[] = [];
  let model: LoadedModel | undefined;
  let planned: Plan | undefined;
  for (const attention of values.attention.split(',') as AttentionMode[]) {
    const engine = await Engine.load(addon, { model: values.model, threads, attention, cacheBytes: 2e9, background: false, kernels: values.kernels });
    try {
      model = engine.describe();
      const same = recipes.get(model.recipe);
      if (same !== undefined) {
        print(`${attention} is left out: it is the same as ${same} here`);
        continue;
      }
      recipes.set(model.recipe, attention);
      planned ??= await planFor(engine, cursors[0]);
      if (measured.length === 0) {
        print(`${model.name}, ${(model.parameters / 1e6).toFixed(1)} M parameters; ${machine(threads, model.kernels)}`);
        print(`${cursors.length} places in ${places} files, seed ${seed}; prompts of at most ${planned.promptTokens} tokens, texts of at most ${planned.max}`);
      }
      const typed = cursors.filter(({ rule }) => rule === 'lineStart').slice(0, Number(values.typed));
      for (const chosen of values.alone ? [undefined, false] : [undefined]) {
        const curve = await measureConfidence(engine, await sampleTexts(), Number(values.sample), undefined, { chosen });
        const outcomes = await completeAll(engine, cursors, planned, { locality: curve.locality, analogy: !values['no-analogy'] });
        const typing = typed.length > 0 && chosen === undefined ? await typeLines(engine, typed, planned.promptTokens) : null;
        measured.push({ attention: chosen === undefined ? attention : `${attention}, alone`, curve, outcomes, summary: summarise(outcomes, curve), typing });
      }
      if (Number(values.neighbours) > 0) {
        const { curve } = measured.at(values.alone ? -2 : -1)!;
        const outcomes = await completeAll(engine, cursors, planned, { locality: curve.locality, analogy: !values['no-analogy'], beside: neighboursOf(paths, Number(values.neighbours)) });
        measured.push({ attention: `${attention}, with neighbours`, curve, outcomes, summary: summarise(outcomes, curve), typing: null });
      }
      if (values.alone && baselines.length === 0) {
        const most = planned.max;
        for (const [name, guess] of Object.entries(BASELINES)) baselines.push({ name, outcomes: baselineOutcomes((snapshot) => guess(snapshot, engine.tokenizer, most), cursors) });
      }
    } finally {
      await engine.close();
    }
  }
  print(`\n${completionReport(measured)}`);
  if (baselines.length > 0) print(`\n${baselineReport([...measured.map(({ attention, outcomes }) => ({ name: attention, outcomes })), ...baselines])}`);
  if (values.outcomes) for (const one of measured[0].outcomes) print(JSON.stringify(one));
  if (values.keep) writeFileSync(values.keep, JSON.stringify(measured.map(({ attention, outcomes }) => ({ attention, outcomes }))));
  if (values.json) console.log(JSON.stringify({ model: model?.name, machine: machine(threads, model?.kernels ?? ''), threads, seed, files: places, plan: planned, measured }));
}
