import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Pointless } from '../../src/completion/request.ts';
import { pointless } from '../../src/completion/worth.ts';

const CURSOR = '¦';
const above = 'import { readFile } from "node:fs";\n';

/** What is said of the place of ¦. */
function check(marked: string, languageId: string, expected: Pointless | null): void {
  const at = marked.indexOf(CURSOR);
  expect(pointless({ path: 'f', languageId, before: marked.slice(0, at), after: marked.slice(at + 1) })).toBe(expected);
}

const of = (languageId: string, line: string): [string, string] => [`first line of it\nsecond line of it\n${line}`, languageId];
const ts = (line: string): [string, string] => [`${above}${line}`, 'typescript'];
const py = (line: string): [string, string] => [`import os\nimport sys\n${line}`, 'python'];

describe('worth asking about is', () => {
  test.each<[string, [string, string]]>([
    ['an empty line', ts('¦\n')],
    ['an indented empty line', ts('function f() {\n  ¦\n}\n')],
    ['an empty line between brackets', ts('f({\n  ¦\n});\n')],
    ['the end of a line that goes on', ts('const a = ¦')],
    ['the end of a word', ts('const text = readFi¦')],
    ['a call', ts('readFile(¦);')],
    ['a call with its closing bracket', ts('readFile(¦)')],
    ['between other arguments', ts('readFile(a, ¦, b);')],
    ['before other arguments', ts('readFile(¦, b);')],
    ['an element', ts('const a = [first, ¦];')],
    ['a condition', ts('if (a && ¦) return null;')],
    ['a condition before its block', ts('if (a &&¦ {')],
    ['a string', ts('import { x } from "¦";')],
    ['a type', ts('const a: Map<string, ¦> = new Map();')],
    ['a tag', ts('<div>¦</div>')],
    ['before a comment', ts('const a = ¦ // why')],
    ['before a comment in Python', py('x = ¦  # why')],
    ['a property', ts('text.¦')],
    ['the middle of a loop\'s head', ts('for (let i = 0; ¦)')],
    ['behind a first digit', ts('for (let i = 0¦')],
    ['behind a port', ts('listen(808¦')],
    ['behind a word with digits', ts('const sha256¦')],
    ['behind a closing bracket and a space', ts('} ¦')],
    ['behind an import\'s bracket', ts('import { a }¦')],
    ['behind a call', ts('foo()¦')],
    ['behind a comma', ts('foo(a,¦')],
    ['a block begun on the same line', ts('if (a) { b(); ¦')],
    ['a semicolon within a string', ts('const a = "x;¦')],
    ['a semicolon within a comment', ts('// first; ¦')],
    ['a line of a comment\'s block', ts('/**\n * first; ¦')],
    ['before brackets on a line of their own', ts('f(() => {\n  ¦});')],
    ['a comment behind a statement', ts('a(); // because; ¦')],
    ['a comment', ts('// TODO: ¦')],
    ['an indented line in Python', py('def f():\n    ¦\n')],
    ['a bracket in Python', py('x = [¦]')],
    ['a semicolon in the shell', ['case $1 in\n  a) b;¦', 'shellscript']],
    ['a sentence', ['# Title\n\nSome words; ¦', 'markdown']],
    ['a long paragraph', [`# Title\n\n${'Some words. '.repeat(100)}¦`, 'markdown']],
    ['the beginning of the first line', ['¦\nconst first = 1;\n', 'typescript']],
    ['a Windows line end', [`${above}const a = ¦\r\nconst b = 2;\r\n`, 'typescript']],
    ['a blank line with the tail of a template', ts('const a = `x${¦}`')],
    ['the value of a template literal', ts('const a = `${x}¦`')],
  ])('%s', (_, [marked, languageId]) => check(marked, languageId, null));
});

describe('worth asking about is the gap before', () => {
  test.each<[string, [string, string]]>([
    ['the end of an element without text', of('typescriptreact', '  <Button ¦ />')],
    ['the end of an element, no blank between', of('html', '<img src="a" ¦/>')],
    ['the end of a documenting comment', of('typescript', '/** ¦ */')],
    ['the end of a comment', of('css', '/* ¦ */')],
    ['the end of a boxed comment', of('c', '/* ¦ **/')],
    ['the end of a comment of markup', of('html', '<!-- ¦ -->')],
    ['the end of a comment of OCaml', of('ocaml', 'let x = 1 (* ¦ *)')],
    ['the end of a comment of Haskell', of('haskell', '{- ¦ -}')],
    ['the end of a comment of a template', of('jinja', '{# ¦ #}')],
    ['the end of a comment of PowerShell', of('powershell', '<# ¦ #>')],
    ['the end of a comment of a server page', of('erb', '<%-- ¦ --%>')],
    ['the end of PHP', of('php', '<?php echo ¦ ?>')],
    ['the end of a server page\'s code', of('erb', '<%= ¦ %>')],
    ['the end of it that takes the line end away', of('erb', '<%= ¦ -%>')],
    ['the end of a template\'s tag', of('html', '{% if ¦ %}')],
    ['the end of a template\'s tag that takes blanks away', of('html', '{%- if ¦ -%}')],
    ['the end of a template\'s value', of('vue', '<p>{{ ¦ }}</p>')],
    ['the end of a template\'s value that takes blanks away', of('go', '{{- ¦ -}}')],
    ['a line that goes on below', of('shellscript', 'curl ¦ \\')],
    ['a line of a macro', of('c', '#define A(x) ¦ \\')],
    ['a line of Python that goes on below', of('python', 'x = ¦ \\')],
    ['the end of a list of imports', of('typescript', 'import { a, ¦ } from "b";')],
    ['the rest of a list of imports', of('typescript', 'import { a, ¦ c } from "d";')],
    ['another imported name', of('typescript', 'import { ¦, b } from "c";')],
    ['the end of a list of imports in Python', of('python', 'from a import (b, ¦)')],
    ['a pair that the editor closed', of('typescript', 'f({ ¦ })')],
    ['a comma', of('typescript', 'f(¦, b);')],
    ['a block', of('go', 'if err := f(¦); err != nil {')],
    ['a block of a function', of('typescript', 'const f = (a: ¦) => {')],
    ['a block behind an arrow', of('dart', 'f(a) ¦ => {')],
    ['then', of('lua', 'if ¦ then')],
    ['do', of('shellscript', 'for i in ¦ do')],
    ['end', of('ruby', 'a.each do |b| ¦ end')],
    ['the next command', of('shellscript', 'cat ¦ | sort')],
    ['the file that output goes to', of('shellscript', 'sort ¦ 2>/dev/null')],
    ['the end of a closure\'s parameters', of('rust', 'a.map(|¦| b);')],
    ['the end of what is emphasised', of('markdown', 'It is **¦** here')],
    ['the end of a formula', of('latex', '\\( ¦ \\)')],
    ['a comment of its language', of('lua', 'local a = ¦ -- why')],
    ['a comment of a lisp', of('clojure', '(def a ¦) ; why')],
  ])('%s', (_, [marked, languageId]) => check(marked, languageId, null));
});

