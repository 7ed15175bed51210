import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { measureStops } from '../../src/eval/stops.ts';
import { completionText } from '../../src/session/textEnd.ts';

const CURSOR = '¦';

/** What is kept of a text that is written at ¦, in pieces of any length. */
function check(languageId: string, marked: string, writes: string, keeps: string): void {
  const at = marked.indexOf(CURSOR);
  for (const length of [1, 3, 1000]) {
    const end = completionText({ path: 'f', languageId, before: marked.slice(0, at), after: marked.slice(at + 1) });
    for (let i = 0; i < writes.length && !end.done; i += length) end.push(writes.slice(i, i + length));
    if (!end.done) end.finish(false);
    expect(end.result('')).toBe(keeps);
  }
}

describe('where the next line begins with a bracket, a line comes out whole', () => {
  test.each<[string, string, string, string]>([
    ['a comment', 'typescript', 'function f() {\n  // TODO(¦\n}\n', 'maria): read the file\n}\n'],
    ['a list in a comment', 'typescript', 'function f() {\n  // Steps: ¦\n}\n', 'a) open, b) read\n}\n'],
    ['a string', 'typescript', 'function f() {\n  const a = "¦\n}\n', 'see a), b)";\n}\n'],
    ['a regular expression', 'typescript', 'function f() {\n  return text.replace(¦)\n}\n', '/\\)\\)/g, "")\n}\n'],
    ['a class within one', 'typescript', 'function f() {\n  return /[(¦\n}\n', ')/]+/.test(a);\n}\n'],
    ['a template', 'typescript', 'function f() {\n  return `Hello ${na¦\n}\n', 'me}, you are ${age} years old`;\n}\n'],
    ['a template within one', 'typescript', 'function f() {\n  return `a ${b ? `c ${¦\n}\n', 'd}` : ""}`;\n}\n'],
    ['a call of several lines', 'typescript', 'function f() {\n  writeFile(\n    path, ¦\n}\n', 'items.join("\\n"), "utf8", done);\n}\n'],
    ['a bracket of another kind', 'typescript', 'f(\n  [a, b¦\n);\n', '], c\n);\n'],
    ['two brackets', 'typescript', 'if (a) {\n  f(g(¦\n}\n', 'b));\n}\n'],
    ['an element', 'typescriptreact', 'const a = (\n  <p on={f(¦\n)\n', 'b)}>don\'t (</p>\n)\n'],
    ['a docstring', 'python', 'f(\n  g("""a¦\n)\n', ') b""")\n)\n'],
    ['a formatted string', 'python', 'f(\n  f"{a(¦\n)\n', 'b)} c)",\n)\n'],
    ['a comment of a script', 'python', 'f(\n  a,  # see ¦\n)\n', "b), don't\n)\n"],
    ['a pattern of a case', 'shellscript', 'f() {\n  case "$1" in\n    ¦\n}\n', 'start) start_it ;;\n    stop) stop_it ;;\n  esac\n}\n'],
    ['a here-document', 'shellscript', 'f() {\n  cat <<EOF\n  ¦\nEOF\n}\n', "a) it's b\nEOF\n}\n"],
    ['a character', 'rust', "fn f<'a>() {\n    g('¦\n}\n", "(', ')');\n}\n"],
    ['a raw string', 'cpp', 'void f() {\n  g(R"(¦\n}\n', '))");\n}\n'],
    ['a macro', 'c', 'void f() {\n#define A(x) (¦\n}\n', 'x))\n}\n'],
    ['a text of Ruby', 'ruby', 'f {\n  a("#{b(¦\n}\n', '1)} )")\n}\n'],
    ['a quoted word of SQL', 'sql', "SELECT (\n  f('¦\n)\n", "it''s )')\n)\n"],
    ['a comment of Lua', 'lua', 'f {\n  a, -- see ¦\n}\n', 'b), c]\n}\n'],
    ['a value of YAML', 'yaml', 'a: [\n  b: ¦\n]\n', 'c) d\n]\n'],
    ['an address', 'css', '.a {\n  background: url(¦\n}\n', 'http://x/y);\n}\n'],
    ['a branch', 'cpp', '#if A\nif (a) {\n#else\nif (b) {\n#endif\n  f(¦\n}\n', 'c);\n}\n'],
    ['an else', 'typescript', 'if (a) {\n  b();\n¦\n  c();\n}\n', '} else {\n  c();\n}\n'],
    ['an open bracket far above', 'typescript', `f(\n${'  a,\n'.repeat(40_000)}  b(¦\n);\n`, 'c)\n);\n'],
  ])('%s', (_, languageId, marked, writes) => {
    const line = writes.split('\n')[0];
    const at = marked.indexOf(CURSOR);
    const right = marked.slice(at + 1).split('\n')[0];
    const end = completionText({ path: 'f', languageId, before: marked.slice(0, at), after: marked.slice(at + 1) });
    for (const piece of writes.match(/\w+|[^]/g)!) if (!end.done) end.push(piece);
    if (!end.done) end.finish(true);
    const wanted = right !== '' && line.endsWith(right) ? line.slice(0, -right.length) : line;
    expect(end.result('').split('\n')[0]).toBe(wanted);
  });
});

