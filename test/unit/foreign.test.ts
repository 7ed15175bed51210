import { describe, expect, it, test } from 'vitest';
import { Foreign } from '../../src/locality/foreign.ts';
import { besides } from '../../src/locality/mixture.ts';
import { TokenIndex } from '../../src/locality/tokenIndex.ts';

/** Tokens of a text: pieces by `|`. */
const texts: string[] = [];
const encode = (text: string): number[] => text.split('|').map((piece) => (texts.includes(piece) ? texts.indexOf(piece) : texts.push(piece) - 1));
const indexOf = (text: string): TokenIndex => {
  const index = new TokenIndex();
  index.become(encode(text));
  return index;
};
const pieceOf = (id: number): string => texts[id];

describe('a name of a neighbour', () => {
  test.each<[string, number, boolean]>([
    ['return| table|(|rows|)', 1, true],
    ['return| ta|ble|(|rows|)', 2, true], // in the middle of it
    ['return| sales|(|rows|)', 1, false],
    ['return| self|.|table|(', 3, false], // a member
    ['f|(|title|=|1|)', 2, false], // a key
    ['say| "|table|"', 2, false], // a word in a string
    ['return| (|table', 1, false], // signs of their own
    ['x| =| 12', 2, false],
  ])('is foreign where the document does not have it: %s at %i', (text, at, expected) => {
    expect(new Foreign('def total(self): return self.sales', pieceOf).isAt(indexOf(text), at)).toBe(expected);
  });

  it('makes their match count as shorter, and does not where the document has it', () => {
    const [neighbours, here] = [indexOf('a|b|c|d|e| table'), indexOf('b|c|d|e')];
    expect(besides(null, neighbours, here)).toMatchObject({ longest: 4 });
    expect(besides(null, neighbours, here, new Foreign('no such name', pieceOf))).toMatchObject({ longest: 1 });
    expect(besides(null, neighbours, here, new Foreign('a table', pieceOf))).toMatchObject({ longest: 4 });
    expect(besides({ shares: new Map(), longest: 2, likeliest: 1, top: 1 }, neighbours, here, new Foreign('no such name', pieceOf))).toBeNull();
  });
});
