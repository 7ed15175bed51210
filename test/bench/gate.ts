// npm run eval:gate -- --files F --files G [--per-file 2 --seed 1 --neighbours 8 --no-analogy --keep FILE] [--from FILE ... --fit --only sibling --judge FILE ...]
// What is written at places of files (as `npm run eval:completions` draws them), with the signals of the gate. --keep writes it to a file; --from reads such files
// instead of running a model, and a file that is there already is gone on with; --fit prints the weights that suit them (--only: of these signals, the others stay), --judge how those, or without --fit the gate as it is, do on other files.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadAddon } from '../../src/binding/load.ts';
import { degenerate } from '../../src/completion/degenerate.ts';
import { CHANCES } from '../../src/completion/gate.ts';
import { BIAS, WEIGHTS } from '../../src/completion/gateWeights.ts';
import { SIGNALS, signalsOf } from '../../src/completion/signals.ts';
import { completeAll, EAGERNESS, type Outcome } from '../../src/eval/completions.ts';
import { sourceFiles } from '../../src/model/measure/corpus.ts';
import { cursorsOf, drawCursors, type Cursor } from '../../src/eval/cursors.ts';
import { fitGate, fitSome } from '../../src/eval/gateFit.ts';
import { neighbourTexts } from '../../src/eval/neighbours.ts';
import { wilson } from '../../src/eval/similarity.ts';
import { starterModel } from '../../src/model/library.ts';
import { firstLineLogProbability } from '../../src/session/firstLine.ts';
import { Engine } from '../../src/session/engine.ts';
import { languageOf } from '../../src/shared/languages.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: starterModel() }, files: { type: 'string', multiple: true }, 'per-file': { type: 'string', default: '2' }, seed: { type: 'string', default: '1' },
    neighbours: { type: 'string', default: '0' }, 'no-analogy': { type: 'boolean', default: false }, most: { type: 'string', default: '100000' }, threads: { type: 'string', default: '1' },
    keep: { type: 'string' }, from: { type: 'string', multiple: true }, fit: { type: 'boolean', default: false }, only: { type: 'string' }, judge: { type: 'string', multiple: true },
  },
});

/** One text with its place. */
interface Kept {
  file: string;
  outcome: Outcome;
}

interface Judged {
  signals: number[];
  mean: number;
  right: boolean;
  outcome: Outcome;
}

/** Of each of --files. */
const listings = (values.files ?? []).map((folder) => ({ folder, files: sourceFiles(folder) }));

/** The texts beside a file of --files, as many as --neighbours says. */
function besideOf(file: string): string[] {
  const listing = listings.find(({ folder }) => file.startsWith(folder));
  return listing && Number(values.neighbours) > 0 ? neighbourTexts(file, readFileSync(file, 'utf8'), listing.files, Number(values.neighbours)) : [];
}

const PLAN = { promptTokens: 512, max: 64 };

function cursorsOfFile(file: string): Omit<Parameters<typeof cursorsOf>[0], never> {
  const text = readFileSync(file, 'utf8');
  return { path: file, languageId: languageOf(file, text), text };
}

async function write(): Promise<void> {
  const engine = await Engine.load(loadAddon(join(process.cwd(), 'dist')), { model: values.model, threads: Number(values.threads), attention: 'delta', cacheBytes: 2e9, background: false });
  const done = new Set(values.keep && existsSync(values.keep) ? keptIn(values.keep).map(({ file }) => file) : []);
  try {
    const beside = (path: string) => besideOf(path).map((text) => ({ path: '', text }));
    for (const { files } of listings) {
      const every = Math.max(1, files.length / Number(values.most));
      for (let at = 0; at < files.length; at += every) {
        const file = files[Math.floor(at)];
        if (done.has(file)) continue;
        const cursors = drawCursors({ ...cursorsOfFile(file), path: relative(process.cwd(), resolve(file)) }, Number(values['per-file']), Number(values.seed));
        const outcomes = await completeAll(engine, cursors.map((cursor) => ({ ...cursor, snapshot: { ...cursor.snapshot, path: file } })), PLAN, { analogy: !values['no-analogy'], ...(Number(values.neighbours) > 0 && { beside }) });
        if (values.keep) appendFileSync(values.keep, outcomes.map((outcome) => `${JSON.stringify({ file, outcome } satisfies Kept)}\n`).join(''));
      }
    }
  } finally {
    await engine.close();
  }
}

