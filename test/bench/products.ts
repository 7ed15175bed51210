// npm run bench:products [-- --types Q4_0,Q4_K --rows 4,64,128 --rounds 7 --threads 2 --layers 4 --kernels auto]
// Products alone, on random weights of the LLaMA-3.2-1B shape: for each type one row of x (milliseconds, GB/s, and a plain read of as many bytes by as many
// threads, in turn), several rows (GOPS), how long repacking takes, and for Q4_0 the same matrices in ONNX Runtime's MatMulNBits, round by round in turn.
// Medians, the best in brackets. Prints, asserts nothing.
import { parseArgs } from 'node:util';
import { loadAddon } from '../../src/binding/load.ts';
import { machine } from '../../src/cli/bench.ts';
import { defaultThreads } from '../../src/cli/options.ts';
import { GraphBuilder } from '../../src/eval/onnxGraph.ts';
import { Segment, type FloatTensor } from '../../src/model/segment.ts';
import { BLOCK_TYPES, type BlockType } from '../support/tensorBlocks.ts';
import { PlainRead } from './plainRead.ts';
import { median } from './sides.ts';

const { values } = parseArgs({
  options: {
    types: { type: 'string', default: 'Q4_0,Q4_K,Q5_K,Q6_K,Q8_0,TQ2_0' }, rows: { type: 'string', default: '4,64,128' }, rounds: { type: 'string', default: '7' },
    threads: { type: 'string', default: String(defaultThreads()) }, layers: { type: 'string', default: '4' }, kernels: { type: 'string', default: 'auto' },
  },
});
const [threads, rounds, layers] = [values.threads, values.rounds, values.layers].map(Number);
const counts = values.rows.split(',').map(Number);
const addon = loadAddon(import.meta.dirname);

/** The matrices of a layer as outputs × inputs: q, k, v, output, gate, up, down. */
const LAYER: [rows: number, columns: number][] = [[2048, 2048], [512, 2048], [512, 2048], [2048, 2048], [8192, 2048], [8192, 2048], [2048, 8192]];
const WIDEST = 8192;
const multiplyAdds = layers * LAYER.reduce((sum, [rows, columns]) => sum + rows * columns, 0);

let state = 1;
const word = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0), state);

/** Random rows of a file whose float16 numbers are small. */
function someRows(type: BlockType, rows: number, columns: number): Uint8Array {
  const bytes = new Uint8Array(((rows * columns) / type.block) * type.bytes);
  const words = new Uint32Array(bytes.buffer, 0, bytes.length >> 2);
  for (let i = 0; i < words.length; i++) words[i] = word();
  for (let at = 0; at < bytes.length; at += type.bytes) for (const half of type.halves) bytes[at + half + 1] = 0x10;
  if (type.halves.length === 0 && type.block === 1) for (let at = type.bytes - 1; at < bytes.length; at += type.bytes) bytes[at] = 0x2c;
  return bytes;
}

interface Times { name: string; run(): void | Promise<void>; ms: number[] }

/** Each in turn, round by round, after one round that does not count. */
async function inTurn(sides: Times[]): Promise<void> {
  for (let round = -1; round < rounds; round++)
    for (const side of sides) {
      const started = performance.now();
      await side.run();
      if (round >= 0) side.ms.push(performance.now() - started);
    }
}

/** The same matrices as MatMulNBits takes 4-bit weights. */
async function segmentsOfRuntime(): Promise<Segment[]> {
  const segments: Segment[] = [];
  for (let layer = 0; layer < layers; layer++)
    for (const [rows, columns] of LAYER) {
      const graph = new GraphBuilder('product');
      graph.constant('w', [rows, columns / 32, 16], Uint8Array.from({ length: (rows * columns) / 2 }, () => word() >> 13));
      graph.constant('ws', [(rows * columns) / 32], new Float32Array((rows * columns) / 32).fill(0.001));
      graph.node('com.microsoft', 'MatMulNBits', ['x', 'w', 'ws'], ['y'], { K: { int: columns }, N: { int: rows }, bits: { int: 4 }, block_size: { int: 32 }, accuracy_level: { int: 4 } });
      segments.push(await Segment.fromBytes(graph.finish([{ name: 'x', width: columns }], [{ name: 'y', width: rows }]), threads));
    }
  return segments;
}

