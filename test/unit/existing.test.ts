import { describe, expect, test } from 'vitest';
import { among, isInvented, isOnlyPath, memberStart, type Existing } from '../../src/completion/existing.ts';
import type { Snapshot } from '../../src/prompt/snapshot.ts';

/** A folder's path from the document's own → its names. */
const project: Record<string, string[]> = {
  '': ['main.ts', 'order.ts', 'orderLine.ts', 'config.json', 'load.py', 'stats.py', '__init__.py', 'queue.rs', 'routes/', 'helpers.sh', '.env', 'tiny.d.ts', 'pkg/'],
  routes: ['index.ts', 'orders.tsx'],
  pkg: ['__init__.py', 'models.py'],
  '..': ['lib/', 'src/', 'README.md', 'base.json', 'report.py'],
  '../lib': ['router.ts', 'logger.ts', '_theme.scss'],
};
const unread = new Set(['../src']);

const existing = (members?: string[]): Existing => ({
  // What lies deeper than a folder or two is not listed ahead.
  folder: (path) => (unread.has(path) || /\w\/\w/.test(path) ? undefined : project[path] ? new Set(project[path]) : null),
  members: () => members && new Set(members),
});

const ENDINGS: Record<string, string> = { typescript: 'ts', python: 'py', rust: 'rs', shellscript: 'sh', scss: 'scss', json: 'json', c: 'c' };
const at = (marked: string, languageId = 'typescript'): Snapshot => {
  const [before, after] = marked.split('¦');
  return { path: `/p/src/main.${ENDINGS[languageId]}`, languageId, before, after };
};

/** As long as a folder is being listed nobody knows what is in it. */
const listing: Existing = { folder: () => 'listing', members: () => undefined };

/** What becomes of a text that is written at ¦; null: it is not shown. */
const check = (marked: string, text: string, languageId?: string): string | null => {
  const snapshot = at(marked, languageId);
  const kept = among(text, snapshot, existing());
  expect(isInvented(text, snapshot, existing())).toBe(kept === null);
  return kept;
};

describe('a path into a folder that is being listed is not shown yet', () => {
  test.each<[string, string, boolean]>([
    ["import { a } from './¦", "order';", true],
    ["import { a } from '¦';", '../lib/deep/router.js', true],
    ["import { a } from './order';¦", " // './orders'", false],
    ["const a = ¦;", 'order()', false],
    ["import { a } from '¦';", 'lodash', false],
  ])('%j %j', (marked, text, withheld) => {
    expect(among(text, at(marked), listing)).toBe(text);
    expect(isInvented(text, at(marked), listing)).toBe(withheld);
    expect(isOnlyPath(text, at(marked), listing)).toBe(false);
  });
});

describe('a path that there is a file for is left as it is', () => {
  test.each<[string, string, string?]>([
    ["import { a } from './¦", "order';"],
    ["import { a } from './¦';", 'order'],
    ["import { a } from './¦';", 'order.js'],
    ["import { a } from './¦';", 'order.ts'],
    ["import { a } from '¦';", '../lib/router.js'],
    ["import { a } from '¦';", './routes'],
    ["import { a } from './routes/¦';", 'orders.js'],
    ["import { a } from './¦';", 'tiny'],
    ["import x from './¦';", 'config.json'],
    ["import x from './¦", 'ord'],
    ["const a = await import('./¦');", 'routes/index.js'],
    ["const a = require('./¦')", 'order'],
    ["import { a } from '¦';", 'lodash'],
    ["import { a } from '../src/¦';", 'whoKnows'],
    ["import { a } from './${¦}';", 'name'],
    ["writeFile('./¦', text)", 'new.txt'],
    ["const address = './¦';", 'anything'],
    ['from .¦', 'stats import mean', 'python'],
    ['from .pkg¦', '.models import A', 'python'],
    ['from ..¦', 'report import R', 'python'],
    ['from . import ¦', 'load', 'python'],
    ['from json¦', ' import loads', 'python'],
    ['mod ¦', 'queue;', 'rust'],
    ['mod tests {¦', '\n    use super::*;', 'rust'],
    ['. ¦', './helpers.sh', 'shellscript'],
    ["@use '../lib/¦'", 'theme', 'scss'],
    ['{ "extends": "../¦" }', 'base.json', 'json'],
    ['with open("./¦") as f:', 'load.py', 'python'],
  ])('%j and %j', (marked, text, language) => expect(check(marked, text, language)).toBe(text));
});

