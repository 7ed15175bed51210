// How far a confidence can be trusted: the samples, the curve, and a file that may hold anything.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { curveOf, MOST_POINTS, samplesOf, type Sample } from '../../src/session/confidence.ts';
import { keepConfidence, parseConfidence, readConfidence } from '../../src/session/confidenceFile.ts';
import { mutate, randomBelow } from '../support/mutate.ts';

/** Samples of a text whose words are tokens; `guesses` says what the model would write instead of each. */
function samples(pieces: string[], guesses: Record<number, string> = {}): Sample[] {
  const texts = [...new Set([...pieces, ...Object.values(guesses)])];
  const id = (text: string) => texts.indexOf(text);
  const ids = pieces.map(id);
  return samplesOf(pieces, ids, ids.map((_, i) => ({ id: id(guesses[i + 1] ?? pieces[i + 1]), logProbability: -(2 ** i) })), (token) => texts[token]);
}

describe('a sample', () => {
  it('is right when greedy decoding would write the rest of the line', () => {
    // Places: before =, 1, and the line break is none, for nothing but the end of the line follows.
    expect(samples(['x', ' =', ' 1', '\n'])).toEqual([{ confidence: -(1 + 2 + 4) / 3, right: true }, { confidence: -(2 + 4) / 2, right: true }]);
  });

  it('is wrong from the first wrong token on, and its confidence ends there', () => {
    expect(samples(['x', ' =', ' 1', ' +', '\n'], { 2: ' 2' })).toEqual([
      { confidence: -(1 + 2) / 2, right: false }, { confidence: -2, right: false },
    ]);
  });

  it('may differ behind the line break', () => {
    expect(samples(['x', ' y', '\n  '], { 2: '\n\t' })).toEqual([{ confidence: -(1 + 2) / 2, right: true }]);
    expect(samples(['x', ' y', ';\n  '], { 2: '\n  ' })).toEqual([{ confidence: -(1 + 2) / 2, right: false }]);
  });

  it('begins at no place within a word, nor where the line is over or never ends', () => {
    const found = samples(['pre', 'fix', '(', 'b', '\n', '  ', 'a', '\n']).map(({ confidence }) => confidence);
    expect(found).toEqual([-(2 + 4 + 8) / 3, -(4 + 8) / 2, -(32 + 64) / 2]);
    expect(samples(['a', ' b', ' c'])).toEqual([]);
  });

  it('begins at no place behind which only brackets and the like follow', () => {
    expect(samples(['f', '(', ')', ';', '\n'])).toEqual([]);
  });

  it('without a finite confidence is left out', () => {
    expect(samplesOf(['a', ' b', '\n'], [0, 1, 2], [{ id: 1, logProbability: NaN }, { id: 2, logProbability: -1 }], () => '')).toEqual([]);
  });
});

const random = (count: number, seed: number): Sample[] => {
  const below = randomBelow(seed);
  return Array.from({ length: count }, () => {
    const confidence = -below(1 + (seed % 3) * 5000) / 1000;
    return { confidence, right: below(1000) < 800 * Math.exp(confidence) };
  });
};

describe('the curve', () => {
  it.each([0, 1, 2, 39, 40, 41, 100, 821, 5000])('of %d samples is ordered, whole, and says what was seen', (count) => {
    for (let seed = 1; seed <= 20; seed++) {
      const all = random(count, seed);
      const { samples: n, points } = curveOf(all);
      expect(n).toBe(count);
      expect(points.length).toBeLessThanOrEqual(MOST_POINTS);
      for (const [i, { threshold, coverage, precision }] of points.entries()) {
        expect(coverage).toBeCloseTo(all.filter(({ confidence }) => confidence >= threshold).length / count, 12);
        expect(precision).toBeLessThanOrEqual(1);
        if (i === 0) continue;
        expect(threshold).toBeLessThan(points[i - 1].threshold);
        expect(precision).toBeLessThanOrEqual(points[i - 1].precision + 1e-12);
      }
      if (count > 0) {
        expect(points.at(-1)!.coverage).toBe(1);
        // Smoothing moves what is right along the curve, it adds nothing.
        expect(points.at(-1)!.precision).toBeCloseTo(all.filter(({ right }) => right).length / count, 12);
      }
    }
  });

  it('does not smooth what falls already', () => {
    const steps = [1, 1, 0.5, 0.25];
    const all = steps.flatMap((share, i) => Array.from({ length: 40 }, (_, k): Sample => ({ confidence: -i - k / 100, right: k % 4 < 4 * share })));
    const { points } = curveOf(all);
    const at = (coverage: number) => points.find((p) => p.coverage === coverage)?.precision;
    expect([at(0.25), at(0.5), at(0.75), at(1)]).toEqual([1, 1, 2.5 / 3, 2.75 / 4]);
  });
});

