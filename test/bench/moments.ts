// npm run eval:moments [-- --set main|aside --eagerness auto --max 64 --no-analogy --no-neighbours --by-mean --only WORD --outcomes --json FILE]
// Moments of a person who types (test/fixtures/moments), through the completer of the editor with the runtime behind it, key by key: what is shown, whether it is
// right, a copy or harmful (src/eval/moments.ts), and how long after the last key. --by-mean: the gate knows
// the mean log-probability alone. The set `aside` is for the end of a piece of work: nothing is fitted to it.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadAddon } from '../../src/binding/load.ts';
import { Completer } from '../../src/completion/completer.ts';
import type { Eagerness } from '../../src/completion/gate.ts';
import type { Clock } from '../../src/completion/source.ts';
import { existingIn, FAULTS, momentsOf, verdictOn, type Moment, type MomentFile, type Verdict } from '../../src/eval/moments.ts';
import { percentile, wilson } from '../../src/eval/similarity.ts';
import { starterModel } from '../../src/model/library.ts';
import type { Score } from '../../src/session/firstLine.ts';
import { Engine } from '../../src/session/engine.ts';
import { packageRoot } from '../../src/shared/packageRoot.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: starterModel() }, set: { type: 'string', default: 'main' }, eagerness: { type: 'string', default: 'auto' }, max: { type: 'string', default: '64' }, threads: { type: 'string', default: '2' },
    'no-analogy': { type: 'boolean', default: false }, 'no-neighbours': { type: 'boolean', default: false }, 'by-mean': { type: 'boolean', default: false }, only: { type: 'string', default: '' },
    outcomes: { type: 'boolean', default: false }, json: { type: 'string' },
  },
});

/** Keys before the cursor that are typed one by one, and milliseconds between two. */
const [KEYS, BETWEEN] = [4, 60];

/** Projects: a folder each. */
function projects(set: string): MomentFile[][] {
  const folder = join(packageRoot(), 'test/fixtures/moments', set);
  const filesIn = (path: string): string[] => readdirSync(path).sort().flatMap((name) => (statSync(join(path, name)).isDirectory() ? filesIn(join(path, name)) : [join(path, name)]));
  return readdirSync(folder).sort().map((name) => filesIn(join(folder, name)).map((file) => ({ path: relative(folder, file).replace(/\.txt$/, ''), text: readFileSync(file, 'utf8') })));
}

