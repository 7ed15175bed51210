import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Snapshot } from '../../src/prompt/snapshot.ts';
import { Owed, spansWith, withoutTail } from '../../src/session/healing.ts';

/** One byte-level piece an id; the last id is a control token. */
const PIECES = ['a', ' ', '  ', '   ', ' a', '  b', '\t', '\n', ' \n', 'é'];
const CONTROL = PIECES.length;
const tokenizer = {
  size: PIECES.length + 1,
  bytes: (id: number): Uint8Array => new TextEncoder().encode(PIECES[id] ?? ''),
  isControl: (id: number): boolean => id === CONTROL,
};
const blanks = fc.stringMatching(/^[ \t]{0,6}$/);
const row = fc.array(fc.float({ min: -9, max: 9, noNaN: true }), { minLength: PIECES.length + 1, maxLength: PIECES.length + 1 });

/** Greedy decoding of random rows until nothing is owed: the text, and what of it was owed. */
function write(owed: Owed, rows: readonly number[][]): { text: string; paid: number } {
  let [text, paid] = ['', 0];
  for (const logits of rows) {
    const restricted = Float32Array.from(logits);
    owed.restrict(restricted);
    const id = restricted.indexOf(Math.max(...restricted));
    paid += owed.accept(id);
    text += PIECES[id] ?? '';
  }
  return { text, paid };
}

describe('what is owed', () => {
  it('stands at the beginning of the text, whatever the model says, and no more than that', () => {
    fc.assert(fc.property(blanks, fc.array(row, { minLength: 6, maxLength: 9 }), (owing, rows) => {
      const { text, paid } = write(new Owed(tokenizer, owing), rows);
      expect(text.startsWith(owing)).toBe(true);
      expect(paid).toBe(owing.length);
    }));
  });

  it('changes no row once it is paid, and none where nothing was owed', () => {
    fc.assert(fc.property(row, (logits) => {
      const owed = new Owed(tokenizer, '  ');
      owed.accept(PIECES.indexOf('  b'));
      for (const one of [owed, new Owed(tokenizer, '')]) {
        const restricted = Float32Array.from(logits);
        one.restrict(restricted);
        expect(restricted).toEqual(Float32Array.from(logits));
      }
    }));
  });

  it('keeps the logits of what is possible', () => {
    const logits = Float32Array.from(PIECES, (_, i) => i);
    new Owed({ ...tokenizer, size: PIECES.length }, ' ').restrict(logits);
    expect(PIECES.filter((_, i) => logits[i] > -Infinity)).toEqual([' ', '  ', '   ', ' a', '  b', ' \n']);
    expect(logits[PIECES.indexOf(' a')]).toBe(PIECES.indexOf(' a'));
  });

  it('is given up where no token can begin so', () => {
    const letters = { ...tokenizer, size: 1 };
    const owed = new Owed(letters, ' ');
    const logits = Float32Array.of(3, 2);
    owed.restrict(logits);
    expect([...logits]).toEqual([3, 2]);
    expect(owed.accept(0)).toBe(0);
  });
});

describe('the tail before a cursor', () => {
  const tailOf = (before: string): string => withoutTail({ path: '/a.ts', languageId: 'typescript', before, after: '' }).tail;

  it.each<[string, string]>([
    ['', ''], ['\n', ''], ['const a = ', ' '], ['\n    ', '    '], ['const', 'const'], ['  const', '  const'], ['\tconst', '\tconst'], ['items.', '.'], ['items.le', '.le'], ['f(x', '(x'], ['f({', '{'],
    ['a;', ';'], ['a)) ', ' '], ['é', ''], ['éa', 'a'], [`${' '.repeat(90)}a`, `${' '.repeat(90)}a`], ['x'.repeat(41), ''], [`.${'x'.repeat(40)}`, `.${'x'.repeat(40)}`],
  ])('of %j is %j', (before, tail) => expect(tailOf(before)).toBe(tail));

  it('and the text without it are the text', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', '_', ' ', '\t', '.', '(', '\n', 'é', '𝒳') }), fc.string(), (text, after) => {
      const snapshot: Snapshot = { path: '/a.ts', languageId: 'typescript', before: text, after };
      const { snapshot: cut, tail } = withoutTail(snapshot);
      expect(cut.before + tail).toBe(text);
      expect(cut).toEqual({ ...snapshot, before: cut.before });
      expect(tail).toMatch(/^[\x20-\x7e\t]*$/);
    }));
  });

  it('belongs to the spans of the document, not to those of the prompt', () => {
    const spans = [{ name: 'prefix' as const, start: 0, end: 10, tokens: 3, dropped: false }, { name: 'suffix' as const, start: 10, end: 25, tokens: 4, dropped: false }];
    expect(spansWith('  ', spans, 10).map(({ start, end }) => [start, end])).toEqual([[0, 12], [12, 27]]);
    expect(spansWith('', spans, 10)).toEqual(spans);
  });
});
