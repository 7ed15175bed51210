// `deltallm eval tasks` on samples of our own writing: every task runs, in every mode.
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/binding/load.ts';
import { TaskReader, type Phases, type TaskMode } from '../../src/eval/tasks/reader.ts';
import { runTasks, type TaskOptions } from '../../src/eval/tasks/runTasks.ts';
import { taskReport } from '../../src/eval/tasks/taskReport.ts';
import { TASKS } from '../../src/eval/tasks/tasks.ts';
import { loadModel, type Model } from '../../src/model/loadModel.ts';
import { step } from '../../src/session/session.ts';
import { exactStore } from '../../src/model/stores.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { packageRoot } from '../../src/shared/packageRoot.ts';
import { TINY_F16 } from '../support/engine.ts';

const addon = loadAddon(join(packageRoot(), 'dist'));
const folder = mkdtempSync(join(tmpdir(), 'deltallm-evalTasks-'));
const BUDGET = 1e9;
const options: TaskOptions = { data: 'test/fixtures/tasks', tasks: Object.keys(TASKS), modes: ['dense', 'balanced', 'compact'], phases: 'both', limit: 2, budget: BUDGET };
/** Longer than the window, so that far keys are read. */
const long = { context: readFileSync('test/fixtures/heldOut.txt', 'utf8').slice(0, 1500), continuation: ' return value;' };

let model: Model;
beforeAll(async () => {
  model = await loadModel(TINY_F16, { addon });
});
afterAll(async () => {
  await model.forward.release();
  rmSync(folder, { recursive: true });
});

async function withReader<T>(mode: TaskMode, use: (reader: TaskReader) => Promise<T>, phases: Phases = 'both'): Promise<T> {
  const reader = new TaskReader(model.forward, model.forward.manifest, model.tokenizer, addon, model.tables, mode, phases, BUDGET);
  try {
    return await use(reader);
  } finally {
    reader.close();
  }
}

describe('a model as a reader of tasks', () => {
  it('gives the log-likelihood that its logits give, whether or not the beginning was known', async () => {
    const logProbability = await withReader('dense', async (reader) => {
      const { ids, from } = reader.encodePair(long);
      const cache = exactStore(addon, model.forward.manifest);
      const lease = cache.lease(new Int32Array(0));
      let sum = 0;
      for (const [at, end] of model.forward.chunks(0, ids.length)) {
        const logits = (await step(model.forward, lease, ids.subarray(at, end), 'all', new CancelFlag()))!;
        const { vocabulary } = model.forward.manifest.shape;
        for (let i = Math.max(at, from - 1); i < Math.min(end, ids.length - 1); i++) {
          const row = Float64Array.from(logits.subarray((i - at) * vocabulary, (i - at + 1) * vocabulary));
          const most = row.reduce((a, b) => Math.max(a, b));
          sum += row[ids[i + 1]] - most - Math.log(row.reduce((total, x) => total + Math.exp(x - most), 0));
        }
      }
      lease.release();
      cache.close();
      const cold = await reader.likelihood(long);
      const warm = await reader.likelihood(long);
      expect(warm).toEqual(cold);
      expect(cold.logProbability).toBeCloseTo(sum, 9);
      return cold.logProbability;
    });
    expect(logProbability).toBeLessThan(0);
  });

  it('in a mode too a known beginning changes no bit', () =>
    withReader('balanced', async (reader) => {
      const cold = await reader.likelihood(long);
      await reader.likelihood({ ...long, continuation: ' something else' });
      expect(await reader.likelihood(long)).toEqual(cold);
      expect(reader.work.read.required).toBeLessThan(reader.work.read.dense);
    }));

  it('cuts where blanks at the end of the context belong to the continuation, and takes the beginning off what is too long', () =>
    withReader('dense', async (reader) => {
      const { ids, from } = reader.encodePair({ context: 'a b  ', continuation: 'c' });
      expect(from).toBe(reader.encodePair({ context: 'a b', continuation: '  c' }).from);
      expect(model.tokenizer.decode(ids.subarray(from))).toBe('  c');
      const over = reader.encodePair({ context: 'word '.repeat(20_000), continuation: 'end' });
      expect(over.ids.length).toBe(model.forward.manifest.shape.context);
      expect(model.tokenizer.decode(over.ids.subarray(over.from)).trim()).toBe('end');
    }));

  it('writes behind a text that was read in the mode with exact keys, where only reading is in it', async () => {
    const write = (mode: TaskMode, phases: Phases) => withReader(mode, async (reader) => ({ text: await reader.continuation(long.context, 8, () => false), ...reader.work }), phases);
    const [dense, both, prefill] = [await write('dense', 'prefill'), await write('compact', 'both'), await write('compact', 'prefill')];
    expect(dense.read.required).toBe(dense.read.dense);
    expect(both.written.required).toBeLessThan(both.written.dense);
    expect(prefill.read).toEqual(both.read);
    expect(prefill.written.dense).toBe(0);
  });
});

