// Inspection of a real file: every figure against an independent computation, the schema against its document, and the command.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeKeys, hybridAttention } from '../../src/attention/reference.ts';
import { rotate } from '../../src/attention/rope.ts';
import { channelStatistics } from '../../src/attention/thresholdLaw.ts';
import { windowBlocks } from '../../src/cache/window.ts';
import type { InspectReport } from '../../src/inspect/report.ts';
import { splitHeads } from '../../src/model/measure/heads.ts';
import { flowWidths, inverseFrequencies } from '../../src/model/manifest.ts';
import { storeFor } from '../../src/model/stores.ts';
import type { Engine } from '../../src/session/engine.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { roundToFloat16 } from '../../src/shared/float16.ts';
import { run, succeedJson } from '../support/cli.ts';
import { openEngine, TINY_F16 } from '../support/engine.ts';

const FILE = 'models/calibration/1-inventory.ts';
const MOST = 450;
const text = readFileSync(FILE, 'utf8');
let engine: Engine;
let report: InspectReport;
let compact: InspectReport;
/** What dense attention saw: per layer `[tokens, width]`; and its logits and those of delta attention. */
const seen: Float32Array[] = [];
const logits = { dense: [] as Float32Array[], delta: [] as Float32Array[] };
let ids: Int32Array;
let ops: { dense: number; required: number };

beforeAll(async () => {
  engine = await openEngine(TINY_F16, { attention: 'delta', threads: 1 });
  report = await engine.inspect({ text, name: FILE, attention: 'delta', most: MOST }, new CancelFlag());
  compact = await engine.inspect({ text, name: FILE, attention: 'compact', most: MOST }, new CancelFlag());
  const { forward, addon } = engine;
  const { shape } = forward.manifest;
  const width = flowWidths(shape).qkv;
  ids = Int32Array.from(engine.tokenizer.encode(text, { bos: true }).slice(0, MOST));
  for (let l = 0; l < shape.layers; l++) seen.push(new Float32Array(MOST * width));
  for (const mode of ['dense', 'delta'] as const) {
    const cache = storeFor(mode, addon, forward.manifest, engine.tables);
    const lease = cache.lease(new Int32Array(0));
    for (let at = 0; at < MOST; at += forward.chunk) {
      const step = ids.subarray(at, at + forward.chunk);
      lease.begin(step);
      const rows = await forward.run(step, { attend: (layer, count, qkv, out) => {
        if (mode === 'dense') seen[layer].set(qkv, at * width);
        lease.attend(layer, count, qkv, out);
      } }, 'all');
      lease.commit();
      for (let i = 0; i < step.length; i++) logits[mode].push(rows!.slice(i * shape.vocabulary, (i + 1) * shape.vocabulary));
    }
    if (mode === 'delta') ops = lease.ops;
    lease.release();
    cache.close();
  }
});
afterAll(() => engine.close());

const softmax = (row: Float32Array) => {
  const most = row.reduce((a, b) => Math.max(a, b));
  const all = Float64Array.from(row, (x) => Math.exp(x - most));
  const sum = all.reduce((a, b) => a + b, 0);
  return all.map((x) => x / sum);
};
const mean = (x: ArrayLike<number>) => Array.from(x).reduce((a, b) => a + b, 0) / x.length;

/** Of values, relative to the output. */
const ROUNDING = 1e-4;

