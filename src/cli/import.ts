// deltallm import: a GGUF becomes a model folder.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { DeltaError } from '../shared/errors.ts';
import { readManifest, type LaneConfig } from '../model/manifest.ts';
import type { Command } from '../cli.ts';
import { defaultThreads, number, parse } from './options.ts';
import { print, say } from './output.ts';
import { clearProgress } from './terminal.ts';
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

export const importCommand: Command = async (args, cancel) => {
  const { values, positionals } = parse(args, { out: { type: 'string' }, threads: { type: 'string' }, json: { type: 'boolean' } }, true);
  if (positionals.length !== 1) throw new DeltaError('usage', 'import takes one GGUF file');
  const out = values.out === undefined ? undefined : resolve(values.out as string);
  if (out && existsSync(out)) throw new DeltaError('usage', `${out} exists already`);
  const threads = number(values, 'threads', defaultThreads(), 1, 64);
  const client = startRuntime();
  try {
    const { folder } = await client.call('import', { gguf: positionals[0], out, threads }, hearProgress, cancel);
    const manifest = await readManifest(folder);
    // Seconds for a small model; for a large one the editor does it when it is idle.
    if (manifest.parameters <= SMALL_PARAMETERS) {
      await client.call('load', { model: folder, threads, attention: 'delta', lane: 'auto', cacheBytes: CONFIDENCE_CACHE_BYTES, background: false }, hearProgress, cancel);
      await client.call('confidence', { tokens: CONFIDENCE_TOKENS }, hearProgress, cancel);
    }
    clearProgress();
    if (values.json) print(`${JSON.stringify({ folder, ...manifest })}\n`);
    else {
      print(`${folder}\n`);
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
