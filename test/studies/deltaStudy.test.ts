import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/binding/load.ts';
import { study, STUDY_CHUNK, type StudyResult } from '../../src/eval/deltaStudy.ts';
import { report } from '../../src/eval/report.ts';
import { loadModel } from '../../src/model/loadModel.ts';
import { checkTables } from '../support/reportTables.ts';

describe('a quick study of the tiny model on our own sources', () => {
  let folder: string;
  let result: StudyResult;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'deltallm-study-'));
    const model = join(folder, 'model');
    const addon = loadAddon(join(process.cwd(), 'dist'));
    const { forward, tokenizer } = await loadModel('test/fixtures/models/starter-tiny-f16.gguf', { addon, chunk: STUDY_CHUNK, out: model });
    try {
      result = (await study(forward, tokenizer, { corpora: ['src'], contexts: 1, longContexts: 0, length: 512, longLength: 512, zeros: [0.6], balanced: 0.6, seed: 1, threads: 1, quick: true, addon }))!;
    } finally {
      await forward.release();
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('finds that exact keys change nothing: KL 0, the same loss, the same tokens', () => {
    const [exact] = result.grid.controls;
    expect(exact.name).toBe('exact');
    expect([exact.kl, exact.deltaLoss, exact.top1, exact.scoreError]).toEqual([0, 0, 1, 0]);
  });

  it('finds that leaving far keys out costs more than coding them', () => {
    const [, masked] = result.grid.controls;
    for (const row of result.grid.rows) expect(row.kl).toBeLessThan(masked.kl);
    for (const row of result.windows.rows) expect(row.kl).toBeLessThan(row.maskedKl);
  });

  it('reaches about the wanted zeros on text that it was not solved on', () => {
    for (const row of result.grid.rows) expect(Math.abs(row.zeros - 0.6)).toBeLessThan(0.06);
  });

  it('compares three laws, two references and both sides of RoPE, and picks one after RoPE', () => {
    expect(result.grid.equalBytes).toHaveLength(12);
    expect(result.winner.side).toBe('post');
    expect(result.lag1).toHaveLength(2 * 4 * 2);
  });

  it('finds that quantising costs far less than leaving out deltas', () => {
    const row = (name: string) => result.controls.find((r) => r.name === name)!;
    expect(row('far keys int8, θ = 0').kl).toBeLessThan(0.1 * row('winner').kl);
    expect(row('far values int8, keys exact').kl).toBeLessThan(0.1 * row('winner').kl);
  });

  it('finds the engine itself within a tenth of what the reference coder and ONNX attention say', () => {
    const row = (name: string) => result.controls.find((r) => r.name.startsWith(name))!;
    const [engine, twin] = [row('the engine itself'), row('winner, values int8')];
    expect(Math.abs(engine.kl / twin.kl - 1)).toBeLessThan(0.1);
    // The engine also codes the blocks of the last window.
    expect(Math.abs(engine.zeros - twin.zeros)).toBeLessThan(0.02);
    expect(engine.bytes).toBeLessThan(1.05 * twin.bytes);
  });

  it('prints tables whose rows have as many cells as their heads', () => {
    checkTables(report(result), 6);
  });
});
