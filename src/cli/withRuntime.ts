// Runs a command against a loaded model in the worker, and always drains the worker before the process ends.
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { packageRoot } from '../shared/packageRoot.ts';
import type { CancelFlag } from '../shared/cancel.ts';
import { RuntimeClient } from '../session/client.ts';
import type { Event, LoadedModel } from '../session/protocol.ts';
import { loadOptions, number, type Values } from './options.ts';
import { clearProgress, showProgress, tell } from './terminal.ts';

export interface Loaded {
  client: RuntimeClient;
  model: LoadedModel;
  loadMs: number;
}

/** Shows progress, and what the user is to know. */
export const hearProgress = (event: Event): void => {
  if (event.event === 'progress') showProgress(event.stage, event.share);
  if (event.event === 'notice') tell(event.text);
};

/** Starts the worker without a model. */
export const startRuntime = (): RuntimeClient => RuntimeClient.start(join(packageRoot(), 'dist'));

export async function withRuntime<T>(values: Values, cancel: CancelFlag, use: (loaded: Loaded) => Promise<T>): Promise<T> {
  const options = loadOptions(values);
  const idle = number(values, 'idle', 0, 0, 3600);
  const client = startRuntime();
  try {
    const started = performance.now();
    const model = await client.call('load', options, hearProgress, cancel);
    clearProgress();
    const result = await use({ client, model, loadMs: performance.now() - started });
    // For the test that nothing happens while nothing is asked.
    if (idle > 0) await wait(1000 * idle);
    return result;
  } finally {
    clearProgress();
    await client.close();
  }
}