const clock: Clock = {
  now: () => performance.now(),
  wait: (ms, then) => {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
};

interface Seen {
  moment: Moment;
  shown: string;
  /** Milliseconds from the last key to the text. */
  ms: number;
  /** How likely the gate thought it, shown or not. */
  chance: number;
  reason: string | null;
  verdict: Verdict;
}

/** What the gate is to know of tokens. */
const known = (scores: readonly Score[]): readonly Score[] => (values['by-mean'] ? scores.map(({ text, sum, count }) => ({ text, sum, count })) : scores);

async function seenAt(engine: Engine, moment: Moment): Promise<Seen> {
  const { snapshot, beside } = moment;
  const name = moment.path;
  const documents = values['no-neighbours'] ? [] : beside.map(({ path, text }) => ({ path, text }));
  const existing = existingIn([name, ...beside.map(({ path }) => path)], name);
  let answered = '';
  let chance = NaN;
  const completer = new Completer({
    generate: async (options, hear, cancel) => {
      const result = await engine.generate({ ...options, analogy: !values['no-analogy'] }, cancel, (text, scores) => hear({ id: 0, event: 'text', text, scores: known(scores) }));
      return { ...result, scores: known(result.scores) };
    },
    speed: { prefill: 1500, decode: 120 }, confidence: engine.describe().confidence,
  }, clock, {
    settings: () => ({ latencyMs: 400, maxTokens: Number(values.max), promptTokens: 2048, eagerness: values.eagerness as Eagerness }),
    record: (record) => void (chance = record.confidence?.value ?? chance), longer: (_, suggestion) => void (answered = suggestion.text), late: () => {},
  });
  const line = snapshot.before.slice(snapshot.before.lastIndexOf('\n') + 1);
  const keys = Math.min(KEYS, line.length);
  const typed = snapshot.before.length - keys;
  let last: Promise<unknown> = Promise.resolve();
  let pressed = performance.now();
  for (let at = typed; at <= snapshot.before.length; at++) {
    const now = { ...snapshot, before: snapshot.before.slice(0, at) };
    if (at > typed) completer.edited(name, { offset: at - 1, removed: 0, inserted: snapshot.before[at - 1] });
    pressed = performance.now();
    last = completer.complete({ document: name, version: at, snapshot: now, manual: false, existing, neighbours: documents.length > 0 ? { name, documents } : undefined }, { isSet: false, onSet: () => () => {} });
    // The first is somebody who comes to the place: the document is read.
    if (at === typed) {
      await last;
      while (engine.neighbours.readOn());
    } else if (at < snapshot.before.length) await new Promise((then) => setTimeout(then, BETWEEN));
  }
  const answer = (await last) as { show: { text: string; final: boolean } } | { none: string };
  const ms = performance.now() - pressed;
  // What grows later is seen too.
  if ('show' in answer && !answer.show.final) for (let i = 0; i < 100 && completer.busyWith !== null; i++) await new Promise((then) => setTimeout(then, 20));
  const shown = 'show' in answer ? (answered.startsWith(answer.show.text) ? answered : answer.show.text) : '';
  completer.dispose();
  return { moment, shown, ms, chance: Math.exp(chance), reason: 'none' in answer ? answer.none : null, verdict: verdictOn(moment, shown) };
}

const percent = (count: number, of: number): string => (of === 0 ? '–' : `${((100 * count) / of).toFixed(1)} %`);
const interval = (count: number, of: number): string => (of === 0 ? '–' : wilson(count / of, of).map((x) => (100 * x).toFixed(1)).join('–'));

export function table(seen: readonly Seen[]): string {
  const languages = [...new Set(seen.map(({ moment }) => moment.snapshot.languageId))].sort();
  const row = (name: string, part: readonly Seen[]): string => {
    const shown = part.filter((one) => one.shown !== '');
    const count = (is: (verdict: Verdict) => boolean): number => shown.filter(({ verdict }) => is(verdict)).length;
    const useless = count(({ right, part: begins, faults }) => faults.length > 0 || (!right && !begins));
    return `| ${name} | ${part.length} | ${shown.length} | ${count((v) => v.right)} | ${count((v) => v.part && v.faults.length === 0)} | ${count((v) => v.copy)} | ${count((v) => v.faults.some((fault) => fault !== 'marked'))} | ${useless} (${percent(useless, shown.length)}) |`;
  };
  return ['| | moments | shown | right | in part | copies | harmful | useless or harmful |', '|---|---|---|---|---|---|---|---|', ...languages.map((l) => row(l, seen.filter(({ moment }) => moment.snapshot.languageId === l))), row('**all**', seen)].join('\n');
}

export async function run(): Promise<void> {
  process.env.ORT_DISABLE_TELEMETRY = '1';
  process.env.DELTALLM_CACHE ??= resolve('.cache');
  const engine = await Engine.load(loadAddon(join(packageRoot(), 'dist')), { model: values.model, threads: Number(values.threads), attention: 'delta', cacheBytes: 5e8, background: false });
  const seen: Seen[] = [];
  try {
    for (const files of projects(values.set)) {
      for (const moment of momentsOf(files)) if (moment.path.includes(values.only)) seen.push(await seenAt(engine, moment));
    }
  } finally {
    await engine.close();
  }
  const shown = seen.filter((one) => one.shown !== '');
  const times = shown.map(({ ms }) => ms);
  const count = (is: (verdict: Verdict) => boolean): number => shown.filter(({ verdict }) => is(verdict)).length;
  console.log(`${seen.length} moments of the set ${values.set}, ${values.eagerness}${values['no-analogy'] ? ', without analogies' : ''}${values['no-neighbours'] ? ', without neighbours' : ''}${values['by-mean'] ? ', by the mean alone' : ''}\n\n${table(seen)}\n`);
  console.log(`right: ${percent(count((v) => v.right), shown.length)} of what is shown (${interval(count((v) => v.right), shown.length)}); copies: ${percent(count((v) => v.copy), shown.length)} (${interval(count((v) => v.copy), shown.length)})`);
  console.log(FAULTS.map((fault) => `${fault}: ${count((v) => v.faults.includes(fault))}`).join(', '));
  console.log(`from the last key: ${percentile(times, 0.5).toFixed(0)} ms at the median, ${percentile(times, 0.95).toFixed(0)} at 95 %; within 500 ms ${times.filter((ms) => ms <= 500).length} of ${times.length}`);
  if (values.outcomes) for (const { moment, shown: text, chance, reason, verdict } of seen) {
    const kind = text === '' ? `— ${reason}` : verdict.right ? 'right' : [verdict.copy && 'COPY', ...verdict.faults, verdict.part && 'part'].filter(Boolean).join(', ') || 'useless';
    console.log(`${moment.path}:${moment.line}:${moment.column} [${kind}] ${chance.toFixed(2)} ${JSON.stringify(text.slice(0, 120))} | ${JSON.stringify(moment.right[0].slice(0, 80))}`);
  }
  if (values.json) writeFileSync(values.json, JSON.stringify(seen.map(({ moment: { path, line, column }, shown: text, ms, chance, verdict }) => ({ path, line, column, shown: text, ms, chance, ...verdict }))));
}
