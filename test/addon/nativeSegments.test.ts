// Native segments against the same weights in float32: the same pass, the same attention, one text. And among each other: whatever the chunks, threads
// and kernel sets, the same bits. Against another engine: test/parity.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Forward } from '../../src/model/forward.ts';
import { readArchitecture, TensorSource } from '../../src/model/format/architecture.ts';
import { readGguf } from '../../src/model/format/gguf.ts';
import { nativeDecoder } from '../../src/model/run/nativeDecoder.ts';
import { SegmentSteps } from '../../src/model/run/nativeSegment.ts';
import { STARTER_GGUF } from '../../src/model/starter.ts';
import { exactStore } from '../../src/model/stores.ts';
import { Rows } from '../../src/model/rows.ts';
import type { Engine } from '../../src/session/engine.ts';
import { openEngine, testAddon, TINY_F16, TINY_Q8 } from '../support/engine.ts';

const addon = testAddon();
const text = readFileSync('test/fixtures/heldOut.txt', 'utf8');
const argmax = (values: Float32Array) => values.reduce((best, x, i) => (x > values[best] ? i : best), 0);
const sameBits = (a: Float32Array, b: Float32Array) => Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));

/** Logits of all positions, `[ids, vocabulary]`, read in pieces of those sizes in turn. */
async function logitsOf(forward: Forward, ids: Int32Array, pieces: number[]): Promise<Float32Array> {
  const cache = exactStore(addon, forward.manifest);
  const lease = cache.lease(new Int32Array(0));
  const { vocabulary } = forward.manifest.shape;
  const logits = new Float32Array(ids.length * vocabulary);
  for (let at = 0, n = 0; at < ids.length; n++) {
    const piece = ids.subarray(at, at + pieces[n % pieces.length]);
    lease.begin(piece);
    logits.set((await forward.run(piece, lease, 'all'))!, at * vocabulary);
    lease.commit();
    at += piece.length;
  }
  lease.release();
  cache.clear();
  return logits;
}

interface Agreement { top1: number; cosine: number }

function agreement(a: Float32Array, b: Float32Array, vocabulary: number): Agreement {
  let [same, cosines] = [0, 0];
  const positions = a.length / vocabulary;
  for (let at = 0; at < a.length; at += vocabulary) {
    const [x, y] = [a.subarray(at, at + vocabulary), b.subarray(at, at + vocabulary)];
    if (argmax(x) === argmax(y)) same++;
    let [xy, xx, yy] = [0, 0, 0];
    for (let i = 0; i < vocabulary; i++) {
      xy += x[i] * y[i];
      xx += x[i] ** 2;
      yy += y[i] ** 2;
    }
    cosines += xy / Math.sqrt(xx * yy);
  }
  return { top1: same / positions, cosine: cosines / positions };
}

/** What native segments must reach beside the same ones in float32, and how many tokens are looked at. */
interface Case { name: string; model: string; tokens: number; cosine: number; top1: number }
const CASES: Case[] = [
  { name: 'float16 weights', model: TINY_F16, tokens: 300, cosine: 1 - 1e-6, top1: 1 }, // nothing is rounded
  { name: 'Q8_0 weights', model: TINY_Q8, tokens: 300, cosine: 0.9999, top1: 0.96 }, // a tiny model: near ties are many, and 8-bit activations turn some of them
  { name: 'the embedded model', model: resolve(STARTER_GGUF), tokens: 400, cosine: 0.9999, top1: 0.98 },
];

describe.each(CASES)('native segments of $name', ({ model, tokens, cosine, top1 }) => {
  let engine: Engine;
  let native: Forward;
  let ids: Int32Array;
  beforeAll(async () => {
    engine = await openEngine(model, { attention: 'dense' });
    native = engine.forward;
    ids = Int32Array.from(engine.tokenizer.encode(text).slice(0, tokens));
  });
  afterAll(() => engine.close());

  it('give the logits of the same weights in float32', async () => {
    expect(ids.length).toBe(tokens);
    const { vocabulary } = native.manifest.shape;
    const gguf = await readGguf(model);
    const floats = new Forward(native.manifest, native.chunk, await nativeDecoder(addon, readArchitecture(gguf), new TensorSource(gguf), { asFloats: true }));
    const exact = await logitsOf(floats, ids, [native.chunk]);
    await floats.release();
    const found = agreement(await logitsOf(native, ids, [native.chunk]), exact, vocabulary);
    console.log(`beside float32: cosine ${found.cosine.toFixed(6)}, same best token ${(100 * found.top1).toFixed(2)} %`);
    expect(found.cosine).toBeGreaterThanOrEqual(cosine);
    expect(found.top1).toBeGreaterThanOrEqual(top1);
  });

  it('give the same bits token by token, in pieces, and with another number of threads', async () => {
    const some = ids.subarray(0, 80);
    const whole = await logitsOf(native, some, [64]);
    addon.setThreads(3);
    for (const pieces of [[1], [39, 2, 17]]) expect(sameBits(await logitsOf(native, some, pieces), whole), pieces.join()).toBe(true);
    addon.setThreads(1);
    expect(sameBits(await logitsOf(native, some, [7, 57]), whole)).toBe(true);
    addon.setThreads(2);
  });
});

