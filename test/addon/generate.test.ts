// What a generation reports to an editor: the prompt, how it was read, how sure the first line is, why it ended; and how it gives way to the next.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Snapshot } from '../../src/prompt/snapshot.ts';
import { NativeSegment } from '../../src/model/run/nativeSegment.ts';
import { PREFILL_CHUNK } from '../../src/model/loadModel.ts';
import type { Engine } from '../../src/session/engine.ts';
import type { Score } from '../../src/session/firstLine.ts';
import type { GenerateOptions } from '../../src/session/protocol.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { openEngine, TINY_Q8 } from '../support/engine.ts';

let engine: Engine;
beforeAll(async () => void (engine = await openEngine(TINY_Q8, { threads: 1 })));
afterAll(() => engine.close());

const source = readFileSync('models/calibration/1-inventory.ts', 'utf8');
const at = (marker: string): Snapshot => ({ path: '/a.ts', languageId: 'typescript', before: source.slice(0, source.indexOf(marker)), after: source.slice(source.indexOf(marker)) });
const line = source.indexOf('\n', 0.8 * source.length) + 1;
/** Far into the file, at the beginning of a line, which is away. */
const middle: Snapshot = { path: '/a.ts', languageId: 'typescript', before: source.slice(0, line), after: source.slice(source.indexOf('\n', line)) };
const greedy = (prompt: GenerateOptions['prompt'], more: Partial<GenerateOptions> = {}): GenerateOptions => ({ prompt, max: 24, sampling: { temperature: 0 }, ...more });

type Heard = { text: string; scores: readonly Score[] } | { stage: string; share: number };
async function run(options: GenerateOptions, cancel = new CancelFlag(), during: (text: string) => void = () => {}) {
  const heard: Heard[] = [];
  const hear = (text: string, scores: readonly Score[]) => {
    heard.push({ text, scores });
    during(text);
  };
  const result = await engine.generate(options, cancel, hear, (stage, share) => heard.push({ stage, share }));
  return { result, texts: heard.filter((h) => 'text' in h), shares: heard.filter((h) => 'share' in h), heard };
}

describe('the prompt of a completion', () => {
  it('is told as text with its markers, and as spans that are the whole document', async () => {
    const { result } = await run(greedy({ snapshot: middle }));
    const { text, spans } = result.prompt!;
    expect(text).toBe(`<|fim_prefix|><|fim_suffix|>${middle.after}<|fim_middle|>${middle.before}`);
    expect(spans.map(({ name, start, end, dropped }) => [name, start, end, dropped])).toEqual([
      ['prefix', 0, middle.before.length, false], ['suffix', middle.before.length, middle.before.length + middle.after.length, false],
    ]);
    expect(spans.reduce((n, { tokens }) => n + tokens, 3)).toBe(result.tokens.prompt);
  });

  it.each([32, 100, 400])('has at most the %d tokens that were asked for, and says what was left out', async (promptTokens) => {
    const { result } = await run(greedy({ snapshot: middle, promptTokens }, { max: 1 }));
    expect(result.tokens.prompt).toBeLessThanOrEqual(promptTokens);
    expect(result.tokens.prompt).toBeGreaterThan(promptTokens / 4);
    const { spans, text } = result.prompt!;
    expect(spans.some(({ dropped }) => dropped)).toBe(true);
    expect([spans[0].start, spans.at(-1)!.end]).toEqual([0, middle.before.length + middle.after.length]);
    for (const [i, span] of spans.entries()) {
      if (i > 0) expect(span.start).toBe(spans[i - 1].end);
      if (!span.dropped) expect(text).toContain((middle.before + middle.after).slice(span.start, span.end));
    }
  });

  it.each([0, 1, 4, 5, -7])('of %d tokens is still one that can be read', async (promptTokens) => {
    const { result } = await run(greedy({ snapshot: middle, promptTokens }, { max: 2 }));
    expect(result.tokens.prompt).toBeGreaterThan(0);
  });

  it('is told at a cursor only', async () => {
    expect((await run(greedy({ text: 'const a' }))).result.prompt).toBeUndefined();
  });
});

describe('reading', () => {
  it('is told chunk by chunk at a cursor, before any text, and not of what is known already', async () => {
    engine.cache.clear();
    const { heard, shares, result } = await run(greedy({ snapshot: middle }));
    expect(result.tokens.reused).toBe(0);
    const chunks = Math.ceil(result.tokens.prompt / PREFILL_CHUNK);
    expect(shares).toEqual(Array.from({ length: chunks }, (_, i) => ({ stage: 'reading', share: (i * PREFILL_CHUNK) / result.tokens.prompt })));
    expect(heard.slice(0, chunks)).toEqual(shares);
    const again = await run(greedy({ snapshot: middle }));
    expect(again.result.tokens.reused).toBe(result.tokens.prompt - 1);
    expect(again.shares).toEqual([{ stage: 'reading', share: 0 }]);
    expect(again.result.text).toBe(result.text);
  });

  it('of a plain prompt is told to nobody', async () => {
    expect((await run(greedy({ text: source }, { max: 2 }))).shares).toEqual([]);
  });
});

