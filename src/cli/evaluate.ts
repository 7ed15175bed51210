// deltallm eval: measures the delta format on real text. Needs no editor and no worker: it is its own process.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DeltaError } from '../shared/errors.ts';
import { packageRoot } from '../shared/packageRoot.ts';
import { loadAddon } from '../binding/load.ts';
import { accuracy } from '../eval/accuracy.ts';
import { study, STUDY_CHUNK, type StudyOptions } from '../eval/deltaStudy.ts';
import { basisStudy } from '../eval/basisStudy.ts';
import { accuracyReport, basisReport, report } from '../eval/report.ts';
import { loadModel } from '../model/loadModel.ts';
import { BASIS } from '../model/measure/method.ts';
import type { Command } from '../cli.ts';
import { evalTasks } from './evalTasks.ts';
import { folderOf, modelOf, number, parse } from './options.ts';
import { print } from './output.ts';
import { clearProgress, showProgress, tell } from './terminal.ts';

const HELP = `deltallm eval: what delta-coded keys cost, against dense attention on the same text

  deltallm eval [--model M] [--corpus DIR]... [--contexts N] [--long N] [--tokens N] [--seed S] [--threads N] [--quick | --engine [--cross | --used] | --basis [--texts DIR]...] [--json]

  deltallm eval tasks --help      how well a model answers questions of public data sets in each mode

--corpus     folders of source files, read in the order of a walk; without it this package's own src and native
--contexts   contexts of half the model's context (at most 2048 tokens; --tokens sets another length); default 8
--long       contexts of twice that length; default 3
--quick      few forms, one short context
--engine     the engine's own cache instead: sparsity × window × sinks, scored from token 1024 (or the middle of a shorter context) on; --contexts counts, --long does not
--basis      far keys in a basis of their own, beside keys as they are and plain 4 bits, by the slow coder; scored from the middle of a context on
--used       with --engine: the model's own tables, balanced and compact, beside keys coded as they are with 60 % zeros in a window of 2 blocks; scored from token 1024 on
--texts      with --basis: folders that the bases are measured on, six contexts of at most 4096 tokens; without it this package's own src, native, scripts and test
--cross      with --engine: every window with and without sinks at every sparsity, not only at that of the mode balanced
`;

const ZEROS = [0.4, 0.5, 0.6, 0.7];
const BALANCED = 0.6;
const CONTEXT = 2048;
const QUICK_CONTEXT = 512;
const SCORED_FROM = 1024;
/** Of --basis: positions that blocks are moved by. */
const MOVES = [2000, 20_000];

export const evaluate: Command = async (args, cancel) => {
  if (args[0] === 'tasks') return evalTasks(args.slice(1), cancel);
  const { values } = parse(args, {
    model: { type: 'string' }, corpus: { type: 'string', multiple: true }, contexts: { type: 'string' }, long: { type: 'string' }, tokens: { type: 'string' },
    seed: { type: 'string' }, threads: { type: 'string' }, quick: { type: 'boolean' }, engine: { type: 'boolean' }, basis: { type: 'boolean' }, texts: { type: 'string', multiple: true }, cross: { type: 'boolean' }, used: { type: 'boolean' }, json: { type: 'boolean' }, help: { type: 'boolean' },
  });
  if (values.help) {
    print(HELP);
    return;
  }
  if (values.used && (!values.engine || values.cross)) throw new DeltaError('usage', '--used goes with --engine, without --cross');
  if (values.cross && !values.engine) throw new DeltaError('usage', '--cross goes with --engine');
  const model = modelOf(values);
  const quick = values.quick === true;
  const threads = number(values, 'threads', 1, 1, 64);
  const contexts = number(values, 'contexts', quick ? 1 : 8, 1, 1000);
  const longContexts = number(values, 'long', quick ? 0 : 3, 0, 1000);
  const seed = number(values, 'seed', 1, 0, 2 ** 31);
  const corpora = ((values.corpus as string[] | undefined) ?? ['src', 'native'].map((folder) => join(packageRoot(), folder)).filter((folder) => existsSync(folder))).map((path) => folderOf('corpus', path));
  if (corpora.length === 0) throw new DeltaError('usage', '--corpus is needed where the sources of this package are not at hand');

  process.env.ORT_DISABLE_TELEMETRY = '1';
  try {
    const addon = loadAddon(join(packageRoot(), 'dist'));
    addon.setThreads(threads);
    const { forward, tokenizer, tables, outputOf } = await loadModel(model, { addon, chunk: STUDY_CHUNK, progress: showProgress, notice: tell });
    try {
      const { context } = forward.manifest.shape;
      const length = number(values, 'tokens', Math.min(quick ? QUICK_CONTEXT : CONTEXT, Math.max(256, Math.floor(context / 2))), 256, context);
      if (values.engine) {
        const start = Math.min(SCORED_FROM, Math.floor(length / 2));
        const result = await accuracy(forward, addon, tokenizer, { corpora, contexts, length, start, seed, threads, zeros: values.used ? [BALANCED] : ZEROS.filter((z) => z >= 0.5), balanced: BALANCED, cross: values.cross === true, ...(values.used === true && { shipped: tables }) }, showProgress, () => cancel.isSet);
        clearProgress();
        if (result) print(`${values.json ? JSON.stringify(result) : accuracyReport(result)}\n`);
        return;
      }
      if (values.basis) {
        const texts = ((values.texts as string[] | undefined) ?? ['src', 'native', 'scripts', 'test'].map((folder) => join(packageRoot(), folder)).filter((folder) => existsSync(folder))).map((path) => folderOf('texts', path));
        const result = await basisStudy(forward, addon, tokenizer, outputOf, {
          corpora, texts, contexts, length, textCount: quick ? 1 : BASIS.texts.least, textLength: Math.min(context, quick ? 2 * length : BASIS.length), zeros: quick ? [BALANCED] : ZEROS.filter((z) => z >= 0.5), moves: quick ? [] : MOVES, power: BASIS.power, seed, threads,
        }, showProgress, () => cancel.isSet);
        clearProgress();
        if (result) print(`${values.json ? JSON.stringify(result) : basisReport(result)}\n`);
        return;
      }
      const longLength = Math.min(context, 2 * length);
      const options: StudyOptions = {
        corpora, length, longLength, balanced: BALANCED, threads, quick, addon,
        contexts, longContexts,
        zeros: quick ? [BALANCED] : ZEROS,
        seed,
      };
      const result = await study(forward, tokenizer, options, showProgress, () => cancel.isSet);
      clearProgress();
      if (!result) return;
      print(`${values.json ? JSON.stringify(result) : report(result)}\n`);
    } finally {
      await forward.release();
    }
  } finally {
    clearProgress();
  }
};
