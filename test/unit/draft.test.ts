// Guessing ahead: what is guessed, how much of it is verified, and what was deleted as a place to guess from.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joined, vote } from '../../src/locality/continuations.ts';
import { Deletions } from '../../src/locality/deletions.ts';
import { draft, type Guess } from '../../src/locality/draft.ts';
import { DraftLength, LONGEST_DRAFT, classOf } from '../../src/locality/draftLength.ts';
import { BOUNDARY, LONGEST_MATCH, TokenIndex } from '../../src/locality/tokenIndex.ts';

const indexOf = (tokens: readonly number[]): TokenIndex => {
  const index = new TokenIndex();
  index.become(tokens);
  return index;
};
const drafted = (...asked: Parameters<typeof draft>): Guess[] => [...draft(...asked)];
const idsOf = (guesses: readonly Guess[]): number[] => guesses.map(({ id }) => id);

/** The slow twin: for every guess, every place of every source is compared with the text and the guesses before it, token by token. */
function draftByHand(text: readonly number[], others: readonly (readonly number[])[], most: number): Guess[] {
  const guesses: Guess[] = [];
  while (guesses.length < most) {
    const soFar = idsOf(guesses);
    const places = [text, ...others].flatMap((source, which) => {
      const going = which === 0 ? [...source, ...soFar] : source;
      const found: { id: number; length: number }[] = [];
      for (let next = source.length - 1; next > 0; next--) {
        let length = 0;
        while (length < LONGEST_MATCH && length < next && source[next - 1 - length] === text.at(-1 - length) && source[next - 1 - length] !== BOUNDARY) length++;
        const agrees = length > 0 && source[next] !== BOUNDARY && soFar.every((id, i) => going[next + i] === id);
        const id = going[next + soFar.length] ?? BOUNDARY;
        if (agrees && id !== BOUNDARY) found.push({ id, length: length + soFar.length });
      }
      return found;
    });
    const said = vote(places);
    if (!said) break;
    guesses.push({ id: said.likeliest, matched: said.longest, share: said.top, places: places.length });
  }
  return guesses;
}

const token = fc.oneof({ weight: 9, arbitrary: fc.nat(4) }, { weight: 1, arbitrary: fc.constant(BOUNDARY) });
const text = fc.array(token, { maxLength: 60 });

describe('a draft', () => {
  it('is what followed the longest match, of equals the nearest', () => {
    expect(drafted(indexOf([1, 2, 3, 4, 9, 2, 7, 1, 2]), [], 3)).toEqual([{ id: 3, matched: 2, share: 0.8, places: 2 }, { id: 4, matched: 3, share: 1, places: 1 }, { id: 9, matched: 4, share: 1, places: 1 }]);
    expect(idsOf(drafted(indexOf([2, 3, 5, 2, 4, 5, 6, 2]), [], 2))).toEqual([4, 5]);
    expect(drafted(indexOf([1, 2, 3]), [], 4)).toEqual([]);
  });

  it('is what most places say where matches are equally long', () => {
    expect(drafted(indexOf([1, 3, 9, 1, 4, 9, 1, 3, 8, 1]), [], 1)).toEqual([{ id: 3, matched: 1, share: 2 / 3, places: 3 }]);
  });

  it('repeats itself where the match reaches the end, and stops at the end of a text', () => {
    expect(idsOf(drafted(indexOf([5, 1, 2, 1, 2]), [], 5))).toEqual([1, 2, 1, 2, 1]);
    expect(idsOf(drafted(indexOf(joined([[1, 2, 3], [1]])), [], 5))).toEqual([2, 3]);
  });

  it('comes from other texts as well', () => {
    expect(idsOf(drafted(indexOf([7, 1, 2]), [indexOf([1, 2, 3, 4])], 5))).toEqual([3, 4]);
  });

  it('is what comparing every place gives', () => {
    fc.assert(fc.property(text, fc.array(text, { maxLength: 2 }), fc.nat(10), (tokens, others, most) => {
      expect(drafted(indexOf(tokens), others.map(indexOf), most)).toEqual(draftByHand(tokens, others, most));
    }));
  });
});