const best = (ms: number[]) => Math.min(...ms);
const both = (ms: number[], show: (ms: number) => string) => `${show(median(ms))} (${show(best(ms))})`;

async function measure(type: BlockType): Promise<string[]> {
  const weights: number[] = [];
  let [bytes, repacking] = [0, 0];
  for (let layer = 0; layer < layers; layer++)
    for (const [rows, columns] of LAYER) {
      const from = someRows(type, rows, columns);
      const id = addon.createWeights(type.id, rows, columns, 1);
      const started = performance.now();
      addon.appendRows(id, from);
      repacking += performance.now() - started;
      bytes += addon.weightsInfo(id).bytes;
      weights.push(id);
    }
  const runtime = type.name === 'Q4_0' ? await segmentsOfRuntime() : [];
  const plain = new PlainRead(bytes, threads);
  await plain.ready();
  const lines: string[] = [];
  for (const count of [1, ...counts]) {
    const [x, y] = [Float32Array.from({ length: count * WIDEST }, () => word() / 2 ** 32 - 0.5), new Float32Array(count * WIDEST)];
    const own: Times = {
      name: 'own', ms: [],
      run: () => weights.forEach((id, i) => {
        const [rows, columns] = LAYER[i % LAYER.length];
        addon.product(id, x.subarray(0, count * columns), count, y.subarray(0, count * rows));
      }),
    };
    const read: Times = { name: 'read', ms: [], run: () => plain.run() };
    const tensor = (width: number): FloatTensor => ({ dims: [count, width], data: new Float32Array(count * width) });
    const inputs = LAYER.map(([, columns]) => tensor(columns)), outputs = LAYER.map(([rows]) => tensor(rows));
    for (const input of inputs) input.data.set(x.subarray(0, input.data.length));
    const other: Times = {
      name: 'MatMulNBits', ms: [],
      run: async () => {
        for (const [i, segment] of runtime.entries()) await segment.runTensors({ x: inputs[i % LAYER.length] }, { y: outputs[i % LAYER.length] });
      },
    };
    await inTurn([own, ...(count === 1 ? [read] : []), ...(runtime.length > 0 ? [other] : [])]);
    const gops = (ms: number) => ((2 * multiplyAdds * count) / ms / 1e6).toFixed(0);
    const against = other.ms.length > 0 ? `; MatMulNBits ${count === 1 ? both(other.ms, (ms) => `${ms.toFixed(2)} ms`) : both(other.ms, (ms) => `${gops(ms)} GOPS`)}` : '';
    if (count === 1)
      lines.push(`1 row ${both(own.ms, (ms) => `${ms.toFixed(2)} ms`)}, ${both(own.ms, (ms) => `${(bytes / ms / 1e6).toFixed(1)} GB/s`)}; plain read ${both(read.ms, (ms) => `${(bytes / ms / 1e6).toFixed(1)} GB/s`)}${against}`);
    else lines.push(`${count} rows ${both(own.ms, (ms) => `${gops(ms)} GOPS`)}${against}`);
  }
  await plain.close();
  for (const id of weights) addon.destroyWeights(id);
  return [`${type.name}: ${(bytes / 2 ** 20).toFixed(0)} MiB, repacked in ${repacking.toFixed(0)} ms`, ...lines.map((line) => `  ${line}`)];
}

export async function run(): Promise<void> {
  process.env.ORT_DISABLE_TELEMETRY = '1';
  addon.setThreads(threads);
  addon.selectKernels(values.kernels);
  console.log(`${machine(threads, addon.cpu().selected)}; ${layers} layers of the LLaMA-3.2-1B shape, ${(multiplyAdds / 1e6).toFixed(0)} M weights; median (best) of ${rounds}`);
  for (const name of values.types.split(',')) {
    const type = BLOCK_TYPES.find((known) => known.name === name);
    if (!type) throw new Error(`--types takes ${BLOCK_TYPES.map((known) => known.name).join(', ')}`);
    for (const line of await measure(type)) console.log(line);
  }
}
