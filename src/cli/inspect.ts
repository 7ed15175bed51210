// deltallm inspect: dense and delta attention side by side on one file.
import { DeltaError } from '../shared/errors.ts';
import type { Command } from '../cli.ts';
import { readText } from './input.ts';
import { InspectPage } from './inspectPage.ts';
import { inspectTable } from './inspectTable.ts';
import { existing, loadOptions, MODEL_OPTIONS, number, parse, required, writable } from './options.ts';
import { print } from './output.ts';
import { clearProgress } from './terminal.ts';
import { hearProgress, withRuntime } from './withRuntime.ts';

/** Tokens read at most: dense keys and values of a LLaMA-3.2-1B take 65 kB each. */
const DEFAULT_MOST = 4096;
const MOST = 131_072;

export const inspect: Command = async (args, cancel) => {
  const { values } = parse(args, { ...MODEL_OPTIONS, file: { type: 'string' }, most: { type: 'string' }, heads: { type: 'boolean' }, html: { type: 'string' } });
  const file = existing(required(values, 'file'));
  const { attention } = loadOptions(values);
  if (attention === 'dense') throw new DeltaError('usage', '--attention must be delta or compact: dense is what either is compared with');
  const most = number(values, 'most', DEFAULT_MOST, 2, MOST);
  const text = await readText(file, cancel);
  const page = values.html === undefined ? undefined : new InspectPage(writable(required(values, 'html')));
  await withRuntime(values, cancel, async ({ client }) => {
    const report = await client.call('inspect', { text, name: file, attention, most }, hearProgress, cancel);
    clearProgress();
    page?.write(report, text);
    print(`${values.json ? JSON.stringify(report) : inspectTable(report, values.heads === true)}\n`);
  });
};
