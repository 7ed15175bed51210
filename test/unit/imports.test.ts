import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { importsOf, parseImportTable, violations, type Sources } from '../support/importRules.ts';

const table = parseImportTable(readFileSync('src/README.md', 'utf8'));

function readSources(): Sources {
  const paths = readdirSync('src', { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/'));
  return Object.fromEntries(paths.filter((path) => /\.[cm]?tsx?$/.test(path)).map((path) => [path, readFileSync(`src/${path}`, 'utf8')]));
}

describe('the import table', () => {
  it('is found in src/README.md', () => {
    expect(table.get('shared')).toEqual(new Set());
    expect(table.get('session')?.has('cache')).toBe(true);
    expect(table.size).toBeGreaterThan(8);
  });

  it('names only folders that it lists', () => {
    for (const allowed of table.values()) expect([...table.keys()]).toEqual(expect.arrayContaining([...allowed]));
  });

  it('is kept by every file under src', () => {
    expect(violations(readSources(), table)).toEqual([]);
  });
});

describe('the checker', () => {
  const check = (path: string, text: string, expected: RegExp) => {
    const planted = violations({ 'shared/errors.ts': '', 'model/segment.ts': '', 'session/stop.ts': '', [path]: text }, table);
    expect(planted).toEqual([expect.stringMatching(expected)]);
  };

  it.each([
    ["import { a } from '../session/stop.ts';", /model may not import session/],
    ["import type { A } from '../session/stop.ts';", /model may not import session/],
    ["import {\n  a,\n  b,\n} from '../session/stop.ts';", /model may not import session/],
    ["export * from '../session/stop.ts';", /model may not import session/],
    ["const a = await import('../session/stop.ts');", /model may not import session/],
    ["type A = import('../session/stop.ts').A;", /model may not import session/],
    ["import * as vscode from 'vscode';", /vscode outside editor/],
    ["import { InferenceSession } from 'onnxruntime-node';", /only model\/segment\.ts/],
    ["const load = require('onnxruntime-common');", /only model\/segment\.ts/],
    ["import OpenAI from 'openai';", /only remote\//],
    ["import https from 'node:https';", /no network/],
    ["import { lookup } from 'dns/promises';", /no network/],
    ["const addon = require('../../native/build/deltallm.node');", /loads a native addon/],
    ["process.dlopen(module, path);", /loads a native addon/],
    ["import { a } from '../shared/errors';", /without its extension/],
    ["import { a } from '../shared/missing.ts';", /does not exist/],
    ['\n'.repeat(501), /has 501 lines/],
  ])('catches %j', (text, expected) => {
    const planted = violations({ 'shared/errors.ts': '', 'session/stop.ts': '', 'model/planted.ts': text }, table);
    expect(planted).toContainEqual(expect.stringMatching(expected));
  });

  it('catches names that say nothing, folders that the table does not list, and imports from outside src', () => {
    check('cache/utils.ts', '', /name that says nothing/);
    check('stuff/idea.ts', '', /does not list/);
    check('cache/planted.ts', "import { a } from '../../test/support/peer.ts';", /outside src/);
  });

  it('lets what is allowed pass', () => {
    const text = "import { readFileSync } from 'node:fs';\nimport type { A } from '../shared/errors.ts';\n// import 'vscode'\n/* import x from 'node:net'; */";
    expect(violations({ 'shared/errors.ts': '', 'model/planted.ts': text }, table)).toEqual([]);
    expect(importsOf(text)).toEqual(['node:fs', '../shared/errors.ts']);
  });
});
