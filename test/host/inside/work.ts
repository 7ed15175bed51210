// Work that nobody waits for: a long generation that is under way when the window closes, and its end in `deactivate`.

import type { RuntimeClient } from '../../../src/session/client.ts';
import { startRuntime } from './runtime.ts';
import { say } from './task.ts';

const LONG = 4000; // tokens; more than are written before the window closes

let working: RuntimeClient | undefined;

/** Returns when the first words have come. */
export async function startWork(): Promise<void> {
  const { client } = await startRuntime();
  working = client;
  await new Promise<void>((resolve, reject) => {
    const options = { prompt: { text: 'export function ' }, max: LONG, sampling: { temperature: 1, seed: 1 } };
    const ended = client.call('generate', options, (event) => event.event === 'text' && resolve());
    ended.then(() => reject(new Error('the generation ended too soon')), reject);
  });
  say({ working: true });
}

export async function endWork(): Promise<void> {
  const started = performance.now();
  await working?.close();
  if (working) say({ drained: performance.now() - started });
}
