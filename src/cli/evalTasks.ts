// deltallm eval tasks: the paper's table, and more, over data sets that the user has.
import { join } from 'node:path';
import { DeltaError } from '../shared/errors.ts';
import { packageRoot } from '../shared/packageRoot.ts';
import { loadAddon } from '../binding/load.ts';
import { runTasks } from '../eval/tasks/runTasks.ts';
import { taskReport, taskTable } from '../eval/tasks/taskReport.ts';
import { TASKS } from '../eval/tasks/tasks.ts';
import type { Phases, TaskMode } from '../eval/tasks/reader.ts';
import { loadModel } from '../model/loadModel.ts';
import type { Command } from '../cli.ts';
import { defaultThreads, folderOf, given, modelOf, number, parse, required, writable } from './options.ts';
import { print } from './output.ts';
import { clearProgress, showProgress, tell } from './terminal.ts';

const MODES: TaskMode[] = ['dense', 'balanced', 'compact'];
const DEFAULT_CACHE_MB = 4096;

const HELP = `deltallm eval tasks: how well a model answers in each mode of attention, on data sets of your own copy

  deltallm eval tasks --data FOLDER --tasks squad2,winogrande,... [--model M] [--modes dense,balanced,compact] [--phases both|prefill]
                      [--window BLOCKS] [--limit N] [--out FILE.jsonl] [--threads N] [--cache-mb N] [--json]

--data     a folder with TASK.jsonl or TASK.parquet, in the columns of the Hugging Face hub's data sets; nothing is downloaded
--tasks    names with commas between them, or all
--modes    dense is the mode exact; balanced and compact are the editor's others
--phases   both: what is read and what is written looks back in the mode; prefill: only what is read, as in one of the paper's tables
--window   blocks of 64 exact keys before a query's own; questions that fit into the window skip nothing. Without it the model's rule
--limit    questions of each task: the first N of its file
--out      where answers are kept line by line: the same command goes on where it was stopped

${Object.entries(TASKS).map(([name, { data, main }]) => `${name.padEnd(20)} ${main.padEnd(9)} ${data}`).join('\n')}
`;

/** Names with commas between them, each one of `known`; "all" where that is allowed. */
function names<T extends string>(option: string, text: string, known: readonly T[]): T[] {
  if (text === 'all') return [...known];
  return [...new Set(text.split(',').map((name) => name.trim()))].map((name) => {
    if (!(known as readonly string[]).includes(name)) throw new DeltaError('usage', `--${option} has "${name}", but knows ${known.join(', ')}`);
    return name as T;
  });
}

export const evalTasks: Command = async (args, cancel) => {
  const { values } = parse(args, {
    model: { type: 'string' }, data: { type: 'string' }, tasks: { type: 'string' }, modes: { type: 'string' }, phases: { type: 'string' }, window: { type: 'string' }, limit: { type: 'string' }, out: { type: 'string' },
    threads: { type: 'string' }, 'cache-mb': { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' },
  });
  if (values.help) {
    print(HELP);
    return;
  }
  const data = folderOf('data', required(values, 'data'));
  const tasks = names('tasks', required(values, 'tasks'), Object.keys(TASKS));
  const modes = names('modes', given(values, 'modes') ?? 'all', MODES);
  const phases = given(values, 'phases') ?? 'both';
  if (phases !== 'both' && phases !== 'prefill') throw new DeltaError('usage', '--phases must be both or prefill');
  const limit = values.limit === undefined ? Infinity : number(values, 'limit', undefined, 1, 1e9);
  const window = values.window === undefined ? undefined : number(values, 'window', undefined, 0, 64);
  const threads = number(values, 'threads', defaultThreads(), 1, 64);
  const budget = number(values, 'cache-mb', DEFAULT_CACHE_MB, 1, 1 << 20) * 1e6;
  const out = given(values, 'out');
  const path = out === undefined ? undefined : writable(out);

  try {
    const addon = loadAddon(join(packageRoot(), 'dist'));
    addon.setThreads(threads);
    const model = await loadModel(modelOf(values), { addon, progress: showProgress, notice: tell });
    try {
      const { manifest } = model.forward;
      const answers = await runTasks(addon, model, { data, tasks, modes, phases: phases as Phases, window, limit, out: path, budget }, showProgress, () => cancel.isSet);
      clearProgress();
      if (answers.length === 0 || (cancel.isSet && path !== undefined)) return;
      const report = taskReport(manifest.name, phases as Phases, answers);
      print(`${values.json ? JSON.stringify(report) : taskTable(report)}\n`);
    } finally {
      await model.forward.release();
    }
  } finally {
    clearProgress();
  }
};
