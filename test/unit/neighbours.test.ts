// The neighbours as tokens: what is read when, what stays of a set when the next one comes, and that one set never stands for another.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joined } from '../../src/locality/continuations.ts';
import { DocumentTokens } from '../../src/locality/documentTokens.ts';
import { Neighbours, type NeighbourDocument } from '../../src/locality/neighbours.ts';
import { bounded, MOST_CHARACTERS, MOST_DOCUMENTS } from '../../src/session/neighbourSet.ts';
import { BOUNDARY, type TokenIndex } from '../../src/locality/tokenIndex.ts';

/** A character a token; `asked` counts those that were tokenized. */
function fresh(): { neighbours: Neighbours; asked: () => number } {
  let asked = 0;
  const neighbours = new Neighbours(new DocumentTokens((text) => {
    asked += text.length;
    return [...text].map((c) => c.codePointAt(0)!);
  }));
  return { neighbours, asked: () => asked };
}

const documents = (...texts: string[]): NeighbourDocument[] => texts.map((text, i) => ({ path: `/${i}`, text }));
const tokensIn = (index: TokenIndex): number[] => Array.from({ length: index.length }, (_, i) => index.at(i));
const tokensOf = (text: string): number[] => [...text].map((c) => c.codePointAt(0)!);
/** The farthest first, each with an end that no match crosses. */
const expected = (texts: readonly string[]): number[] => joined([...texts.toReversed().map(tokensOf), []]);

function readAll(neighbours: Neighbours): void {
  while (neighbours.readOn());
}

describe('a set of neighbours', () => {
  it('is after any sets before it what it is alone, whatever had been read of them', () => {
    const text = fc.array(fc.constantFrom('a = 1\n', 'b(c)\n', '  d\n', '\n', `${'x'.repeat(1200)}\n`), { maxLength: 6 }).map((lines) => lines.join(''));
    fc.assert(fc.property(fc.array(fc.record({ texts: fc.array(text, { maxLength: 4 }), slices: fc.nat(4) }), { minLength: 1, maxLength: 6 }), (sets) => {
      const { neighbours } = fresh();
      for (const [n, { texts, slices }] of sets.entries()) {
        neighbours.become(String(n), documents(...texts));
        neighbours.of(String(n));
        for (let i = 0; i < slices; i++) neighbours.readOn();
      }
      const { texts } = sets.at(-1)!;
      const name = String(sets.length - 1);
      readAll(neighbours);
      const found = neighbours.of(name);
      expect(found ? tokensIn(found.index) : []).toEqual(texts.length > 0 ? expected(texts) : []);
      expect(found?.paths ?? []).toEqual(texts.map((_, i) => `/${i}`));
    }));
  });

  it('answers to its own name alone', () => {
    const { neighbours } = fresh();
    neighbours.become('one', documents('alpha\n'));
    expect(neighbours.of('one')).toBeDefined();
    expect(neighbours.of('two')).toBeUndefined();
    neighbours.become('two', []);
    expect(neighbours.of('one')).toBeUndefined();
    expect(neighbours.of('two')).toBeUndefined();
    expect(neighbours.index.length).toBe(0);
  });

  it('is read slice by slice, and not before somebody asks', () => {
    const { neighbours, asked } = fresh();
    const line = `${'word '.repeat(20)}.\n`;
    const text = line.repeat(500);
    // Lines that differ, so that none is known.
    const texts = [0, 1].map((n) => text.split('\n').map((l, i) => `${n}${i}${l}`).join('\n'));
    neighbours.become('a', documents(...texts));
    expect([neighbours.readOn(), asked()]).toEqual([false, 0]);
    expect(neighbours.of('a')!.paths).toEqual(['/1']);
    for (let before = 0, more = true; more; before = asked()) {
      expect(asked() - before).toBeLessThanOrEqual(8000);
      more = neighbours.readOn();
    }
    expect(tokensIn(neighbours.index)).toEqual(expected(texts));
  });

  it('takes what is known at once: a change of the nearest tokenizes what changed', () => {
    const { neighbours, asked } = fresh();
    const lines = Array.from({ length: 3000 }, (_, i) => `line ${i}`);
    const far = lines.map((line) => `${line};`).join('\n');
    neighbours.become('a', documents(lines.join('\n'), far));
    neighbours.of('a');
    readAll(neighbours);
    const before = asked();
    const edited = lines.with(2990, 'another').join('\n');
    neighbours.become('b', documents(edited, far));
    expect(tokensIn(neighbours.of('b')!.index)).toEqual(expected([edited, far]));
    expect(asked() - before).toBe('another\n'.length);
    expect(neighbours.readOn()).toBe(false);
  });

  it('is read whole where a class is longer than a slice', () => {
    const { neighbours } = fresh();
    const text = `class A:\n${Array.from({ length: 1000 }, (_, i) => `    b${i} = c(${i}) or d`).join('\n')}\n`;
    neighbours.become('class', documents(text));
    neighbours.of('class');
    readAll(neighbours);
    expect(tokensIn(neighbours.index)).toEqual(expected([text]));
  });

  it('leaves out pieces that are data', () => {
    const { neighbours } = fresh();
    neighbours.become('data', documents(`a\n${'x'.repeat(9000)}\nb\n`));
    neighbours.of('data');
    readAll(neighbours);
    expect(tokensIn(neighbours.index)).toEqual([...tokensOf('a\n'), BOUNDARY, ...tokensOf('\nb\n'), BOUNDARY]);
  });
});

describe('what travels', () => {
  it('is bounded in documents and in characters, the last one cut, and no text beyond is asked for', () => {
    let made = 0;
    function* texts(length: number): Generator<NeighbourDocument> {
      for (;;) yield { path: `/${made++}`, text: 'x'.repeat(length) };
    }
    expect(bounded(texts(1))).toHaveLength(MOST_DOCUMENTS);
    expect(made).toBe(MOST_DOCUMENTS);
    made = 0;
    const kept = bounded(texts(100_000));
    expect(kept.map(({ text }) => text.length)).toEqual([100_000, 100_000, MOST_CHARACTERS - 200_000]);
    expect(made).toBe(3);
    expect(bounded([])).toEqual([]);
  });
});