const folder = mkdtempSync(join(tmpdir(), 'deltallm-confidence-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const SOURCE = 'ab'.repeat(32);
const curve = { ...curveOf(random(500, 4)), locality: true };
const file = { format: 3, source: SOURCE, ...curve };

describe('the file', () => {
  it('gives back what was kept, and leaves nothing else', async () => {
    const model = join(folder, 'model');
    mkdirSync(model);
    writeFileSync(join(model, 'confidence.json.left-by-a-kill'), '{');
    expect(await readConfidence(model, SOURCE)).toBeNull();
    await keepConfidence(model, SOURCE, curve);
    expect(readdirSync(model)).toEqual(['confidence.json']);
    expect(await readConfidence(model, SOURCE)).toEqual(curve);
    expect(await readConfidence(model, 'cd'.repeat(32))).toBeNull();
    expect(readFileSync(join(model, 'confidence.json'), 'utf8')).not.toContain(folder);
  });

  it('is not missed where it cannot be written or read', async () => {
    await keepConfidence(join(folder, 'nowhere'), SOURCE, curve);
    expect(existsSync(join(folder, 'nowhere'))).toBe(false);
    mkdirSync(join(folder, 'odd', 'confidence.json'), { recursive: true });
    await keepConfidence(join(folder, 'odd'), SOURCE, curve);
    expect(readdirSync(join(folder, 'odd'))).toEqual(['confidence.json']);
    expect(await readConfidence(join(folder, 'odd'), SOURCE)).toBeNull();
    writeFileSync(join(folder, 'confidence.json'), `${JSON.stringify(file)}${' '.repeat(100_000)}`);
    expect(await readConfidence(folder, SOURCE)).toBeNull();
  });

  const [first, second] = curve.points;
  it.each<[string, unknown]>([
    ['null', null], ['a list', []], ['a number', 1], ['another format', { ...file, format: 1 }], ['no source', { ...file, source: undefined }], ['no word on the text around', { ...file, locality: undefined }], ['no points', { ...file, points: undefined }],
    ['points that are none', { ...file, points: [null] }], ['too many points', { ...file, points: Array.from({ length: 41 }, () => first) }], ['half a sample', { ...file, samples: 0.5 }],
    ['a confidence above 0', { ...file, points: [{ ...first, threshold: 0.1 }] }], ['a share above 1', { ...file, points: [{ ...first, precision: 1.1 }] }], ['a share that is text', { ...file, points: [{ ...first, coverage: '1' }] }],
    ['points out of order', { ...file, points: [second, first] }], ['the same point twice', { ...file, points: [first, first] }], ['rising precision', { ...file, points: [{ ...first, precision: 0 }, { ...second, precision: 1 }] }],
  ])('with %s is none', (_, content) => expect(parseConfidence(JSON.stringify(content), SOURCE)).toBeNull());

  it('is a curve or none with its text damaged, 4000 times', () => {
    const below = randomBelow(11);
    const bytes = Buffer.from(JSON.stringify(file));
    let refused = 0;
    for (let i = 0; i < 4000; i++) {
      const read = parseConfidence(mutate(bytes, [], below).toString(), SOURCE);
      if (read === null) refused++;
      else for (const { threshold, coverage, precision } of read.points) expect(threshold <= 0 && threshold > -Infinity && coverage >= 0 && coverage <= 1 && precision >= 0 && precision <= 1).toBe(true);
    }
    expect(refused).toBeGreaterThan(1000);
    expect(refused).toBeLessThan(4000);
    expect(parseConfidence(JSON.stringify(file).replace(/"threshold":-[\d.]+/, '"threshold":-1e999'), SOURCE)).toBeNull();
  });
});
