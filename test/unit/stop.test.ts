import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CompletionStop, StopStrings } from '../../src/session/stop.ts';

describe('stop strings', () => {
  function check(stops: string[], pieces: string[]): { text: string; stopped: boolean } {
    const stream = new StopStrings(stops);
    let text = '';
    let stopped = false;
    for (const piece of pieces) {
      const result = stream.push(piece);
      text += result.text;
      stopped ||= result.stopped;
    }
    const last = stream.end();
    return { text: text + last.text, stopped: stopped || last.stopped };
  }

  function naive(stops: string[], text: string): { text: string; stopped: boolean } {
    const found = stops.filter((stop) => stop !== '').map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
    return found.length > 0 ? { text: text.slice(0, Math.min(...found)), stopped: true } : { text, stopped: false };
  }

  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 30 });
  const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 4 }), { maxLength: 4 });

  test('cut exactly where a search of the whole text would, whatever the pieces', () => {
    fc.assert(
      fc.property(letters, stops, fc.array(fc.nat(30), { maxLength: 8 }), (text, list, places) => {
        const at = [0, ...places.map((place) => Math.min(place, text.length)).sort((a, b) => a - b), text.length];
        const pieces = at.slice(1).map((end, i) => text.slice(at[i], end));
        expect(check(list, pieces)).toEqual(naive(list, text));
      }),
      { seed: 1, numRuns: 3000 },
    );
  });

  test('hold back what may be the beginning of one, and nothing more', () => {
    const stream = new StopStrings(['\n\n', '</s>']);
    expect(stream.push('foo</')).toEqual({ text: 'foo', stopped: false });
    expect(stream.push('b>')).toEqual({ text: '</b>', stopped: false });
    expect(stream.push('x\n')).toEqual({ text: 'x', stopped: false });
    expect(stream.push('\ny')).toEqual({ text: '', stopped: true });
    expect(stream.push('more')).toEqual({ text: '', stopped: true });
  });
});

interface Case {
  name: string;
  language: string;
  /** The document with `|` at the cursor. */
  at: string;
  /** What the model writes, more than is wanted. */
  writes: string;
  /** The document afterwards with the completion between `[[` and `]]`. */
  gives: string;
  maxLines?: number;
}

/** One boundary: text written by a model, in pieces, into a document, gives this completion. */
function check({ language, at, writes, maxLines }: Case, pieceLength: number): { shown: string; stop: CompletionStop } {
  const cursor = at.indexOf('|');
  const before = at.slice(0, cursor);
  const after = at.slice(cursor + 1);
  const [lineSuffix, ...linesBelow] = after.split('\n');
  const stop = new CompletionStop({ linePrefix: before.slice(before.lastIndexOf('\n') + 1), lineSuffix, linesBelow, languageId: language, maxLines });
  for (let i = 0; i < writes.length; i += pieceLength) if (stop.push(writes.slice(i, i + pieceLength))) break;
  stop.end();
  return { shown: `${before}[[${stop.trim()}]]${after}`, stop };
}

/** What is offered at a cursor of a model that writes `pieces`; `cut`: a limit ended it. */
function trimmed(cursor: { linePrefix?: string; lineSuffix?: string; linesBelow?: string[] }, pieces: Iterable<string>, cut = false): string {
  const stop = new CompletionStop({ linePrefix: '', lineSuffix: '', linesBelow: [], languageId: 'typescript', ...cursor });
  for (const piece of pieces) if (stop.push(piece)) break;
  stop.end(cut);
  return stop.trim();
}

