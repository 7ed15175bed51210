// npm run bench:lane [-- --shape 1b|0.5b --rows 64,128,256 --rounds 7 --threads 2]
// How the prefill lane could be written in ONNX Runtime: every way of writing x · Wᵀ with one scale per row of x and one per output channel of W, beside
// today's MatMulNBits, on the matrices of a layer. Alternating in one run, medians; whether a row's bits depend on the rows beside it; the error. docs/prefill-lane.md
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadAddon } from '../../src/binding/load.ts';
import { machine } from '../../src/cli/bench.ts';
import { defaultThreads } from '../../src/cli/options.ts';
import { LARGEST } from '../../src/model/import/laneWeights.ts';
import { GraphBuilder } from '../../src/model/import/onnx.ts';
import { Rows, Segment } from '../../src/model/segment.ts';
import { median, progress } from './sides.ts';

const { values } = parseArgs({
  options: {
    shape: { type: 'string', default: '1b' }, rows: { type: 'string', default: '64,128,256' }, rounds: { type: 'string', default: '7' },
    threads: { type: 'string', default: String(defaultThreads()) },
  },
});
const [threads, rounds] = [values.threads, values.rounds].map(Number);
const counts = values.rows.split(',').map(Number);

/** The matrices of a layer, columns → rows, and how often each occurs. */
interface Matrix { name: string; columns: number; rows: number; times: number }
const SHAPES: Record<string, Matrix[]> = {
  '1b': [
    { name: 'qkv', columns: 2048, rows: 3072, times: 1 }, { name: 'output', columns: 2048, rows: 2048, times: 1 },
    { name: 'gate, up', columns: 2048, rows: 8192, times: 2 }, { name: 'down', columns: 8192, rows: 2048, times: 1 },
  ],
  '0.5b': [
    { name: 'qkv', columns: 896, rows: 1152, times: 1 }, { name: 'output', columns: 896, rows: 896, times: 1 },
    { name: 'gate, up', columns: 896, rows: 4864, times: 2 }, { name: 'down', columns: 4864, rows: 896, times: 1 },
  ],
};

/** Rows whose bits are compared alone, and among 17 and all others. */
const COMPARED = 17;
/** Rows whose error is measured against float64. */
const CHECKED = 4;
/** Every so many channels one of them is large, as in trained models. */
const [OUTLIER_EVERY, OUTLIER] = [256, 12];

/** Weights [K, N] of 7 bits with a scale per column, and the same values as MatMulNBits takes them: 8 bits in blocks of 32 with repeated scales, 4 bits rounded. */
interface Weights { matrix: Matrix; int8: Int8Array; scales: Float32Array; q8: Uint8Array; q8Scales: Float32Array; q4: Uint8Array; q4Scales: Float32Array }

function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

function randomWeights(matrix: Matrix, random: () => number): Weights {
  const { columns: k, rows: n } = matrix;
  const int8 = new Int8Array(k * n);
  const scales = Float32Array.from({ length: n }, () => 0.0005 * (1.5 + random()));
  const q8 = new Uint8Array(k * n);
  const q4 = new Uint8Array((k * n) / 2);
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < k; column++) {
      const q = Math.round(LARGEST * random());
      int8[column * n + row] = q;
      q8[row * k + column] = q + 128;
      const nibble = Math.max(0, Math.min(15, Math.round(q / 8) + 8));
      q4[(row * k + column) >> 1] |= nibble << (4 * (column & 1));
    }
  }
  const repeated = (factor: number) => Float32Array.from({ length: (k * n) / 32 }, (_, i) => scales[Math.floor((i * 32) / k)] * factor);
  return { matrix, int8, scales, q8, q8Scales: repeated(1), q4, q4Scales: repeated(8) };
}

type Build = (graph: GraphBuilder, weights: Weights) => void;

