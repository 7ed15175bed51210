// Keys in a basis on a trained model: what `deltallm eval --basis` prints, and that a model measured on texts runs with less error than one that was not.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeltaTables } from '../../src/binding/addon.ts';
import { KvCache } from '../../src/cache/store.ts';
import { accuracy } from '../../src/eval/accuracy.ts';
import { basisStudy, type BasisStudyResult } from '../../src/eval/basisStudy.ts';
import { accuracyReport, basisReport } from '../../src/eval/report.ts';
import { HeadCaches } from '../../src/inspect/headCaches.ts';
import { loadModel, type Model } from '../../src/model/loadModel.ts';
import { flowWidths } from '../../src/model/manifest.ts';
import { BasisTables } from '../../src/model/measure/basis.ts';
import { calibrateByHead, Headway } from '../../src/model/measure/calibrate.ts';
import { measureBases } from '../../src/model/measure/basisTexts.ts';
import { headCosts, shareByHead } from '../../src/model/measure/headShares.ts';
import { makeContexts } from '../../src/model/measure/corpus.ts';
import { measure, type Care } from '../../src/model/measure/measure.ts';
import { recipeId, storeConfig, type Mode } from '../../src/model/stores.ts';
import { atOnce } from '../../src/shared/pass.ts';
import { random } from '../../src/shared/random.ts';
import { testAddon, TINY_F16 } from '../support/engine.ts';

const addon = testAddon();
const SCORED = { corpora: ['src/cache', 'src/prompt'], contexts: 2, length: 640, seed: 1, threads: 1 };
let model: Model;
let tables: Record<Mode, DeltaTables[]>;
let shared: Record<Mode, DeltaTables[]>;
let shares: number[][][];
let tooShort: number[][];
let result: BasisStudyResult;
beforeAll(async () => {
  addon.setThreads(1);
  model = await loadModel(TINY_F16, { addon, chunk: 256 });
  const texts = makeContexts(['src/session', 'native'], model.tokenizer, [1536, 1536], 2).map(({ ids }) => ids);
  const bases = await measureBases(model.forward, addon, texts, model.outputOf);
  const layers = bases.map((basis) => new BasisTables(basis, model.forward.manifest.shape, 0.1));
  tables = { delta: layers.map((layer) => layer.solve(0.6)), compact: layers.map((layer) => layer.solve(0.7)) };
  const { kvHeads } = model.forward.manifest.shape;
  const costs = await headCosts(model.forward, addon, texts, layers, model.forward.manifest, 512);
  shares = [0.6, 0.7].map((wanted) => shareByHead(costs, kvHeads, wanted));
  // 128 tokens have nothing far.
  tooShort = shareByHead(await headCosts(model.forward, addon, [texts[0].subarray(0, 128)], layers, model.forward.manifest, 512), kvHeads, 0.6);
  shared = { delta: layers.map((layer, i) => layer.solve(shares[0][i])), compact: layers.map((layer, i) => layer.solve(shares[1][i])) };
  result = (await basisStudy(model.forward, addon, model.tokenizer, model.outputOf, { ...SCORED, texts: [], bases, textCount: 0, textLength: 0, zeros: [0.6], moves: [20_000], power: 0.1 }))!;
});
afterAll(() => model.forward.release());