const cases: Case[] = [
  // TypeScript
  { name: 'ends a statement at its line', language: 'typescript', at: 'const a = |\nfoo();\n', writes: '1;\nconst b = 2;\n', gives: 'const a = [[1;]]\nfoo();\n' },
  { name: 'says nothing where the line is complete', language: 'typescript', at: 'foo();|\n', writes: '\nbar();\n', gives: 'foo();[[]]\n' },
  { name: 'fills arguments and leaves the bracket that is there', language: 'typescript', at: 'foo(|);\n', writes: 'a, b(c));\n', gives: 'foo([[a, b(c)]]);\n' },
  { name: 'closes what the line opened', language: 'typescript', at: 'if (foo(bar|\n', writes: ')) {\n', gives: 'if (foo(bar[[)) {]]\n' },
  { name: 'closes the inner of two brackets when the outer is there', language: 'typescript', at: 'foo(bar(|)\n', writes: 'x))\n', gives: 'foo(bar([[x)]])\n' },
  { name: 'writes a block and its end', language: 'typescript', at: 'function f() {|\n', writes: '\n  return 1;\n}\n\nfunction g() {\n', gives: 'function f() {[[\n  return 1;\n}]]\n' },
  { name: 'writes a block whose end is there', language: 'typescript', at: 'function f() {|\n}\n', writes: '\n  return 1;\n}\nfunction g() {', gives: 'function f() {[[\n  return 1;]]\n}\n' },
  { name: 'writes a block between its braces', language: 'typescript', at: '  if (x) {|}\n', writes: '\n    y();\n  }\n', gives: '  if (x) {[[\n    y();\n  ]]}\n' },
  { name: 'keeps an else on the line of the brace', language: 'typescript', at: 'if (x) {|\n', writes: '\n  a();\n} else {\n  b();\n}\nc();\n', gives: 'if (x) {[[\n  a();\n} else {\n  b();\n}]]\n' },
  { name: 'ends before the brace that closes the surrounding block', language: 'typescript', at: 'function f() {\n  |\n}\n', writes: 'a();\n  b();\n}\n\nfoo();', gives: 'function f() {\n  [[a();\n  b();]]\n}\n' },
  { name: 'ends at a blank line after a complete block', language: 'typescript', at: '|\n', writes: 'for (;;) {\n\n  a();\n}\n\nfoo();\n', gives: '[[for (;;) {\n\n  a();\n}]]\n' },
  { name: 'never writes the next line again', language: 'typescript', at: '  |\n  const b = 2;\n', writes: 'const a = 1;\n  const b = 2;\n  const c = 3;\n', gives: '  [[const a = 1;]]\n  const b = 2;\n' },
  { name: 'says nothing rather than the next line', language: 'typescript', at: '  |\n  const b = 2;\n', writes: 'const b = 2;\n', gives: '  [[]]\n  const b = 2;\n' },
  { name: 'drops the beginning of what stands below when the text ends in it', language: 'typescript', at: '|\nlet x;\n\nlet y;\n', writes: 'let w;\nlet x;', gives: '[[let w;]]\nlet x;\n\nlet y;\n' },
  { name: 'drops an overlap with what stands right', language: 'typescript', at: 'const s = |;\n', writes: 'f(1);\n', gives: 'const s = [[f(1)]];\n' },
  { name: 'says nothing rather than what stands right', language: 'typescript', at: 'a.|foo();\n', writes: 'foo();\n', gives: 'a.[[]]foo();\n' },
  { name: 'does not take a common letter for an overlap', language: 'typescript', at: 'const ba|a = 1;\n', writes: 'nana\n', gives: 'const ba[[nana]]a = 1;\n' },
  { name: 'skips brackets in strings and comments', language: 'typescript', at: 'foo(|)\n', writes: '"a)", /* ) */ `)`, b)\n', gives: 'foo([["a)", /* ) */ `)`, b]])\n' },
  { name: 'closes a call that was opened above', language: 'typescript', at: 'foo(\n  a,\n  b|\n', writes: ');\nbar();', gives: 'foo(\n  a,\n  b[[);]]\n' },
  { name: 'leaves a call open that is closed below', language: 'typescript', at: 'foo(\n  a,\n  b|\n);\n', writes: ' + c);\nbar();', gives: 'foo(\n  a,\n  b[[ + c]]\n);\n' },
  { name: 'breaks a loop of lines', language: 'typescript', at: '|\n', writes: 'a();\nb();\n'.repeat(8), gives: '[[a();\nb();]]\n' },
  { name: 'breaks a loop of words', language: 'typescript', at: 'type A = {|\n', writes: ` x: number;${' y: number;'.repeat(30)}`, gives: 'type A = {[[ x: number; y: number;]]\n' },
  { name: 'breaks a loop of words within a line', language: 'typescript', at: 'foo(|)\n', writes: 'bar, '.repeat(30), gives: 'foo([[bar, ]])\n' },
  { name: 'lets a row of zeros be', language: 'typescript', at: 'const a = [|\n', writes: `${'0, '.repeat(12)}0];\nfoo();`, gives: `const a = [[[${'0, '.repeat(12)}0];]]\n` },
  { name: 'lets a ruler be', language: 'typescript', at: '//|\n', writes: `${' -'.repeat(40)}\n`, gives: `//[[${' -'.repeat(40)}]]\n` },
  { name: 'ends at the maximum of lines', language: 'typescript', at: '|\n', writes: Array.from({ length: 9 }, (_, i) => `f(${i});\n`).join(''), maxLines: 3, gives: '[[f(0);\nf(1);\nf(2);]]\n' },
  { name: 'takes CRLF from a model', language: 'typescript', at: 'function f() {|\n', writes: '\r\n  a();\r\n}\r\n', gives: 'function f() {[[\n  a();\n}]]\n' },
  { name: 'writes a method in a class that is closed below', language: 'typescript', at: 'class A {\n  foo() {|\n}\n', writes: '\n    return 1;\n  }\n\n  bar() {}\n}\n', gives: 'class A {\n  foo() {[[\n    return 1;\n  }]]\n}\n' },
  { name: 'writes a callback and closes the call', language: 'typescript', at: "test('x', () => {|\n", writes: '\n  a();\n});\n\ntest(', gives: "test('x', () => {[[\n  a();\n});]]\n" },
  { name: 'writes a callback whose end is there', language: 'typescript', at: "test('x', () => {|\n});\n", writes: '\n  a();\n});\n\ntest(', gives: "test('x', () => {[[\n  a();]]\n});\n" },
  { name: 'takes case labels at the depth of their switch', language: 'typescript', at: 'switch (x) {|\n', writes: '\ncase 1:\n  a();\ndefault:\n  b();\n}\nfoo();', gives: 'switch (x) {[[\ncase 1:\n  a();\ndefault:\n  b();\n}]]\n' },
  { name: 'takes a line of a template text that stands further left', language: 'typescript', at: '  |\n', writes: 'const s = `\nabc\n`;\n  f(s);\n\n', gives: '  [[const s = `\nabc\n`;\n  f(s);]]\n' },
  // Python
  { name: 'writes the body of a function', language: 'python', at: 'def f(a):|\n', writes: '\n    b = a\n\n    return b\n\n\ndef g():\n', gives: 'def f(a):[[\n    b = a\n\n    return b]]\n' },
  { name: 'ends where the indentation falls', language: 'python', at: 'def f():\n    |\n', writes: 'x = 1\n    return x\n\ndef g():', gives: 'def f():\n    [[x = 1\n    return x]]\n' },
  { name: 'keeps the else of its if', language: 'python', at: 'if a:|\n', writes: '\n    b()\nelse:\n    c()\nd()\n', gives: 'if a:[[\n    b()\nelse:\n    c()]]\n' },
  { name: 'does not take an else for a function', language: 'python', at: 'def f():|\n', writes: '\n    b()\nelse:\n    c()\n', gives: 'def f():[[\n    b()]]\n' },
  { name: 'writes one line inside a line', language: 'python', at: 'for i in |:\n', writes: 'range(10):\n    print(i)\n', gives: 'for i in [[range(10)]]:\n' },
  { name: 'takes a text over several lines', language: 'python', at: '    |\n', writes: '"""A (\n\nB\n"""\n    return 1\n', gives: '    [["""A (\n\nB\n"""\n    return 1]]\n' },
  // JSON
  { name: 'writes an object and its comma', language: 'json', at: '{\n  "a": {|\n', writes: '\n    "b": 1\n  },\n  "c": 2\n}\n', gives: '{\n  "a": {[[\n    "b": 1\n  },]]\n' },
  { name: 'ends before the brace below', language: 'json', at: '{\n  "a": 1,\n  |\n}\n', writes: '"b": [\n    1\n  ]\n}\n', gives: '{\n  "a": 1,\n  [["b": [\n    1\n  ]]]\n}\n' },
  // Rust
  { name: 'takes lifetimes and labels', language: 'rust', at: 'fn f<\'a>(x: &\'a str) {|\n', writes: "\n    let c = '(';\n    g(x, c);\n}\n\nfn h() {", gives: 'fn f<\'a>(x: &\'a str) {[[\n    let c = \'(\';\n    g(x, c);\n}]]\n' },
  { name: 'writes a match arm', language: 'rust', at: 'match x {\n    Some(y) =>|\n', writes: ' y,\n    None => 0,\n}', gives: 'match x {\n    Some(y) =>[[ y,]]\n' },
  // Go
  { name: 'indents with tabs', language: 'go', at: 'func f() {\n\tif err != nil {|\n}\n', writes: '\n\t\treturn err\n\t}\n\treturn nil\n}\n', gives: 'func f() {\n\tif err != nil {[[\n\t\treturn err\n\t}]]\n}\n' },
  { name: 'ends before the brace of the function', language: 'go', at: 'func f() {\n\t|\n}\n', writes: 'a := 1\n\tfoo(a)\n}\n', gives: 'func f() {\n\t[[a := 1\n\tfoo(a)]]\n}\n' },
  // CSS
  { name: 'writes one rule', language: 'css', at: '.a {|\n', writes: '\n  color: red;\n  background: url(http://x/y);\n}\n\n.b {\n', gives: '.a {[[\n  color: red;\n  background: url(http://x/y);\n}]]\n' },
  { name: 'writes one value', language: 'css', at: '  color: |;\n', writes: 'red;\n  margin: 0;\n', gives: '  color: [[red]];\n' },
  // Markdown
  { name: 'writes a line of prose with brackets of any kind', language: 'markdown', at: 'See |\n', writes: "a) it's [here](x).\nMore.\n", gives: "See [[a) it's [here](x).]]\n" },
  { name: 'writes one paragraph', language: 'markdown', at: '|\n', writes: 'One line.\nAnother.\n\n# Title\n', gives: '[[One line.\nAnother.]]\n' },
  // Words for brackets
  { name: 'writes a block that ends with a word', language: 'ruby', at: 'def f(x)|\n', writes: '\n  x + 1\nend\n\ndef g\n', gives: 'def f(x)[[\n  x + 1\nend]]\n' },
  { name: 'leaves the closing word that is there', language: 'lua', at: 'if a then|\nend\n', writes: '\n  b()\nend\nc()\n', gives: 'if a then[[\n  b()]]\nend\n' },
  { name: 'keeps an else before the closing word', language: 'shellscript', at: 'if [ -f x ]; then|\n', writes: '\n  a\nelse\n  b\nfi\nc\n', gives: 'if [ -f x ]; then[[\n  a\nelse\n  b\nfi]]\n' },
];

