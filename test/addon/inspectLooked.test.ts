// Where the last rows looked, and the map of a head: on 300 tokens, each layer and head against attention/reference.ts in double precision.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeKeys, hybridAttention } from '../../src/attention/reference.ts';
import { rotate } from '../../src/attention/rope.ts';
import { firstExactBlock, windowBlocks } from '../../src/cache/window.ts';
import { lineOfTokens } from '../../src/inspect/lineOfTokens.ts';
import type { InspectReport } from '../../src/inspect/report.ts';
import { flowWidths, inverseFrequencies } from '../../src/model/manifest.ts';
import { exactStore } from '../../src/model/stores.ts';
import type { Engine } from '../../src/session/engine.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { roundToFloat16 } from '../../src/shared/float16.ts';
import { openEngine, TINY_F16 } from '../support/engine.ts';

const FILE = 'models/calibration/1-inventory.ts';
const TOKENS = 300;
const ROWS = 32;
const text = readFileSync(FILE, 'utf8');
const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);

let engine: Engine;
let report: InspectReport;
let ids: Int32Array;
/** By layer `[tokens, width]`: what dense attention saw. */
const seen: Float32Array[] = [];

beforeAll(async () => {
  engine = await openEngine(TINY_F16, { attention: 'delta', threads: 1 });
  const { forward, addon, tokenizer } = engine;
  const { manifest } = forward;
  const width = flowWidths(manifest.shape).qkv;
  report = await engine.inspect({ text, name: FILE, attention: 'delta', most: TOKENS }, new CancelFlag());
  ids = Int32Array.from(tokenizer.encode(text, { bos: true }).slice(0, TOKENS));
  for (let l = 0; l < manifest.shape.layers; l++) seen.push(new Float32Array(TOKENS * width));
  const cache = exactStore(addon, manifest);
  const lease = cache.lease(new Int32Array(0));
  for (let at = 0; at < TOKENS; at += forward.chunk) {
    const step = ids.subarray(at, at + forward.chunk);
    lease.begin(step);
    await forward.run(step, { attend: (layer, count, qkv, out) => {
      seen[layer].set(qkv, at * width);
      lease.attend(layer, count, qkv, out);
    } }, 'none');
    lease.commit();
  }
  lease.release();
  cache.close();
});
afterAll(() => engine.close());

/** Queries or keys of one head, rotated. */
function rotated(layer: number, at: number): Float64Array {
  const { shape, rope } = engine.forward.manifest;
  const width = flowWidths(shape).qkv;
  const D = shape.keyLength;
  const rows = Float64Array.from({ length: TOKENS * D }, (_, i) => seen[layer][Math.floor(i / D) * width + at + (i % D)]);
  for (let t = 0; t < TOKENS; t++) rotate(rows, t * D, t, inverseFrequencies(rope));
  return rows;
}

/** The shares of attention `[rows, tokens]` of a head's rows from `from` on: values that are 1 for one token each give them. */
function shares(layer: number, head: number, form: 'dense' | 'delta', from: number): Float64Array {
  const { manifest } = engine.forward;
  const { shape, delta } = manifest;
  const { keyLength: D, heads, kvHeads } = shape;
  const g = Math.floor((head * kvHeads) / heads);
  const own = (table: Float32Array) => table.subarray(g * D, (g + 1) * D);
  const keys = rotated(layer, (heads + g) * D);
  const halves = keys.map(roundToFloat16);
  const { threshold, step } = engine.tables.delta[layer];
  const coded = codeKeys(halves, D, { reference: delta.reference, threshold: own(threshold), step: own(step) });
  const [exact, far] = form === 'dense' ? [keys, keys] : [halves, coded.decoded];
  const identity = Float64Array.from({ length: TOKENS * TOKENS }, (_, i) => Number(Math.floor(i / TOKENS) === i % TOKENS));
  return hybridAttention(rotated(layer, head * D), exact, far, identity, D, TOKENS, 1 / Math.sqrt(D), { sinks: delta.sinks, windowBlocks: (b) => windowBlocks(delta, b) }, from);
}

