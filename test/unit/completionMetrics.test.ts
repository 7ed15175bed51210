import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { completionReport } from '../../src/eval/completionReport.ts';
import { coverageCurve, predicted, shownAt, summarise, type Outcome } from '../../src/eval/completions.ts';
import { cursorsOf, drawCursors, RULES, type Rule } from '../../src/eval/cursors.ts';
import { editDistance, editSimilarity, firstLine, percentile } from '../../src/eval/similarity.ts';
import type { ConfidenceCurve } from '../../src/session/protocol.ts';

describe('edit similarity', () => {
  test.each<[string, string, number]>([
    ['', '', 1], ['a', '', 0], ['abc', 'abc', 1], ['abc', 'abd', 2 / 3], ['abcd', 'bcd', 3 / 4], ['kitten', 'sitting', 1 - 3 / 7], ['ab', 'ba', 0], ['日本', '日中', 1 / 2], ['🦙🦙', '🦙', 1 / 2],
  ])('of %j and %j', (a, b, expected) => expect(editSimilarity(a, b)).toBeCloseTo(expected, 12));

  const texts = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 8 });
  test('comes from a distance: symmetric, zero for equals alone, and no detour is shorter', () => {
    fc.assert(
      fc.property(texts, texts, texts, (a, b, c) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a.join('') === b.join(''));
        expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});

test('the first line is the first that is not blank, without blanks around it', () => {
  expect(['', ' \n\n', 'a', '\n  a b \n c'].map(firstLine)).toEqual(['', '', 'a', 'a b']);
});

describe('a percentile', () => {
  test.each<[number[], number, number]>([[[3, 1, 2], 0.5, 2], [[1, 2, 3, 4], 0.5, 2], [[1, 2, 3, 4], 0.95, 4], [[5], 0.95, 5], [[1, 2], 0, 1], [[], 0.5, NaN]])('of %j at %d', (values, q, expected) => expect(percentile(values, q)).toBe(expected));

  test('is one of the values, and the asked share is not larger', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), fc.double({ min: 0.01, max: 1, noNaN: true }), (values, q) => {
        const found = percentile(values, q);
        expect(values).toContain(found);
        expect(values.filter((value) => value <= found).length).toBeGreaterThanOrEqual(q * values.length - 1e-9);
      }),
      { seed: 2 },
    );
  });
});

const text = [
  "import { join } from 'node:path';",
  '// a comment, with return x',
  'export function f(a: string, b = 2): number {',
  '  if (a) {',
  '    return g(a, b.length);',
  '  }',
  '',
  '  return 0;',
  '}',
].join('\n');
const file = { path: 'f.ts', languageId: 'typescript', text };

/** Each place as its document with ¦ at the cursor, and what was deleted. */
function placesOf(rule: Rule): [string, string][] {
  return cursorsOf(file).filter((cursor) => cursor.rule === rule).map(({ snapshot, expected }) => [`${snapshot.before.split('\n').at(-1)}¦${snapshot.after.split('\n')[0]}`, expected]);
}

describe('cursors', () => {
  test.each<[Rule, [string, string][]]>([
    ['lineStart', [
      ['¦', "import { join } from 'node:path';"], ['¦', '// a comment, with return x'], ['¦', 'export function f(a: string, b = 2): number {'], ['  ¦', 'if (a) {'], ['    ¦', 'return g(a, b.length);'],
      ['  ¦', '}'], ['  ¦', 'return 0;'], ['¦', '}'],
    ]],
    ['assignment', [['export function f(a: string, b = ¦', '2): number {']]],
    ['member', [['    return g(a, b.¦', 'length);']]],
    ['argument', [['export function f(a: string, ¦', 'b = 2): number {'], ['    return g(a, ¦', 'b.length);']]],
    ['bracket', [['export function f(¦)', 'a: string, b = 2'], ['  if (¦)', 'a'], ['    return g(¦)', 'a, b.length']]],
    ['block', [['  ¦', 'if (a) {'], ['    ¦', 'return g(a, b.length);']]],
  ])('by the rule %s', (rule, expected) => expect(placesOf(rule)).toEqual(expected));

  test('delete the rest of the line, or the whole block, and nothing else', () => {
    for (const { rule, snapshot, expected } of cursorsOf(file)) {
      if (rule === 'block' || rule === 'bracket') continue;
      expect(snapshot.before + expected + snapshot.after).toBe(text);
    }
    const [outer, inner] = cursorsOf(file).filter(({ rule }) => rule === 'block');
    expect(outer.snapshot.before.endsWith('number {\n  ')).toBe(true);
    expect(outer.snapshot.after).toBe('\n}');
    expect(inner.snapshot.after).toBe('\n  }\n\n  return 0;\n}');
  });

  test('are the same for the same seed, differ with another, and do not depend on other files', () => {
    const long = { ...file, text: Array.from({ length: 30 }, () => text).join('\n') };
    const key = (seed: number) => drawCursors(long, 12, seed).map(({ rule, line, column }) => `${rule} ${line}:${column}`);
    expect(key(1)).toEqual(key(1));
    expect(key(1)).not.toEqual(key(2));
    expect(new Set(key(1)).size).toBe(12);
  });

  test('take turns between the rules', () => {
    const long = { ...file, text: Array.from({ length: 30 }, () => text).join('\n') };
    const drawn = drawCursors(long, 2 * RULES.length, 3);
    for (const rule of RULES) expect(drawn.filter((cursor) => cursor.rule === rule)).toHaveLength(2);
  });

  test('of a file with too few places are all of them', () => {
    expect(drawCursors(file, 1000, 1)).toHaveLength(cursorsOf(file).length);
    expect(drawCursors({ ...file, text: '' }, 5, 1)).toEqual([]);
  });
});

