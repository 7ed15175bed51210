// deltallm import: what a model needs to be measured is measured now, and kept.
import { lstatSync } from 'node:fs';
import { DeltaError } from '../shared/errors.ts';
import { isOurs, readMeasured } from '../model/measured.ts';
import type { Command } from '../cli.ts';
import { defaultThreads, existing, folderOf, given, number, parse, writable } from './options.ts';
import { print, say } from './output.ts';
import { clearProgress, tell } from './terminal.ts';
import { hearProgress, startRuntime } from './withRuntime.ts';

const SMALL_PARAMETERS = 100e6;
const CONFIDENCE_TOKENS = 4096;
const CONFIDENCE_CACHE_BYTES = 512e6;

function attempt<T>(look: () => T, refused: (code: string) => DeltaError): T {
  try {
    return look();
  } catch (error) {
    throw refused(String((error as NodeJS.ErrnoException).code));
  }
}

/** Throws `usage` where something has the name already, be it a link to nothing, unless it is a model folder that is damaged. */
async function refuseToReplace(out: string): Promise<void> {
  const stat = attempt(() => lstatSync(out, { throwIfNoEntry: false }), (code) => new DeltaError('folderNotWritable', out, code));
  if (!stat) return;
  const found = stat.isDirectory() && (await isOurs(out)) ? await readMeasured(out) : undefined;
  if (typeof found !== 'string') throw new DeltaError('usage', `${out} exists already`);
  tell(`The model folder ${out} was damaged (${found}): it is made again.`);
}

/** Two per cents, of *balanced* and of *compact*, as shares. Throws usage. */
function zerosOf(text: string | undefined): [number, number] | undefined {
  if (text === undefined) return undefined;
  const shares = text.split(',').map((part) => (part.trim() === '' ? NaN : Number(part) / 100));
  const [balanced, compact] = shares;
  if (shares.length !== 2 || !(balanced >= 0.3 && balanced < compact && compact <= 0.9)) throw new DeltaError('usage', '--zeros takes two per cents from 30 to 90, of balanced and of compact, such as 60,80');
  return [balanced, compact];
}

export const importCommand: Command = async (args, cancel) => {
  const { values, positionals } = parse(args, { out: { type: 'string' }, texts: { type: 'string', multiple: true }, zeros: { type: 'string' }, threads: { type: 'string' }, json: { type: 'boolean' } }, true);
  if (positionals.length !== 1 || positionals[0] === '') throw new DeltaError('usage', 'import takes one GGUF file');
  const gguf = existing(positionals[0]);
  const named = given(values, 'out');
  const out = named === undefined ? undefined : writable(named);
  if (out !== undefined) await refuseToReplace(out);
  const texts = (values.texts as string[] | undefined)?.map((path) => folderOf('texts', path));
  if (texts && out === undefined) throw new DeltaError('usage', '--texts goes with --out');
  const zeros = zerosOf(given(values, 'zeros'));
  if (zeros && !texts) throw new DeltaError('usage', '--zeros goes with --texts');
  const threads = number(values, 'threads', defaultThreads(), 1, 64);
  const client = startRuntime();
  try {
    const { folder, manifest } = await client.call('import', { gguf, out, texts, zeros, threads }, hearProgress, cancel);
    // Seconds for a small model; for a large one the editor does it when it is idle.
    if (manifest.parameters <= SMALL_PARAMETERS) {
      await client.call('load', { model: out ?? gguf, threads, attention: 'delta', cacheBytes: CONFIDENCE_CACHE_BYTES, background: false }, hearProgress, cancel);
      await client.call('confidence', { tokens: CONFIDENCE_TOKENS }, hearProgress, cancel);
    }
    clearProgress();
    if (values.json) print(`${JSON.stringify({ folder, ...manifest })}\n`);
    else {
      if (!print(`${folder}\n`)) return;
      const percent = (shares: number[]) => shares.map((share) => (100 * share).toFixed(0)).join(' ');
      say(`${manifest.name}: ${(manifest.parameters / 1e6).toFixed(1)} M parameters, ${manifest.bitsPerWeight.toFixed(2)} bits per weight\n`);
      say(`  zeros by layer on ${manifest.delta.tokens} tokens: balanced ${percent(manifest.delta.keySparsity)} %, compact ${percent(manifest.delta.compactSparsity)} %\n`);
    }
  } finally {
    clearProgress();
    await client.close();
  }
};
