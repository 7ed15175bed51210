// Guessing ahead changes no text, no log-probability and no cache: the same generation with one token a pass is the slow twin.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Guess } from '../../src/locality/draft.ts';
import type { DraftLength } from '../../src/locality/draftLength.ts';
import type { Snapshot } from '../../src/prompt/snapshot.ts';
import { COMPLETIONS } from '../../src/session/conversation.ts';
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

/** Guesses always, and as far as it is told: what the measured policy would try only where it pays. It looks further than it verifies, as that does. */
function always(engine: Engine, length: number, learn: DraftLength['learn'] = () => {}): void {
  const { conversations } = engine as unknown as { conversations: { of: (name: string) => { lengths: Pick<DraftLength, 'choose' | 'timed' | 'learn'> } } };
  conversations.of(COMPLETIONS).lengths = {
    choose(guesses) {
      const looked = [...guesses].slice(0, length + 1);
      return { looked, length: Math.min(looked.length, length) };
    },
    timed() {},
    learn,
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

/** The second function is like the first under another name. */
const likened = 'getStore(id: string): Store {\n    const store = this.stores.get(id);\n    return store;\n  }\n\n  getProduct(id: string): Product {\n    ';

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
    ['a cursor where an analogy has a say', { snapshot: at(`${likened}\n  }\n}\n`, likened.length) }, { locality: true }],
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
    const cut = source.indexOf('{\n', 900) + 2;
    const place = at(`${source.slice(0, cut)}\n}\n`, cut);
    const complete = (snapshot: Snapshot, path: string, lookup = true) =>
      engine.generate({ ...generic, max: 24, prompt: { snapshot: { ...snapshot, path } }, locality: false, lookup }, new CancelFlag());
    const { text, lookup: before } = await complete(place, '/deleted.ts');
    // Twice what it writes there anyway, and gone again: what comes is known.
    const longer = `${text}\n${text}\n`;
    const accepted = async (first: string, second: string): Promise<number> => {
      await complete({ ...place, after: longer + place.after }, first);
      return (await complete(place, second)).lookup.accepted;
    };
    expect(text.length).toBeGreaterThan(10);
    expect(await accepted('/deleted.ts', '/deleted.ts')).toBeGreaterThan(before.accepted);
    expect(await accepted('/deleted.ts', '/other.ts')).toBe(before.accepted);
    // A request in between that does not guess, or that is of no document, forgets it.
    await complete({ ...place, after: longer + place.after }, '/deleted.ts');
    await complete(place, '/deleted.ts', false);
    expect((await complete(place, '/deleted.ts')).lookup.accepted).toBe(before.accepted);
  });

  it('hears what came of every guess, of those that were not verified as well', async () => {
    const heard: { guesses: readonly Guess[]; accepted: number; token: number | undefined }[] = [];
    always(engine, 2, (guesses, accepted, token) => heard.push({ guesses: [...guesses], accepted, token }));
    engine.cache.clear();
    const { lookup } = await engine.generate({ ...generic, max: 60, prompt: { text: repetitive }, lookup: true }, new CancelFlag());
    const told = heard.filter(({ guesses }) => guesses.length > 0);
    expect(told.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(lookup.accepted);
    expect(told.some(({ accepted }) => accepted === 2)).toBe(true);
    for (const { guesses, accepted, token } of told) {
      expect(accepted).toBeLessThanOrEqual(2);
      // A verified guess that is not accepted was wrong.
      if (accepted < Math.min(2, guesses.length) && token !== undefined) expect(guesses[accepted].id).not.toBe(token);
    }
    // Guesses that were looked at and not verified can be right.
    expect(told.some(({ guesses, accepted, token }) => accepted === 2 && guesses[2]?.id === token)).toBe(true);
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
