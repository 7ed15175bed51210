// deltallm chat: a question and its answer, or a conversation line by line; each turn reuses what the cache knows of those before.
import { createInterface } from 'node:readline/promises';
import type { Command } from '../cli.ts';
import type { ChatMessage } from '../chat/answerSource.ts';
import { CancelFlag } from '../shared/cancel.ts';
import type { GenerateResult } from '../session/protocol.ts';
import { MODEL_OPTIONS, number, parse, required } from './options.ts';
import { print, say } from './output.ts';
import { resultJson } from './result.ts';
import { hearProgress, withRuntime, type Loaded } from './withRuntime.ts';
import { clearProgress } from './terminal.ts';

/** Tokens of an answer at most. */
const MOST = 1024;

export const chat: Command = async (args, cancel) => {
  const { values } = parse(args, { ...MODEL_OPTIONS, prompt: { type: 'string' }, system: { type: 'string' }, max: { type: 'string' }, seed: { type: 'string' } });
  required(values, 'model');
  const max = number(values, 'max', MOST, 1, 1e6);
  const seed = values.seed === undefined ? undefined : number(values, 'seed', 0, 0, 2 ** 32 - 1);
  const sampling = seed === undefined ? { temperature: 0 } : { temperature: 0.8, seed };
  const messages: ChatMessage[] = values.system === undefined ? [] : [{ role: 'system', content: String(values.system) }];
  const started = performance.now();

  await withRuntime(values, cancel, async (loaded) => {
    const answer = async (question: string, stop: CancelFlag): Promise<GenerateResult> => {
      messages.push({ role: 'user', content: question });
      const result = await loaded.client.call('generate', { role: 'completion', prompt: { messages }, conversation: 'terminal', max, sampling }, (event) => {
        if (event.event !== 'text') return hearProgress(event);
        clearProgress();
        if (!values.json) print(event.text);
      }, stop);
      messages.push({ role: 'assistant', content: result.text });
      // What no longer fits the context stays out of the questions to come.
      messages.splice(messages[0].role === 'system' ? 1 : 0, result.chat?.dropped ?? 0);
      print(values.json ? `${resultJson(result, loaded, started)}\n` : '\n');
      return result;
    };
    if (typeof values.prompt === 'string') await answer(required(values, 'prompt'), cancel);
    else await converse(loaded, answer, cancel);
  });
};

/** Reads questions until the input ends. Ctrl+C stops an answer; with none under way, the program. */
async function converse({ model }: Loaded, answer: (question: string, stop: CancelFlag) => Promise<unknown>, cancel: CancelFlag): Promise<void> {
  const input = createInterface({ input: process.stdin, output: process.stdin.isTTY ? process.stderr : undefined, prompt: '> ' });
  let stop: CancelFlag | undefined;
  // On a terminal Ctrl+C stops an answer first; a signal ends the program, also while it waits for a line.
  input.on('SIGINT', () => (stop ? stop.set() : (cancel.set(), (process.exitCode = 130), input.close())));
  const end = () => {
    stop?.set();
    input.close();
  };
  process.once('SIGINT', end).once('SIGTERM', end);
  if (process.stdin.isTTY && !model.chat) say(`${model.name} was not made to converse: it has no chat template, so its answers may not end.\n`);
  try {
    input.prompt();
    for await (const line of input) {
      if (cancel.isSet) break;
      if (line.trim() !== '') {
        stop = new CancelFlag();
        await answer(line, stop);
        stop = undefined;
      }
      input.prompt();
    }
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end);
    input.close();
  }
}
