// What is measured once at import: whether a row's result depends on its neighbours, and which head format is worth having.
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { HeadChoice } from '../manifest.ts';
import { Rows, Segment } from '../segment.ts';
import { PORTS } from './llama.ts';
import type { WeightFormat } from './weightFormats.ts';

const PROBE_ROWS = [1, 17, 256];
/** Bounds below which a smaller head is not chosen. */
const LEAST_COSINE = 0.9999;
const LEAST_TOP1 = 0.99;
/** Milliseconds a token that a lossy head must save to be worth its error. */
const WORTHWHILE_MS = 1;
const TIMINGS = 7;

/** True when rows of a graph come out bit-identical at 1, 17 and 256 rows. */
export async function rowInvariant(folder: string, file: string, inputs: Record<string, number>, outputs: Record<string, number>, threads: number): Promise<boolean> {
  const segment = await Segment.load(join(folder, file), threads);
  const most = Math.max(...PROBE_ROWS);
  const make = (ports: Record<string, number>) => Object.fromEntries(Object.entries(ports).map(([name, width]) => [name, new Rows(most, width)]));
  const [from, to] = [make(inputs), make(outputs)];
  let state = 1;
  const uniform = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 31 - 1;
  for (const rows of Object.values(from)) rows.data.forEach((_, i) => (rows.data[i] = uniform()));
  const results: Float32Array[][] = [];
  for (const rows of PROBE_ROWS) {
    await segment.run(from, to, rows);
    results.push(Object.values(to).map((r) => r.view(rows).slice()));
  }
  await segment.release();
  const whole = results.at(-1)!;
  return results.every((outs) => outs.every((out, o) => out.every((x, i) => Object.is(x, whole[o][i]))));
}

/** One candidate head: its logits on `hidden` `[rows, width]` and the time of one row. */
export async function measureHead(folder: string, file: string, hidden: Float32Array, width: number, vocabulary: number, threads: number): Promise<{ logits: Float32Array; ms: number; megabytes: number }> {
  const segment = await Segment.load(join(folder, `${file}.onnx`), threads);
  const input = new Rows(1, width);
  const output = new Rows(1, vocabulary);
  const rows = hidden.length / width;
  const logits = new Float32Array(rows * vocabulary);
  const times: number[] = [];
  for (let row = 0; row < rows; row++) {
    input.data.set(hidden.subarray(row * width, (row + 1) * width));
    const started = performance.now();
    await segment.run({ [PORTS.hidden]: input }, { [PORTS.logits]: output }, 1);
    if (times.length < TIMINGS) times.push(performance.now() - started);
    logits.set(output.data, row * vocabulary);
  }
  await segment.release();
  const { size } = await fs.stat(join(folder, `${file}.bin`));
  return { logits, ms: Math.min(...times), megabytes: size / 1e6 };
}

/** Cosine and top-1 agreement of logits `[rows, vocabulary]` with the reference's. */
export function compareLogits(reference: Float32Array, logits: Float32Array, vocabulary: number): { cosine: number; top1: number } {
  const rows = reference.length / vocabulary;
  let cosine = 0;
  let same = 0;
  for (let row = 0; row < rows; row++) {
    const a = reference.subarray(row * vocabulary, (row + 1) * vocabulary);
    const b = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
    let [ab, aa, bb] = [0, 0, 0];
    for (let i = 0; i < vocabulary; i++) {
      ab += a[i] * b[i];
      aa += a[i] * a[i];
      bb += b[i] * b[i];
    }
    cosine += ab / Math.sqrt(aa * bb || 1);
    if (argmax(a) === argmax(b)) same++;
  }
  return { cosine: cosine / rows, top1: same / rows };
}

function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** The fastest candidate within the quality bounds; the first one, which is lossless, unless that saves something. */
export function chooseHead(table: HeadChoice[]): WeightFormat['name'] {
  const [lossless] = table;
  const good = table.filter((row) => row === lossless || (row.cosine >= LEAST_COSINE && row.top1 >= LEAST_TOP1 && row.ms <= lossless.ms - WORTHWHILE_MS));
  return good.reduce((best, row) => (row.ms < best.ms ? row : best)).format;
}