describe('the study', () => {
  const row = (name: string) => result.rows.find((one) => one.name === name)!;

  it('finds far less error in a basis than in keys as they are, at the same zeros, and no more where blocks were moved', () => {
    for (const name of ['as they are, 60 %', 'basis, 60 %', 'basis and importance, 60 %', 'basis, 60 %, coded 20000 positions away']) expect(Math.abs(row(name).zeros - 0.6), name).toBeLessThan(0.06);
    const asTheyAre = row('as they are, 60 %');
    expect(asTheyAre.kl).toBeGreaterThan(1e-4);
    for (const name of ['basis, 60 %', 'basis and importance, 60 %']) expect(row(name).kl, name).toBeLessThan(0.6 * asTheyAre.kl);
    expect(row('basis, 60 %, coded 20000 positions away').kl).toBeLessThan(1.3 * row('basis, 60 %').kl);
  });

  it('compares on the same positions, and its table is whole', () => {
    expect(new Set(result.rows.map(({ positions }) => positions))).toEqual(new Set([2 * (640 - 1 - 320)]));
    const basis = row('basis, 60 %');
    expect(basis.ofAsTheyAre!.share).toBeCloseTo(basis.kl / row('as they are, 60 %').kl, 12);
    expect(basis.ofPlain!.share).toBeCloseTo(basis.kl / row('plain 4-bit keys, no deltas').kl, 12);
    const text = basisReport(result);
    expect(new Set(text.split('\n').filter((line) => line.startsWith('|')).map((line) => line.split('|').length)).size).toBe(1);
    expect(text).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('the engine with keys in a basis', () => {
  it('runs with less error than with keys as they are, at the zeros of its modes', async () => {
    const { forward, tokenizer } = model;
    const used = (await accuracy(forward, addon, tokenizer, { ...SCORED, start: 320, zeros: [0.6, 0.7], balanced: 0.6, shipped: tables }))!;
    const kl = (name: string) => used.rows.find((row) => row.name.startsWith(name))!;
    expect(kl('balanced').kl).toBeLessThan(0.6 * kl('keys as they are, 60 %').kl);
    expect(kl('compact').kl).toBeLessThan(0.6 * kl('keys as they are, 70 %').kl);
    expect(Math.abs(kl('balanced').zeros - 0.6)).toBeLessThan(0.06);
    expect(Math.abs(kl('compact').zeros - 0.7)).toBeLessThan(0.06);
    expect(accuracyReport(used)).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('loses less at the same zeros where they are shared out among heads by what they cost', async () => {
    for (const [i, wanted] of [0.6, 0.7].entries()) {
      const all = shares[i].flat();
      expect(all.length).toBe(model.forward.manifest.shape.layers * model.forward.manifest.shape.kvHeads);
      expect(all.reduce((a, b) => a + b, 0) / all.length).toBeCloseTo(wanted, 9);
      expect(Math.max(...all) - Math.min(...all)).toBeGreaterThan(0.2);
      for (const share of all) expect(share).toBeLessThan(0.951);
    }
    expect(new Set(tooShort.flat())).toEqual(new Set([0.6]));
    const { forward, tokenizer } = model;
    const used = async (shipped: Record<Mode, DeltaTables[]>) => (await accuracy(forward, addon, tokenizer, { ...SCORED, start: 320, zeros: [0.6, 0.7], balanced: 0.6, shipped }))!.rows;
    const [even, own] = [await used(tables), await used(shared)];
    for (const mode of ['balanced', 'compact']) {
      const of = (rows: typeof even) => rows.find((row) => row.name.startsWith(mode))!;
      expect(Math.abs(of(own).zeros - of(even).zeros), mode).toBeLessThan(0.05);
      expect(of(own).kl, mode).toBeLessThan(0.9 * of(even).kl);
    }
  });

  it('loses less with keys as they are, too, where their zeros are shared out among heads and not among layers', async () => {
    const { forward, tokenizer } = model;
    const sample = makeContexts(['src/session'], tokenizer, [1024], 3)[0].ids;
    let all = 0;
    const once = await calibrateByHead(forward, addon, Array.from(sample), [0.6, 0.7], 384, undefined, (work) => (all++, work()));
    for (const [i, wanted] of [0.6, 0.7].entries()) expect(once[i].keySparsity.reduce((a, b) => a + b, 0) / once[i].keySparsity.length).toBeCloseTo(wanted, 9);
    // Stopped in the middle, it goes on from there, and finds the same.
    const headway = new Headway();
    let [before, after] = [0, 0];
    await expect(calibrateByHead(forward, addon, Array.from(sample), [0.6, 0.7], 384, undefined, (work) => (++before > 0.7 * all ? Promise.reject(new Error('stopped')) : work()), headway)).rejects.toThrow('stopped');
    expect(await calibrateByHead(forward, addon, Array.from(sample), [0.6, 0.7], 384, undefined, (work) => (after++, work()), headway)).toEqual(once);
    expect(after).toBeLessThan(0.6 * all);
    const { rows } = (await accuracy(forward, addon, tokenizer, { ...SCORED, start: 320, zeros: [0.6, 0.7], balanced: 0.6, shipped: { delta: once[0].tables, compact: once[1].tables } }))!;
    const of = (name: string) => rows.find((row) => row.name.startsWith(name))!;
    for (const [mode, asTheyAre] of [['balanced', 'keys as they are, 60 %'], ['compact', 'keys as they are, 70 %']]) {
      expect(Math.abs(of(mode).zeros - of(asTheyAre).zeros), mode).toBeLessThan(0.05);
      expect(of(mode).kl, mode).toBeLessThan(0.95 * of(asTheyAre).kl);
    }
  });

  it('is measured so while nobody waits, where the model is a large one', async () => {
    const { forward, tokenizer } = model;
    const sized = (parameters: number): typeof forward => Object.create(forward, { manifest: { value: { ...forward.manifest, parameters } } }) as typeof forward;
    const headsOf = async (parameters: number, care: Care): Promise<number> => {
      const { tables } = await measure(sized(parameters), tokenizer, addon, () => {}, atOnce, { care });
      const { kvHeads, keyLength } = forward.manifest.shape;
      return tables.delta.filter(({ threshold }) => new Set(threshold).size === kvHeads && threshold[0] !== threshold[(kvHeads - 1) * keyLength]).length;
    };
    expect(await headsOf(3e8, 'thorough')).toBe(forward.manifest.shape.layers);
    expect(await headsOf(3e8, 'first')).toBe(0);
    expect(await headsOf(7e9, 'thorough')).toBe(0);
  });

  it('is seen head by head by inspection, with the same bits', () => {
    const { manifest } = model.forward;
    const { delta } = tables;
    const { shape } = manifest;
    const { qkv: width, attention } = flowWidths(shape);
    const cache = new KvCache(addon, storeConfig({ ...manifest, delta: { ...manifest.delta, windowMin: 0, windowMax: 0 } }, delta), Number.MAX_SAFE_INTEGER);
    const lease = cache.lease(new Int32Array(0));
    const heads = new HeadCaches(addon, { ...manifest, delta: { ...manifest.delta, windowMin: 0, windowMax: 0 } }, delta, new Int32Array(new SharedArrayBuffer(4)));
    const draw = random(5);
    for (let chunk = 0; chunk < 12; chunk++) {
      const ids = Int32Array.from({ length: 100 }, (_, i) => i);
      const qkv = Float32Array.from({ length: ids.length * width }, () => 4 * draw() - 2);
      lease.begin(ids);
      heads.begin(ids);
      for (let layer = 0; layer < shape.layers; layer++) {
        const [whole, parts] = [new Float32Array(ids.length * attention), new Float32Array(ids.length * attention)];
        lease.attend(layer, ids.length, qkv, whole);
        heads.attend(layer, ids.length, qkv, parts);
        expect(parts).toEqual(whole);
      }
      lease.commit();
      heads.commit();
    }
    const { zeros, elements } = heads.figures(0, 0);
    expect(zeros / elements).toBeGreaterThan(0);
    heads.close();
    lease.release();
    cache.close();
  });

  it('has a recipe of its own: caches of other bases, or of none, are foreign', () => {
    const { manifest } = model.forward;
    const { delta } = tables;
    const id = (of: typeof delta) => recipeId(manifest, storeConfig(manifest, of)).toString('hex');
    const other = delta.map((layer) => ({ ...layer, basis: layer.basis!.map((x, i) => (i === 7 ? x + 1e-3 : x)) }));
    const unweighted = delta.map(({ importance: _, ...layer }) => layer);
    expect(new Set([id(delta), id(other), id(unweighted), id(delta.map(({ threshold, step }) => ({ threshold, step })))]).size).toBe(4);
  });
});