/** s [rows, 1] (or [rows] with keep = 0): the largest magnitude of each row over 127, never 0. */
function rowScale(graph: GraphBuilder, by: 'abs' | 'minMax', keep: 0 | 1): void {
  graph.constant('axes', [1], BigInt64Array.of(-1n));
  const reduce = (op: string, input: string, output: string) => graph.node('', op, [input, 'axes'], [output], { keepdims: { int: keep } });
  if (by === 'abs') {
    graph.node('', 'Abs', ['x'], ['magnitude']);
    reduce('ReduceMax', 'magnitude', 'most');
  } else {
    reduce('ReduceMax', 'x', 'largest');
    reduce('ReduceMin', 'x', 'least');
    graph.node('', 'Neg', ['least'], ['opposite']);
    graph.node('', 'Max', ['largest', 'opposite'], ['most']);
  }
  graph.constant('seventh', [1], Float32Array.of(1 / 127));
  graph.constant('tiny', [1], Float32Array.of(1e-30));
  graph.node('', 'Mul', ['most', 'seventh'], ['bare']);
  graph.node('', 'Max', ['bare', 'tiny'], ['s']);
}

const QUANTISE: Record<string, Build> = {
  /** Arithmetic and a cast. */
  cast(graph) {
    rowScale(graph, 'abs', 1);
    graph.constant('middle', [1], Float32Array.of(128));
    graph.node('', 'Div', ['x', 's'], ['d']);
    graph.node('', 'Round', ['d'], ['r']);
    graph.node('', 'Add', ['r', 'middle'], ['shifted']);
    graph.node('', 'Cast', ['shifted'], ['q'], { to: { int: 2 } });
  },
  /** Division by the row's scale, then QuantizeLinear with scale 1. */
  divide(graph) {
    rowScale(graph, 'abs', 1);
    divideAndQuantise(graph);
  },
  divideMinMax(graph) {
    rowScale(graph, 'minMax', 1);
    divideAndQuantise(graph);
  },
  /** QuantizeLinear along axis 0: a scale for every row. */
  axis(graph) {
    rowScale(graph, 'minMax', 0);
    graph.constant('lastAxis', [1], BigInt64Array.of(1n));
    graph.constant('zero', [1], Float32Array.of(0));
    graph.constant('middle', [1], Float32Array.of(128));
    graph.node('', 'Mul', ['s', 'zero'], ['zeros']);
    graph.node('', 'Add', ['zeros', 'middle'], ['middles']);
    graph.node('', 'Cast', ['middles'], ['points'], { to: { int: 2 } });
    graph.node('', 'QuantizeLinear', ['x', 's', 'points'], ['q'], { axis: { int: 0 } });
    graph.node('', 'Unsqueeze', ['s', 'lastAxis'], ['s1']);
  },
};

function divideAndQuantise(graph: GraphBuilder): void {
  graph.constant('one', [], Float32Array.of(1));
  graph.constant('point', [], Uint8Array.of(128));
  graph.node('', 'Div', ['x', 's'], ['d']);
  graph.node('', 'QuantizeLinear', ['d', 'one', 'point'], ['q']);
}

/** `s` is the name of the row scales [rows, 1]. */
const MULTIPLY: Record<string, (graph: GraphBuilder, weights: Weights, s: string) => void> = {
  /** int32 out, then the scales. */
  integer(graph, { matrix, int8, scales }, s) {
    graph.constant('w', [matrix.columns, matrix.rows], int8);
    graph.constant('ws', [matrix.rows], scales);
    graph.constant('zp', [], Uint8Array.of(128));
    graph.node('', 'MatMulInteger', ['q', 'w', 'zp'], ['sum']);
    graph.node('', 'Cast', ['sum'], ['float'], { to: { int: 1 } });
    graph.node('', 'Mul', ['float', 'ws'], ['scaled']);
    graph.node('', 'Mul', ['scaled', s], ['y']);
  },
  /** Column scales within the product, then the row scales. */
  toFloat(graph, { matrix, int8, scales }, s) {
    integerToFloat(graph, matrix, int8, scales, 'scaled');
    graph.node('', 'Mul', ['scaled', s], ['y']);
  },
};

function integerToFloat(graph: GraphBuilder, { columns, rows }: Matrix, int8: Int8Array, scales: Float32Array, output: string, one = Float32Array.of(1)): void {
  graph.constant('w', [columns, rows], int8);
  graph.constant('ws', [rows], scales);
  graph.constant('unit', [], one);
  graph.constant('zp', [], Uint8Array.of(128));
  graph.node('com.microsoft', 'MatMulIntegerToFloat', ['q', 'w', 'unit', 'ws', 'zp'], [output]);
}