describe('nothing is closed twice', () => {
  test.each<[string, string, string, string, string]>([
    ['a call that is closed below', 'typescript', 'f(\n  a,\n  b¦\n);\n', ' + c);\nd();\n', ' + c'],
    ['a call that is closed right of the cursor', 'typescript', 'f(g(1), ¦);\n', 'h(2));\n', 'h(2)'],
    ['a string', 'typescript', 'f("a¦");\n', 'b (c)");\n', 'b (c)'],
    ['a bracket in a string', 'typescript', 'f("a (¦)");\n', 'b) c");\n', 'b'],
    ['a bracket in a comment', 'typescript', '// a (¦)\n', 'b) c\n', 'b'],
    ['a comment', 'typescript', '/** ¦ */\nf();\n', 'Opens (a) file. */\nf();\n', 'Opens (a) file.'],
    ['an element', 'typescriptreact', 'const a = <Button ¦ />;\n', 'on={() => f(1)} />;\n', 'on={() => f(1)}'],
    ['an element with its text', 'typescriptreact', 'const a = <p>¦</p>;\n', 'Don\'t {a}</p>;\n', "Don't {a}"],
    ['code within a template', 'typescript', 'const a = `x ${¦} y`;\n', 'b} y`;\n', 'b'],
    ['code within markup', 'php', '<p><?= ¦ ?></p>\n', '$a ?></p>\n', '$a'],
    ['a tag of a template', 'html', '<p>{% if ¦ %}</p>\n', 'a %}</p>\n', 'a'],
    ['a comment of markup', 'html', '<!-- ¦ -->\n', 'a (b) -->\n', 'a (b)'],
    ['a line that goes on', 'shellscript', 'curl ¦ \\\n  x\n', '-s \\\n', '-s'],
    ['a regular expression', 'typescript', 'a = /\\(¦/.test(b);\n', '\\)/.test(b);\n', '\\)'],
    ['a here-document', 'shellscript', 'cat <<EOF\n  a\n¦\nEOF\n', 'b\nEOF\nc\n', 'b'],
    ['a block whose end stands below other lines', 'typescript', 'function f() {¦\n  a();\n}\n', '\n  b();\n}\nc();\n', '\n  b();'],
    ['a template over several lines', 'typescript', 'const a = `\n  b\n¦\n`;\nc();\n', 'd\n`;\n', 'd'],
  ])('%s', (_, languageId, marked, writes, keeps) => check(languageId, marked, writes, keeps));
});

test('in prose no bracket ends a line', () => check('markdown', '- ¦\n)\n', 'a) b] c}\n', 'a) b] c}'));

describe('blanks', () => {
  const wide = ' '.repeat(2000);
  test.each<[string, string, string, string]>([
    ['that are many end a line', 'const a =¦\n', wide, ''],
    ['that are many are left out behind text', 'const a =¦\n', ` 1;${wide}`, ' 1;'],
    ['behind as many end it at once', `const a =${wide}¦\n`, ' '.repeat(10), ''],
    ['of other kinds count too', 'const a =¦\n', '\u00a0\u200b\t'.repeat(100), ''],
    ['over many lines end a text', 'f() {\n  ¦\n}\n', '\n'.repeat(50), ''],
    ['over many lines with indentation too', 'f() {\n  ¦\n}\n', '  \n'.repeat(50), ''],
    ['of an ordinary indentation do not', 'f() {\n¦\n}\n', `${' '.repeat(40)}a();\n`, `${' '.repeat(40)}a();`],
    ['of two lines do not', 'f() {\n¦\n}\n', '\n\n  a();\n}\n', '\n\n  a();'],
  ])('%s', (_, marked, writes, keeps) => check('typescript', marked, writes, keeps));

  test('end the generation early', () => {
    const end = completionText({ path: 'f', languageId: 'typescript', before: 'const a =', after: '\n' });
    let pushed = 0;
    while (!end.done && pushed < 2000) pushed += 16, end.push(' '.repeat(16));
    expect(pushed).toBeLessThan(200);
  });
});

test('the rules let the lines of this repository\'s authors through', () => {
  const files = ['src', 'native', 'scripts'].flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path.replaceAll('\\', '/')}`));
  const languages: Readonly<Record<string, string>> = { ts: 'typescript', mjs: 'javascript', cc: 'cpp', h: 'cpp' };
  const own = files.sort().filter((path, i) => i % 2 === 0 && !/(?:^|\/)(?:node_modules|build)\//.test(path) && /\.(?:ts|mjs|cc|h)$/.test(path));
  const { counts, misses } = measureStops(own.map((path) => ({ path, languageId: languages[path.split('.').at(-1)!], text: readFileSync(path, 'utf8') })), 4, 7);
  const sum = (name: 'single' | 'cut' | 'multi' | 'midLine'): number => counts.reduce((all, count) => all + count[name], 0);
  expect(sum('single')).toBeGreaterThan(1000);
  expect(sum('cut') / sum('single'), JSON.stringify(misses.slice(0, 5))).toBeLessThanOrEqual(0.002);
  expect(sum('midLine') / sum('multi'), JSON.stringify(misses.slice(0, 5))).toBeLessThanOrEqual(0.01);
});
