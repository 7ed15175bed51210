// What a document imports, and which files come beside it for that.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { declarationsOf, importedNames, MOST_NAMES } from '../../src/completion/imports.ts';
import { ImportedFiles } from '../../src/editor/importedFiles.ts';
import { settled } from '../support/fakeClock.ts';
import { fake, FileType, Position, Range, Uri, type FakeDocument } from '../support/fakeVscode.ts';

describe('the imported names', () => {
  const namesIn = (languageId: string, text: string) => importedNames(text, languageId).map(({ name }) => name);

  it.each<[string, string, string[]]>([
    ['typescript', "import { a, type B, c as d } from './x';\nimport e, * as f from './y';\nimport type { G } from './z';\nimport './effects';\n", ['a', 'B', 'd', 'e', 'f', 'G']],
    ['typescript', "import {\n  one,\n  two,\n} from '../many';\nexport { three } from './three';\nexport const four = 4;\n", ['one', 'two', 'three']],
    ['javascript', "const { a, b: c } = require('./x');\nconst d = require('../d');\nconst text = 'from';\n", ['a', 'c', 'd']],
    ['python', 'from .x import a, b as c\nfrom y import (\n    d,\n    e,\n)\nimport f.g, h as i\n', ['a', 'c', 'g', 'i', 'd', 'e']],
    ['java', 'import java.util.List;\nimport static a.B.c;\nclass X {}\n', ['List', 'c']],
    ['rust', 'use crate::store::{Store, self, Item as Thing};\npub use a::b;\n', ['Store', 'Thing', 'b']],
    ['kotlin', 'import a.b.C\nimport a.d.E as F\n', ['C', 'F']],
    ['cpp', '#include <vector>\n#include "store/item.h"\n', ['store/item.h']],
    ['csharp', 'using System.Text;\n', ['Text']],
  ])('of %s', (languageId, text, names) => {
    expect(namesIn(languageId, text).sort()).toEqual([...names].sort());
  });

  it('stand where the language service is asked, those from within the project first', () => {
    const text = "import { far } from 'library';\nimport {\n  near,\n} from './near';\n";
    expect(importedNames(text, 'typescript')).toEqual([{ name: 'near', line: 2, character: 2, near: true }, { name: 'far', line: 0, character: 9, near: false }]);
  });

  it('are few, lie in the text, and take time in proportion to it', () => {
    expect(importedNames(Array.from({ length: 100 }, (_, i) => `import { name${i} } from './x';\n`).join(''), 'typescript')).toHaveLength(MOST_NAMES);
    const word = fc.constantFrom('import ', 'export ', 'from ', "'./x'", '{', '}', '(', ')', ',', ' as ', 'a', '\n', '#include "', 'use ', '::', '*', 'const ', '= require(', ';', ' ', '"');
    fc.assert(fc.property(fc.array(word, { maxLength: 400 }), fc.constantFrom('typescript', 'python', 'rust', 'cpp'), (words, languageId) => {
      const text = words.join('');
      const lines = text.split('\n');
      for (const { name, line, character } of importedNames(text, languageId)) expect(lines[line].slice(character, character + name.length)).toBe(name);
    }), { numRuns: 300 });
    for (const one of ['import a ', 'from a import (', 'import {a,', 'use a::{', ' as as']) importedNames(one.repeat(20_000), one.startsWith('from') ? 'python' : 'typescript');
  });
});

describe('the declarations', () => {
  it('are whole, once, in the order of the text, with what is said above them', () => {
    const text = '// of all\nimport x\n\n/** Adds. */\nexport function add(a: number) {\n  return a;\n}\n\nconst between = 1;\nexport const LIMIT = 3;\nclass Last {\n  method() {}\n}\n';
    expect(declarationsOf(text, [9, 4, 4])).toBe('/** Adds. */\nexport function add(a: number) {\n  return a;\n}\n\nexport const LIMIT = 3;\n');
    expect(declarationsOf(text, [99])).toBe('');
  });

  it('are cut where they are long', () => {
    const long = `class Long {\n${'  field;\n'.repeat(100)}}\n`;
    expect(declarationsOf(long, [0]).split('\n').length).toBeLessThan(40);
  });
});

