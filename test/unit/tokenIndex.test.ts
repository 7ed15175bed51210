import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { continuations, joined } from '../../src/locality/continuations.ts';
import { DocumentTokens, pieces, shortPieces } from '../../src/locality/documentTokens.ts';
import { ForcedIndex } from '../../src/locality/forced.ts';
import { BOUNDARY, LONGEST_MATCH, TokenIndex, type Match } from '../../src/locality/tokenIndex.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { tinyTokenizer, tokenizerFiles, vocabPath } from '../support/tokenizer.ts';

const indexOf = (tokens: readonly number[]): TokenIndex => {
  const index = new TokenIndex();
  index.become(tokens);
  return index;
};

/** The slow twin: every place compared with the end, token by token. */
function matchesByHand(tokens: readonly number[]): Match[] {
  const found: Match[] = [];
  for (let next = tokens.length - 1; next > 0; next--) {
    let length = 0;
    while (length < LONGEST_MATCH && length < next && tokens[next - 1 - length] === tokens.at(-1 - length) && tokens[next - 1 - length] !== BOUNDARY) length++;
    if (length > 0 && tokens[next] !== BOUNDARY) found.push({ next, length });
  }
  return found;
}

/** Few different tokens, so that there is something to find. */
const token = fc.oneof({ weight: 9, arbitrary: fc.nat(4) }, { weight: 1, arbitrary: fc.constant(BOUNDARY) });
const text = fc.array(token, { maxLength: 120 });
const edit = fc.oneof(
  fc.record({ push: token }),
  fc.record({ truncate: fc.nat(140) }),
  fc.record({ become: text }),
  fc.record({ replace: fc.tuple(fc.nat(120), fc.nat(20), fc.array(token, { maxLength: 20 })) }),
);

describe('the index of tokens', () => {
  it('finds what comparing every place finds, the nearest first', () => {
    fc.assert(fc.property(text, (tokens) => {
      expect(indexOf(tokens).matches()).toEqual(matchesByHand(tokens));
    }));
  });

  it('finds where another text stood as it stands at its end', () => {
    fc.assert(fc.property(text, text, (tokens, other) => {
      const inBoth = matchesByHand([...tokens, BOUNDARY, ...other]).filter(({ next }) => next < tokens.length);
      expect(indexOf(tokens).matches(indexOf(other))).toEqual(other.length > 0 ? inBoth : []);
    }));
  });

  it('is after any edits the index of the text that came of them', () => {
    fc.assert(fc.property(text, fc.array(edit, { maxLength: 12 }), (start, edits) => {
      const index = indexOf(start);
      let tokens = [...start];
      for (const e of edits) {
        if ('push' in e) {
          index.push(e.push);
          tokens.push(e.push);
        } else if ('truncate' in e) {
          index.truncate(e.truncate);
          tokens = tokens.slice(0, e.truncate);
        } else {
          tokens = 'become' in e ? [...e.become] : tokens.toSpliced(e.replace[0], e.replace[1], ...e.replace[2]);
          index.become(tokens);
        }
        expect(index.length).toBe(tokens.length);
        expect(index.matches()).toEqual(indexOf(tokens).matches());
      }
      expect(Array.from({ length: index.length }, (_, i) => index.at(i))).toEqual(tokens);
    }));
  });

  it('grows beyond its first size and shrinks to nothing', () => {
    const tokens = Array.from({ length: 5000 }, (_, i) => i % 7);
    const index = indexOf(tokens);
    expect(index.matches()[0]).toEqual({ next: 4993, length: LONGEST_MATCH });
    index.truncate(0);
    expect(index.matches()).toEqual([]);
    index.push(3);
    expect(index.matches()).toEqual([]);
  });

  it('looks at a bounded number of places', () => {
    expect(indexOf(new Array(20_000).fill(1)).matches().length).toBeLessThan(5000);
  });
});

