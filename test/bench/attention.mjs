// Attention alone, on random data: ms per decode step for 16 layers of the LLaMA-3.2-1B shape, and prefill GFLOPS. Prints, asserts nothing.
//   node test/bench/attention.mjs [threads] [kernel set]      (CONTEXTS=512,8192 MODES=delta to measure less)
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

const path = process.env.DELTALLM_ADDON ?? fileURLToPath(new URL('../../native/build/Release/deltallm.node', import.meta.url));
const addon = createRequire(import.meta.url)(path);
const threads = Number(process.argv[2] ?? 2);
addon.setThreads(threads);
addon.selectKernels(process.argv[3] ?? 'auto');

const layers = 16, heads = 32, kvHeads = 8, D = 64, width = (heads + 2 * kvHeads) * D;
const STEP = 1 / 64;
let seed = 1;
const uniform = () => ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0), seed / 4294967296 - 0.5);
const normal = () => Math.sqrt(3) * (uniform() + uniform() + uniform() + uniform());

function config(mode, threshold) {
  const delta = { threshold: new Float32Array(kvHeads * D).fill(threshold), step: new Float32Array(kvHeads * D).fill(STEP) };
  // No rotation: the random walk below then decides the sparsity alone.
  const layer = { scale: 0.125, softcap: 0, slidingWindow: 0, inverseFrequencies: new Float64Array(D / 2), ropeScale: 1, delta };
  return {
    mode, layers: Array.from({ length: layers }, () => layer), heads, kvHeads, keyLength: D, valueLength: D,
    sinks: 4, reference: 'previous', windowMin: 2, windowMax: 8, windowDivisor: 8,
  };
}

/** New tokens' q, k, v: keys walk slowly, as consecutive keys do. Queries and values come from one random row, read at changing places. */
const noise = Float32Array.from({ length: 4 * width }, normal);
const walk = Float32Array.from({ length: kvHeads * D }, normal);
function tokens(n) {
  const qkv = new Float32Array(n * width);
  for (let t = 0; t < n; t++) {
    const from = Math.floor((uniform() + 0.5) * 3 * width);
    qkv.set(noise.subarray(from, from + width), t * width);
    for (let i = 0; i < kvHeads * D; i++) {
      walk[i] = 0.995 * walk[i] + 0.1 * noise[(from + 7 * i) % noise.length];
      qkv[t * width + heads * D + i] = walk[i];
    }
  }
  return qkv;
}

const cancel = new Int32Array(new SharedArrayBuffer(4));
const CHUNK = 64;

/** Fills a store up to `context` tokens, attending only for the last chunk (a set cancel word stops each call after its tokens are stored);
    returns its handles and the last chunk's speed in GFLOPS. */
function fill(store, context) {
  const blocks = [];
  const out = new Float32Array(CHUNK * heads * D);
  let gflops = 0;
  for (let start = 0; start < context; start += CHUNK) {
    blocks.push(addon.allocateBlock(store));
    const table = Int32Array.from(blocks.flatMap((handle) => [handle, 64, 0]));
    const qkv = tokens(CHUNK);
    cancel[0] = start + CHUNK < context ? 1 : 0;
    const began = performance.now();
    let ops = 0;
    for (let layer = 0; layer < layers; layer++) ops += addon.attend(store, layer, table, start, CHUNK, qkv, out, cancel).executedOps;
    gflops = (2 * ops) / (performance.now() - began) / 1e6;
    const far = blocks.length - 12;
    if (far >= 0) addon.dropExact(store, blocks[far]);
  }
  return { blocks, gflops };
}

function decode(store, blocks, context) {
  blocks.push(addon.allocateBlock(store));
  const out = new Float32Array(heads * D);
  const times = [];
  const cpuBefore = process.cpuUsage();
  let stats;
  for (let step = 0; step < 25; step++) {
    const table = Int32Array.from(blocks.flatMap((handle, i) => [handle, i === blocks.length - 1 ? step + 1 : 64, 0]));
    const qkv = tokens(1);
    const began = performance.now();
    for (let layer = 0; layer < layers; layer++) stats = addon.attend(store, layer, table, context + step, 1, qkv, out, cancel);
    times.push(performance.now() - began);
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  return { ms: times.sort((a, b) => a - b)[times.length >> 1], best: times[0], cpu: (user + system) / 1000 / times.length, stats };
}

console.log(`${cpus()[0].model} · ${cpus().length} cores · kernel set ${addon.cpu().selected} · ${threads} threads · 16 layers, 32/8 heads, D = 64`);
const modes = process.env.MODES?.split(',') ?? ['exact', 'delta'];
const contexts = process.env.CONTEXTS?.split(',').map(Number) ?? [512, 2048, 8192, 16384];
for (const mode of modes) {
  for (const context of contexts) {
    const store = addon.createStore(config(mode, 0.105));
    const { blocks, gflops } = fill(store, context);
    const { ms, best, cpu, stats } = decode(store, blocks, context);
    const info = addon.blockInfo(store, blocks[0]);
    const zeros = info.keyElements ? `${((100 * info.keyZeros) / info.keyElements).toFixed(0)} % zeros` : '';
    const { bytes } = addon.storeInfo(store);
    console.log(
      `${mode.padEnd(5)} ${String(context).padStart(6)} tokens: decode ${ms.toFixed(2)} ms (best ${best.toFixed(2)}, processor ${cpu.toFixed(2)}), prefill of the last 64 tokens ${gflops.toFixed(0)} GFLOPS, ` +
        `${(bytes / 2 ** 20).toFixed(0)} MiB, attention sparsity ${(100 * (1 - stats.requiredOps / stats.denseOps)).toFixed(0)} % ${zeros}`,
    );
    addon.destroyStore(store);
  }
}