const nBits = (bits: 4 | 8): Build => (graph, { matrix: { columns, rows }, q4, q4Scales, q8, q8Scales }) => {
  graph.constant('w', [rows, columns / 32, 4 * bits], bits === 4 ? q4 : q8);
  graph.constant('ws', [(rows * columns) / 32], bits === 4 ? q4Scales : q8Scales);
  graph.node('com.microsoft', 'MatMulNBits', ['x', 'w', 'ws'], ['y'], { K: { int: columns }, N: { int: rows }, bits: { int: bits }, block_size: { int: 32 }, accuracy_level: { int: 4 } });
};

const TODAY = 'MatMulNBits, 4 bits';
const VARIANTS: Record<string, Build> = {
  [TODAY]: nBits(4),
  'MatMulNBits, 8 bits': nBits(8),
  ...Object.fromEntries(Object.entries(QUANTISE).flatMap(([quantise, q]) => Object.entries(MULTIPLY).map(([multiply, m]) => [
    `${quantise} + ${multiply}`, (graph: GraphBuilder, weights: Weights) => {
      q(graph, weights);
      m(graph, weights, quantise === 'axis' ? 's1' : 's');
    },
  ]))),
  /** One scale for the whole chunk: what a row gives depends on its neighbours. The control of the invariance column. */
  'DynamicQuantizeMatMul': (graph, { matrix: { columns, rows }, int8, scales }) => {
    graph.constant('w', [columns, rows], int8);
    graph.constant('ws', [rows], scales);
    graph.node('com.microsoft', 'DynamicQuantizeMatMul', ['x', 'w', 'ws'], ['y']);
  },
  /** A constant scale: the product without looking for the rows' scales. The floor. */
  'constant scale': (graph, { matrix, int8, scales }) => {
    const scale = Float32Array.of(OUTLIER / 127);
    graph.constant('cs', [], scale);
    graph.constant('point', [], Uint8Array.of(128));
    graph.node('', 'QuantizeLinear', ['x', 'cs', 'point'], ['q']);
    integerToFloat(graph, matrix, int8, scales, 'y', scale);
  },
};

/** Activations with outlier channels and rows of very different size. */
function randomRows(count: number, width: number, random: () => number): Rows {
  const rows = new Rows(count, width);
  for (let r = 0; r < count; r++) for (let c = 0; c < width; c++) rows.data[r * width + c] = random() * (1 + (r % 5)) * (c % OUTLIER_EVERY === 7 ? OUTLIER : 1) / 5;
  return rows;
}

/** Whether the first rows come out bit for bit alike alone, among 17, and among all. */
async function invariant(segment: Segment, x: Rows, width: number): Promise<boolean> {
  const run = async (from: number, rows: number) => {
    const [input, output] = [new Rows(rows, x.width), new Rows(rows, width)];
    input.data.set(x.data.subarray(from * x.width, (from + rows) * x.width));
    await segment.run({ x: input }, { y: output }, rows);
    return Buffer.from(output.data.buffer);
  };
  const all = await run(0, x.capacity);
  const some = await run(0, COMPARED);
  const row = 4 * width;
  if (!some.equals(all.subarray(0, COMPARED * row))) return false;
  for (let r = 0; r < COMPARED; r++) if (!(await run(r, 1)).equals(all.subarray(r * row, (r + 1) * row))) return false;
  return true;
}

/** ‖y − x·Wᵀ‖ / ‖x·Wᵀ‖ over the first rows, W the int8 values. */
function relativeError(x: Rows, y: Rows, { matrix: { columns, rows }, int8, scales }: Weights): number {
  let [wrong, whole] = [0, 0];
  for (let r = 0; r < CHECKED; r++) {
    const sums = new Float64Array(rows);
    for (let k = 0; k < columns; k++) for (let n = 0, a = x.data[r * columns + k]; n < rows; n++) sums[n] += a * int8[k * rows + n];
    for (let n = 0; n < rows; n++) {
      const exact = sums[n] * scales[n];
      wrong += (y.data[r * rows + n] - exact) ** 2;
      whole += exact ** 2;
    }
  }
  return Math.sqrt(wrong / whole);
}

interface Measured { ms: number; invariant: boolean; error: number }

