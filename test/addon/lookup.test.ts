// Guessing ahead changes no text, no log-probability and no cache: the same generation with one token a pass is the slow twin.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Deletions } from '../../src/locality/deletions.ts';
import type { DraftLength } from '../../src/locality/draftLength.ts';
import type { Snapshot } from '../../src/prompt/snapshot.ts';
import type { Engine } from '../../src/session/engine.ts';
import type { Score } from '../../src/session/firstLine.ts';
import type { GenerateOptions, GenerateResult } from '../../src/session/protocol.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { openEngine, TINY_Q8 } from '../support/engine.ts';

const source = readFileSync('models/calibration/1-inventory.ts', 'utf8');
const cases = Array.from({ length: 12 }, (_, i) => `    case '${i}':\n      return this.handle(items[${i}], options);\n`).join('');
const at = (text: string, index: number): Snapshot => ({ path: '/a.ts', languageId: 'typescript', before: text.slice(0, index), after: text.slice(index) });
const repetitive = `export function pick(kind: string) {\n  switch (kind) {\n${cases}    case '`;
const generic: Omit<GenerateOptions, 'prompt'> = { max: 150, sampling: { temperature: 0 } };

/** Guesses always, and as far as it is told: what the measured policy would try only where it pays. */
function always(engine: Engine, length: number): void {
  (engine as unknown as { lengths: Pick<DraftLength, 'choose' | 'timed' | 'learn'> }).lengths = {
    choose(guesses) {
      const looked = [...guesses].slice(0, length);
      return { looked, length: looked.length };
    },
    timed() {},
    learn() {},
  };
}

async function both(engine: Engine, options: GenerateOptions): Promise<{ plain: GenerateResult; ahead: GenerateResult; pieces: [string, readonly Score[]][][] }> {
  const pieces: [string, readonly Score[]][][] = [];
  const run = (lookup: boolean): Promise<GenerateResult> => {
    engine.cache.clear();
    const heard: [string, readonly Score[]][] = [];
    pieces.push(heard);
    return engine.generate({ ...options, lookup }, new CancelFlag(), (text, scores) => heard.push([text, scores]));
  };
  return { plain: await run(false), ahead: await run(true), pieces };
}

const said = ({ text, reason, rule, meanLogProbability, firstLineLogProbability, tokens }: GenerateResult): unknown => ({ text, reason, rule, meanLogProbability, firstLineLogProbability, tokens });

describe.each(['delta', 'dense'] as const)('guessing ahead, attention %s', (attention) => {
  let engine: Engine;
  beforeAll(async () => void (engine = await openEngine(TINY_Q8, { attention, threads: 1 })));
  afterAll(() => engine.close());

  const prompts: [string, GenerateOptions['prompt'], Partial<GenerateOptions>][] = [
    ['plain text that repeats itself', { text: repetitive }, {}],
    ['a loop', { text: 'a, b, a, b, a, b, a, b, ' }, {}],
    ['text that does not', { text: source.slice(0, 1500) }, {}],
    ['a cursor', { snapshot: at(source, source.indexOf('\n', 2400) + 1) }, { locality: false }],
    ['a cursor with the text around mixed in', { snapshot: at(`${repetitive}\n  }\n}\n`, repetitive.length) }, { locality: true }],
    ['sampling with a seed', { text: repetitive }, { sampling: { temperature: 0.8, seed: 7, repetitionPenalty: 1.1 } }],
    ['a stop string', { text: repetitive }, { stop: ['options'] }],
    ['a limit', { text: repetitive }, { max: 5 }],
  ];
  it.each(prompts)('gives the same for %s, to the bit', async (_, prompt, more) => {
    for (const length of [1, 4, 10]) {
      always(engine, length);
      const { plain, ahead, pieces } = await both(engine, { ...generic, prompt, ...more });
      expect(said(ahead)).toEqual(said(plain));
      expect(pieces[1]).toEqual(pieces[0]);
      expect(plain.lookup.drafted).toBe(0);
      expect(ahead.lookup.accepted).toBeLessThanOrEqual(ahead.lookup.drafted);
    }
  });

  it('saves passes where the text repeats itself', async () => {
    always(engine, 7);
    const { plain, ahead } = await both(engine, { ...generic, prompt: { text: repetitive }, max: 60 });
    expect(ahead.lookup.passes + ahead.lookup.accepted).toBeGreaterThanOrEqual(plain.lookup.passes);
    expect(ahead.lookup.passes).toBeLessThan(plain.lookup.passes);
  });

  it('guesses from what was deleted between two requests, in the same document only', async () => {
    always(engine, 4);
    const { deletions } = engine as unknown as { deletions: Deletions };
    const cut = [source.indexOf('\n', 900) + 1, source.indexOf('\n', 1300) + 1];
    const rest = source.slice(0, cut[0]) + source.slice(cut[1]);
    const complete = (snapshot: Snapshot, lookup: boolean, path = '/deleted.ts') =>
      engine.generate({ ...generic, max: 3, prompt: { snapshot: { ...snapshot, path } }, locality: false, lookup }, new CancelFlag());
    await complete(at(source, cut[0]), true);
    expect(deletions.index.length).toBe(0);
    await complete(at(rest, cut[0]), true);
    expect(deletions.index.length).toBeGreaterThan(engine.tokenizer.encode(source.slice(...cut)).length);
    await complete(at(source, cut[0]), true, '/other.ts');
    expect(deletions.index.length).toBe(0);
    // Without guessing nothing is remembered.
    await complete(at(rest, cut[0]), false, '/other.ts');
    expect(deletions.index.length).toBe(0);
  });

  it('leaves a cache in which the next generation is what it is in an empty one', async () => {
    always(engine, 10);
    const first: GenerateOptions = { ...generic, prompt: { text: repetitive }, lookup: true };
    engine.cache.clear();
    const { text } = await engine.generate(first, new CancelFlag());
    for (const cut of [20, 64, 130, text.length]) {
      const next: GenerateOptions = { ...generic, max: 40, prompt: { text: repetitive + text.slice(0, cut) }, lookup: false };
      const warm = await engine.generate(next, new CancelFlag());
      expect(warm.tokens.reused).toBeGreaterThan(0);
      engine.cache.clear();
      const cold = await engine.generate(next, new CancelFlag());
      expect([warm.text, warm.meanLogProbability]).toEqual([cold.text, cold.meanLogProbability]);
      engine.cache.clear();
      await engine.generate(first, new CancelFlag());
    }
  });

  it('ends where it is cancelled, also between tokens that are known already', async () => {
    always(engine, 10);
    engine.cache.clear();
    const cancel = new CancelFlag();
    let pieces = 0;
    const result = await engine.generate({ ...generic, prompt: { text: repetitive }, lookup: true }, cancel, () => {
      if (++pieces === 3) cancel.set();
    });
    expect(result.reason).toBe('cancelled');
    expect(pieces).toBeLessThanOrEqual(4);
  });

  it('ends with the context', async () => {
    always(engine, 10);
    const { context } = engine.forward.manifest.shape;
    const tokens = engine.tokenizer.encode(repetitive.repeat(40)).slice(0, context - 20);
    const { plain, ahead } = await both(engine, { ...generic, prompt: { tokens } });
    expect(plain.reason).toBe('context');
    expect(said(ahead)).toEqual(said(plain));
  });
});