describe('an inspection of the tiny model', () => {
  it('says what was read', () => {
    const all = engine.tokenizer.encode(text, { bos: true }).length;
    expect(report.text).toEqual({ name: FILE, tokens: MOST, total: all });
    expect(all).toBeGreaterThan(MOST);
    expect(report).toMatchObject({ schema: 2, attention: 'delta', sinks: 4, window: { least: 2, most: 4, divisor: 64 }, kernels: engine.addon.cpu().selected });
    expect(report.next).toMatchObject({ from: 192, positions: MOST - 1 - 192 });
    expect(report.next.klByBlock.length).toBe(Math.ceil((MOST - 1) / 64));
  });

  it('finds the KL, the agreement and the losses that two plain runs have', () => {
    const kls: number[] = [];
    const [losses, others]: number[][] = [[], []];
    let agree = 0;
    for (let i = 192; i < MOST - 1; i++) {
      const [p, q] = [softmax(logits.dense[i]), softmax(logits.delta[i])];
      kls.push(p.reduce((n, x, v) => n + x * Math.log(x / q[v]), 0));
      losses.push(-Math.log(p[ids[i + 1]]));
      others.push(-Math.log(q[ids[i + 1]]));
      agree += Number(p.indexOf(Math.max(...p)) === q.indexOf(Math.max(...q)));
    }
    expect(report.next.kl.mean).toBeCloseTo(mean(kls), 9);
    expect(report.next.kl.most).toBeCloseTo(Math.max(...kls), 9);
    expect(report.next.kl.median).toBeLessThan(report.next.kl.p95);
    expect(report.next.top1).toBe(agree / kls.length);
    expect(report.next.loss.dense).toBeCloseTo(mean(losses), 9);
    expect(report.next.loss.delta).toBeCloseTo(mean(others), 9);
    expect(mean(report.next.klByBlock.slice(3, 6))).toBeGreaterThan(0);
  });

  it('counts the multiply-adds of the engine, head by head', () => {
    const { dense, required } = report.whole.multiplyAdds;
    expect(dense).toBe(ops.dense);
    expect(required / ops.required).toBeCloseTo(1, 12);
    for (const part of [report.layers, ...report.layers.map(({ kvHeads }) => kvHeads)]) expect(part.reduce((n, { multiplyAdds }) => n + multiplyAdds.required, 0)).toBeGreaterThan(0);
    expect(report.layers.reduce((n, { multiplyAdds }) => n + multiplyAdds.required, 0) / required).toBeCloseTo(1, 12);
    expect(report.whole.attentionSparsity).toBeCloseTo(1 - required / dense, 12);
  });

  it('finds sparsity, output error and sink mass as double precision does', () => {
    const { manifest } = engine.forward;
    const { layers, heads, kvHeads, keyLength: D, valueLength: Dv } = manifest.shape;
    const width = flowWidths(manifest.shape).qkv;
    const region = { sinks: manifest.delta.sinks, windowBlocks: (b: number) => windowBlocks(manifest.delta, b) };
    const frequencies = inverseFrequencies(manifest.rope);
    const tables = engine.tables.delta;
    for (const layer of [0, layers - 1]) {
      const take = (from: number, length: number, turned: boolean) => {
        const rows = Float64Array.from({ length: MOST * length }, (_, i) => seen[layer][Math.floor(i / length) * width + from + (i % length)]);
        if (turned) for (let t = 0; t < MOST; t++) rotate(rows, t * length, t, frequencies);
        return rows;
      };
      for (let g = 0; g < kvHeads; g++) {
        const keys = take((heads + g) * D, D, true);
        const plain = take((heads + kvHeads) * D + g * Dv, Dv, false);
        const part = (table: Float32Array) => table.subarray(g * D, (g + 1) * D);
        const coded = codeKeys(keys.map(roundToFloat16), D, { reference: manifest.delta.reference, threshold: part(tables[layer].threshold), step: part(tables[layer].step) });
        // Full blocks only; in layer 0 the delta pass has the same keys as the dense one.
        const full = codeKeys(keys.subarray(0, 448 * D).map(roundToFloat16), D, { reference: manifest.delta.reference, threshold: part(tables[layer].threshold), step: part(tables[layer].step) });
        if (layer === 0) expect(report.layers[0].kvHeads[g].keySparsity).toBeCloseTo(full.zeros / full.elements, 4);
        // The sink channel, in the twin as in the real thing.
        const values = Float64Array.from({ length: MOST * (Dv + 1) }, (_, i) => (i % (Dv + 1) < Dv ? plain[Math.floor(i / (Dv + 1)) * Dv + (i % (Dv + 1))] : Number(i < region.sinks * (Dv + 1))));
        for (let h = (g * heads) / kvHeads; h < ((g + 1) * heads) / kvHeads; h++) {
          const query = take(h * D, D, true);
          const [exact, delta] = [keys, coded.decoded].map((far) => hybridAttention(query, keys, far, values, D, Dv + 1, 1 / Math.sqrt(D), region, 192));
          let [error, energy, denseSinks, deltaSinks] = [0, 0, 0, 0];
          exact.forEach((x, i) => {
            if (i % (Dv + 1) === Dv) {
              denseSinks += x / (MOST - 192);
              deltaSinks += delta[i] / (MOST - 192);
            } else {
              error += (delta[i] - x) ** 2;
              energy += x * x;
            }
          });
          const found = report.layers[layer].heads[h];
          expect(found).toMatchObject({ head: h, kvHead: g });
          // Values are rounded to int8 here and not there: all that is left of an error where a head looks at few far keys.
          const wanted = Math.sqrt(error / energy);
          expect(Math.abs(found.outputError! - wanted)).toBeLessThan(0.02 * wanted + ROUNDING);
          expect(found.sinkMass!.dense).toBeCloseTo(denseSinks, 6);
          expect(found.sinkMass!.delta).toBeCloseTo(deltaSinks, 5);
        }
      }
    }
  });

  it('finds the autocorrelation that the calibration finds', () => {
    const { shape, rope } = engine.forward.manifest;
    const width = flowWidths(shape).qkv;
    const keys = Float32Array.from({ length: MOST * shape.kvHeads * shape.keyLength }, (_, i) => {
      const channels = shape.kvHeads * shape.keyLength;
      return seen[1][Math.floor(i / channels) * width + shape.heads * shape.keyLength + (i % channels)];
    });
    for (let t = 0; t < MOST; t++) for (let g = 0; g < shape.kvHeads; g++) rotate(keys, (t * shape.kvHeads + g) * shape.keyLength, t, inverseFrequencies(rope));
    const { lag1 } = channelStatistics(keys, new Float32Array(0), shape.kvHeads, 0, shape.keyLength);
    for (let g = 0; g < shape.kvHeads; g++) expect(report.layers[1].kvHeads[g].lag1).toBeCloseTo(mean(lag1.subarray(g * shape.keyLength, (g + 1) * shape.keyLength)), 6);
    expect(splitHeads(keys, shape.kvHeads, shape.keyLength).length).toBe(report.layers[1].kvHeads.length);
  });

  it('finds more zeros, more error and less work in the mode compact', () => {
    expect(compact.attention).toBe('compact');
    expect(compact.whole.keySparsity).toBeGreaterThan(report.whole.keySparsity! + 0.05);
    expect(compact.whole.attentionSparsity).toBeGreaterThan(report.whole.attentionSparsity);
    expect(compact.next.kl.mean).toBeGreaterThan(report.next.kl.mean);
    expect(compact.whole.bytes.allocated).toBeLessThan(report.whole.bytes.allocated);
    // The same queries, keys and values: dense figures are the same.
    expect(compact.layers.map(({ heads }) => heads.map(({ sinkMass }) => sinkMass!.dense))).toEqual(report.layers.map(({ heads }) => heads.map(({ sinkMass }) => sinkMass!.dense)));
    expect(compact.next.loss.dense).toBe(report.next.loss.dense);
  });

  it('says null where nothing is far', async () => {
    const short = await engine.inspect({ text, name: FILE, attention: 'delta', most: 190 }, new CancelFlag());
    expect(short.layers[0]).toMatchObject({ sinkMass: null, outputError: null });
    expect(short.next).toMatchObject({ from: 0, positions: 189 });
    expect(short.next.kl.mean).toBeLessThan(1e-4);
    expect((await engine.inspect({ text, name: FILE, attention: 'delta', most: 60 }, new CancelFlag())).whole.keySparsity).toBeNull();
  });

  it('stops at once when it is cancelled, and leaves no caches behind', async () => {
    const before = engine.addon.storeInfo(engine.cache.store);
    const cancel = new CancelFlag();
    await expect(engine.inspect({ text, name: FILE, attention: 'delta', most: MOST }, cancel, () => cancel.set())).rejects.toMatchObject({ code: 'cancelled' });
    expect(engine.addon.storeInfo(engine.cache.store)).toEqual(before);
  });
});

