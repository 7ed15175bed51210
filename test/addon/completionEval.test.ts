import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completeAll, summarise, type Outcome } from '../../src/eval/completions.ts';
import { drawCursors, type Cursor } from '../../src/eval/cursors.ts';
import { editSimilarity } from '../../src/eval/similarity.ts';
import { typeLines } from '../../src/eval/typing.ts';
import { measureConfidence, sampleTexts } from '../../src/session/confidence.ts';
import type { Engine } from '../../src/session/engine.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { openEngine, TINY_Q8 } from '../support/engine.ts';

const path = 'models/calibration/1-inventory.ts';
const cursors: Cursor[] = drawCursors({ path, languageId: 'typescript', text: readFileSync(path, 'utf8') }, 10, 1);
const plan = { promptTokens: 512, max: 24 };

describe('the tiny model on a few places of a file', () => {
  let engine: Engine;
  let outcomes: Outcome[];
  beforeAll(async () => {
    engine = await openEngine(TINY_Q8);
    outcomes = await completeAll(engine, cursors, plan);
  });
  afterAll(() => engine.close());

  it('writes at every place that is worth asking about, within the plan', () => {
    expect(outcomes).toHaveLength(cursors.length);
    for (const { silent, tokens, confidence, ms } of outcomes.filter(({ silent }) => silent === null)) {
      expect(silent).toBeNull();
      expect(tokens.prompt).toBeLessThanOrEqual(plan.promptTokens);
      expect(tokens.generated).toBeLessThanOrEqual(plan.max);
      expect(confidence === null).toBe(tokens.generated === 0);
      expect(confidence ?? 0).toBeLessThanOrEqual(0);
      expect(ms).toBeGreaterThan(0);
    }
  });

  it('is compared with what the author wrote', () => {
    for (const [i, { expected, written, exact, similarity }] of outcomes.entries()) {
      expect(expected).toBe(cursors[i].expected.trim());
      expect(exact).toBe(written === expected);
      if (written !== '') expect(similarity).toBe(editSimilarity(written, expected));
    }
  });

  it('writes the same again, most of it from the cache', async () => {
    const again = await completeAll(engine, cursors.slice(-1), plan);
    const { tokens: _, ms: __, ...first } = outcomes.at(-1)!;
    expect(again[0]).toMatchObject(first);
    expect(again[0].tokens.prompt - again[0].tokens.reused).toBeLessThan(again[0].tokens.prompt / 2);
  });

  it('gives a summary whose shares are shares and whose returned share grows with eagerness', async () => {
    const summary = summarise(outcomes, await measureConfidence(engine, await sampleTexts(), 512));
    const { low, auto, high } = summary.eagerness;
    for (const share of [summary.empty, summary.degenerate, summary.exact, summary.similarity, low.returned, auto.returned, high.returned]) {
      expect(share).toBeGreaterThanOrEqual(0);
      expect(share).toBeLessThanOrEqual(1);
    }
    expect(low.returned).toBeLessThanOrEqual(auto.returned);
    expect(auto.returned).toBeLessThanOrEqual(high.returned);
  });

  it('computes a few tokens a key when a line is typed', async () => {
    const line = cursors.filter(({ rule }) => rule === 'lineStart').slice(0, 1);
    const { keys, prompt, reused, computed } = await typeLines(engine, line, plan.promptTokens);
    expect(keys).toBe(Math.min(40, line[0].expected.length));
    expect(computed.most).toBeLessThan(16);
    expect(prompt - reused).toBeLessThan(4);
  });

  it('stops where it is told to', async () => {
    const cancel = new CancelFlag();
    cancel.set();
    expect(await completeAll(engine, cursors, plan, { cancel })).toEqual([]);
  });
});
