// deltallm models: the model files that other programs keep on this computer, and why each can or cannot be used.
import type { Command } from '../cli.ts';
import { DeltaError } from '../shared/errors.ts';
import { parse } from './options.ts';
import { print } from './output.ts';
import { hearProgress, startRuntime } from './withRuntime.ts';
import { clearProgress } from './terminal.ts';

export const models: Command = async (args, cancel) => {
  const { values } = parse(args, { json: { type: 'boolean' } });
  const client = startRuntime();
  try {
    const { models: found, unreadable } = await client.call('findModels', {}, hearProgress, cancel);
    clearProgress();
    if (values.json) return void print(`${JSON.stringify({ models: found, unreadable })}\n`);
    for (const { name, program, path, bytes, chat, refused } of found) {
      const use = refused ? new DeltaError(refused.code, ...(refused.args as never)).message : chat ? 'chat' : 'completions';
      print(`${name}  (${program}, ${(bytes / 1e9).toFixed(1)} GB): ${use}\n  ${path}\n`);
    }
    for (const folder of unreadable) print(`${folder} cannot be read by this user.\n`);
    if (found.length === 0) print('No model files of other programs were found on this computer.\n');
  } finally {
    clearProgress();
    await client.close();
  }
};
