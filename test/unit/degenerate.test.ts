import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { degenerate } from '../../src/completion/degenerate.ts';

const CURSOR = '¦';

/** `marked`: the document with its cursor. */
function check(text: string, marked: string, expected: boolean, languageId = 'typescript'): void {
  const at = marked.indexOf(CURSOR);
  expect(degenerate(text, { path: 'f', languageId, before: marked.slice(0, at), after: marked.slice(at + 1) })).toBe(expected);
}

const body = 'function f() {\n  first(one, two);\n  ¦\n}\n';

describe('must not be shown', () => {
  test.each<[string, string, string]>([
    ['the line above once more', 'first(one, two);', body],
    ['the line above once more, half of it typed', 'one, two);', 'f();\n  first(one, two);\n  first(¦\n'],
    ['the two lines above once more', 'first = 1;\nother = 22;', 'first = 1;\nother = 22;\n¦\n'],
    ['the lines above once more, then others', 'const a = open(name);\nconst b = read(a);\nclose(a);', 'const a = open(name);\nconst b = read(a);\n¦'],
    ['the line above across a blank line', 'first(one, two);', 'first(one, two);\n\n¦\n'],
    ['the same telling line twice', 'second(three, four);\n  second(three, four);', body],
    ['the same two lines twice', 'x = next(alpha);\n  y = beta;\n  x = next(alpha);\n  y = beta;', body],
    ['a short line three times', 'a = 1;\n  a = 1;\n  a = 1;', body],
    ['words again and again', 'foo, foo, foo, foo, foo, foo, foo', body],
    ['one letter without end', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', body],
    ['bars without end', `- '${'|'.repeat(60)}`, body],
    ['dots without end', '.'.repeat(200), body],
    ['blanks without end', `x${' '.repeat(200)}y`, body],
    ['many words that say little', Array.from({ length: 12 }, (_, i) => `a b c${i % 2 ? ' ' : '\n'}`).join(''), body],
    ['four lines again and again', 'a = f(x);\n  b = g(y);\n  c = h(z);\n  d = k(w);\n  '.repeat(5), body],
    ['a marker of the model', 'x = 1;<|fim_middle|>', body],
    ['a marker of another family', 'x = 1; <fim_suffix>', body],
    ['a marker of a third family', 'x<｜fim▁end｜>', body],
    ['a character that was none', 'x = "\ufffd"', body],
    ['a bracket that stands in the next line', '}', 'function f() {\n  g();\n¦\n}\n'],
    ['brackets that stand in the next line, on a line of their own', '\n});', 'f(() => {\n  g()¦\n});\n'],
    ['brackets that stand below blank lines', '});', 'f(() => {\n  g();\n¦\n\n});\n'],
    ['the line above once more, before a bracket that the editor closed', '"--verbose", action="store_true"', 'parser.add("--verbose", action="store_true")\nparser.add(¦)\n'],
    ['two lines above once more, before brackets that stand there', 'one,\n  two_and_more', 'call(one,\n  two_and_more);\ncall(¦);\n'],
    ['a Windows echo, before a bracket', 'one, two_and_more', 'first(one, two_and_more)\r\nfirst(¦)\r\n'],
    ['a Windows echo', 'first(one, two);', 'f();\r\n  first(one, two);\r\n  ¦\r\n'],
  ])('%s', (_, text, marked) => check(text, marked, true));
});

describe('may be shown', () => {
  test.each<[string, string, string, string?]>([
    ['nothing', '', body],
    ['blanks', '  \n ', body],
    ['an ordinary line', 'second(three);', body],
    ['several lines', 'const x = second(three);\n  if (x) return x;\n  return null;', body],
    ['a line like the one above', 'first(one, three);', body],
    ['the line above at another depth', 'first(one, two);', 'f();\n  first(one, two);\n    ¦\n'],
    ['a short line like the one above', '</div>', '  </div>\n  ¦\n', 'html'],
    ['closing brackets like those above', '}', '    }\n    ¦\n'],
    ['a bracket that closes another block than the next line', '}', 'function f() {\n  if (a) {\n    g();\n  ¦\n}\n'],
    ['a bracket at the end of the line', ')', 'f(a¦\n)\n'],
    ['a bracket before another on its line', '}', 'f({\n  a\n¦)\n}\n'],
    ['the end of a line that the next one begins with', ')', 'f(a¦\nf(a).b();\n'],
    ['a semicolon', ';', 'const a = 1¦\n'],
    ['a closing bracket at the end of the document', '}', 'function f() {\n  g();\n¦'],
    ['a table', 'const rows = [\n    [1, 2, 3],\n    [2, 3, 4],\n    [3, 4, 5],\n    [4, 5, 6],\n    [5, 6, 7],\n  ];', body],
    ['a ruler', `// ${'-'.repeat(76)}`, body],
    ['a number with zeros', '0x0000000000000000', body],
    ['a list of zeros', 'const a = [0, 0, 0, 0, 0, 0, 0, 0];', body],
    ['members that are alike', 'this.width = width;\n    this.height = height;\n    this.depth = depth;\n    this.name = name;', body],
    ['a marker in a document about markers', '<|fim_middle|>', 'const markers = ["<|fim_middle|>", "¦"]'],
    ['a generic type', 'new Map<string, Set<number>>()', body],
    ['a heading\'s underline', '==========', 'Heading\n¦\n', 'markdown'],
  ])('%s', (_, text, marked, languageId) => check(text, marked, false, languageId));
});

describe('whatever the text', () => {
  const part = fc.constantFrom('foo(bar);', 'x = 1', '\n', '  ', '}', ');', 'alpha beta gamma', '\n\n', '0', '"', '日本');
  const texts = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''));

  test('three times the same line is never shown', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const line = `${text.replaceAll('\n', ' ')} letters`;
        check(`${line}\n${line}\n${line}`, 'const unlike = 1;\n¦\n', true);
      }),
      { seed: 1 },
    );
  });

  test('line ends make no difference', () => {
    fc.assert(
      fc.property(texts, texts, texts, (text, before, after) => {
        const snapshot = { path: 'f', languageId: 'typescript', before, after };
        const windows = { ...snapshot, before: before.replaceAll('\n', '\r\n'), after: after.replaceAll('\n', '\r\n') };
        expect(degenerate(text, windows)).toBe(degenerate(text, snapshot));
      }),
      { seed: 2 },
    );
  });
});
