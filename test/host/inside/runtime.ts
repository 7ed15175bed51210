// The packaged runtime inside the extension host, started as the extension will start it: the client, and the package's own dist/worker.js.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { extensions } from 'vscode';
import type { Snapshot } from '../../../src/prompt/snapshot.ts';
import { RuntimeClient } from '../../../src/session/client.ts';
import type { LoadedModel } from '../../../src/session/protocol.ts';
import { task } from './task.ts';

export const EXTENSION = 'deltallm.deltallm';

/** The folder of the installed package. */
export function packageFolder(): string {
  const extension = extensions.getExtension(EXTENSION);
  if (!extension) throw new Error(`${EXTENSION} is not installed`);
  return extension.extensionPath;
}

export function snapshot(): Snapshot {
  const lines = readFileSync(task.sample, 'utf8').split('\n');
  const cursor = lines.slice(0, task.line - 1).join('\n').length + (task.line > 1 ? 1 : 0) + task.column - 1;
  const text = lines.join('\n');
  return { path: task.sample, languageId: 'typescript', before: text.slice(0, cursor), after: text.slice(cursor) };
}

/** A worker with the embedded model. */
export async function startRuntime(): Promise<{ client: RuntimeClient; model: LoadedModel }> {
  const client = RuntimeClient.start(join(packageFolder(), 'dist'));
  const model = join(packageFolder(), 'models', 'starter', 'measured');
  const options = { model, threads: task.threads, attention: 'delta', cacheBytes: task.cacheMb * 1e6, background: true } as const;
  return { client, model: await client.call('load', options) };
}
