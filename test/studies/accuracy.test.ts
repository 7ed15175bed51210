// The engine's own accuracy on real text: what `deltallm eval --engine` prints.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accuracy, type AccuracyResult } from '../../src/eval/accuracy.ts';
import { accuracyReport } from '../../src/eval/report.ts';
import type { Engine } from '../../src/session/engine.ts';
import { openEngine, TINY_F16 } from '../support/engine.ts';
import { checkTables } from '../support/reportTables.ts';

const LENGTH = 640;
const START = 320;
const CONTEXTS = 3;
let engine: Engine;
let result: AccuracyResult;
beforeAll(async () => {
  engine = await openEngine(TINY_F16, { attention: 'delta', threads: 1 });
  const { forward, addon, tokenizer } = engine;
  result = (await accuracy(forward, addon, tokenizer, { corpora: ['src/cache', 'src/prompt'], contexts: CONTEXTS, length: LENGTH, start: START, seed: 1, threads: 1, zeros: [0.6, 0.7], balanced: 0.6 }))!;
});
afterAll(() => engine.close());

const find = (name: string, sinks = 4, window = 'b/64, 2 to 4') => result.rows.find((row) => row.name.startsWith(name) && row.sinks === sinks && row.window === window)!;

describe('the accuracy of the engine', () => {
  it('is measured on whole files, each in one context, and on the same positions in every row', () => {
    const files = result.contexts.flatMap(({ corpus, files: own }) => own.map((file) => join(corpus, file)));
    expect(new Set(files).size).toBe(files.length);
    for (const file of files) expect(readFileSync(file, 'utf8').length).toBeGreaterThan(0);
    expect(result.files).toBeGreaterThanOrEqual(CONTEXTS);
    for (const row of [result.dense, ...result.rows]) {
      expect(row.positions).toBe(CONTEXTS * (LENGTH - 1 - START));
      expect(row.denseLoss).toBeCloseTo(result.dense.denseLoss, 12);
    }
  });

  it('adds up over the files, and its interval holds what was measured', () => {
    for (const row of result.rows) {
      expect(row.perSample).toHaveLength(result.files);
      expect(row.perSample.reduce((n, { positions }) => n + positions, 0)).toBe(row.positions);
      expect(row.perSample.reduce((n, { kl }) => n + kl, 0) / row.positions).toBeCloseTo(row.kl, 12);
      expect(row.klInterval[0]).toBeLessThanOrEqual(row.kl);
      expect(row.klInterval[1]).toBeGreaterThanOrEqual(row.kl);
    }
  });

  it('is dense attention itself where keys are exact, almost so for int8, and falls with the zeros and with the window', () => {
    const delta = find('60 % zeros, shared');
    expect(Math.abs(find('exact').kl)).toBeLessThan(1e-6);
    expect(find('int8').kl).toBeLessThan(0.05 * delta.kl);
    expect(delta.kl).toBeGreaterThan(1e-4);
    expect(find('70 % zeros, shared').kl).toBeGreaterThan(delta.kl);
    expect(find('60 % zeros, shared', 4, '0').kl).toBeGreaterThan(delta.kl);
    expect(find('60 % zeros, shared', 4, '4').kl).toBeLessThan(delta.kl);
  });

  it('compares both splits of the zeros at the same number of zeros', () => {
    expect(result.comparisons.map(({ zeros }) => zeros)).toEqual([0.6, 0.7]);
    for (const { zeros, share, interval: [least, most], reached, layers } of result.comparisons) {
      expect(share).toBeCloseTo(find(`${100 * zeros} % zeros, shared`).kl / find(`${100 * zeros} % zeros, the same`).kl, 12);
      expect(least).toBeLessThanOrEqual(share);
      expect(most).toBeGreaterThanOrEqual(share);
      expect(Math.abs(reached.measured - reached.even)).toBeLessThan(0.03);
      expect(layers.reduce((a, b) => a + b, 0) / layers.length).toBeCloseTo(zeros, 2);
    }
  });

  it('is printed as tables whose rows have as many cells as their heads', () => {
    checkTables(accuracyReport(result), 2);
  });

  it('crosses every sparsity with every window and both numbers of sinks when asked', async () => {
    const { forward, addon, tokenizer } = engine;
    const { rows } = (await accuracy(forward, addon, tokenizer, { corpora: ['src/cache'], contexts: 1, length: LENGTH, start: START, seed: 1, threads: 1, zeros: [0.6, 0.7], balanced: 0.6, cross: true }))!;
    const crossed = rows.filter(({ name }) => name.endsWith('by measurement')).map(({ name, sinks, window }) => `${name.slice(0, 4)}, ${sinks}, ${window}`);
    const wanted = ['60 %', '70 %'].flatMap((zeros) => [4, 0].flatMap((sinks) => ['b/64, 2 to 4', '0', '1', '4'].map((window) => `${zeros}, ${sinks}, ${window}`)));
    expect(crossed.toSorted()).toEqual(wanted.toSorted());
  });

  it('is not measured once it is cancelled', async () => {
    const { forward, addon, tokenizer } = engine;
    expect(await accuracy(forward, addon, tokenizer, { corpora: ['src/cache'], contexts: 1, length: LENGTH, start: START, seed: 1, threads: 1, zeros: [0.6], balanced: 0.6 }, undefined, () => true)).toBeUndefined();
  });
});