describe('where the last rows looked', () => {
  it('is what double precision finds, token by token, in both forms', () => {
    const { shape, delta } = engine.forward.manifest;
    const lines = lineOfTokens(ids, engine.tokenizer);
    const { looked } = report;
    expect(looked).toMatchObject({ from: TOKENS - ROWS, rows: ROWS, window: firstExactBlock(delta, TOKENS - 1) * 64 });
    for (const form of ['dense', 'delta'] as const) {
      const byToken = new Float64Array(TOKENS);
      for (let layer = 0; layer < shape.layers; layer++) {
        for (let head = 0; head < shape.heads; head++) shares(layer, head, form, TOKENS - ROWS).forEach((share, i) => (byToken[i % TOKENS] += share / (ROWS * shape.layers * shape.heads)));
      }
      expect(looked.sinks[form]).toBeCloseTo(sum(byToken.subarray(0, delta.sinks)), 7);
      const wanted = { lines: looked.lines[form].map(() => 0), blocks: looked.blocks[form].map(() => 0) };
      byToken.forEach((share, t) => {
        if (t < delta.sinks) return;
        wanted.lines[lines[t]] += share;
        wanted.blocks[Math.floor(t / 64)] += share;
      });
      for (const part of ['lines', 'blocks'] as const) {
        looked[part][form].forEach((share, i) => expect(share).toBeCloseTo(wanted[part][i], 7));
        expect(sum(looked[part][form]) + looked.sinks[form]).toBeCloseTo(1, 9);
      }
    }
    expect(Math.max(...looked.lines.dense.map((share, i) => Math.abs(share - looked.lines.delta[i])))).toBeGreaterThan(1e-6);
  });

  it('counts every token in the line that it begins in', () => {
    const { tokens } = report.looked.lines;
    expect(sum(tokens)).toBe(TOKENS);
    let at = 0;
    const all = text.split('\n');
    tokens.slice(0, -1).forEach((count, line) => {
      const first = engine.tokenizer.decode(Array.from(ids.subarray(at, at + count)).filter((id) => !engine.tokenizer.isControl(id)));
      if (all[line].trim() !== '') expect(all.slice(line).join('\n')).toContain(first.trim().split('\n')[0]);
      at += count;
    });
  });
});

describe('the map of a head', () => {
  it('holds the attention of each query, binned, and loses nothing', async () => {
    const { shape } = engine.forward.manifest;
    const head = shape.heads - 1;
    const layer = shape.layers - 1;
    const map = await engine.attentionMap({ text, name: FILE, layer, head, most: TOKENS }, new CancelFlag());
    expect(map).toMatchObject({ layer, head, tokens: TOKENS, bins: TOKENS, sinks: 4 });
    const wanted = shares(layer, head, 'dense', 0);
    map.mass.forEach((share, i) => {
      if (Math.abs(share - wanted[i]) > 1e-6) expect(share).toBeCloseTo(wanted[i], 6);
    });
    expect(sum(map.mass)).toBeCloseTo(TOKENS, 3);
  });

  it('has 512 rows at most, whose sum is the number of tokens', async () => {
    const map = await engine.attentionMap({ text: text.repeat(3), name: FILE, layer: 0, head: 0, most: 700 }, new CancelFlag());
    expect([map.bins, map.mass.length, map.tokens]).toEqual([512, 512 * 512, 700]);
    expect(sum(map.mass)).toBeCloseTo(700, 2);
  });

  it('refuses a head that the model has not, and stops when it is cancelled', async () => {
    const ask = (layer: number, head: number, cancel = new CancelFlag()) => engine.attentionMap({ text, name: FILE, layer, head, most: 100 }, cancel, () => cancel.set());
    for (const [layer, head] of [[-1, 0], [0, 99], [99, 0], [0.5, 0]]) await expect(ask(layer, head)).rejects.toMatchObject({ code: 'usage' });
    await expect(ask(0, 0)).rejects.toMatchObject({ code: 'cancelled' });
  });
});
