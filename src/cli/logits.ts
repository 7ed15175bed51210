// deltallm logits: raw float32 for comparison with other engines.
import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { DeltaError } from '../shared/errors.ts';
import type { Command } from '../cli.ts';
import { MODEL_OPTIONS, parse, readText, required } from './options.ts';
import { parseIds } from './tokenize.ts';
import { hearProgress, withRuntime } from './withRuntime.ts';

export const logits: Command = async (args, cancel) => {
  const { values } = parse(args, { ...MODEL_OPTIONS, tokens: { type: 'string' }, all: { type: 'boolean' }, out: { type: 'string' } });
  const given = required(values, 'tokens');
  const out = required(values, 'out');
  const text = given.startsWith('@') ? readText(given.slice(1)) : given;
  await withRuntime(values, cancel, async ({ client, model }) => {
    const tokens = parseIds(text, model.vocabulary);
    if (tokens.length === 0) throw new DeltaError('usage', 'The prompt is empty');
    const { positions, vocabulary } = await whole(out, (path) => client.call('logits', { tokens, all: values.all === true, out: path }, hearProgress, cancel), () => cancel.isSet);
    if (values.json && !cancel.isSet) process.stdout.write(`${JSON.stringify({ positions, vocabulary, out })}\n`);
  });
};

/** Something other than a file, to which a name cannot be given. */
function isSpecial(path: string): boolean {
  try {
    return !statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Lets `write` write a file beside `out` and puts it in place when it is complete; a device is written directly. */
async function whole<T>(out: string, write: (path: string) => Promise<T>, cancelled: () => boolean): Promise<T> {
  if (isSpecial(out)) return write(out);
  const partial = `${out}.partial-${process.pid}`;
  try {
    const result = await write(partial);
    if (!cancelled()) renameSync(partial, out);
    return result;
  } catch (error) {
    throw error instanceof DeltaError && error.code === 'folderNotWritable' ? new DeltaError('folderNotWritable', out, String(error.args[1])) : error;
  } finally {
    if (existsSync(partial)) rmSync(partial);
  }
}