describe('the parts of a segment', () => {
  it.each(addon.cpu().usable)('have the same bits with the kernel set %s as with the scalar one', (kernels) => {
    const [columns, rows, x, y] = [64, 20, new Rows(5, 64), new Rows(5, 40)];
    const weights = addon.createWeights(0, rows, columns, 1);
    addon.appendRows(weights, new Uint8Array(Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i)).buffer));
    const steps = new SegmentSteps([{ name: 'x', width: columns }], [{ name: 'y', width: 2 * rows }]);
    steps.norm('x', 'normed', new Float32Array(columns).fill(2), 1e-5);
    steps.gate('normed', 'x', 'gated', 'gelu');
    steps.product('gated', 'y', [{ weights, rows }, { weights, rows, bias: Float32Array.from({ length: rows }, (_, i) => i) }]);
    const segment = steps.finish(addon);
    for (let i = 0; i < x.data.length; i++) x.data[i] = Math.cos(i * i);
    const run = (set: string) => {
      addon.selectKernels(set);
      segment.run({ x }, { y }, 5);
      return y.data.slice();
    };
    const [slow, fast] = [run('scalar'), run(kernels)];
    addon.selectKernels('auto');
    expect(sameBits(fast, slow)).toBe(true);
    for (let m = 0; m < 5; m++) {
      const own = x.data.subarray(m * columns, (m + 1) * columns);
      const inverse = 1 / Math.sqrt(own.reduce((sum, v) => sum + v * v, 0) / columns + 1e-5);
      const gelu = (z: number) => 0.5 * z * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3)));
      for (let n = 0; n < 2 * rows; n++) {
        const sum = own.reduce((all, v, k) => all + gelu(2 * v * inverse) * v * Math.fround(Math.sin((n % rows) * columns + k)), n < rows ? 0 : n - rows);
        expect(Math.abs(fast[m * 2 * rows + n] - sum)).toBeLessThan(1e-5 * (1 + Math.abs(sum)));
      }
    }
    segment.release();
    addon.destroyWeights(weights);
  });

  it('norm with mean and bias, activate alone and by squares, and cap, as their formulas say in doubles', () => {
    const [columns, rows] = [83, 3];
    const [x, y] = [new Rows(rows, columns), new Rows(rows, columns)];
    for (let i = 0; i < x.data.length; i++) x.data[i] = 3 * Math.sin(i * i) + 1;
    const [scale, bias] = [2, -0.5].map((value) => new Float32Array(columns).fill(value));
    const each = (f: (z: number) => number) => (own: number[]) => own.map(f);
    const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / columns;
    const gelu = (z: number) => 0.5 * z * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3)));
    const cases: Record<string, [(steps: SegmentSteps) => void, (own: number[]) => number[]]> = {
      'LayerNorm': [(steps) => steps.norm('x', 'y', scale, 1e-5, bias), (own) => {
        const middle = mean(own);
        const deviation = Math.sqrt(mean(own.map((z) => (z - middle) ** 2)) + 1e-5);
        return own.map((z) => ((z - middle) / deviation) * 2 - 0.5);
      }],
      'GELU of nothing else': [(steps) => steps.gate('x', undefined, 'y', 'gelu'), each(gelu)],
      'squared ReLU': [(steps) => steps.gate('x', 'x', 'y', 'squaredRelu'), each((z) => Math.max(z, 0) ** 2 * z)],
      'a cap': [(steps) => steps.cap('x', 'y', 1.5), each((z) => 1.5 * Math.tanh(z / 1.5))],
    };
    for (const [name, [build, expected]] of Object.entries(cases)) {
      const steps = new SegmentSteps([{ name: 'x', width: columns }], [{ name: 'y', width: columns }]);
      build(steps);
      const segment = steps.finish(addon);
      segment.run({ x }, { y }, rows);
      for (let row = 0; row < rows; row++) {
        const own = [...x.data.subarray(row * columns, (row + 1) * columns)];
        expected(own).forEach((value, i) => expect(Math.abs(y.data[row * columns + i] - value), `${name} of ${own[i]}`).toBeLessThan(1e-5 * (1 + Math.abs(value))));
      }
      segment.release();
    }
  });

  it('cap what is beyond all bounds, and nothing that is no number', () => {
    const [x, y] = [new Rows(1, 6), new Rows(1, 6)];
    x.data.set([Infinity, -Infinity, 1e30, 1e-30, NaN, 0]);
    const steps = new SegmentSteps([{ name: 'x', width: 6 }], [{ name: 'y', width: 6 }]);
    steps.cap('x', 'y', 30);
    const segment = steps.finish(addon);
    segment.run({ x }, { y }, 1);
    expect([...y.data]).toEqual([30, -30, 30, Math.fround(1e-30), NaN, 0]);
    segment.release();
  });

  it('refuse a matrix that is gone', () => {
    const weights = addon.createWeights(0, 16, 32, 1);
    addon.appendRows(weights, new Uint8Array(4 * 16 * 32));
    const steps = new SegmentSteps([{ name: 'x', width: 32 }], [{ name: 'y', width: 16 }]);
    steps.product('x', 'y', [{ weights, rows: 16 }]);
    const segment = steps.finish(addon);
    const run = () => segment.run({ x: new Rows(1, 32) }, { y: new Rows(1, 16) }, 1);
    expect(run).not.toThrow();
    addon.destroyWeights(weights);
    expect(run).toThrow(expect.objectContaining({ code: 'invalidArgument' }));
    segment.release();
  });
});