describe('continuations', () => {
  it('are shares of what followed, a longer match counting more', () => {
    fc.assert(fc.property(text, (tokens) => {
      const found = continuations(indexOf(tokens));
      const byHand = matchesByHand(tokens);
      expect(found === null).toBe(byHand.length === 0);
      if (!found) return;
      expect(new Set(found.shares.keys())).toEqual(new Set(byHand.map(({ next }) => tokens[next])));
      expect([...found.shares.values()].reduce((a, b) => a + b)).toBeCloseTo(1, 9);
      expect(found.longest).toBe(Math.max(...byHand.map(({ length }) => length)));
      expect(found.top).toBe(Math.max(...found.shares.values()));
    }));
    // 1 2 was followed by 3; a lone 2 by 4 twice.
    expect(continuations(indexOf([1, 2, 3, 5, 2, 4, 6, 2, 4, 1, 2]))!.shares).toEqual(new Map([[3, 16 / 24], [4, 8 / 24]]));
  });

  it('never follow from another text', () => {
    expect(continuations(indexOf(joined([[1, 2], [3, 1, 2]])))).toBeNull();
    expect(continuations(indexOf(joined([[1, 2, 9], [3, 1, 2]])))).toMatchObject({ longest: 2, top: 1 });
  });
});

describe('the tokens of a document', () => {
  const source = readFileSync('models/calibration/1-inventory.ts', 'utf8');
  const lines = fc.array(fc.constantFrom('const a = 1;', '  return b;', '', '   ', '\tx', '}', '];', ' */', 'δ = "ü"', 'if (x) {'), { maxLength: 30 }).map((all) => all.join('\n'));

  it('are those of the whole, whatever the tokenizer', async () => {
    const others = await Promise.all(['gpt-2', 'deepseek-coder'].map(async (name) => Tokenizer.fromFiles(await tokenizerFiles(vocabPath(name)))));
    for (const tokenizer of [await tinyTokenizer(), ...others]) {
      const documents = new DocumentTokens((t) => tokenizer.encode(t));
      expect(documents.before(source)).toEqual(tokenizer.encode(source));
      fc.assert(fc.property(lines, (t) => {
        expect(pieces(t).join('')).toBe(t);
        expect(documents.before(t)).toEqual(tokenizer.encode(t));
        expect(documents.after(t)).toEqual(tokenizer.encode(t));
        const short = shortPieces(t, 20);
        expect(short.join('')).toBe(t);
        expect(short.flatMap((piece) => documents.piece(piece))).toEqual(tokenizer.encode(t));
      }), { numRuns: 60 });
    }
  });

  it('come from memory where the text did not change', () => {
    let asked: string[] = [];
    const documents = new DocumentTokens((t) => {
      asked.push(t);
      return [...t].map((c) => c.codePointAt(0)!);
    });
    documents.before(`${source}x`);
    asked = [];
    documents.before(`${source}xy`);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatch(/xy$/);
  });

  it('are bounded, in what is indexed and in what is remembered', () => {
    const documents = new DocumentTokens((t) => [t.length]);
    const huge = Array.from({ length: 50_000 }, (_, i) => `line ${i}`).join('\n');
    const sum = (ids: number[]): number => ids.reduce((a, b) => a + b, 0);
    expect(sum(documents.before(huge))).toBeLessThanOrEqual(160_000);
    expect(sum(documents.after(huge))).toBeLessThanOrEqual(80_000);
    expect(sum(documents.before('x'.repeat(1e6)))).toBe(160_000);
  });
});

describe('the index of teacher forcing', () => {
  it('is at every token the text below its line and the text before it', () => {
    const ids = Array.from({ length: 40 }, (_, i) => i % 9);
    const written = ids.map((_, i) => (i % 7 === 6 ? ';\n' : 'x'));
    const forced = new ForcedIndex(ids, written);
    for (let at = 0; at < ids.length; at++) {
      forced.advance();
      const line = Math.floor((at + 1) / 7);
      const expected = joined([ids.slice((line + 1) * 7), ids.slice(0, at + 1)]);
      expect(Array.from({ length: forced.index.length }, (_, i) => forced.index.at(i))).toEqual(expected);
    }
  });
});
