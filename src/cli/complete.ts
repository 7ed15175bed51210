// deltallm complete: what ghost text would show at a cursor.
import { resolve } from 'node:path';
import { MOST_CHARACTERS } from '../completion/eligible.ts';
import { near } from '../prompt/snapshot.ts';
import type { Command } from '../cli.ts';
import { readText } from './input.ts';
import { existing, loadOptions, MODEL_OPTIONS, number, parse, required } from './options.ts';
import { print } from './output.ts';
import { resultJson } from './result.ts';
import { snapshotAt } from './sourceText.ts';
import { clearProgress } from './terminal.ts';
import { hearProgress, withRuntime } from './withRuntime.ts';

const DEFAULT_MAX = 96;
/** Less than the markers and a line of code says nothing. */
const LEAST_PROMPT = 16;

export const complete: Command = async (args, cancel) => {
  const { values } = parse(args, { ...MODEL_OPTIONS, file: { type: 'string' }, line: { type: 'string' }, column: { type: 'string' }, max: { type: 'string' }, 'prompt-tokens': { type: 'string' } });
  const file = existing(required(values, 'file'));
  const line = number(values, 'line', undefined, 1, 1e9);
  const column = number(values, 'column', undefined, 1, 1e9);
  const max = number(values, 'max', DEFAULT_MAX, 1, 4096);
  const promptTokens = values['prompt-tokens'] === undefined ? undefined : number(values, 'prompt-tokens', undefined, LEAST_PROMPT, 1e6);
  loadOptions(values);
  const snapshot = near(snapshotAt(resolve(file), await readText(file, cancel), line, column), MOST_CHARACTERS);
  const started = performance.now();
  await withRuntime(values, cancel, async (loaded) => {
    const result = await loaded.client.call('generate', { prompt: { snapshot, promptTokens }, max, sampling: { temperature: 0 } }, hearProgress, cancel);
    clearProgress();
    print(`${values.json ? resultJson(result, loaded, started) : result.text}\n`);
  });
};
