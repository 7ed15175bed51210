import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { momentsOf, verdictOn, withoutMarks, type Fault, type MomentFile } from '../../src/eval/moments.ts';

const FOLDER = join(import.meta.dirname, '../fixtures/moments');
const project = (set: string, name: string): MomentFile[] =>
  readdirSync(join(FOLDER, set, name), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.txt')).map((path) => ({ path: path.slice(0, -4), text: readFileSync(join(FOLDER, set, name, path), 'utf8') }));

const files: MomentFile[] = [
  { path: 'src/a.ts', text: "import { b } from '⟦¦./b.js⟧';\n\nexport function store(id: string) {\n  return b.stores(id);\n}\n\nexport function product(id: string) {\n  ⟦ret¦urn b.products(id);¦urn b.product(id);¦!urn b.stores(id);⟧\n}\n" },
  { path: 'src/b.ts', text: 'export const b = { stores, products };\n' },
];
const [path, line] = momentsOf(files);

describe('moments', () => {
  it('are the marked places, everything else being written', () => {
    expect(withoutMarks(files[0].text)).not.toContain('⟦');
    expect(line).toMatchObject({ path: 'src/a.ts', line: 8, column: 6, right: ['urn b.products(id);', 'urn b.product(id);'], harmful: ['urn b.stores(id);'] });
    expect(line.snapshot.before.endsWith('(id: string) {\n  ret')).toBe(true);
    expect([line.snapshot.after, line.snapshot.languageId]).toEqual(['\n}\n', 'typescript']);
    expect(line.beside.map((file) => file.path)).toEqual(['src/b.ts']);
  });

  test.each<[string, string, { right?: boolean; part?: boolean; copy?: boolean; faults?: Fault[] }]>([
    ['the author\'s own line', 'urn b.products(id);', { right: true, copy: false, faults: [] }],
    ['another line that is right', 'urn b.product(id);', { right: true }],
    ['a right beginning', 'urn b.products(name);', { right: false, part: true, faults: ['unknown name'] }],
    ['a copy of the sibling', 'urn b.stores(id);', { right: false, copy: true, faults: ['marked'] }],
    ['half an expression', 'urn b.products(id) +', { faults: ['unfinished'] }],
    ['a bracket too many', 'urn b.products(id));', { faults: ['doubled'] }],
    ['a name from nowhere', 'urn shelf;', { faults: ['unknown name'] }],
    ['a line that stands too far left', 'urn b.products();\nb.products();', { faults: ['indentation'] }],
  ])('know %s', (_, shown, expected) => expect(verdictOn(line, shown)).toMatchObject(expected));

  test.each<[string, Fault[]]>([['./b.js', []], ['./b', []], ['../src/b.js', []], ['./c.js', ['invented path']]])('know whether the path %s exists', (shown, faults) => expect(verdictOn(path, shown).faults).toEqual(faults));

  test.each(['main', 'aside'])('of the set %s are many, of twelve languages, and the author\'s own text is right at each', (set) => {
    const all = readdirSync(join(FOLDER, set)).flatMap((name) => momentsOf(project(set, name)));
    expect(all.length).toBeGreaterThanOrEqual(set === 'main' ? 120 : 60);
    expect(new Set(all.map(({ snapshot }) => snapshot.languageId)).size).toBeGreaterThanOrEqual(12);
    for (const moment of all) {
      const verdict = verdictOn(moment, moment.right[0]);
      expect(verdict, `${moment.path}:${moment.line}`).toMatchObject({ right: true, copy: false });
      for (const harmful of moment.harmful) expect(verdictOn(moment, harmful), `${moment.path}:${moment.line} ${harmful}`).toMatchObject({ right: false, faults: expect.arrayContaining(['marked']) as unknown });
    }
  });
});