describe('the schema', () => {
  /** Paths of all leaves, list items as `[]`. */
  const leaves = (value: unknown, path = ''): string[] => {
    if (Array.isArray(value)) return value.length > 0 && typeof value[0] === 'object' ? leaves(value[0], `${path}[]`) : [path];
    if (typeof value !== 'object' || value === null) return [path];
    return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path ? `${path}.${key}` : key));
  };

  it('has every field in docs/inspect.md, and no other', () => {
    const rows = readFileSync('docs/inspect.md', 'utf8').split('## The JSON')[1].split('\n').filter((row) => row.startsWith('| `'));
    const named = rows.flatMap((row) => [...row.split('|')[1].matchAll(/`([^`]+)`/g)].map(([, name]) => name));
    const work = ['keySparsity', 'multiplyAdds.dense', 'multiplyAdds.required', 'multiplyAdds.executed', 'attentionSparsity'];
    expect(named).toEqual(expect.arrayContaining(work));
    const documented = named.filter((name) => !work.includes(name) && !['whole', 'layers', 'layers[].kvHeads', 'layers[].heads'].includes(name));
    for (const part of ['whole', 'layers[]', 'layers[].kvHeads[]']) documented.push(...work.map((field) => `${part}.${field}`));
    expect(documented.sort()).toEqual(leaves(report).sort());
  });

  it('is what the command prints, the same report as the engine gives', async () => {
    const printed = await succeedJson<InspectReport>(['inspect', '--model', TINY_F16, '--file', FILE, '--most', String(MOST), '--threads', '2'], { cache: process.env.DELTALLM_CACHE });
    expect(printed).toEqual(JSON.parse(JSON.stringify(report)));
  });

  it('is shown as a table, with a row for each layer, and for each head when asked', async () => {
    const show = async (...more: string[]) => (await run(['inspect', '--model', TINY_F16, '--file', FILE, '--most', '256', ...more], { cache: process.env.DELTALLM_CACHE })).stdout.toString();
    const [table, heads] = [await show(), await show('--heads')];
    expect(table).toMatch(/^1-inventory\.ts: the first 256 of /);
    expect(table.match(/^ {2}layer \d/gm)).toHaveLength(report.layers.length);
    expect(heads.match(/^ {6}head \d/gm)).toHaveLength(report.layers.length * report.layers[0].heads.length);
    expect(table + heads).not.toMatch(/NaN|undefined|Infinity|null/);
  });
});

describe('the report as a file of its own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'deltallm-inspect-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('holds the figures that --json prints, the text, and nothing that is loaded from anywhere', async (context) => {
    context.skip(!existsSync('dist/visualizer.js'), 'dist/ is not built');
    const path = join(folder, 'one file.html');
    const printed = await succeedJson<InspectReport>(['inspect', '--model', TINY_F16, '--file', FILE, '--most', '256', '--html', path], { cache: process.env.DELTALLM_CACHE });
    const page = readFileSync(path, 'utf8');
    const held = JSON.parse(/<script type="application\/json" id="state">(.*?)<\/script>/s.exec(page)![1]);
    expect(held.measurement.report).toEqual(printed);
    expect(held.measurement.lines).toEqual(text.split('\n'));
    expect(page).toMatch(/default-src &#39;none&#39;; script-src &#39;sha256-[\w+/=]{44}&#39;; style-src &#39;sha256-[\w+/=]{44}&#39;/);
    expect(page).not.toMatch(/<(?:link|img|iframe)|\ssrc=|sourceMappingURL/);
  });

  it('is refused before anything is measured where it cannot be written', async () => {
    const { code, stderr } = await run(['inspect', '--model', TINY_F16, '--file', FILE, '--html', join(folder, 'no', 'such', 'folder.html')], { cache: process.env.DELTALLM_CACHE });
    expect([code, stderr.toString()]).toEqual([1, expect.stringMatching(/cannot be written \(ENOENT\)/)]);
  });
});