/** Outcomes by confidence and whether they are right. */
const outcome = (confidence: number | null, exact: boolean, part: Partial<Outcome> = {}): Outcome => ({
  path: 'f', rule: 'lineStart', line: 1, column: 1, silent: null, expected: 'x', written: confidence === null ? '' : exact ? 'x' : 'y', exact, similarity: Number(exact), degenerate: false, confidence,
  mean: confidence, text: '', scores: [], tokens: { prompt: 100, reused: 60, computed: 50, generated: 10 }, ms: 10, ...part,
});
const outcomes = [outcome(-0.1, true), outcome(-0.2, true), outcome(-0.5, false), outcome(-1, true), outcome(-2, false), outcome(-0.05, false, { degenerate: true }), outcome(null, false), outcome(-3, false, { silent: 'longLine' })];
const curve: ConfidenceCurve = { samples: 50, points: [{ threshold: -0.2, coverage: 0.2, precision: 0.9 }, { threshold: -1, coverage: 0.6, precision: 0.7 }, { threshold: -4, coverage: 1, precision: 0.5 }] };

describe('what a threshold lets through', () => {
  test.each<[number, number, number]>([[0, 0, NaN], [-0.1, 1 / 8, 1], [-0.2, 2 / 8, 1], [-0.9, 3 / 8, 2 / 3], [-1, 4 / 8, 3 / 4], [-Infinity, 6 / 8, 1 / 2]])('%d: a share of %d with precision %d', (least, returned, precision) => {
    const shown = shownAt(outcomes, least);
    expect([shown.returned, shown.precision]).toEqual([returned, precision]);
  });

  test('is counted of the places that were asked about, without degenerate texts', () => {
    const { positions, asked, empty, degenerate, exact, eagerness, tokens } = summarise(outcomes, curve);
    expect([positions, asked, empty, degenerate, exact]).toEqual([8, 7, 1 / 7, 1 / 7, 3 / 7]);
    expect(eagerness.auto).toMatchObject({ threshold: -1, returned: 4 / 7, precision: 3 / 4 });
    expect(eagerness.high).toMatchObject({ threshold: -Infinity, returned: 5 / 7, precision: 3 / 5 });
    expect(tokens).toEqual({ prompt: 100, reused: 60, computed: 50, generated: 10 });
  });

  test('is a curve by coverage of what can be shown', () => {
    expect(coverageCurve(outcomes, [0.2, 0.4, 0.6, 1]).map(({ threshold, precision }) => [threshold, precision])).toEqual([[-0.1, 1], [-0.2, 1], [-0.5, 2 / 3], [-2, 3 / 5]]);
  });

  test.each<[number, number, number]>([[-0.1, 0, 0.9], [-0.2, 0.2, 0.9], [-0.7, 0.2, 0.9], [-1, 0.6, 0.7], [-9, 1, 0.5]])('at %d is said by the sample code to be %d with precision %d', (least, coverage, precision) => {
    expect(predicted(curve, least)).toMatchObject({ coverage, precision });
  });
});

test('the report is tables whose rows have as many cells as their heads, without holes, also where nothing was written', () => {
  for (const all of [outcomes, [outcome(null, false)], []]) {
    const one = { curve, outcomes: all, summary: summarise(all, curve), typing: { lines: 1, keys: 3, prompt: 100, reused: 90, computed: { p50: 1, p95: 2, most: 3 } } };
    const report = completionReport([{ ...one, attention: 'dense' }, { ...one, attention: 'delta', typing: null }]);
    const tables = report.split('\n\n').filter((part) => part.startsWith('|'));
    expect(tables).toHaveLength(5);
    for (const table of tables) expect(new Set(table.split('\n').map((line) => line.split('|').length)).size).toBe(1);
    expect(report).not.toMatch(/NaN|undefined|Infinity/);
  }
});
