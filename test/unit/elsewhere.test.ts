import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { endsLine, standing } from '../../src/completion/elsewhere.ts';

const place = (before: string, after = '') => ({ path: 'a.ts', languageId: 'typescript', before, after });

/** The lines above the cursor's and those below it. */
const linesOf = (before: string, after: string): string[][] => [before.split('\n').slice(0, -1), after.split('\n').slice(1)];

/** The slow twin: line by line. */
function standingSlowly(line: string, before: string, after: string): { same: number; behindTheSame: boolean } {
  const depth = (one: string): number => /^\s*/.exec(one)![0].length;
  const behind = (lines: readonly string[]): string => {
    const told = lines.filter((one) => /\w/.test(one)).map((one) => one.trimEnd());
    const last = told.at(-1);
    const around = last === undefined ? undefined : told.slice(0, -1).findLast((one) => depth(one) < depth(last));
    return [last, around].map((one) => one?.trim()).join('|');
  };
  const here = behind(linesOf(before, after)[0]);
  const places = linesOf(before, after).flatMap((lines) => lines.flatMap((other, i) => (line !== '' && other.trim() === line ? [behind(lines.slice(0, i))] : [])));
  return { same: Math.min(2, places.length), behindTheSame: places.length === 1 && places[0] === here };
}

describe('where a line stands already', () => {
  test.each<[string, string, string, number, boolean]>([
    ['a(1);\n', 'a(1);', '', 1, false],
    ['x;\n  a(1);\nx;\n', 'a(1);', '', 1, true],
    ['const b = a(1);\nlet c = ', 'let c = a(1);', '', 0, false],
    ['let c = ', 'let c = a(1);', '\nlet c = a(1);', 1, true],
    ['let c = ', 'a(1);', 'a(1);', 0, false], // the cursor's own line
    ['a(1); // more\n', 'a(1);', '', 0, false],
    ['x;\na(1);\nx;\na(1);\nx;\na(1);\nx;\n', 'a(1);', '', 2, false],
    ['class A {\n  f() {\n    a(1);\n  }\n}\nclass A {\n  f() {\n', 'a(1);', '', 1, true],
    ['void f()\n{\n  a(1);\n}\nvoid g()\n{\n', 'a(1);', '', 1, false],
    ['class A {\n  f() {\n    a(1);\n  }\n}\nclass B {\n  f() {\n', 'a(1);', '', 1, false],
  ])('above %j: %j', (before, line, after, same, behindTheSame) => expect(standing(line, place(before, after))).toEqual({ same, behindTheSame }));

  const text = fc.array(fc.constantFrom('a', 'b', ' ', '\n', ';'), { maxLength: 40 }).map((parts) => parts.join(''));
  const word = fc.array(fc.constantFrom('a', 'b', ';'), { maxLength: 3 }).map((parts) => parts.join(''));

  it('is found as line by line', () => {
    fc.assert(fc.property(text, text, word, (before, after, line) => {
      expect(standing(line, place(before, after))).toEqual(standingSlowly(line, before, after));
    }));
  });

  it('ends another as line by line', () => {
    fc.assert(fc.property(text, text, word.filter((one) => one !== ''), (before, after, end) => {
      expect(endsLine(end, place(before, after))).toBe(linesOf(before, after).flat().some((line) => line.trimEnd().endsWith(end)));
    }));
  });
});