describe('a path that there is none for becomes the one that is meant', () => {
  test.each<[string, string, string, string?]>([
    ["import { a } from './ord¦';", 'ers', 'er'],
    ["import { a } from './orderL¦", "ist';\nnext();", "ine';\nnext();"],
    ["import { b } from '../lib/router.js';\nimport { a } from './orderL¦';", 'ist.js', 'ine.js'],
    ["import { b } from '../lib/router.ts';\nimport { a } from '../lib/lo¦';", 'ger.ts', 'gger.ts'],
    ['import { a } from ¦', "'../lib/loggers.js';", "'../lib/logger';"],
    ['from .sta¦', 'tistics import mean', 'ts import mean', 'python'],
  ])('%j and %j: %j', (marked, text, wanted, language) => expect(check(marked, text, language)).toBe(wanted));
});

describe('a path that there is none for, and none that is meant, is not shown', () => {
  test.each<[string, string, string?]>([
    ["import { a } from './¦';", 'utils'],
    ["import { a } from './¦';", 'services/orderService.js'],
    ["import { a } from '../¦';", 'services/orderService.js'],
    ["import { a } from '../models/¦';", 'user'],
    ["import { a } from './or¦';", 'acle'],
    ["import { a } from './routes/¦';", 'admin/users'],
    ['const a = require(¦)', "'./database'"],
    ['from .¦', 'utils import a', 'python'],
    ['mod ¦', 'worker;', 'rust'],
    ['source ./¦', 'setup.sh\n', 'shellscript'],
    ['const a = readFileSync("./¦");', 'missing.json'],
  ])('%j and %j', (marked, text, language) => expect(check(marked, text, language)).toBeNull());

  test('and in a later line it ends the text', () => {
    expect(check('¦', "import { a } from './order';\nimport { b } from './utils';\n")).toBe("import { a } from './order';");
    expect(check('¦', "function f() {\n  return require('./utils');\n}")).toBeNull();
  });
});

describe('a path that is the only one', () => {
  test.each<[string, string, boolean, string?]>([
    ["import { a } from '../lib/ro¦';", 'uter', true],
    ["import { a } from '../lib/ro¦", "uter';", true],
    ["import { a } from './orderL¦", "ine.js';", true],
    ["import { a } from './ord¦';", 'er', false],
    ["import { a } from '../lib/¦';", 'router', false],
    ["import { a } from '../l¦';", 'ib/router', false],
    ["import { a } from '../lib/ro¦';", 'utes', false],
    ['import { a } from ¦', "'../lib/router';", false],
    ['const a = ¦', 'router;', false],
    ['from .sta¦', 'ts import mean', true, 'python'],
  ])('at %j with %j: %j', (marked, text, only, language) => expect(isOnlyPath(text, at(marked, language), existing())).toBe(only));
});

describe('a member', () => {
  const invented = (marked: string, text: string, members?: string[]): boolean => isInvented(text, at(marked), existing(members));

  test.each<[string, string, string[] | undefined, boolean]>([
    ['items.¦', 'map((a) => a)', ['map', 'filter'], false],
    ['items.fi¦', 'lter(Boolean)', ['map', 'filter'], false],
    ['items.¦', 'compact()', ['map', 'filter'], true],
    ['items.fi¦', 'rst', ['map', 'filter'], true],
    ['this.orders?.¦', 'getAll()', ['get'], true],
    ['items.¦', 'compact()', undefined, false],
    ['items.map¦', '(x)', ['filter'], false],
    ['process.env.¦', 'PORT', ['TZ'], false],
    ['const a = 1.¦', 'toFixed', ['x'], false],
    ['settings.¦\nsettings.theme = 1;', 'theme', ['get'], false],
    ['const total = ¦', 'sum', ['get'], false],
  ])('%j and %j, of %j: invented is %j', (marked, text, members, expected) => expect(invented(marked, text, members)).toBe(expected));

  test.each([['  items.fi', 8], ['a?.', 3], ['f().x', 4], ['p->n', 3], ['const a', -1], ['1.', -1], ['./', -1]])('of %j begins at %j', (line, start) => expect(memberStart(line)).toBe(start));
});
