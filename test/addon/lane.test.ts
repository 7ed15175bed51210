// The prefill lane: its arithmetic is what its definition says on this CPU; positions before it and everything without it are untouched, to the bit; what it
// leaves in the cache is what a cold reading leaves.
import { mkdirSync, mkdtempSync, promises as fs, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readGguf } from '../../src/model/import/gguf.ts';
import { LARGEST, quantizeChannels } from '../../src/model/import/laneWeights.ts';
import { SegmentWriter } from '../../src/model/import/segmentWriter.ts';
import { divergence } from '../../src/model/divergence.ts';
import { LANE_FROM, laneState } from '../../src/model/lane.ts';
import type { Manifest } from '../../src/model/manifest.ts';
import { Rows, Segment } from '../../src/model/segment.ts';
import type { Engine } from '../../src/session/engine.ts';
import type { GenerateResult } from '../../src/session/protocol.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { openEngine, TINY_Q8 } from '../support/engine.ts';
import { presets, writeRandomLlama } from '../support/writeGguf.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-lane-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** y = x · Wᵀ by the definition, in double precision: rows of x in steps of their largest magnitude over 127, rows of W of theirs over 63. */
function slowTwin(x: Float32Array, w: Float32Array, columns: number): number[][] {
  const rowsOf = (values: Float32Array) => Array.from({ length: values.length / columns }, (_, r) => [...values.subarray(r * columns, (r + 1) * columns)]);
  const steps = (row: number[], most: number) => {
    const scale = Math.max(...row.map(Math.abs)) / most || 1;
    return { scale, integers: row.map((v) => Math.round(v / scale)) };
  };
  const weights = rowsOf(w).map((row) => steps(row, LARGEST));
  return rowsOf(x).map((row) => {
    const { scale, integers } = steps(row, 127);
    return weights.map((channel) => channel.scale * scale * channel.integers.reduce((sum, n, k) => sum + n * integers[k], 0));
  });
}

describe('the arithmetic of the lane', () => {
  const path = join(folder, 'random.gguf');
  beforeAll(() => {
    writeRandomLlama(path, { ...presets.tiny, type: 'F32', vocabulary: 300, context: 256 });
    mkdirSync(join(folder, 'segments'));
  });

  /** x through a graph of one matrix of the file. */
  async function multiply(name: string, x: Float32Array): Promise<{ y: Float32Array; w: Float32Array; columns: number; rows: number }> {
    const file = await readGguf(path);
    const tensor = file.tensors.get(name)!;
    const [columns, rows] = tensor.shape;
    const w = new Float32Array(columns * rows);
    tensor.type.dequantize(readFileSync(path).subarray(tensor.offset, tensor.offset + tensor.bytes), w.length, w, 0);
    const input = await fs.open(path);
    try {
      const writer = await SegmentWriter.open(folder, 'segments/one', input, () => {});
      await writer.linear('x', 'y', [{ tensor, rows }], columns, 'lane');
      await writer.finish([{ name: 'x', width: columns }], [{ name: 'y', width: rows }]);
    } finally {
      await input.close();
    }
    const segment = await Segment.load(join(folder, 'segments/one.onnx'), 1);
    const count = x.length / columns;
    const [from, to] = [new Rows(count, columns), new Rows(count, rows)];
    from.data.set(x);
    await segment.run({ x: from }, { y: to }, count);
    await segment.release();
    return { y: to.data, w, columns, rows };
  }

  async function check(x: (columns: number, i: number) => number, rowsOfX: number): Promise<void> {
    const { shape: [columns] } = (await readGguf(path)).tensors.get('blk.0.ffn_up.weight')!;
    const values = Float32Array.from({ length: rowsOfX * columns }, (_, i) => x(columns, i));
    const { y, w, rows } = await multiply('blk.0.ffn_up.weight', values);
    const expected = slowTwin(values, w, columns);
    expected.forEach((row, r) => {
      const largest = Math.max(...row.map(Math.abs));
      // A value half-way between two steps may be rounded to either in float32: one step of one product.
      row.forEach((v, n) => expect(Math.abs(y[r * rows + n] - v)).toBeLessThanOrEqual(0.01 * largest + 1e-30));
    });
  }

  it('is the product of the quantised rows', () => check((_, i) => Math.sin(i * 1.7) * (1 + (i % 5)), 5));
  it('is zero for a row of zeros', () => check(() => 0, 2));
  it('follows each row’s own size', () => check((columns, i) => Math.sin(i) * 10 ** (Math.floor(i / columns) * 3 - 9), 6));

  it('does not saturate: the largest activations on the largest weights', async () => {
    const rows = 8;
    const columns = 64;
    const weights = new Int8Array(rows * columns);
    const scales = new Float32Array(rows);
    quantizeChannels(new Float32Array(rows * columns).fill(1), rows, columns, weights, scales, 0);
    expect([...new Set(weights)]).toEqual([LARGEST]);
    const { GraphBuilder } = await import('../../src/model/import/onnx.ts');
    const graph = new GraphBuilder('largest');
    graph.constant('w', [columns, rows], weights);
    graph.constant('s', [rows], scales);
    graph.constant('one', [], Float32Array.of(1));
    graph.constant('middle', [], Uint8Array.of(128));
    graph.node('', 'QuantizeLinear', ['x', 'one', 'middle'], ['q']);
    graph.node('com.microsoft', 'MatMulIntegerToFloat', ['q', 'w', 'one', 's', 'middle'], ['y']);
    const segment = await Segment.fromBytes('largest', graph.finish([{ name: 'x', width: columns }], [{ name: 'y', width: rows }]), 1);
    const [x, y] = [new Rows(3, columns), new Rows(3, rows)];
    x.data.fill(127);
    await segment.run({ x }, { y }, 3);
    await segment.release();
    y.data.forEach((v) => expect(v).toBeCloseTo(127 * columns, 2));
  });

  it('turns weights into columns, whatever piece they come in', () => {
    const values = Float32Array.from({ length: 70 * 45 }, (_, i) => Math.cos(i * i));
    const whole = { weights: new Int8Array(values.length), scales: new Float32Array(70) };
    quantizeChannels(values, 70, 45, whole.weights, whole.scales, 0);
    const pieces = { weights: new Int8Array(values.length), scales: new Float32Array(70) };
    for (const [from, to] of [[0, 1], [1, 40], [40, 70]]) quantizeChannels(values.subarray(from * 45, to * 45), to - from, 45, pieces.weights, pieces.scales, from);
    expect(pieces).toEqual(whole);
    for (const [r, c] of [[0, 0], [33, 44], [69, 7]]) expect(Math.abs(whole.weights[c * 70 + r] * whole.scales[r] - values[r * 45 + c])).toBeLessThanOrEqual(whole.scales[r] / 2 + 1e-7);
  });
});

