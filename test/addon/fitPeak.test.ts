// What the fit check predicts, held against the peak of a process that reads and writes: an embedded model, a large vocabulary, large matrices.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { memoryNeeded } from '../../src/model/found/fit.ts';
import { readOffer } from '../../src/model/found/readOffer.ts';
import { readArchitecture } from '../../src/model/format/architecture.ts';
import { readGguf } from '../../src/model/format/gguf.ts';
import { STARTER_GGUF } from '../../src/model/starter.ts';
import { presets, writeRandomLlama } from '../support/writeGguf.ts';
import { describeUnless, unlessOn } from '../support/where.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-fitPeak-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const WORDS = 300;

/** The embedded model, or one of random weights. */
function fileOf(name: keyof typeof presets | 'starter'): string {
  if (name === 'starter') return STARTER_GGUF;
  const path = join(folder, `${name}.gguf`);
  writeRandomLlama(path, presets[name]);
  return path;
}

/** Loaded before the command: the process tells its own peak as it ends, whoever else computes. */
const hook = join(folder, 'peak.cjs');
writeFileSync(hook, `
const fs = require('node:fs');
if (require('node:worker_threads').isMainThread) process.on('exit', () => fs.writeFileSync(process.env.PEAK_FILE, fs.readFileSync('/proc/self/status')));
`);

/** Bytes: what is predicted of a model, and the peak of a process that reads and writes with it. */
async function both(name: keyof typeof presets | 'starter'): Promise<{ predicted: number; peak: number }> {
  const path = fileOf(name);
  const prompt = Array.from({ length: WORDS }, (_, i) => `word${i % 97}`).join(' ');
  const status = join(folder, `${name}.status`);
  const child = spawn(process.execPath, ['--require', hook, 'dist/cli.js', 'generate', ...(name === 'starter' ? [] : ['--model', path]), '--prompt', prompt, '--max', '8', '--json'], { env: { ...process.env, DELTALLM_CACHE: join(folder, 'cache'), PEAK_FILE: status } });
  let output = '';
  child.stdout.on('data', (piece: Buffer) => (output += piece.toString()));
  expect(await once(child, 'close')).toEqual([0, null]);
  const context = (JSON.parse(output.trim().split('\n').at(-1)!) as { tokens: { prompt: number } }).tokens.prompt;
  const plan = { context, attention: 'delta', cacheBytes: Infinity } as const;
  const { needs } = await readOffer(path, Number.MAX_SAFE_INTEGER, {}, plan);
  const predicted = needs!.weights + needs!.cache + needs!.besides;
  const peak = 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(status, 'utf8'))![1]);
  console.log(`${name}: predicted ${(predicted / 1e6).toFixed(0)} MB, peak ${(peak / 1e6).toFixed(0)} MB`);
  // The sum is what the check compares.
  const gguf = await readGguf(path);
  expect(memoryNeeded([...gguf.tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0), readArchitecture(gguf).shape, plan)).toBe(predicted);
  return { predicted, peak };
}

describeUnless(unlessOn('linux'), 'the memory that is predicted', () => {
  /** What this Node takes on this machine beyond what is predicted of it, with next to no model: versions, numbers of cores and sizes of pages differ. */
  let own: number;
  beforeAll(async () => {
    await both('long'); // and is measured
    const { predicted, peak } = await both('long');
    own = peak - predicted;
  });

  it('is about right for the process itself', () => expect(Math.abs(own)).toBeLessThan(40e6));

  it.each(['starter', 'qwen05b_6layers', 'llama32_1b_4layers'] as const)('is within 15 % of the peak of %s, whatever the process itself takes here', async (name) => {
    const { predicted, peak } = await both(name);
    expect((predicted + own) / peak).toBeGreaterThan(0.85);
    expect((predicted + own) / peak).toBeLessThan(1.15);
  });
});