/** Milliseconds of each variant at each number of rows. */
async function measure(matrix: Matrix): Promise<Map<string, Measured[]>> {
  const random = randomNumbers(1);
  const weights = randomWeights(matrix, random);
  const segments = new Map<string, Segment>();
  for (const [name, build] of Object.entries(VARIANTS)) {
    const graph = new GraphBuilder(name);
    build(graph, weights);
    segments.set(name, await Segment.fromBytes(name, graph.finish([{ name: 'x', width: matrix.columns }], [{ name: 'y', width: matrix.rows }]), threads));
  }
  const most = Math.max(256, ...counts);
  const all = randomRows(most, matrix.columns, random);
  const result = new Map<string, Measured[]>();
  for (const [name, segment] of segments) {
    const y = new Rows(most, matrix.rows);
    await segment.run({ x: all }, { y }, most);
    const known = { invariant: await invariant(segment, all, matrix.rows), error: relativeError(all, y, weights) };
    result.set(name, counts.map(() => ({ ms: 0, ...known })));
  }
  for (const [i, count] of counts.entries()) {
    const [x, y] = [new Rows(count, matrix.columns), new Rows(count, matrix.rows)];
    x.data.set(all.data.subarray(0, count * matrix.columns));
    const times = new Map([...segments.keys()].map((name) => [name, [] as number[]]));
    for (let round = -1; round < rounds; round++) {
      for (const [name, segment] of segments) {
        const started = performance.now();
        await segment.run({ x }, { y }, count);
        if (round >= 0) times.get(name)!.push(performance.now() - started);
      }
    }
    for (const [name, ms] of times) result.get(name)![i].ms = median(ms);
  }
  for (const segment of segments.values()) await segment.release();
  return result;
}

export async function run(): Promise<void> {
  process.env.ORT_DISABLE_TELEMETRY = '1';
  const matrices = SHAPES[values.shape];
  if (!matrices) throw new Error(`--shape must be one of ${Object.keys(SHAPES).join(', ')}`);
  console.log(`${values.shape} shape; ${machine(threads, loadAddon(resolve('dist')).cpu().selected)}; medians of ${rounds}`);
  const layer = new Map(Object.keys(VARIANTS).map((name) => [name, { ms: counts.map(() => 0), invariant: true, error: 0 }]));
  for (const matrix of matrices) {
    progress(`${matrix.name}, ${matrix.columns} → ${matrix.rows}`);
    for (const [name, measured] of await measure(matrix)) {
      const sum = layer.get(name)!;
      for (const [i, { ms }] of measured.entries()) sum.ms[i] += matrix.times * ms;
      sum.invariant &&= measured[0].invariant;
      sum.error = Math.max(sum.error, measured[0].error);
      rowsOf(matrix.name).push(`| ${matrix.name} | ${name} | ${measured.map(({ ms }, i) => `${ms.toFixed(1)} | ${gops(matrix, counts[i], ms)}`).join(' | ')} |`);
    }
  }
  const columns = counts.flatMap((count) => [`${count} rows, ms`, 'GOPS']);
  console.log(`\n| matrix | graph | ${columns.join(' | ')} |\n|---|---|${columns.map(() => '---|').join('')}\n${[...table.values()].flat().join('\n')}`);
  const whole = counts.flatMap((count) => [`${count} rows, ms a layer`, '×']);
  console.log(`\n| graph | ${whole.join(' | ')} | row-invariant at 1, ${COMPARED}, 256 | relative error |\n|---|${whole.map(() => '---|').join('')}---|---|`);
  for (const [name, { ms, invariant, error }] of layer) {
    console.log(`| ${name} | ${ms.map((m, i) => `${m.toFixed(1)} | ${(layer.get(TODAY)!.ms[i] / m).toFixed(2)}`).join(' | ')} | ${invariant ? 'yes' : 'no'} | ${error.toFixed(4)} |`);
  }
}

const table = new Map<string, string[]>();
function rowsOf(name: string): string[] {
  if (!table.has(name)) table.set(name, []);
  return table.get(name)!;
}
const gops = ({ columns, rows }: Matrix, count: number, ms: number) => ((2 * columns * rows * count) / ms / 1e6).toFixed(0);
