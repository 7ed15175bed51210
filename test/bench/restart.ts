// npm run bench:restart -- [--tokens 8192]: how long the cache of a file takes to be written and to be back, of the attention's shape of a 0.5B model (24 layers,
// 14 query heads over 2 of keys, D = 64) and of a 1B one (16 layers, 32 over 8). The numbers in it are random and correlated from token to token, as keys are.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BLOCK, type StoreConfig } from '../../src/binding/addon.ts';
import { loadAddon } from '../../src/binding/load.ts';
import { KeptBlocks } from '../../src/cache/keptBlocks.ts';
import { KvCache } from '../../src/cache/store.ts';
import { atOnce } from '../../src/shared/pass.ts';

const SHAPES = { '0.5B': { layers: 24, heads: 14, kvHeads: 2 }, '1B': { layers: 16, heads: 32, kvHeads: 8 } };
const D = 64;
/** Rounds; the median is printed. */
const ROUNDS = 5;

function configOf({ layers, heads, kvHeads }: (typeof SHAPES)['1B']): StoreConfig {
  const table = (value: number) => new Float32Array(kvHeads * D).fill(value);
  return {
    mode: 'delta', heads, kvHeads, keyLength: D, valueLength: D, sinks: 4, reference: 'mean', windowMin: 2, windowMax: 4, windowDivisor: 16,
    layers: Array.from({ length: layers }, () => ({ scale: 0.125, softcap: 0, slidingWindow: 0, ropeScale: 1, inverseFrequencies: Float64Array.from({ length: D / 2 }, (_, i) => 1e4 ** (-2 * i / D)), delta: { threshold: table(0.9), step: table(0.05) } })),
  };
}

/** Reads a text into the cache; a pass stores without looking far back, which is all that is needed here. */
function fill(cache: KvCache, tokens: Int32Array): void {
  const { layers, heads, kvHeads } = cache.config;
  const width = (heads + 2 * kvHeads) * D;
  const walk = new Float32Array(width);
  let seed = 1;
  const noise = () => ((seed = Math.imul(seed, 1_664_525) + 1_013_904_223) / 2 ** 31);
  const qkv = new Float32Array(BLOCK * width);
  for (let t = 0; t < BLOCK; t++) for (let i = 0; i < width; i++) qkv[t * width + i] = walk[i] = 0.97 * walk[i] + 0.4 * noise();
  const out = new Float32Array(BLOCK * heads * D);
  const lease = cache.lease(new Int32Array(0));
  for (let at = 0; at < tokens.length; at += BLOCK) {
    lease.begin(tokens.subarray(at, at + BLOCK));
    layers.forEach((_, layer) => lease.attend(layer, BLOCK, qkv, out));
    lease.commit();
  }
  lease.release();
}

const median = (times: number[]): number => times.sort((a, b) => a - b)[times.length >> 1];

export async function run(): Promise<void> {
  const { values } = parseArgs({ options: { tokens: { type: 'string', default: '8192' } } });
  const tokens = Int32Array.from({ length: Number(values.tokens) }, (_, i) => i % 30_000);
  const addon = loadAddon(join(resolve('.'), 'dist'));
  addon.setThreads(2);
  for (const [name, shape] of Object.entries(SHAPES)) {
    const folder = mkdtempSync(join(tmpdir(), 'deltallm-restart-'));
    const cache = new KvCache(addon, configOf(shape), 4e9);
    try {
      const began = performance.now();
      fill(cache, tokens);
      const read = performance.now() - began;
      const open = () => new KeptBlocks(cache, { folder, limitBytes: 8e9 }, {});
      const passes = { pass: atOnce, stopped: () => false };
      const writing = performance.now();
      await open().keep('file', { tokens, size: tokens.length, suffix: '' }, passes);
      const written = performance.now() - writing;
      const files = readdirSync(join(folder, 'blocks'));
      const bytes = files.reduce((sum, file) => sum + statSync(join(folder, 'blocks', file)).size, 0);
      const times: number[] = [];
      let found = 0;
      for (let round = 0; round < ROUNDS; round++) {
        cache.clear();
        const start = performance.now();
        found = (await open().restore('file', passes))!.tokens;
        times.push(performance.now() - start);
      }
      const known = cache.known(tokens);
      console.log(`${name} shape, ${tokens.length} tokens: back in ${median(times).toFixed(0)} ms (the best ${times[0].toFixed(0)}), ${found} tokens, ${known} of them known strictly; ${files.length} files of ${(bytes / 1e6).toFixed(1)} MB written in ${written.toFixed(0)} ms; their attention alone took ${(read / 1000).toFixed(1)} s`);
    } finally {
      cache.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
