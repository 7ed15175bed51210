// deltallm logits: raw float32 for comparison with other engines.
import { accessSync, constants, existsSync, readlinkSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DeltaError } from '../shared/errors.ts';
import { partialName } from '../shared/partialName.ts';
import type { Command } from '../cli.ts';
import { readText } from './input.ts';
import { existing, loadOptions, MODEL_OPTIONS, parse, required, writable } from './options.ts';
import { print } from './output.ts';
import { parseIds } from './tokenize.ts';
import { hearProgress, withRuntime } from './withRuntime.ts';

/** Links that are followed: as many as Linux does. */
const MOST_LINKS = 40;

export const logits: Command = async (args, cancel) => {
  const { values } = parse(args, { ...MODEL_OPTIONS, tokens: { type: 'string' }, all: { type: 'boolean' }, out: { type: 'string' } });
  const given = required(values, 'tokens');
  if (given === '@') throw new DeltaError('usage', '--tokens is missing: no file is named after the @');
  const out = required(values, 'out');
  const target = targetOf(writable(out));
  loadOptions(values);
  const text = given.startsWith('@') ? await readText(existing(given.slice(1)), cancel) : given;
  await withRuntime(values, cancel, async ({ client, model }) => {
    const tokens = parseIds(text, model.vocabulary);
    if (tokens.length === 0) throw new DeltaError('usage', 'The prompt is empty');
    const { positions, vocabulary } = await whole(target, (path) => client.call('logits', { tokens, all: values.all === true, out: path }, hearProgress, cancel), () => cancel.isSet);
    if (values.json && !cancel.isSet) print(`${JSON.stringify({ positions, vocabulary, out })}\n`);
  });
};

/** Something other than a file, to which a name cannot be given, or the name of an open file. */
const isSpecial = (path: string): boolean => /^\/(dev|proc)\//.test(path) || statSync(path, { throwIfNoEntry: false })?.isFile() === false;

/** Where the file will lie: what a link leads to, also one that leads to nothing yet. Throws folderNotWritable before any work is done. */
function targetOf(path: string): string {
  const refused = (reason: string) => new DeltaError('folderNotWritable', path, reason);
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw refused('EISDIR');
    if (isSpecial(path)) return path;
    let target = path;
    for (let links = 0; ; links++) {
      const link = linkOf(target);
      if (link === undefined) break;
      if (links === MOST_LINKS) throw refused('ELOOP');
      target = resolve(dirname(target), link);
    }
    accessSync(dirname(target), constants.W_OK);
    if (!statSync(dirname(target)).isDirectory()) throw refused('ENOTDIR');
    return target;
  } catch (error) {
    throw error instanceof DeltaError ? error : refused(String((error as NodeJS.ErrnoException).code));
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** Lets `write` write a file beside `out` and puts it in place when it is complete; a device is written directly. */
async function whole<T>(out: string, write: (path: string) => Promise<T>, cancelled: () => boolean): Promise<T> {
  if (isSpecial(out)) return write(out);
  const partial = join(dirname(out), partialName(basename(out)));
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