describe('reading on the lane', () => {
  const source = readFileSync('models/calibration/1-inventory.ts', 'utf8');
  let [precise, lane]: Engine[] = [];
  beforeAll(async () => {
    precise = await openEngine(TINY_Q8, { threads: 1 });
    lane = await openEngine(TINY_Q8, { threads: 1, lane: 'auto' });
  });
  afterAll(async () => {
    await precise.close();
    await lane.close();
  });

  async function allLogits(engine: Engine, ids: number[]): Promise<Float32Array[]> {
    const { vocabulary } = engine.forward.manifest.shape;
    const rows: Float32Array[] = [];
    for await (const { logits } of engine.logitRows(Int32Array.from(ids), true)) for (let at = 0; at < logits.length; at += vocabulary) rows.push(logits.slice(at, at + vocabulary));
    return rows;
  }

  it('leaves the first positions as they are, to the bit, and the others close', async () => {
    const ids = lane.tokenizer.encode(source).slice(0, 400);
    const [a, b] = [await allLogits(precise, ids), await allLogits(lane, ids)];
    for (let i = 0; i < LANE_FROM; i++) expect(b[i]).toEqual(a[i]);
    const later = a.slice(LANE_FROM).map((row, i) => divergence(row, b[LANE_FROM + i]));
    expect(later.some(({ kl }) => kl > 0)).toBe(true);
    expect(later.reduce((sum, { kl }) => sum + kl, 0) / later.length).toBeLessThan(0.01);
    expect(later.filter(({ agree }) => agree).length / later.length).toBeGreaterThan(0.95);
  });

  it('gives its cache a name of its own', () => {
    expect(lane.describe().recipe).not.toBe(precise.describe().recipe);
  });

  const said = ({ text, meanLogProbability, scores }: GenerateResult): unknown => ({ text, meanLogProbability, scores });

  it.each([{ lookup: false }, { lookup: true }])('answers from a warm cache as from a cold one, whatever was written before: %j', async ({ lookup }) => {
    const first = source.slice(0, 1500);
    const ask = (text: string, max: number) => lane.generate({ prompt: { text }, max, sampling: { temperature: 0 }, lookup }, new CancelFlag());
    lane.cache.clear();
    const { text, tokens } = await ask(first, 150);
    for (const cut of [1, 20, 64, 130, text.length]) {
      const next = first + text.slice(0, cut);
      const warm = await ask(next, 40);
      // What was written is read again; what was read is not.
      expect(warm.tokens.reused).toBeGreaterThan(0);
      expect(warm.tokens.reused).toBeLessThanOrEqual(tokens.prompt);
      lane.cache.clear();
      expect(said(warm)).toEqual(said(await ask(next, 40)));
      lane.cache.clear();
      await ask(first, 150);
    }
  });

  it('is left out where memory is short, and everything is then as without it', async () => {
    const { bytes } = lane.forward.manifest.lane!;
    const engine = await openEngine(TINY_Q8, { threads: 1, lane: 'auto', laneBytes: bytes - 1 });
    try {
      expect(engine.describe()).toMatchObject({ lane: { state: 'memory', bytes, most: bytes - 1 }, recipe: precise.describe().recipe });
      const ids = engine.tokenizer.encode(source).slice(0, 200);
      expect(await allLogits(engine, ids)).toEqual(await allLogits(precise, ids));
    } finally {
      await engine.close();
    }
  });
});

describe('whether the lane is used', () => {
  const cost = { positions: 900, preciseLoss: 2, loss: 2.001, kl: 0.004, top1: 0.99, layers: [0.01] };
  const measured = { files: ['a'], bytes: 1000, rowInvariant: true, cost };
  it.each([
    ['used', measured, 'auto', 1000], ['off', measured, 'off', 1000], ['memory', measured, 'auto', 999], ['absent', undefined, 'auto', 1000], ['dependent', { ...measured, rowInvariant: false }, 'auto', 1000],
    ['lossy', { ...measured, cost: { ...cost, kl: 0.0101 } }, 'auto', 1000], ['lossy', { ...measured, cost: { ...cost, kl: Number.NaN } }, 'auto', 1000],
  ] as const)('%s', (state, given, asked, most) => expect(laneState({ lane: given } as unknown as Manifest, asked, most)).toMatchObject({ state }));
});