describe('a run', () => {
  it('answers every task in every mode, and reports each', async () => {
    const answers = await runTasks(addon, model, options);
    expect(answers).toHaveLength(3 * 2 * Object.keys(TASKS).length);
    const { rows } = taskReport('Tiny', 'both', answers);
    expect(rows.map(({ task }) => task)).toEqual(Object.keys(TASKS).flatMap((task) => [task, task, task]));
    for (const { figures, mode } of rows) for (const { metric, value, difference } of figures) {
      expect(Number.isFinite(value), metric).toBe(true);
      expect(difference !== undefined).toBe(mode !== 'dense');
    }
  });

  it('goes on where it was stopped, also in the middle of a line', async () => {
    const out = join(folder, 'answers.jsonl');
    const some: TaskOptions = { ...options, tasks: ['piqa', 'lambada'], modes: ['dense', 'balanced'], out };
    const whole = await runTasks(addon, model, some);
    const lines = readFileSync(out, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(1 + whole.length);
    writeFileSync(out, `${lines.slice(0, 4).join('\n')}\n`);
    appendFileSync(out, lines[4].slice(0, 20));
    const without = (answers: typeof whole) => answers.map(({ ms: _, tokens: __, read: ___, written: ____, ...rest }) => rest);
    const again = await runTasks(addon, model, some);
    expect(again.slice(0, 3)).toEqual(whole.slice(0, 3));
    expect(without(again)).toEqual(without(whole));
    expect(readFileSync(out, 'utf8').trimEnd().split('\n')).toHaveLength(lines.length);
  });

  it('refuses kept answers of other phases, and a file of something else', async () => {
    const out = join(folder, 'answers.jsonl');
    expect(existsSync(out)).toBe(true);
    await expect(runTasks(addon, model, { ...options, tasks: ['piqa'], out, phases: 'prefill' })).rejects.toThrow('it holds answers of another model, or of other phases');
    const other = join(folder, 'other.jsonl');
    writeFileSync(other, 'not json\n');
    await expect(runTasks(addon, model, { ...options, tasks: ['piqa'], out: other })).rejects.toThrow('it holds something other than kept answers');
    expect(readFileSync(other, 'utf8')).toBe('not json\n');
  });

  it('says where answers cannot be kept', async () => {
    await expect(runTasks(addon, model, { ...options, tasks: ['piqa'], out: join(folder, 'other.jsonl', 'below a file.jsonl') })).rejects.toThrow(/other\.jsonl.below a file\.jsonl cannot be written \(ENOTDIR\)/);
    await expect(runTasks(addon, model, { ...options, tasks: ['piqa'], out: folder })).rejects.toThrow(`${folder} cannot be read (EISDIR).`);
  });

  it('ends within a pass when it is cancelled', async () => {
    let asked = 0;
    const answers = await runTasks(addon, model, options, undefined, () => ++asked > 5);
    expect(answers.length).toBeLessThan(4);
  });
});
