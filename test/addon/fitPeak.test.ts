// What the fit check predicts, held against the peak of a process that reads and writes: an embedded model, a large vocabulary, large matrices.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { memoryNeeded } from '../../src/model/found/fit.ts';
import { readOffer } from '../../src/model/found/readOffer.ts';
import { readArchitecture } from '../../src/model/format/architecture.ts';
import { readGguf } from '../../src/model/format/gguf.ts';
import { STARTER_GGUF } from '../../src/model/starter.ts';
import { watchMemory } from '../support/processMemory.ts';
import { presets, writeRandomLlama } from '../support/writeGguf.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-fitPeak-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const WORDS = 300;
const LOOK_MS = 20;

/** The embedded model, or one of random weights. */
function fileOf(name: keyof typeof presets | 'starter'): string {
  if (name === 'starter') return STARTER_GGUF;
  const path = join(folder, `${name}.gguf`);
  writeRandomLlama(path, presets[name]);
  return path;
}

describe.skipIf(process.platform !== 'linux')('the memory that is predicted', () => {
  it.each(['starter', 'qwen05b_6layers', 'llama32_1b_4layers'] as const)('is within 15 % of the peak of %s', async (name) => {
    const path = fileOf(name);
    const prompt = Array.from({ length: WORDS }, (_, i) => `word${i % 97}`).join(' ');
    const child = spawn(process.execPath, ['dist/cli.js', 'generate', ...(name === 'starter' ? [] : ['--model', path]), '--prompt', prompt, '--max', '8', '--json'], { env: { ...process.env, DELTALLM_CACHE: join(folder, 'cache') } });
    const memory = watchMemory(child.pid!, LOOK_MS);
    let output = '';
    child.stdout.on('data', (piece: Buffer) => (output += piece.toString()));
    const [status] = (await once(child, 'exit')) as [number];
    memory.stop();
    expect(status).toBe(0);
    const context = (JSON.parse(output.trim().split('\n').at(-1)!) as { tokens: { prompt: number } }).tokens.prompt;
    const { needs } = await readOffer(path, Number.MAX_SAFE_INTEGER, {}, { context, attention: 'delta', cacheBytes: Infinity });
    const predicted = needs!.weights + needs!.cache + needs!.besides;
    console.log(`${name}: predicted ${(predicted / 1e6).toFixed(0)} MB, peak ${(memory.peak.resident / 1e6).toFixed(0)} MB`);
    expect(predicted / memory.peak.resident).toBeGreaterThan(0.85);
    expect(predicted / memory.peak.resident).toBeLessThan(1.15);
    // The sum is what the check compares.
    const gguf = await readGguf(path);
    expect(memoryNeeded([...gguf.tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0), readArchitecture(gguf).shape, { context, attention: 'delta', cacheBytes: Infinity })).toBe(predicted);
  });
});
