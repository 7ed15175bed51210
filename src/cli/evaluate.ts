// deltallm eval: measures the delta format on real text. Needs no editor and no worker: it is its own process.
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DeltaError } from '../shared/errors.ts';
import { packageRoot } from '../shared/packageRoot.ts';
import { loadAddon } from '../binding/load.ts';
import { accuracy } from '../eval/accuracy.ts';
import { study, STUDY_CHUNK, type StudyOptions } from '../eval/deltaStudy.ts';
import { accuracyReport, report } from '../eval/report.ts';
import { loadModel } from '../model/loadModel.ts';
import type { Command } from '../cli.ts';
import { existing, modelOf, number, parse } from './options.ts';
import { print } from './output.ts';
import { clearProgress, showProgress, tell } from './terminal.ts';

const HELP = `deltallm eval: what delta-coded keys cost, against dense attention on the same text

  deltallm eval [--model M] [--corpus DIR]... [--contexts N] [--long N] [--tokens N] [--seed S] [--threads N] [--quick | --engine [--cross]] [--json]

--corpus     folders of source files, read in the order of a walk; without it this package's own src and native
--contexts   contexts of half the model's context (at most 2048 tokens; --tokens sets another length); default 8
--long       contexts of twice that length; default 3
--quick      few forms, one short context
--engine     the engine's own cache instead: sparsity × window × sinks, scored from token 1024 (or the middle of a shorter context) on; --contexts counts, --long does not
--cross      with --engine: every window with and without sinks at every sparsity, not only at that of the mode balanced
`;

const ZEROS = [0.4, 0.5, 0.6, 0.7];
const BALANCED = 0.6;
const CONTEXT = 2048;
const QUICK_CONTEXT = 512;
const SCORED_FROM = 1024;

/** A folder of --corpus, absolute. */
function folderOf(path: string): string {
  if (path === '') throw new DeltaError('usage', '--corpus is missing: its value is empty');
  return resolve(existing(path));
}

export const evaluate: Command = async (args, cancel) => {
  const { values } = parse(args, {
    model: { type: 'string' }, corpus: { type: 'string', multiple: true }, contexts: { type: 'string' }, long: { type: 'string' }, tokens: { type: 'string' },
    seed: { type: 'string' }, threads: { type: 'string' }, quick: { type: 'boolean' }, engine: { type: 'boolean' }, cross: { type: 'boolean' }, json: { type: 'boolean' }, help: { type: 'boolean' },
  });
  if (values.help) {
    print(HELP);
    return;
  }
  if (values.cross && !values.engine) throw new DeltaError('usage', '--cross goes with --engine');
  const model = modelOf(values);
  const quick = values.quick === true;
  const threads = number(values, 'threads', 1, 1, 64);
  const contexts = number(values, 'contexts', quick ? 1 : 8, 1, 1000);
  const longContexts = number(values, 'long', quick ? 0 : 3, 0, 1000);
  const seed = number(values, 'seed', 1, 0, 2 ** 31);
  const corpora = ((values.corpus as string[] | undefined) ?? ['src', 'native'].map((folder) => join(packageRoot(), folder)).filter((folder) => existsSync(folder))).map(folderOf);
  for (const folder of corpora) if (!existsSync(folder) || !statSync(folder).isDirectory()) throw new DeltaError('fileMissing', folder);
  if (corpora.length === 0) throw new DeltaError('usage', '--corpus is needed where the sources of this package are not at hand');

  process.env.ORT_DISABLE_TELEMETRY = '1';
  try {
    const addon = loadAddon(join(packageRoot(), 'dist'));
    addon.setThreads(threads);
    const { forward, tokenizer } = await loadModel(model, { addon, chunk: STUDY_CHUNK, progress: showProgress, notice: tell });
    try {
      const { context } = forward.manifest.shape;
      const length = number(values, 'tokens', Math.min(quick ? QUICK_CONTEXT : CONTEXT, Math.max(256, Math.floor(context / 2))), 256, context);
      if (values.engine) {
        const start = Math.min(SCORED_FROM, Math.floor(length / 2));
        const result = await accuracy(forward, addon, tokenizer, { corpora, contexts, length, start, seed, threads, zeros: ZEROS.filter((z) => z >= 0.5), balanced: BALANCED, cross: values.cross === true }, showProgress, () => cancel.isSet);
        clearProgress();
        if (result) print(`${values.json ? JSON.stringify(result) : accuracyReport(result)}\n`);
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
