// Attention alone, on random data: ms per decode step for 16 layers of the LLaMA-3.2-1B shape, what it reads and how long a plain read of as many bytes
// takes here, ms to store a token (of which encoding: what the other forms take more than float32), prefill GFLOPS of the last 64 tokens, and what the
// cache takes as counted by the allocator. Prints, asserts nothing. Kernel by kernel: npm run bench:kernels.
//   npm run bench:attention -- [threads] [kernel set] [--long]      (CONTEXTS=512,8192 MODES=delta to measure less, LENGTH=128 for
//   heads of so many elements, as many fewer of them; --long: 32 768 tokens too)
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

const path = process.env.DELTALLM_ADDON ?? fileURLToPath(new URL('../../native/build/Release/deltallm.node', import.meta.url));
const addon = createRequire(import.meta.url)(path);
const [wanted = '2', set = 'auto'] = process.argv.slice(2).filter((argument) => argument !== '--long');
const threads = Number(wanted);
addon.setThreads(threads);
addon.selectKernels(set);

const D = Number(process.env.LENGTH ?? 64);
const layers = 16, heads = 2048 / D, kvHeads = 512 / D, width = (heads + 2 * kvHeads) * D;
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
    returns its handles, the last chunk's speed in GFLOPS, and the median ms that storing a token took at all layers together. */
function fill(store, context) {
  const blocks = [];
  const stored = [];
  const out = new Float32Array(CHUNK * heads * D);
  let gflops = 0;
  for (let start = 0; start < context; start += CHUNK) {
    blocks.push(addon.allocateBlock(store));
    const table = Int32Array.from(blocks.flatMap((handle) => [handle, 64, 0]));
    const qkv = tokens(CHUNK);
    cancel[0] = start + CHUNK < context ? 1 : 0;
    const began = performance.now();
    let ops = 0;
    for (let layer = 0; layer < layers; layer++) ops += addon.attend(store, layer, table, start, CHUNK, qkv, out, cancel, 0).executedOps;
    const ms = performance.now() - began;
    if (cancel[0]) stored.push(ms / CHUNK);
    gflops = (2 * ops) / ms / 1e6;
    const far = blocks.length - 12;
    if (far >= 0) addon.dropExact(store, blocks[far]);
  }
  return { blocks, gflops, stored: stored.sort((a, b) => a - b)[stored.length >> 1] };
}

function decode(store, blocks, context) {
  blocks.push(addon.allocateBlock(store));
  const out = new Float32Array(heads * D);
  const times = [];
  const cpuBefore = process.cpuUsage();
  for (let step = 0; step < 25; step++) {
    const table = Int32Array.from(blocks.flatMap((handle, i) => [handle, i === blocks.length - 1 ? step + 1 : 64, 0]));
    const qkv = tokens(1);
    const began = performance.now();
    for (let layer = 0; layer < layers; layer++) addon.attend(store, layer, table, context + step, 1, qkv, out, cancel, 0);
    times.push(performance.now() - began);
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  return { ms: times.sort((a, b) => a - b)[times.length >> 1], best: times[0], cpu: (user + system) / 1000 / times.length };
}

/** Bytes that a decode step reads of the cache, all layers: near blocks in exact form, the others in delta form where there is one. */
function bytesRead(store, blocks) {
  const { windowMin, windowMax, windowDivisor } = config('delta', 0);
  const last = blocks.length - 1;
  const near = last - Math.min(windowMax, Math.max(windowMin, Math.ceil(last / windowDivisor)));
  return blocks.reduce((sum, block, i) => {
    const { exactBytes, deltaBytes } = addon.blockInfo(store, block);
    return sum + (deltaBytes > 0 && i < near ? deltaBytes : exactBytes);
  }, 0);
}

const memory = Buffer.alloc(1 << 30, 1);

/** The floor under a step: ms to look through as many bytes, one thread, for one that is not there. Median of 9, at changing places. */
function plainRead(bytes) {
  const times = Array.from({ length: 9 }, (_, i) => {
    const from = memory.subarray(Math.floor((i * (memory.length - bytes)) / 8));
    const began = performance.now();
    from.subarray(0, bytes).indexOf(2);
    return performance.now() - began;
  });
  return times.sort((a, b) => a - b)[4];
}

/** The forms that are compared. int8 is our own store with θ = 0: every key element is stored as an int8 distance from its block's mean, none is zero. */
const forms = {
  float32: () => config('exact', 0),
  int8: () => ({ ...config('delta', 0), reference: 'mean', ...withStep(1 / 24) }),
  delta: () => config('delta', 0.105),
};

function withStep(step) {
  const { layers: all } = config('delta', 0);
  const delta = { threshold: new Float32Array(kvHeads * D), step: new Float32Array(kvHeads * D).fill(step) };
  return { layers: all.map((layer) => ({ ...layer, delta })) };
}

console.log(`${cpus()[0].model} · ${cpus().length} cores · kernel set ${addon.cpu().selected} · ${threads} threads · 16 layers, ${heads}/${kvHeads} heads, D = ${D}`);
const modes = process.env.MODES?.split(',') ?? Object.keys(forms);
const contexts = process.env.CONTEXTS?.split(',').map(Number) ?? [512, 2048, 8192, 16384];
if (process.argv.includes('--long')) contexts.push(32768);
console.log('form      tokens  decode, ms (best)  processor, ms  read, MiB  plain read, ms  store, ms  prefill, GFLOPS  cache, MiB  of float16  far region of float16  zeros');
for (const context of contexts) {
  for (const mode of modes) {
    const store = addon.createStore(forms[mode]());
    const { blocks, gflops, stored } = fill(store, context);
    const { bytes } = addon.storeInfo(store);
    const { ms, best, cpu } = decode(store, blocks, context);
    const read = bytesRead(store, blocks);
    const { keyElements, keyZeros, deltaBytes, exactBytes } = addon.blockInfo(store, blocks[1]);
    const half = layers * kvHeads * 2 * D * 2; // bytes of a token in float16
    const far = mode !== 'float32' && exactBytes === 0 ? (deltaBytes / half / 64).toFixed(3) : '–';
    console.log(
      `${mode.padEnd(8)} ${String(context).padStart(7)} ${`${ms.toFixed(2)} (${best.toFixed(2)})`.padStart(18)} ${cpu.toFixed(2).padStart(14)} ${(read / 2 ** 20).toFixed(1).padStart(10)} ${plainRead(read).toFixed(2).padStart(15)} ${stored.toFixed(3).padStart(10)} ` +
        `${gflops.toFixed(0).padStart(16)} ${(bytes / 2 ** 20).toFixed(0).padStart(11)} ${(bytes / half / context).toFixed(3).padStart(11)} ${far.padStart(22)}  ${keyElements ? `${((100 * keyZeros) / keyElements).toFixed(0)} %` : '–'}`,
    );
    addon.destroyStore(store);
  }
}
