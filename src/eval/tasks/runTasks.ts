// `deltallm eval tasks`: questions of public data sets, answered in each mode of attention. What was answered is kept in a file, line by line, so that a run that was
// stopped goes on where it ended.
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import type { Addon } from '../../binding/addon.ts';
import { fimPrompt } from '../../prompt/fim.ts';
import { fimOrder } from '../../prompt/order.ts';
import { DeltaError } from '../../shared/errors.ts';
import type { Model } from '../../model/loadModel.ts';
import type { Manifest } from '../../model/manifest.ts';
import { recipeId, storeConfig } from '../../model/stores.ts';
import { fixed } from '../grid.ts';
import { TaskReader, type Phases, type TaskMode, type Work } from './reader.ts';
import { Columns, fileOf, readRecords } from './records.ts';
import { exactMatch, f1 } from './squad.ts';
import { TASKS, type Question } from './tasks.ts';

/** Tokens of an answer, and of a line that is filled in, at most. */
const MOST_ANSWER = 64;
const MOST_LINE = 64;
/** Of a prompt for filling in: all that the model reads, the text behind the cursor a third of it at most. */
const SUFFIX_SHARE = 3;

export interface TaskOptions {
  data: string;
  tasks: string[];
  modes: TaskMode[];
  phases: Phases;
  /** Blocks of exact keys before a query's own; undefined: the model's rule. */
  window?: number;
  /** Questions of each task at most: the first ones of its file. */
  limit: number;
  /** Where answers are kept; undefined: nowhere. */
  out?: string;
  budget: number;
}

/** One question in one mode: its figures by name, and what it took. */
export interface Answered {
  task: string;
  mode: TaskMode;
  index: number;
  values: Record<string, number>;
  tokens: number;
  ms: number;
  read: Work;
  written: Work;
}

/** What the kept answers of a run must agree in. */
interface Heading {
  format: 1;
  model: string;
  identity: string;
  recipe: string;
  phases: Phases;
}

/** @returns the answers of all questions, those that had been kept included; fewer where it was cancelled */
export async function runTasks(addon: Addon, model: Model, options: TaskOptions, progress: (stage: string, share: number) => void = () => {}, cancelled: () => boolean = () => false): Promise<Answered[]> {
  const { data, tasks, modes, phases, window, limit, out, budget } = options;
  const questions: { task: string; index: number; question: Question }[] = [];
  for (const task of tasks) {
    const path = fileOf(data, task);
    const records = await readRecords(path, limit);
    if (records.length === 0) throw new DeltaError('fileUnreadable', path, 'it holds no records');
    // Every record is understood before the first is answered: a run of hours does not end at the last.
    for (const [index, record] of records.entries()) questions.push({ task, index, question: TASKS[task].question(new Columns(path, record, index)) });
  }
  const own = model.forward.manifest;
  const manifest: Manifest = window === undefined ? own : { ...own, delta: { ...own.delta, ...fixed(window) } };
  const recipe = recipeId(manifest, storeConfig(manifest, model.tables.delta)).toString('hex');
  const heading: Heading = { format: 1, model: manifest.name, identity: manifest.source.identity, recipe, phases };
  const kept = out === undefined ? [] : resume(out, heading);
  const key = ({ task, mode, index }: Pick<Answered, 'task' | 'mode' | 'index'>) => `${task}\t${mode}\t${index}`;
  const known = new Map(kept.map((answered) => [key(answered), answered]));
  const answers: Answered[] = [];
  let done = 0;
  const total = questions.length * modes.length;
  for (const mode of modes) {
    const reader = new TaskReader(model.forward, manifest, model.tokenizer, addon, model.tables, mode, phases, budget, cancelled);
    try {
      for (const { task, index, question } of questions) {
        if (cancelled()) return answers;
        let answered = known.get(key({ task, mode, index }));
        if (!answered) {
          answered = await measured(reader, { task, mode, index }, () => answer(reader, model, question));
          if (cancelled()) return answers;
          if (out !== undefined) keep(out, answered);
        }
        answers.push(answered);
        progress(`${task}, ${mode}`, ++done / total);
      }
    } finally {
      reader.close();
    }
  }
  return answers;
}

