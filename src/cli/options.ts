// Parsing of the words behind a command, with one-sentence complaints.
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { DeltaError } from '../shared/errors.ts';
import { leadsNowhere } from '../shared/workingFolder.ts';
import { starterModel } from '../model/library.ts';
import type { AttentionMode, LoadOptions } from '../session/protocol.ts';
import { defaultCacheBytes } from '../session/cacheBudget.ts';
import { defaultThreads } from '../session/threadCount.ts';

type Options = NonNullable<ParseArgsConfig['options']>;
export type Values = Record<string, string | boolean | string[] | undefined>;

/** Options that every command with a model takes. */
export const MODEL_OPTIONS = {
  model: { type: 'string' }, threads: { type: 'string' }, attention: { type: 'string' }, 'cache-mb': { type: 'string' }, json: { type: 'boolean' }, idle: { type: 'string' },
} satisfies Options;

/** Throws `usage` with the parser's reason. */
export function parse(args: string[], options: Options, allowPositionals = false): { values: Values; positionals: string[] } {
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals });
    return { values: values as Values, positionals };
  } catch (error) {
    throw new DeltaError('usage', (error as Error).message.split('. ')[0].replace(/\.$/, ''));
  }
}

/** A number within [least, most]; `otherwise` when the option is absent. */
export function number(values: Values, name: string, otherwise: number | undefined, least: number, most: number, whole = true): number {
  const text = values[name];
  if (text === undefined) {
    if (otherwise === undefined) throw new DeltaError('usage', `--${name} is missing`);
    return otherwise;
  }
  const n = Number(text);
  if (text === '' || !(n >= least && n <= most) || (whole && !Number.isInteger(n))) throw new DeltaError('usage', `--${name} must be a ${whole ? 'whole ' : ''}number from ${least} to ${most}`);
  return n;
}

/** The text of an option, undefined where it is absent. Throws `usage` where it is empty. */
export function given(values: Values, name: string): string | undefined {
  const text = values[name];
  if (text === '') throw new DeltaError('usage', `--${name} is missing: its value is empty`);
  return typeof text === 'string' ? text : undefined;
}

export function required(values: Values, name: string): string {
  const text = given(values, name);
  if (text === undefined) throw new DeltaError('usage', `--${name} is missing`);
  return text;
}

/** A path to read from. Throws fileMissing where it counts from a folder that is no more. */
export function existing(path: string): string {
  if (leadsNowhere(path)) throw new DeltaError('fileMissing', path);
  return path;
}

/** A folder that an option names, absolute. Throws usage, fileMissing. */
export function folderOf(option: string, path: string): string {
  if (path === '') throw new DeltaError('usage', `--${option} is missing: its value is empty`);
  const folder = resolve(existing(path));
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw new DeltaError('fileMissing', folder);
  return folder;
}

/** A path to write to, absolute. Throws folderNotWritable where it counts from a folder that is no more. */
export function writable(path: string): string {
  if (leadsNowhere(path)) throw new DeltaError('folderNotWritable', path, 'ENOENT');
  return resolve(path);
}

/** What --model names; without it the embedded model. */
export const modelOf = (values: Values): string => existing(given(values, 'model') ?? starterModel());


export { defaultThreads };

export function loadOptions(values: Values): LoadOptions {
  const attention = (values.attention ?? 'delta') as AttentionMode;
  if (!['delta', 'compact', 'dense'].includes(attention)) throw new DeltaError('usage', '--attention must be delta, compact or dense');
  return {
    model: modelOf(values),
    threads: number(values, 'threads', defaultThreads(), 1, 64),
    attention,
    cacheBytes: number(values, 'cache-mb', defaultCacheBytes() / 1e6, 1, 1 << 20) * 1e6,
    background: false,
  };
}
