// deltallm generate: plain continuation of a text, streamed.
import { DeltaError } from '../shared/errors.ts';
import type { Command } from '../cli.ts';
import { loadOptions, MODEL_OPTIONS, number, parse, required } from './options.ts';
import { print } from './output.ts';
import { resultJson } from './result.ts';
import { withRuntime } from './withRuntime.ts';

export const generate: Command = async (args, cancel) => {
  const { values } = parse(args, {
    ...MODEL_OPTIONS, prompt: { type: 'string' }, max: { type: 'string' }, seed: { type: 'string' }, temperature: { type: 'string' }, 'top-k': { type: 'string' },
    'top-p': { type: 'string' }, 'min-p': { type: 'string' }, 'repetition-penalty': { type: 'string' }, stop: { type: 'string', multiple: true },
  });
  const prompt = required(values, 'prompt');
  const sampling = {
    temperature: number(values, 'temperature', values.seed === undefined ? 0 : 0.8, 0, 10, false),
    topK: number(values, 'top-k', 40, 0, 1e6),
    topP: number(values, 'top-p', 0.95, 0, 1, false),
    minP: number(values, 'min-p', 0.05, 0, 1, false),
    repetitionPenalty: number(values, 'repetition-penalty', 1, 0.1, 10, false),
    seed: number(values, 'seed', 0, 0, 2 ** 32 - 1),
  };
  const max = number(values, 'max', 128, 1, 1e6);
  const stop = values.stop as string[] | undefined;
  if (stop?.includes('')) throw new DeltaError('usage', '--stop is missing: its value is empty');
  loadOptions(values);
  const started = performance.now();
  await withRuntime(values, cancel, async (loaded) => {
    const stream = (text: string) => {
      if (!values.json) print(text);
    };
    const result = await loaded.client.call('generate', { prompt: { text: prompt }, max, sampling, stop }, (e) => e.event === 'text' && stream(e.text), cancel);
    stream('\n');
    if (!values.json) return;
    print(`${resultJson(result, loaded, started)}\n`);
  });
};