describe('imported files', () => {
  let now: number;
  let imported: ImportedFiles;
  let found: Record<string, unknown[]>;
  const always = () => true;

  beforeEach(() => {
    fake.reset();
    fake.folders = ['/one'];
    [now, found] = [0, {}];
    imported = new ImportedFiles({ now: () => now });
    fake.perform = (id, [uri, position]) => {
      if (id !== 'vscode.executeDefinitionProvider') return undefined;
      const document = fakeOpen.get((uri as Uri).toString())!;
      const rest = document.getText().split('\n')[(position as Position).line].slice((position as Position).character);
      return Promise.resolve(found[/^\w+/.exec(rest)![0]]);
    };
  });
  afterEach(() => (fake.perform = undefined));

  const fakeOpen = new Map<string, FakeDocument>();
  const open = (path: string, text: string) => {
    const { document } = fake.open(text, 'typescript', Uri.file(path));
    fakeOpen.set(document.uri.toString(), document);
    return document;
  };
  const put = (path: string, text: string, type: number = FileType.File) => void fake.disk.set(path, { text, mtime: 1, type });
  const link = (path: string, line: number) => ({ targetUri: Uri.file(path), targetRange: new Range(new Position(line, 0), new Position(line + 2, 0)) });
  const place = (path: string, line: number) => ({ uri: Uri.file(path), range: new Range(new Position(line, 0), new Position(line, 5)) });
  const besideOf = async (document: FakeDocument, mayRead: (path: string, bytes: number) => boolean = always) => {
    imported.beside(document as never, mayRead);
    for (let i = 0; i < 20; i++) await settled();
    return imported.beside(document as never, mayRead).map(({ path, text }) => [path, text]);
  };
  const questions = () => fake.executed.filter(({ id }) => id === 'vscode.executeDefinitionProvider').length;

  it('are those that the language service names, within the folder, the small ones whole and the large ones as declarations', async () => {
    put('/one/small.ts', 'export const small = 1;\n');
    put('/one/large.ts', `// ${'x'.repeat(20_000)}\nexport function large() {\n  return 1;\n}\nexport const other = 2;\n`);
    put('/two/outside.ts', 'secret\n');
    found = { small: [place('/one/small.ts', 0)], large: [link('/one/large.ts', 1)], outside: [place('/two/outside.ts', 0)], own: [place('/one/own.ts', 0)] };
    const document = open('/one/own.ts', "import { small, large, outside, own, unknown } from './x';\n");
    expect(imported.beside(document as never, always)).toEqual([]);
    const [small, large, ...others] = await besideOf(document);
    expect(small).toEqual(['/one/small.ts', 'export const small = 1;\n']);
    expect(large[0]).toBe('/one/large.ts');
    expect(large[1]).toMatch(/\nexport function large\(\) \{\n {2}return 1;\n\}\n$/);
    expect(others).toEqual([]);
    expect(fake.diskReads).not.toContain('/two/outside.ts');
  });

  it('are none that may not be read, no links, and none in Restricted Mode', async () => {
    put('/one/secret.ts', 'x\n');
    put('/one/link.ts', 'x\n', FileType.File | FileType.SymbolicLink);
    found = { a: [place('/one/secret.ts', 0)], b: [place('/one/link.ts', 0)] };
    const document = open('/one/own.ts', "import { a, b } from './x';\n");
    expect(await besideOf(document, (path) => !path.includes('secret'))).toEqual([]);
    expect(fake.diskReads).toEqual([]);
    fake.trusted = false;
    const asked = questions();
    expect(await besideOf(open('/one/other.ts', "import { a } from './x';\n"))).toEqual([]);
    expect(questions()).toBe(asked);
  });

  it('are asked for once, again when the names have changed, and not while a service is busy', async () => {
    put('/one/a.ts', 'a\n');
    found = { a: [place('/one/a.ts', 0)] };
    const document = open('/one/own.ts', "import { a } from './x';\nconst b = a;\n");
    expect((await besideOf(document)).length).toBe(1);
    document.change(24, 0, 'x');
    expect((await besideOf(document)).length).toBe(1);
    now = 11_000;
    await besideOf(document);
    expect(questions()).toBe(1);
    document.change(10, 0, ', a');
    now = 22_000;
    await besideOf(document);
    expect(questions()).toBe(3);
    fake.perform = () => {
      now += 3000;
      return Promise.resolve(undefined);
    };
    await besideOf(open('/one/slow.ts', "import { a, b, c } from './x';\n"));
    expect(questions()).toBe(4);
    now += 5000;
    await besideOf(open('/one/next.ts', "import { a } from './x';\n"));
    expect(questions()).toBe(4);
  });

  it('are asked for again where a service that has just started found nothing, or failed', async () => {
    put('/one/a.ts', 'a\n');
    const document = open('/one/own.ts', "import { a } from './x';\n");
    expect(await besideOf(document)).toEqual([]);
    found = { a: [place('/one/a.ts', 0)] };
    expect(await besideOf(document)).toEqual([]);
    now = 10_000;
    expect((await besideOf(document)).length).toBe(1);
    const { perform } = fake;
    fake.perform = () => Promise.reject(new Error('no'));
    const other = open('/one/other.ts', "import { a } from './x';\n");
    expect(await besideOf(other)).toEqual([]);
    fake.perform = perform;
    now = 45_000;
    expect((await besideOf(other)).length).toBe(1);
  });
});