describe('the confidence of the first line', () => {
  it('is that of all tokens while the line lasts', async () => {
    for (const max of [1, 2]) {
      const { result } = await run(greedy({ text: 'const answer = ' }, { max }));
      expect(result.text.trim()).toMatch(/^[^\n]+$/);
      expect(result.firstLineLogProbability).toBeCloseTo(result.meanLogProbability, 12);
      expect(result.firstLineLogProbability).toBeLessThan(0);
    }
  });

  it('stays that of the first line when others follow', async () => {
    const one = await run(greedy({ text: 'const answer = ' }, { max: 100, stop: ['\n'] }));
    expect(one.result.reason).toBe('stop');
    const all = await run(greedy({ text: 'const answer = ' }, { max: one.result.tokens.generated + 20 }));
    expect(all.result.text.split('\n').length).toBeGreaterThan(1);
    expect(all.result.firstLineLogProbability).toBe(one.result.firstLineLogProbability);
    expect(all.result.firstLineLogProbability).not.toBe(all.result.meanLogProbability);
  });

  it('comes from scores that are heard piece by piece, each once, of every token', async () => {
    const { result, texts } = await run(greedy({ snapshot: middle }, { max: 40 }));
    const heard = texts.flatMap(({ scores }) => scores);
    expect(result.scores.slice(0, heard.length)).toEqual(heard);
    expect(result.scores.map(({ text }) => text).join('').startsWith(result.text.trimEnd())).toBe(true);
    expect(result.scores.reduce((n, { count }) => n + count, 0)).toBe(result.tokens.generated);
    expect(result.scores.reduce((all, { sum }) => all + sum, 0) / result.tokens.generated).toBeCloseTo(result.meanLogProbability, 12);
  });

  it('is 0 where nothing is kept', async () => {
    const cancel = new CancelFlag();
    cancel.set();
    expect((await run(greedy({ text: 'a' }), cancel)).result).toMatchObject({ text: '', firstLineLogProbability: 0, reason: 'cancelled' });
  });
});

describe('the end of a completion', () => {
  it('is told with the rule that ended it, and only then', async () => {
    const rules = new Set<string>();
    for (const before of ['const answer = ', 'const state = new ', 'import { readFile } ', 'throw new Error(', 'return ']) {
      const { result } = await run(greedy({ snapshot: { path: '/a.ts', languageId: 'typescript', before, after: '\n' } }, { max: 60 }));
      expect(result.rule === null).toBe(result.reason !== 'stop');
      if (result.rule) rules.add(result.rule);
      if (result.rule === 'newline') expect(result.text).not.toContain('\n');
    }
    expect(rules).toContain('newline');
    expect((await run(greedy({ snapshot: middle }, { max: 1 }))).result).toMatchObject({ reason: 'length', rule: null });
    expect((await run(greedy({ text: 'a' }, { max: 100, stop: ['\n'] }))).result.rule).toBeNull();
  });

  it('comes after the lines that were asked for', async () => {
    const body = at('  return [');
    const opened: Snapshot = { path: '/a.ts', languageId: 'typescript', before: 'export class Inventory {\n  ', after: '\n' };
    let limited = 0;
    for (const snapshot of [body, opened, middle]) {
      for (const maxLines of [1, 2, 3]) {
        const { result } = await run(greedy({ snapshot, maxLines }, { max: 200 }));
        expect(result.text.trim().split('\n').length).toBeLessThanOrEqual(maxLines);
        if (result.rule === 'maxLines') limited++;
      }
    }
    expect(limited).toBeGreaterThan(0);
  });
});

describe('a generation after a cancelled one', () => {
  it.each([1, 3, 6])('begins within a step (cancelled at piece %d), and gives what it gives alone', async (piece) => {
    const options = greedy({ snapshot: middle }, { max: 12 });
    engine.cache.clear();
    const alone = (await run(options)).result;
    engine.cache.clear();
    const cancel = new CancelFlag();
    let heard = 0;
    let segments = 0;
    const original = NativeSegment.prototype.run;
    const counted = vi.spyOn(NativeSegment.prototype, 'run').mockImplementation(function (this: NativeSegment, ...args) {
      if (cancel.isSet) segments++;
      return original.apply(this, args);
    });
    const first = run({ ...greedy({ text: 'export function ' }), max: 1000 }, cancel, () => {
      if (++heard === piece) cancel.set();
    });
    expect((await first).result.reason).toBe('cancelled');
    counted.mockRestore();
    expect({ heard, stepsOfSegments: segments <= 1 }).toEqual({ heard: piece, stepsOfSegments: true });
    const next = (await run(options)).result;
    expect([next.text, next.firstLineLogProbability, next.approximate]).toEqual([alone.text, alone.firstLineLogProbability, false]);
  });
});

describe('the kernels', () => {
  it('are those that were asked for, and the best ones again for who asks for none', async () => {
    const best = engine.describe().kernels;
    const { usable } = engine.addon.cpu();
    expect(usable).toContain('scalar');
    const expected = (await run(greedy({ text: source }, { max: 8 }))).result.text;
    await engine.close();
    try {
      engine = await openEngine(TINY_Q8, { threads: 1, kernels: 'scalar' });
      expect(engine.describe().kernels).toBe('scalar');
      // Every set of kernels gives the same bits.
      expect((await run(greedy({ text: source }, { max: 8 }))).result.text).toBe(expected);
      await expect(openEngine(TINY_Q8, { threads: 1, kernels: 'sse9' })).rejects.toMatchObject({ code: 'kernelSetUnknown' });
    } finally {
      await engine.close();
      engine = await openEngine(TINY_Q8, { threads: 1 });
    }
    expect(engine.describe().kernels).toBe(best);
  });
});
