// What `deltallm eval tasks` found: the metrics of each task by mode, with 95 % intervals over questions, and the table that is printed.
import { resampled } from '../random.ts';
import type { Phases, TaskMode } from './reader.ts';
import type { Answered } from './runTasks.ts';
import { bestScore } from './squad.ts';
import { TASKS } from './tasks.ts';

export interface Figure {
  metric: string;
  /** In percent; a perplexity as it is. */
  value: number;
  interval: [number, number];
  /** To dense on the same questions, with its interval; absent for dense itself. */
  difference?: { value: number; interval: [number, number] };
}

export interface TaskRow {
  task: string;
  mode: TaskMode;
  questions: number;
  /** The first is the one that the table shows. */
  figures: Figure[];
  /** 1 − required multiply-adds of attention / those of dense causal attention: of what was read, of what was written, of both. */
  sparsity: { read: number; written: number; both: number };
  tokens: number;
  tokensPerSecond: number;
}

export interface TaskReport {
  model: string;
  phases: Phases;
  rows: TaskRow[];
}

const SEED = 1;
type Values = Answered['values'];
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
const percent = (name: string) => (all: readonly Values[]) => 100 * mean(all.map((values) => values[name]));
const best = (name: string) => (all: readonly Values[]) => 100 * bestScore(all.map((values) => ({ score: values[name], isEmpty: values.isEmpty === 1, noAnswer: values.noAnswer, hasAnswer: values.hasAnswer === 1 })));
const where = (hasAnswer: number, name: string) => (all: readonly Values[]) => percent(name)(all.filter((values) => values.hasAnswer === hasAnswer));

/** How the values of questions become a metric, by the kind of the task. */
const METRICS: Record<string, Record<string, (all: readonly Values[]) => number>> = {
  choice: { acc: percent('acc'), acc_norm: percent('acc_norm') },
  word: { acc: percent('acc'), perplexity: (all) => Math.exp(-mean(all.map(({ logProbability }) => logProbability))) },
  answer: { f1: percent('f1'), exact: percent('exact'), best_f1: best('f1'), best_exact: best('exact'), HasAns_f1: where(1, 'f1'), NoAns_f1: where(0, 'f1') },
  infill: { exact: percent('exact') },
};
const kindOf = (values: Values) => ('noAnswer' in values ? 'answer' : 'logProbability' in values ? 'word' : 'acc' in values ? 'choice' : 'infill');

export function taskReport(model: string, phases: Phases, answers: readonly Answered[]): TaskReport {
  const groups = new Map<string, Answered[]>();
  for (const answered of answers) {
    const key = `${answered.task}\t${answered.mode}`;
    groups.set(key, [...(groups.get(key) ?? []), answered]);
  }
  const rows = [...groups.values()].map((group): TaskRow => {
    const [{ task, mode }] = group;
    // Of both sides those questions that both have answered: a run that was stopped has fewer of one.
    const dense = mode === 'dense' ? undefined : new Map((groups.get(`${task}\tdense`) ?? []).map((answered) => [answered.index, answered.values]));
    const values = group.map((answered) => answered.values);
    const pairs = group.flatMap(({ index, values }) => (dense?.has(index) ? [[values, dense.get(index)!] as const] : []));
    const metrics = METRICS[kindOf(values[0])];
    const names = [TASKS[task].main, ...Object.keys(metrics).filter((name) => name !== TASKS[task].main)];
    const figures = names.map((metric): Figure => {
      const of = metrics[metric];
      const difference = (drawn: readonly (readonly [Values, Values])[]) => of(drawn.map(([own]) => own)) - of(drawn.map(([, other]) => other));
      return {
        metric, value: of(values), interval: resampled(values.length, SEED, (drawn) => of(Array.from(drawn, (i) => values[i]))),
        ...(pairs.length > 0 && { difference: { value: difference(pairs), interval: resampled(pairs.length, SEED, (drawn) => difference(Array.from(drawn, (i) => pairs[i]))) } }),
      };
    });
    const total = (of: (answered: Answered) => number) => group.reduce((sum, answered) => sum + of(answered), 0);
    const saved = (dense: number, required: number) => (dense > 0 ? 1 - required / dense : 0);
    const [readDense, readRequired, writtenDense, writtenRequired] = [total(({ read }) => read.dense), total(({ read }) => read.required), total(({ written }) => written.dense), total(({ written }) => written.required)];
    return {
      task, mode, questions: group.length, figures,
      sparsity: { read: saved(readDense, readRequired), written: saved(writtenDense, writtenRequired), both: saved(readDense + writtenDense, readRequired + writtenRequired) },
      tokens: total(({ tokens }) => tokens), tokensPerSecond: (1000 * total(({ tokens }) => tokens)) / Math.max(1e-9, total(({ ms }) => ms)),
    };
  });
  return { model, phases, rows: rows.toSorted((a, b) => order(answers, a.task) - order(answers, b.task)) };
}

const order = (answers: readonly Answered[], task: string) => answers.findIndex((answered) => answered.task === task);

const number = (value: number) => value.toFixed(2).replace('-', '−');
const range = ([low, high]: [number, number]) => `${number(low)} to ${number(high)}`;
const signed = (value: number) => (value < 0 ? number(value) : `+${number(value)}`);

/** The table, in Markdown: the main metric of each task by mode. */
export function taskTable({ model, phases, rows }: TaskReport): string {
  const lines = [
    `${model}; ${phases === 'both' ? 'reading and writing in the mode' : 'reading in the mode, writing with exact keys'}; zero-shot; 95 % intervals over questions, differences on the same questions`,
    '',
    '| task | metric | mode | questions | score | interval | to dense | interval | attention skipped, % | of it reading | tokens/s |',
    '|---|---|---|---|---|---|---|---|---|---|---|',
  ];
  for (const { task, mode, questions, figures, sparsity, tokensPerSecond } of rows) {
    const [{ metric, value, interval, difference }] = figures;
    lines.push(`| ${[task, metric, mode, questions, number(value), range(interval), difference ? signed(difference.value) : '', difference ? range(difference.interval) : '', (100 * sparsity.both).toFixed(1), (100 * sparsity.read).toFixed(1), tokensPerSecond.toFixed(0)].join(' | ')} |`);
  }
  return lines.join('\n');
}
