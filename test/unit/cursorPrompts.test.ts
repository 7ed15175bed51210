// Which prompt is made at a cursor, with a cache that is a set of token sequences.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fimBudget } from '../../src/prompt/budget.ts';
import { fimPrompt, type FimOrder } from '../../src/prompt/fim.ts';
import type { Snapshot } from '../../src/prompt/snapshot.ts';
import { CursorPrompts, PROMPT_SIZES } from '../../src/session/cursorPrompt.ts';

/** A token a character; markers beyond them. */
const tokenizer = { encode: (text: string) => [...text].map((c) => c.codePointAt(0)!), special: { fim: { prefix: 1e6, suffix: 1e6 + 1, middle: 1e6 + 2 }, bos: null, addBos: false } } as never;
const text = Array.from({ length: 400 }, (_, i) => `line ${i} of a file;\n`).join('');
const at = (offset: number, typed = '', closed = ''): Snapshot => ({ path: '/a.ts', languageId: 'typescript', before: text.slice(0, offset) + typed, after: closed + text.slice(offset) });

function make(order: FimOrder, cache: (readonly number[])[] = []) {
  const known = (tokens: readonly number[]) => Math.max(0, ...cache.map((other) => {
    let common = 0;
    while (common < other.length && common < tokens.length - 1 && other[common] === tokens[common]) common++;
    return common;
  }));
  const prompts = new CursorPrompts((snapshot, total, { suffix }) => {
    const budget = fimBudget(total);
    return fimPrompt(snapshot, tokenizer, { order, budget: order === 'spm' ? budget : { ...budget, suffix: Math.min(budget.suffix, suffix) } });
  }, known);
  const limits = { affordable: 512, most: 4096, suffix: order === 'spm' ? 0 : 64, suffixFirst: order === 'spm' };
  const choose = (snapshot: Snapshot, own = limits) => {
    const prompt = prompts.choose(snapshot, own);
    cache.push(prompt.tokens);
    return prompt;
  };
  /** Another start, on a machine that reads so much in time, with what is in the cache now. */
  const restarted = (key: string, affordable: number) => {
    const { size, suffix, tokens } = prompts.lastOf(key)!;
    const next = make(order, [Array.from(tokens)]);
    next.recall(size, suffix);
    return { tokens, first: next.choose(at(5000), { ...limits, affordable }) };
  };
  const recall = (size: number, suffix: string) => prompts.recall(at(0), { size, suffix });
  const readOn = () => {
    const sizes: number[] = [];
    for (let ahead = prompts.ahead(at(0)); ahead; ahead = prompts.ahead(at(0))) {
      cache.push(ahead.tokens);
      ahead.read();
      sizes.push(ahead.tokens.length);
    }
    return sizes;
  };
  return { choose, readOn, restarted, recall, limits };
}

describe.each(['spm', 'psm'] as const)('prompts in the order %s', (order) => {
  it('grow while nobody waits, by doubling, up to the most; then every key sees all of it', () => {
    const { choose, readOn, limits } = make(order);
    expect(choose(at(5000)).tokens.length).toBeLessThanOrEqual(limits.affordable);
    const sizes = readOn();
    expect(sizes.length).toBe(3);
    expect(sizes.at(-1)).toBeGreaterThan(2500);
    let typed = '';
    for (const key of 'const a = 1;') {
      const { tokens, unknown } = choose(at(5000, (typed += key)));
      expect(tokens.length).toBeGreaterThan(2500);
      expect(unknown).toBeLessThanOrEqual(limits.suffix + 64);
    }
    expect(readOn()).toEqual([]);
  });

  it.each([256, 512, 2048])('begin after a restart as the last one did, also where %i tokens could be read in time', (affordable) => {
    const { choose, readOn, restarted, limits } = make(order);
    for (const more of [() => {}, readOn]) {
      choose(at(5000));
      more();
      const { tokens, first } = restarted('/a.ts', affordable);
      expect(first.unknown).toBeLessThanOrEqual(limits.suffix + 64);
      expect(first.tokens.length).toBe(tokens.length);
    }
  });

  it('never have more to read than there is time for', () => {
    fc.assert(fc.property(fc.array(fc.record({ offset: fc.integer({ min: 0, max: text.length }), typed: fc.constantFrom('', 'a', '(', 'f(', 'x\n'), closed: fc.constantFrom('', ')', '\n}', "'") , on: fc.boolean() }), { maxLength: 12 }), (steps) => {
      const { choose, readOn, limits } = make(order);
      for (const { offset, typed, closed, on } of steps) {
        const snapshot = at(offset, typed, closed);
        const { tokens, unknown, spans } = choose(snapshot);
        expect(unknown).toBeLessThanOrEqual(Math.max(limits.affordable, limits.suffix + 64));
        expect(tokens.length).toBeLessThanOrEqual(limits.most);
        // The spans are the document from its beginning to its end.
        const whole = snapshot.before.length + snapshot.after.length;
        expect(spans.reduce((end, span) => (span.start === end ? span.end : NaN), 0)).toBe(whole);
        if (on) readOn();
      }
    }), { numRuns: 60 });
  });

  it('are of the sizes that there are', () => expect(PROMPT_SIZES.every((size, i) => i === 0 || size === 2 * PROMPT_SIZES[i - 1])).toBe(true));
});

describe('closers that the editor puts behind the cursor', () => {
  it.each([['f(', ')'], ["f('", "')"], ['if (a) {\n  ', '\n}'], ['x = [', '];']])('%j %j do not move the beginning of a prompt with the suffix first', (typed, closed) => {
    const { choose, limits } = make('spm');
    choose(at(5000));
    const { unknown, tokens } = choose(at(5000, typed, closed));
    expect(unknown).toBeLessThanOrEqual(limits.suffix + 64);
    expect(tokens.length).toBeLessThanOrEqual(limits.affordable);
  });

  it('are seen as soon as there was time to read them', () => {
    const { choose, readOn } = make('spm');
    choose(at(5000));
    const gap = choose(at(5000, 'f(', ')')).spans.find(({ name }) => name === 'suffix')!;
    expect(gap).toMatchObject({ start: 5002, end: 5003, dropped: true });
    expect(readOn().length).toBeGreaterThan(0);
    expect(choose(at(5000, 'f(a', ')')).spans.find(({ name }) => name === 'suffix')).toMatchObject({ start: 5003, dropped: false });
  });

  it('are told from text that somebody wrote', () => {
    const { choose } = make('spm');
    choose(at(5000));
    expect(choose(at(5000, 'f(', 'other)')).spans.find(({ name }) => name === 'suffix')).toMatchObject({ start: 5002, dropped: false });
  });
});
