// Parsing of the words behind a command, with one-sentence complaints.
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { DeltaError } from '../shared/errors.ts';
import { starterModel } from '../model/library.ts';
import type { AttentionMode, LoadOptions } from '../session/protocol.ts';
import { defaultThreads } from '../session/threadCount.ts';

type Options = NonNullable<ParseArgsConfig['options']>;
export type Values = Record<string, string | boolean | string[] | undefined>;

/** Options that every command with a model takes. */
export const MODEL_OPTIONS = {
  model: { type: 'string' }, threads: { type: 'string' }, attention: { type: 'string' }, lane: { type: 'string' }, 'cache-mb': { type: 'string' }, json: { type: 'boolean' }, idle: { type: 'string' },
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

export function required(values: Values, name: string): string {
  const text = values[name];
  if (typeof text !== 'string' || text === '') throw new DeltaError('usage', `--${name} is missing`);
  return text;
}

const DEFAULT_CACHE_MB = 2048;

export { defaultThreads };

export function loadOptions(values: Values): LoadOptions {
  const attention = (values.attention ?? 'delta') as AttentionMode;
  if (!['delta', 'compact', 'dense'].includes(attention)) throw new DeltaError('usage', '--attention must be delta, compact or dense');
  const lane = (values.lane ?? 'off') as LoadOptions['lane'];
  if (lane !== 'auto' && lane !== 'off') throw new DeltaError('usage', '--lane must be auto or off');
  return {
    model: typeof values.model === 'string' ? values.model : starterModel(),
    threads: number(values, 'threads', defaultThreads(), 1, 64),
    attention,
    lane,
    cacheBytes: number(values, 'cache-mb', DEFAULT_CACHE_MB, 1, 1 << 20) * 1e6,
    background: false,
  };
}

/** A file's text. Throws fileMissing or fileUnreadable. */
export const readText = (path: string): string => readUtf8(path, path);

/** What standard input holds. Throws fileUnreadable. */
export const readInput = (): string => readUtf8(0, 'Standard input');

/** Bytes that are not UTF-8 would come out as other text than they went in. */
function readUtf8(from: string | number, name: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(from);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === 'ENOENT' ? new DeltaError('fileMissing', name) : new DeltaError('fileUnreadable', name, String(code));
  }
  if (!isUtf8(bytes)) throw new DeltaError('fileUnreadable', name, 'it is not UTF-8');
  return bytes.toString('utf8');
}
