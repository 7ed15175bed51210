import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeContexts, sourceFiles } from '../../src/model/measure/corpus.ts';
import { allVariants, equalBytes, keyBytes, klAt, region, type GridRow } from '../../src/eval/grid.ts';
import { bootstrap } from '../../src/eval/random.ts';
import { random } from '../../src/shared/random.ts';
import { solve, type Sides } from '../../src/eval/variant.ts';
import { tinyTokenizer } from '../support/tokenizer.ts';

const bytesOf = (zeros: number) => keyBytes(64, 'previous', zeros, 0);

describe('bytes of a far key', () => {
  it('are a keyframe for the block and a mask and the kept deltas for each token', () => {
    expect(keyBytes(64, 'mean', 0.6, 0)).toBeCloseTo((128 + 64 * (8 + 0.4 * 64)) / 64, 10);
    expect(keyBytes(64, 'previous', 0.6, 0)).toBeCloseTo((128 + 63 * (8 + 0.4 * 64) + 8) / 64, 10);
    expect(keyBytes(64, 'mean', 0.6, 1)).toBeCloseTo((2 * 128 + 63 * (8 + 0.4 * 64) + 8) / 64, 10);
  });
});

describe('the comparison at equal bytes', () => {
  it('reads ln KL off the line between measured points, and beyond them', () => {
    const points = [{ bytes: 40, kl: 0.001 }, { bytes: 30, kl: 0.004 }, { bytes: 20, kl: 0.016 }];
    expect(klAt(points, 30)).toBeCloseTo(0.004, 12);
    expect(klAt(points, 35)).toBeCloseTo(0.002, 12);
    expect(klAt(points, 10)).toBeCloseTo(0.064, 12);
    expect(klAt(points.slice(0, 1), 10)).toBe(0.001);
  });

  it('puts a format that reached more zeros than asked back to the bytes of the others', () => {
    const row = (reference: 'previous' | 'mean', zeros: number, reached: number, kl: number): GridRow => ({
      name: '', positions: 1, denseLoss: 1, deltaLoss: 0, deltaLossInterval: [0, 0], klInterval: [0, 0], top1: 1, scoreError: 0, farShare: 1, sinkMass: [], zeros: reached, extraKeyframes: 0,
      kl, perSample: [{ kl, positions: 1 }], variant: { law: 'uniform', reference, side: 'post', zeros }, bytes: bytesOf(reached),
    });
    const [a, b] = equalBytes([row('previous', 0.5, 0.5, 0.002), row('previous', 0.6, 0.6, 0.004), row('mean', 0.5, 0.52, 0.002), row('mean', 0.6, 0.62, 0.004)], [0.6], 0.6, 64, 1);
    expect(a.kl[0]).toBeCloseTo(0.004, 10);
    expect(b.kl[0]).toBeLessThan(0.004);
    expect(a.share).toBe(1);
    expect(b.share).toBeCloseTo(b.kl[0] / a.kl[0], 10);
    expect(b.shareInterval[0]).toBeCloseTo(b.share, 10);
  });

  it('compares every law with every reference on both sides of RoPE', () => {
    const variants = allVariants([0.4, 0.6], ['previous', 'mean']);
    expect(variants).toHaveLength(2 * 2 * 2 * 3);
    expect(new Set(variants.map((v) => JSON.stringify(v))).size).toBe(variants.length);
  });
});

describe('window rules', () => {
  it('depend on the block alone, grow, and stop growing', () => {
    const { windowBlocks } = region(4, { windowMin: 2, windowMax: 4, windowDivisor: 64 });
    expect([0, 1, 64, 128, 129, 192, 193, 1000].map(windowBlocks)).toEqual([2, 2, 2, 2, 3, 3, 4, 4]);
  });
});

describe('intervals', () => {
  it('are the same for the same seed, hold the mean, and shrink with more contexts', () => {
    const draw = random(3);
    const sums = Array.from({ length: 400 }, () => 5 + draw());
    const interval = (n: number) => bootstrap(sums.slice(0, n), new Array<number>(n).fill(1), 7);
    expect(interval(400)).toEqual(interval(400));
    const mean = sums.reduce((a, b) => a + b, 0) / 400;
    expect(interval(400)[0]).toBeLessThan(mean);
    expect(interval(400)[1]).toBeGreaterThan(mean);
    expect(interval(400)[1] - interval(400)[0]).toBeLessThan(interval(10)[1] - interval(10)[0]);
  });
});

describe('solving thresholds', () => {
  const shape = { layers: 1, hidden: 0, heads: 2, kvHeads: 1, keyLength: 8, valueLength: 8, feedForward: 0, vocabulary: 0, context: 512 };
  const draw = random(2);
  const rows = (n: number) => Float32Array.from({ length: 512 * n }, () => draw() + draw() - 1);
  const trace = { keys: rows(8), queries: rows(16), values: rows(8) };
  const sides: Sides = { post: [trace], pre: [trace] };

  it.each(allVariants([0.6], ['previous', 'mean', 'channel']))('reaches the wanted zeros on the calibration text: $law, $reference, $side', (variant) => {
    const { layers } = solve(variant, sides, shape, 8);
    expect(layers[0].sparsity).toBeGreaterThan(0.59);
    expect(layers[0].sparsity).toBeLessThan(0.61);
    expect(layers[0].step.every((s) => s > 0)).toBe(true);
  });
});

describe('contexts', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'deltallm-corpus-'));
    for (const sub of ['a', 'node_modules', '.git', 'b']) mkdirSync(join(folder, sub));
    for (let i = 0; i < 12; i++) writeFileSync(join(folder, i % 2 ? 'a' : 'b', `file${i}.ts`), `export const value${i} = ${i};\n`.repeat(80));
    for (const name of ['node_modules/x.ts', '.git/x.ts', 'notes.md', 'logo.svg']) writeFileSync(join(folder, name), 'x'.repeat(3000));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are made of source files only', () => {
    const files = sourceFiles(folder);
    expect(files).toHaveLength(12);
    expect(files.every((file) => file.endsWith('.ts') && !file.includes('node_modules') && !file.includes('.git'))).toBe(true);
  });

  it('have the wanted lengths, use no file twice, and are the same for the same seed', async () => {
    const tokenizer = await tinyTokenizer();
    const contexts = makeContexts([folder], tokenizer, [600, 300, 300], 4);
    expect(contexts.map(({ ids }) => ids.length)).toEqual([600, 300, 300]);
    const used = contexts.flatMap(({ files }) => files);
    expect(new Set(used).size).toBe(used.length);
    for (const { ids, files, starts } of contexts) {
      expect(starts).toHaveLength(files.length);
      for (const [i, file] of files.entries()) expect(tokenizer.decode(ids.subarray(starts[i], starts[i + 1] ?? ids.length))).toMatch(new RegExp(`^(<[^>]*>)?${file}\n`));
    }
    expect(makeContexts([folder], tokenizer, [600, 300, 300], 4)).toEqual(contexts);
  });
});
