// deltallm import: a GGUF becomes a model folder.
import { lstatSync } from 'node:fs';
import { DeltaError } from '../shared/errors.ts';
import { damageOf, isOurs } from '../model/folderCheck.ts';
import { readManifest, type LaneConfig } from '../model/manifest.ts';
import type { Command } from '../cli.ts';
import { defaultThreads, existing, given, number, parse, writable } from './options.ts';
import { print, say } from './output.ts';
import { clearProgress, tell } from './terminal.ts';
import { hearProgress, startRuntime } from './withRuntime.ts';

const SMALL_PARAMETERS = 100e6;
const CONFIDENCE_TOKENS = 4096;
const CONFIDENCE_CACHE_BYTES = 512e6;

/** What the prefill lane costs the model on the sample code. */
function laneLine({ bytes, rowInvariant, cost: { positions, preciseLoss, loss, kl, top1, layers } }: LaneConfig): string {
  const percent = (share: number) => (100 * share).toFixed(1);
  return `prefill lane ${(bytes / 1e6).toFixed(1)} MB, row-invariant: ${rowInvariant ? 'yes' : 'no'}; ${positions} positions: loss ${preciseLoss.toFixed(4)} → ${loss.toFixed(4)} nats, KL ${kl.toFixed(4)}, `
    + `top-1 ${percent(top1)} %; error of q, k, v by layer: ${layers.map(percent).join(' ')} %`;
}

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
  const damage = stat.isDirectory() && (await isOurs(out)) ? await damageOf(out) : undefined;
  if (damage === undefined) throw new DeltaError('usage', `${out} exists already`);
  tell(`The model folder ${out} was damaged (${damage}): it is made again.`);
}

export const importCommand: Command = async (args, cancel) => {
  const { values, positionals } = parse(args, { out: { type: 'string' }, threads: { type: 'string' }, json: { type: 'boolean' } }, true);
  if (positionals.length !== 1 || positionals[0] === '') throw new DeltaError('usage', 'import takes one GGUF file');
  const gguf = existing(positionals[0]);
  const named = given(values, 'out');
  const out = named === undefined ? undefined : writable(named);
  if (out !== undefined) await refuseToReplace(out);
  const threads = number(values, 'threads', defaultThreads(), 1, 64);
  const client = startRuntime();
  try {
    const { folder } = await client.call('import', { gguf, out, threads }, hearProgress, cancel);
    const manifest = await readManifest(folder);
    // Seconds for a small model; for a large one the editor does it when it is idle.
    if (manifest.parameters <= SMALL_PARAMETERS) {
      await client.call('load', { model: folder, threads, attention: 'delta', lane: 'auto', cacheBytes: CONFIDENCE_CACHE_BYTES, background: false }, hearProgress, cancel);
      await client.call('confidence', { tokens: CONFIDENCE_TOKENS }, hearProgress, cancel);
    }
    clearProgress();
    if (values.json) print(`${JSON.stringify({ folder, ...manifest })}\n`);
    else {
      if (!print(`${folder}\n`)) return;
      say(`${manifest.name}: ${(manifest.parameters / 1e6).toFixed(1)} M parameters, ${manifest.bitsPerWeight.toFixed(2)} bits per weight, row-invariant: ${manifest.rowInvariant ? 'yes' : 'no'}\n`);
      for (const row of manifest.head.table) {
        say(`  head ${row.format.padEnd(6)} ${row.megabytes.toFixed(1).padStart(7)} MB  ${row.ms.toFixed(3).padStart(8)} ms  cosine ${row.cosine.toFixed(6)}  top-1 ${(100 * row.top1).toFixed(1)} %${row.format === manifest.head.format ? '  (used)' : ''}\n`);
      }
      if (manifest.lane) say(`  ${laneLine(manifest.lane)}\n`);
    }
  } finally {
    clearProgress();
    await client.close();
  }
};