describe('the length of a draft', () => {
  /** Guesses as `places` say them, unanimously, that agree with the last `matched` tokens. */
  const unanimous = (matched: number, places = 1): Guess[] => Array.from({ length: LONGEST_DRAFT }, (_, i) => ({ id: i, matched: matched + i, share: 1, places }));
  class Lengths extends DraftLength {
    chosen = (guesses: Iterable<Guess>): number => this.choose(guesses).length;
  }
  const timed = (ms: Record<number, number>): Lengths => {
    const lengths = new Lengths();
    for (let i = 0; i < 20; i++) for (const [rows, each] of Object.entries(ms)) lengths.timed(Number(rows), each);
    return lengths;
  };
  /** A row more costs a quarter of a pass. */
  const dear = { 1: 20, 2: 25, 3: 30, 4: 35, 6: 45, 8: 55, 11: 70 };

  it('is none before a pass was timed, and none without a match', () => {
    expect(new Lengths().chosen(unanimous(20))).toBe(0);
    expect(timed(dear).chosen([])).toBe(0);
  });

  it('grows with the match, with how much the places agree and with how cheap rows are', () => {
    const lengths = timed(dear);
    expect(lengths.chosen(unanimous(1))).toBeLessThanOrEqual(1);
    expect(lengths.chosen(unanimous(1, 3))).toBeGreaterThan(1);
    expect(lengths.chosen(unanimous(20))).toBeGreaterThan(2);
    expect(lengths.chosen(unanimous(20).map((guess) => ({ ...guess, share: 0.3 })))).toBeLessThan(2);
    expect(timed({ 1: 10, 2: 10, 3: 10, 4: 10, 6: 10, 8: 10, 11: 10 }).chosen(unanimous(20, 2))).toBe(LONGEST_DRAFT);
    expect(timed({ 1: 10, 2: 20, 3: 30, 4: 40, 6: 60, 8: 80, 11: 110 }).chosen(unanimous(20))).toBe(0);
  });

  it('is none where guesses fail, and comes back where they come true', () => {
    const lengths = timed(dear);
    for (let i = 0; i < 100; i++) lengths.learn(unanimous(20), 0, -1);
    expect(lengths.chosen(unanimous(20))).toBe(0);
    expect(lengths.chosen(unanimous(5))).toBeGreaterThan(0);
    // Not verified, but looked at: the token that came is the guessed one.
    for (let i = 0; i < 100; i++) lengths.learn(unanimous(20), 0, 0);
    expect(lengths.chosen(unanimous(20))).toBeGreaterThan(2);
  });

  it('looks no further than it can pay, and at one guess behind those that it chooses', () => {
    let asked = 0;
    function* counted(guesses: readonly Guess[]): Generator<Guess> {
      for (const guess of guesses) {
        asked++;
        yield guess;
      }
    }
    const lengths = timed(dear);
    const { length, looked } = lengths.choose(counted(unanimous(20)));
    expect(asked).toBe(looked.length);
    expect(looked.length).toBeGreaterThan(length);
    asked = 0;
    lengths.choose(counted(unanimous(1).map((guess) => ({ ...guess, share: 0.1 }))));
    expect(asked).toBeLessThan(3);
  });

  it('does not give up for one slow pass, nor for a slow machine, and tries again some day what was dear', () => {
    const lengths = timed(dear);
    const usual = lengths.chosen(unanimous(20));
    lengths.timed(2, 500);
    expect(lengths.chosen(unanimous(20))).toBeGreaterThan(0);
    for (let i = 0; i < 20; i++) for (const [rows, ms] of Object.entries(dear)) lengths.timed(Number(rows), 3 * ms);
    expect(lengths.chosen(unanimous(20))).toBe(usual);
    for (let i = 0; i < 20; i++) for (const rows of [2, 3, 4, 6, 8, 11]) lengths.timed(rows, 900);
    expect(lengths.chosen(unanimous(20))).toBe(0);
    for (let i = 0; i < 2000; i++) lengths.timed(1, 60);
    expect(lengths.chosen(unanimous(20))).toBeGreaterThan(0);
  });

  it('knows a class for every guess', () => {
    const known = new Set<number>();
    for (let matched = 1; matched <= 60; matched++) {
      for (const share of [1e-9, 0.5, 0.7, 0.8, 0.9, 0.98, 1]) for (const places of [1, 2, 9]) known.add(classOf({ matched, share, places }));
    }
    expect(Math.min(...known)).toBe(0);
    expect(Math.max(...known)).toBe(24);
    expect(known.size).toBe(25);
  });
});

describe('what was deleted', () => {
  const encode = (text: string): number[] => [...text].map((c) => c.codePointAt(0)!);
  const said = ({ index }: Deletions): string => Array.from({ length: index.length }, (_, i) => (index.at(i) === BOUNDARY ? '|' : String.fromCodePoint(index.at(i)))).join('');
  const text = Array.from({ length: 60 }, (_, i) => `const name${i} = value(${i});\n`).join('');
  const without = (from: number, to: number): string => text.slice(0, from) + text.slice(to);

  it('is remembered with what stood around it, the last at the end', () => {
    const deletions = new Deletions(encode);
    deletions.become('a', text);
    deletions.become('a', without(600, 650));
    expect(said(deletions)).toContain(text.slice(600, 650));
    expect(deletions.index.length).toBe(40 + 50 + 40);
    expect(idsOf(drafted(indexOf(encode(text.slice(500, 600))), [deletions.index], 10))).toEqual(encode(text.slice(600, 610)));
    deletions.become('a', text); // undone
    deletions.become('a', without(20, 45));
    expect(said(deletions).split('|')).toHaveLength(2);
  });

  it('is what was replaced, too', () => {
    const deletions = new Deletions(encode);
    deletions.become('a', text);
    deletions.become('a', `${text.slice(0, 500)}X${text.slice(530)}`);
    expect(said(deletions)).toBe(text.slice(460, 570));
  });

  it('is nothing where a text is typed or a slip is mended', () => {
    const deletions = new Deletions(encode);
    deletions.become('a', text);
    deletions.become('a', `${text.slice(0, 300)}a whole line\n${text.slice(300)}`);
    deletions.become('a', `${text.slice(0, 300)}a whole li\n${text.slice(300)}`);
    expect(deletions.index.length).toBe(0);
  });

  it('is forgotten with the document, when another text takes its place, and when it is told to', () => {
    for (const next of [(d: Deletions) => d.become('b', without(600, 650)), (d: Deletions) => (d.become('a', 'x'.repeat(3000)), d.become('a', '')), (d: Deletions) => d.forget()]) {
      const deletions = new Deletions(encode);
      deletions.become('a', text);
      deletions.become('a', without(600, 650));
      expect(deletions.index.length).toBeGreaterThan(0);
      next(deletions);
      expect(deletions.index.length).toBe(0);
    }
  });

  it('is few: eight at most', () => {
    const deletions = new Deletions(encode);
    for (let i = 0; i < 20; i++) {
      deletions.become('a', text);
      deletions.become('a', without(60 * i, 60 * i + 20));
    }
    expect(said(deletions).split('|')).toHaveLength(8);
  });
});