describe('a completion', () => {
  test.each(cases)('$language: $name', (one) => {
    for (const pieceLength of [1, 3, 7, 1000]) expect(check(one, pieceLength).shown).toBe(one.gives);
  });

  test('stops generation as soon as it is decided', () => {
    const rest = 'x'.repeat(1000);
    for (const [at, writes, most] of [
      ['const a = |\n', '1;\n', 3],
      ['function f() {|\n', '\n  a();\n}\n', 10],
      ['function f() {\n  |\n}\n', 'a();\n}', 6],
    ] as const) {
      const { stop } = check({ name: '', language: 'typescript', at, writes: writes + rest, gives: '' }, 1);
      expect(stop.reason).not.toBeNull();
      expect(stop.text.length).toBeLessThanOrEqual(most);
    }
  });

  test('is one line right inside a line, several on an empty line or after something that opens a block', () => {
    const mode = (linePrefix: string, lineSuffix = '', languageId = 'typescript'): string => new CompletionStop({ linePrefix, lineSuffix, linesBelow: [], languageId }).mode;
    expect(mode('    ')).toBe('multiLine');
    expect(mode('')).toBe('multiLine');
    expect(mode('foo(', ')')).toBe('singleLine');
    expect(mode('foo(')).toBe('multiLine');
    expect(mode('if (x) {')).toBe('multiLine');
    expect(mode('if (x) {', '}')).toBe('multiLine');
    expect(mode('const f = () =>')).toBe('multiLine');
    expect(mode('const a = ')).toBe('singleLine');
    expect(mode('', 'foo')).toBe('singleLine');
    expect(mode('if x:', '', 'python')).toBe('multiLine');
    expect(mode('case x:')).toBe('singleLine');
    expect(mode('// foo {')).toBe('singleLine');
    expect(mode('# Title (', '', 'markdown')).toBe('singleLine');
    expect(mode('for i in x; do', '', 'shellscript')).toBe('multiLine');
    expect(mode('items.each do |x|', '', 'ruby')).toBe('multiLine');
  });

  test.each([
    // [line before, right of the cursor, what a limit cut, what is left]
    ['', '', 'setTodos((current) => current.map((todo) => (todo.id === id ? { ...todo', 'setTodos'],
    ['', '', 'const total = item.pri', 'const total = item'],
    ['', '', 'return', ''],
    ['const a = ', '', '[1, 2, 3].map((x) => x * 2).fil', '[1, 2, 3].map((x) => x * 2)'],
    ['const s = ', '', '"begun and not ended', ''],
    ['', '', 'if (a) {\n  first();\n  second(one,\n    two,', 'if (a) {\n  first();\n}'],
    ['        ', '', 'if self.items.is_empty() {\n            return Err(', 'if self.items.is_empty() {\n        }'],
    ['\t', '', 'if err != nil {\n\t\treturn err\n\t}\n\tfor i := range a {\n\t\tuse(i', 'if err != nil {\n\t\treturn err\n\t}'],
    ['', '', 'app.get("/a", (req, res) => {\n  const a = 1;\n  res.send(', 'app.get("/a", (req, res) => {\n  const a = 1;\n})'],
    ['function f() {', '', '\n  const table = [\n    1,\n    2,\n    3', '\n  const table = [\n    1,\n    2,\n  ]\n}'],
    ['', '', 'save(\n  first,\n  second', ''],
    ['', '', 'const s = `\n  one\n  two', ''],
  ])('cut by a limit behind %j%j: %j leaves %j', (linePrefix, lineSuffix, writes, left) => {
    expect(trimmed({ linePrefix, lineSuffix }, [writes], true)).toBe(left);
  });

  test.each([
    ["  router.post('/orders', ", ')', '(req, res) => {', ''],
    ["  router.post('/orders', ", ')', 'function (req, res) {', ''],
    ['  router.post(', ')', "'/orders', (req, res) => {", "'/orders'"],
    ["  router.post('/orders', ", ');', '(req, res) => {\n    res.send(1);\n  });\n  next();', '(req, res) => {\n    res.send(1);\n  }'],
    ['  items.map(', ')', '(item) => ({\n    id: item.id,\n  }))', '(item) => ({\n    id: item.id,\n  })'],
    ['  items.map(', ')', '(item) => {\nleft();', ''],
    ['  const a = f(', ')', 'b, [c', 'b'],
    ['  const a = f(', ')', 'b, [c]', 'b, [c]'],
  ])('what is opened before closers is closed before them, or not offered: %j%j and %j', (linePrefix, lineSuffix, writes, left) => {
    expect(trimmed({ linePrefix, lineSuffix, linesBelow: ['}'] }, writes)).toBe(left);
  });

  test('drops half a line when a limit cut it off', () => {
    expect(trimmed({}, ['a();\nb('], true)).toBe('a();');
    expect(trimmed({ linePrefix: 'x = ' }, ['a(b'], true)).toBe('a'); // nor half a call
  });

  test('is the same whatever the pieces, and never just what stands right of it', () => {
    const part = fc.constantFrom('a', ' ', '\n', '  ', '{', '}', '(', ')', ';', 'foo', 'return x;', 'x, x, x, x, ', 'ab ab ab ', '\n\n', '\n  ', '"', '=>');
    const texts = fc.array(part, { maxLength: 25 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(texts, fc.constantFrom('', '  ', 'foo(', 'if (x) {', 'a = '), fc.constantFrom('', ')', '}', ';', 'foo'), fc.array(fc.constantFrom('foo', '}', '  return x;', ''), { maxLength: 3 }), (text, linePrefix, lineSuffix, linesBelow) => {
        const run = (pieces: string[]): string => trimmed({ linePrefix, lineSuffix, linesBelow }, pieces);
        const once = run([text]);
        expect(run([...text])).toBe(once);
        if (lineSuffix === '') expect(once).toBe(once.trimEnd());
        if (lineSuffix !== '' && once !== '') expect(once.trim()).not.toBe(lineSuffix);
      }),
      { seed: 3, numRuns: 3000 },
    );
  });
});