const keptIn = (path: string): Kept[] => readFileSync(path, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line) as Kept);

/** What can be shown of the kept texts, and how many places there were. */
function read(paths: readonly string[]): { places: number; exact: number; judged: Judged[] } {
  const kept = paths.flatMap(keptIn).filter(({ outcome }) => outcome.silent === null);
  const judged: Judged[] = [];
  let last: { file: string; cursors: Cursor[]; beside: string[] } | undefined;
  for (const { file, outcome } of kept) {
    if (last?.file !== file) last = { file, cursors: cursorsOf(cursorsOfFile(file)), beside: besideOf(file) };
    const cursor = last.cursors.find(({ rule, line, column, snapshot }) => rule === outcome.rule && line === outcome.line && column === outcome.column && snapshot.after.length >= 0)!;
    if (outcome.written === '' || degenerate(outcome.text, cursor.snapshot)) continue;
    const signals = signalsOf(outcome.scores, outcome.text, cursor.snapshot, last.beside);
    if (signals) judged.push({ signals, mean: firstLineLogProbability(outcome.scores, outcome.text), right: outcome.exact, outcome });
  }
  return { places: kept.length, exact: kept.filter(({ outcome }) => outcome.exact).length / kept.length, judged };
}

const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;

const SHARES = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 1];

/** Shares of all places, and how much of that is right, of the surest by either measure. */
function report(name: string, { places, exact, judged }: ReturnType<typeof read>, weights: { bias: number; weights: readonly number[] }): void {
  const odds = ({ signals }: Judged): number => signals.reduce((sum, x, i) => sum + x * weights.weights[i], weights.bias);
  const byMean = judged.toSorted((a, b) => b.mean - a.mean);
  const bySignals = judged.toSorted((a, b) => odds(b) - odds(a));
  const right = (sorted: readonly Judged[], count: number): string => percent(sorted.slice(0, count).filter((one) => one.right).length / count);
  console.log(`\n${name}: ${places} places, exact ${percent(exact)} (${wilson(exact, places).map((x) => (100 * x).toFixed(1)).join('–')})\n| shown | right by the mean alone | by the signals | chance there |\n|---|---|---|---|`);
  for (const share of SHARES) {
    const count = Math.min(judged.length, Math.round(share * places));
    console.log(`| ${percent(count / places)} | ${right(byMean, count)} | ${right(bySignals, count)} | ${(1 / (1 + Math.exp(-odds(bySignals[count - 1])))).toFixed(3)} |`);
  }
  for (const eagerness of EAGERNESS) {
    const shown = judged.filter((one) => odds(one) >= Math.log(CHANCES[eagerness] / (1 - CHANCES[eagerness])));
    console.log(`${eagerness}: shown ${percent(shown.length / places)}, right ${percent(shown.filter((one) => one.right).length / shown.length)}`);
  }
}

export async function run(): Promise<void> {
  process.env.DELTALLM_CACHE ??= resolve('.cache');
  if (values.files) await write();
  const from = values.from ?? (values.keep ? [values.keep] : []);
  if (from.length === 0) return;
  const examples = read(from);
  const now = { bias: BIAS, weights: WEIGHTS };
  const only = values.only?.split(',').map((name) => SIGNALS.findIndex((signal) => signal === name));
  if (only?.includes(-1)) throw new Error(`--only knows ${SIGNALS.join(', ')}`);
  const weights = !values.fit ? now : only ? fitSome(examples.judged, now, only) : fitGate(examples.judged);
  if (values.fit) {
    for (const [i, signal] of SIGNALS.entries()) console.log(`${signal.padEnd(12)} ${weights.weights[i].toFixed(2)}`);
    console.log(`\nsrc/completion/gateWeights.ts:\nexport const BIAS = ${weights.bias.toFixed(3)};\nexport const WEIGHTS: readonly number[] = [${weights.weights.map((w) => w.toFixed(3)).join(', ')}];`);
  }
  for (const path of from) report(path, read([path]), weights);
  for (const path of values.judge ?? []) report(`judged: ${path}`, read([path]), weights);
}