describe('no gap is', () => {
  test.each<[string, [string, string]]>([
    ['before a decrement', of('typescript', 'i¦--;')],
    ['before a private name', of('typescript', 'this.¦#a = 1;')],
    ['before an or', of('rust', 'let a = b ¦|| c;')],
    ['before a division', of('typescript', 'a ¦ / b')],
    ['before an escape in the middle', of('shellscript', 'echo ¦ \\n rest')],
    ['before a remainder', of('python', 'a ¦ % b')],
    ['before a word like end', of('ruby', 'a ¦ ending')],
    ['before a pipe of types', of('typescript', 'type A = b ¦ | c')],
  ])('%s', (_, [marked, languageId]) => check(marked, languageId, 'midLine'));
});

describe('pointless is', () => {
  test.each<[string, Pointless, [string, string]]>([
    ['an empty document', 'emptyDocument', ['¦', 'typescript']],
    ['a document with a few letters', 'emptyDocument', ['\n\n  con¦\n', 'typescript']],
    ['the middle of a word', 'insideWord', ts('const te¦xt = 1;')],
    ['a letter beyond the first 65,536', 'insideWord', ts('const gr¦𝒳 = 1;')],
    ['before a word', 'midLine', ts('const ¦text = 1;')],
    ['the beginning of a line with text', 'midLine', ts('¦text();')],
    ['the indentation of a line with text', 'midLine', ts('  ¦  text();')],
    ['the beginning of a chain\'s next link', 'midLine', ts('  ¦.then(next)')],
    ['before a digit', 'midLine', ts('const a = ¦12;')],
    ['a word that is called already', 'midLine', ts('read¦(name);')],
    ['a word that is asked for a property', 'midLine', ts('text¦.length;')],
    ['before an operator', 'midLine', ts('const a = b¦ + c;')],
    ['before an assignment', 'midLine', ts('const a¦ = 1;')],
    ['before a tag\'s name', 'midLine', ts('<¦div>')],
    ['before a letter of another script', 'insideWord', ts('const gr¦öße = 1;')],
    ['a long number', 'insideWord', ts('const a = 17320508¦')],
    ['a hexadecimal number', 'insideWord', ts('const a = 0x5f37¦')],
    ['a hash', 'insideWord', ts(`const a = "${'9f86d081884c7d659a2f'.repeat(3)}¦"`)],
    ['behind a statement', 'afterStatement', ts('foo();¦')],
    ['behind a statement and a space', 'afterStatement', ts('foo(); ¦')],
    ['between a statement and its comment', 'afterStatement', ts('foo();¦ // why')],
    ['behind a declaration', 'afterStatement', ts('const a = { b: 1 };¦')],
    ['behind a block', 'afterStatement', ts('function f() {\n  g();\n}¦')],
    ['behind a call\'s last brackets', 'afterStatement', ts('f(() => {\n  g();\n});¦')],
    ['behind an element', 'afterStatement', ts('f([\n  {\n    a: 1,\n  },¦\n')],
    ['behind a Windows line', 'afterStatement', [`${above}foo();¦\r\nbar();\r\n`, 'typescript']],
    ['a minified line', 'longLine', ts(`${'a=b+c;'.repeat(100)}d=¦`)],
    ['a line with much to the right', 'longLine', ts(`a(¦${',b'.repeat(300)}`)],
    ['an endless paragraph', 'longLine', [`# T\n\n${'Some words. '.repeat(400)}¦`, 'markdown']],
  ])('%s', (_, expected, [marked, languageId]) => check(marked, languageId, expected));
});

test('the answer depends on the line alone where there is text', () => {
  const line = fc.constantFrom('foo();¦', 'const a = ¦', 'te¦xt', '  ¦', '}¦', 'x = 12345¦');
  fc.assert(
    fc.property(line, fc.array(fc.constantFrom('a', ';', '}', '{', '\n', '"', ' '), { maxLength: 60 }), (line, around) => {
      const [left, right] = line.split(CURSOR);
      const text = around.join('');
      const at = (before: string, after: string) => pointless({ path: 'f', languageId: 'typescript', before, after });
      expect(at(`${text}\n${left}`.padStart(80, 'x'), `${right}\n${text}`)).toBe(at(`${above}${left}`, right));
    }),
    { seed: 1 },
  );
});