/** One more line. Throws folderNotWritable, a full disk among its reasons. */
function keep(path: string, row: Heading | Answered): void {
  try {
    appendFileSync(path, `${JSON.stringify(row)}\n`);
  } catch (thrown) {
    throw new DeltaError('folderNotWritable', path, String((thrown as NodeJS.ErrnoException).code));
  }
}

/** What a file holds of an earlier run; begins it where there is none. A last line that was cut off is taken away. */
function resume(path: string, heading: Heading): Answered[] {
  if (!existsSync(path)) {
    keep(path, heading);
    return [];
  }
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (thrown) {
    throw new DeltaError('fileUnreadable', path, String((thrown as NodeJS.ErrnoException).code));
  }
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  let rows: unknown[];
  try {
    rows = whole.split('\n').filter(Boolean).map((line) => JSON.parse(line) as unknown);
  } catch {
    throw new DeltaError('fileUnreadable', path, 'it holds something other than kept answers');
  }
  if (JSON.stringify(rows[0]) !== JSON.stringify(heading)) throw new DeltaError('fileUnreadable', path, 'it holds answers of another model, or of other phases');
  if (whole.length < text.length) truncateSync(path, Buffer.byteLength(whole));
  return rows.slice(1) as Answered[];
}

async function measured(reader: TaskReader, which: Pick<Answered, 'task' | 'mode' | 'index'>, action: () => Promise<Record<string, number>>): Promise<Answered> {
  const before = { read: { ...reader.work.read }, written: { ...reader.work.written }, tokens: reader.tokens };
  const clock = performance.now();
  const values = await action();
  const since = (phase: 'read' | 'written'): Work => ({ dense: reader.work[phase].dense - before[phase].dense, required: reader.work[phase].required - before[phase].required });
  return { ...which, values, tokens: reader.tokens - before.tokens, ms: performance.now() - clock, read: since('read'), written: since('written') };
}

async function answer(reader: TaskReader, { forward, tokenizer }: Model, question: Question): Promise<Record<string, number>> {
  switch (question.kind) {
    case 'choice': {
      const sums: number[] = [];
      for (const pair of question.pairs) sums.push((await reader.likelihood(pair)).logProbability);
      const best = (values: number[]) => values.indexOf(Math.max(...values));
      return { acc: Number(best(sums) === question.gold), acc_norm: Number(best(sums.map((sum, i) => sum / question.lengths[i])) === question.gold) };
    }
    case 'word': {
      const { logProbability, isGreedy } = await reader.likelihood(question.pair);
      return { acc: Number(isGreedy), logProbability };
    }
    case 'answer': {
      const text = await reader.continuation(question.context, MOST_ANSWER, (written) => written.includes('\n'));
      const given = text.split('\n')[0];
      const { logProbability } = await reader.likelihood({ context: question.context, continuation: question.unanswerable });
      const { answers } = question;
      return { exact: exactMatch(given, answers), f1: f1(given, answers), noAnswer: Math.exp(logProbability), isEmpty: Number(given === ''), hasAnswer: Number(answers.length > 0) };
    }
    case 'infill': {
      const { name, shape } = forward.manifest;
      const total = shape.context - MOST_LINE;
      const snapshot = { path: 'infill.py', languageId: 'python', before: question.before, after: question.after };
      const { tokens } = fimPrompt(snapshot, tokenizer, { order: fimOrder(name), budget: { total, suffix: Math.floor(total / SUFFIX_SHARE) }, modelName: name });
      const line = question.right.replace(/\n$/, '');
      const text = await reader.write(tokens, MOST_LINE, (written) => written.length > line.length || written.includes('\n'));
      return { exact: Number(text.split('\n')[0].trimEnd() === line.trimEnd()) };
    }
  }
}
