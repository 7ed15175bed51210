import { describe, expect, it, test } from 'vitest';
import { CHANCES, chanceOf, judge } from '../../src/completion/gate.ts';
import { unknownNames } from '../../src/completion/names.ts';
import { SIGNALS, signalsOf, type Signal } from '../../src/completion/signals.ts';
import { fitGate, fitSome } from '../../src/eval/gateFit.ts';
import { random } from '../../src/shared/random.ts';
import type { Score, Signs } from '../../src/session/firstLine.ts';

const signs: Signs = { entropy: 1, file: 4, fileShare: 1, besideShare: 0, analogy: 8, analogyShare: 0.5, repeats: false };
const scoresOf = (...pieces: [string, number][]): Score[] => pieces.map(([text, sum]) => ({ text, sum, count: 1, signs }));
const place = (before: string, after = '', languageId = 'typescript') => ({ path: 'a.ts', languageId, before, after });
const signal = (name: Signal, before: string, text: string, after = ''): number => signalsOf(scoresOf([text, -0.1]), text, place(before, after))![SIGNALS.indexOf(name)];

describe('signals', () => {
  it('are of the first line alone', () => {
    const scores = scoresOf(['a', -0.5], [' b', -1.5], ['\n', -0.01], ['c', -9]);
    const found = signalsOf(scores, 'a b\nc', place('x = '))!;
    const of = (name: Signal): number => found[SIGNALS.indexOf(name)];
    expect(of('mean')).toBeCloseTo(-2.01 / 3, 10);
    expect(of('least')).toBeCloseTo(-1.5 / 4, 10);
    expect(of('whole')).toBeCloseTo(-0.201, 10);
    expect([of('several'), of('match'), of('analogy'), of('renamed'), of('unique')]).toEqual([1, 0.25, 0.5, 0.5, 1]);
  });

  test.each<[Signal, string, string, string, number]>([
    ['comment', '// a', 'b', '', 1], ['string', 'x("a', 'b', '")', 1], ['closed', 'f(', 'a', ')', 1], ['closed', 'f(', 'a', '\n)', 0], ['empty', 'a\n  ', 'b', '', 1], ['member', 'a.', 'b', '', 1],
    ['argument', 'f(a, ', 'b', '', 1], ['value', 'return ', 'b', '', 1], ['copied', 'other.thing(1);\n', 'other.thing(1);', '', 1], ['copied', 'other.thing(1);\n', 'other.thing(2);', '', 0],
    ['sibling', 'other(1);\nx;\n', 'other(1);', '', 1], ['sibling', 'x;\nother(1);\nx;\n', 'other(1);', '', 0], ['sibling', 'other(1);\nother(1);\nx;\n', 'other(1);', '', 0], ['sibling', 'a(1);\nx;\n', 'a(1);', '', 0],
    ['sibling', 'const a = other.thing(first);\nconst b = ', 'other.thing(first);', '', 1], ['sibling', 'const a = other(1);\nconst b = ', 'other(1);', '', 0],
    ['unknown', 'const a = ', 'shelf.books', '', 1 / 3], ['unknown', 'const shelf = 1;\nconst a = ', 'shelf.books', '', 0],
  ])('%s of %j + %j', (name, before, text, after, expected) => expect(signal(name, before, text, after)).toBeCloseTo(expected, 10));

  it('know what stands beside the document, and that configuration repeats itself', () => {
    const sibling = (beside: readonly string[], languageId = 'typescript'): number => signalsOf(scoresOf(['other(1);', -0.1]), 'other(1);', place('x;\n', '', languageId), beside)![SIGNALS.indexOf('sibling')];
    expect([sibling([]), sibling(['y;\r\n  other(1);\r\n']), sibling(['x;\nother(1);\n']), sibling(['y;\nother(1);\n', 'z;\nother(1);\n'])]).toEqual([0, 1, 0, 0]);
    expect(sibling(['y;\nother(1);\n'], 'yaml')).toBe(0);
  });

  it('are none where the text around took no part, or nothing is left', () => {
    expect(signalsOf([{ text: 'a', sum: -1, count: 1 }], 'a', place('x'))).toBeNull();
    expect(signalsOf(scoresOf(['a', -1]), '', place('x'))).toBeNull();
  });
});

describe('names that a document does not have', () => {
  test.each<[string, string, string[]]>([
    ['const a = ', 'shelf(book)', ['shelf', 'book']],
    ['const a = ', 'a.shelf + "book"', []], // a member, a string; its own name is there
    ['', '{ shelf: 1 }', []],
    ['', 'for (const book of books)', ['books']],
    ['', 'books.map((book) => book.title)', ['books']],
    ['she', 'lf.add(1)', ['shelf']], // the word that is begun
    ['x.she', 'lf', []],
    ['', 'return None', []],
  ])('behind %j in %j: %j', (before, text, names) => expect(unknownNames(text, place(before))).toEqual(names));
});

describe('the gate', () => {
  it('asks for more the less eager it is, and for nothing at high', () => {
    expect(CHANCES.low).toBeGreaterThan(CHANCES.auto);
    expect(CHANCES.high).toBe(0);
    const sure = judge({ scores: scoresOf(['a.b(c)', -0.01]), text: 'a.b(c)' }, place('a.b(c);\n'), null, 'low')!;
    const unsure = judge({ scores: scoresOf(['a.b(c)', -7]), text: 'a.b(c)' }, place('x;\n'), null, 'auto')!;
    expect(sure.value).toBeGreaterThan(sure.threshold);
    expect(unsure.value).toBeLessThan(unsure.threshold);
    expect(judge({ scores: scoresOf(['a', -7]), text: 'a' }, place('x'), null, 'high')!.threshold).toBe(-Infinity);
    expect(judge({ scores: [], text: '' }, place('x'), null, 'auto')).toBeNull();
  });

  it('goes by the mean alone where nothing else is known', () => expect(judge({ scores: [{ text: 'a', sum: -0.5, count: 1 }], text: 'a' }, place('x'), null, 'auto')).toEqual({ value: -0.5, threshold: -0.7 }));

  it('is moved by a habit', () => {
    const found = SIGNALS.map(() => 0);
    expect(chanceOf(found, 0.5)).toBeGreaterThan(chanceOf(found));
    expect(chanceOf(found, -0.5)).toBeLessThan(chanceOf(found));
  });

  it('finds the weights that a text was made with', () => {
    const draw = random(1);
    const examples = Array.from({ length: 20_000 }, () => {
      const signals = [draw() * 2 - 1, draw() * 2 - 1];
      return { signals, right: draw() < 1 / (1 + Math.exp(-(0.5 + 2 * signals[0] - signals[1]))) };
    });
    const { bias, weights } = fitGate(examples);
    expect([bias, ...weights].every((x, i) => Math.abs(x - [0.5, 2, -1][i]) < 0.15)).toBe(true);
  });

  it('finds some of them where the others stay', () => {
    const draw = random(2);
    const examples = Array.from({ length: 20_000 }, () => {
      const signals = [draw() * 2 - 1, draw() * 2 - 1];
      return { signals, right: draw() < 1 / (1 + Math.exp(-(0.5 + 2 * signals[0] - signals[1]))) };
    });
    const { bias, weights } = fitSome(examples, { bias: 0, weights: [2, 7] }, [1]);
    expect(weights[0]).toBe(2);
    expect([bias, weights[1]].every((x, i) => Math.abs(x - [0.5, -1][i]) < 0.15)).toBe(true);
  });
});
