import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rulesOf } from '../../src/lexer/languages.ts';
import { lex } from '../../src/lexer/lexer.ts';

const CURSOR = '¦';

/** What is open at ¦, outermost first: brackets, and the names of texts. Whether the whole was read without a doubt. */
function check(languageId: string, marked: string, open: string, doubts = 0): void {
  const mark = marked.indexOf(CURSOR);
  const state = { root: rulesOf(languageId), open: [], branches: [] };
  const lexed = lex(marked.replace(CURSOR, ''), state, { mark });
  const nameOf = ({ kind, rule, soft, wall }: (typeof lexed.marked)[number]): string => (soft ? `'${kind}` : wall && !rule.code ? rule.name : kind);
  expect({ open: lexed.marked.map(nameOf).join(' '), doubts: lexed.doubts }).toEqual({ open, doubts });
}

describe('at the cursor are open', () => {
  test.each<[string, string, string]>([
    // JavaScript and TypeScript
    ['typescript', 'f(a, [b¦]);', '( ['],
    ['typescript', 'f(")", \']\', `}`, ¦);', '('],
    ['typescript', 'f(/* ) */ ¦);', '('],
    ['typescript', '// TODO(¦', "comment '("],
    ['typescript', 'const a = "it (¦', "string '("],
    ['typescript', 'text.replace(/\\)/g, ¦"");', '('],
    ['typescript', 'x = /[/)]/.test(¦y);', '('],
    ['typescript', 'x = a / b / (¦c);', '('],
    ['typescript', 'return /(¦x)/;', "regex '("],
    ['typescript', 'x = y++ / (¦2) / 3;', '('],
    ['typescript', 'a(`x${ { b: 1¦ } }y`);', '( string { {'],
    ['typescript', 'a(`x${`${b¦}`}`)', '( string { string {'],
    ['typescript', 'a(`\n)\n`, ¦b)', '('],
    ['typescript', 'const a = <T>(¦b: T) => b;', '('],
    ['typescriptreact', 'return (<p>don\'t {a¦}</p>);', '( markup {'],
    ['typescriptreact', 'return <Button on={() => f(1)} ¦/>;', 'tag'],
    ['typescriptreact', 'return <a><b/>)<i>(</i></a>, f(¦1);', '('],
    ['typescriptreact', 'const f = <T,>(¦a: T) => a < b;', '('],
    ['javascript', 'const a = <>{b.map((c) => <li key={c}>(¦</li>)}</>;', "markup { ( markup '("],
    // C and its kin
    ['cpp', 'auto s = R"(a ) " )" "x"; f(¦1)', '('],
    ['cpp', 'auto s = R"ab(a )" )ab"; f(¦1)', '('],
    ['cpp', "int n = 1'000'000; f('(', ¦')');", '('],
    ['cpp', '#if A\nif (a) {\n#else\nif (b) {\n#endif\n  c(¦);\n}', '{ ('],
    ['c', '#define BEGIN do {\\\n  f(\nint a[¦2];', '['],
    ['c', '#error don\'t do (this\nf(¦);', '('],
    ['csharp', 'f(@"a\\", $"{g("x")} (", ¦1);', '('],
    ['java', 'f("""\n  ") (\n  """, ¦a);', '('],
    ['kotlin', 'f("a ${g(¦1)}")', '( string { ('],
    ['go', 'f(`\\`, \'(\', ¦a)', '('],
    ['rust', "fn f<'a>(x: &'a str, c: char) { g('(', '\\'', r#\"\")\"#, ¦x) }", '{ ('],
    ['rust', '/* a /* ( */ ) */ f(¦)', '('],
    ['swift', 'f("a \\(b(¦1)) (")', '( string ( ('],
    ['dart', "f(r'\\', 'a ${b(¦1)}')", '( string { ('],
    ['php', '<?php f(\'a\', "b (", # )\n  ¦c); ?>', 'code ('],
    ['css', 'a { background: url(http://x/y;(); color: rgb(¦1); }', '{ ('],
    ['scss', '// it\'s (\na { b: url(//x/y) c(¦1); }', '{ ('],
    // Scripts
    ['python', "f('''\n)\n''', f'{a[\"b\"]!r:>{w}} (', r'\\d(', ¦x)", '('],
    ['python', "f(f'{a:#x}', ¦b)  # don't (", '('],
    ['python', "f'{g(¦1)}'", 'string { ('],
    ['python', 'def f():\n    """Don\'t (¦\n    """', "string '("],
    ['shellscript', 'case "$1" in\n  start) a ;;\n  stop|halt) b "$(c ¦d)" ;;\nesac', 'case string ('],
    ['shellscript', 'f() {\n  cat <<EOF\n  don\'t ( {\nEOF\n  g ¦\n}', '{'],
    ['shellscript', 'a=${b#(}; c=$#; d=${#e}; (¦f)  # it\'s )', '('],
    ['shellscript', 'echo "a $(b "c )" ¦)"', 'string ('],
    ['shellscript', "awk '{ print (\n}' | x {¦\n}", '{'],
    ['ruby', 'f("a #{b(¦1)}")', '( string { ('],
    ['ruby', 'x = <<~SQL\n  don\'t (\nSQL\nf(%w[a) b], /\\)/, ?(, ¦1)', '('],
    ['perl', 'my @a = ($#b, qw(c) , m/\\)/, s/\\(/x)/, ¦1);', '('],
    ['perl', "print <<'END';\nit's (\nEND\nf(¦1);", '('],
    ['lua', 'f([[ ) ]], --[[ ) ]] ¦x)', '('],
    ['sql', "SELECT f('it''s )', ¦b) -- don't (", '('],
    ['haskell', "f' x = g ('(' : {- ) -} ¦y') -- don't", '('],
    ['ocaml', "let f (x : 'a) = g '(' (* ) *) (¦x)", '('],
    ['clojure', '(f "(" \\) ¦x) ; (', '('],
    ['yaml', "a: it's (b\nc: [¦d]", '['],
    ['toml', "a = '''\n(\n''' # '\nb = [¦1]", '['],
    ['jsonc', '{ "a": [ // ]\n ¦1 ] }', '{ ['],
    ['powershell', 'f "a `" $(b ¦) "', 'string ('],
    // Markup and prose
    ['html', '<p>don\'t</p><script>f("(", ¦1)</script>', 'code ('],
    ['vue', '<p>{{ it("}}") }}(\n</p><script>f(¦1)</script>', 'code ('],
    ['markdown', "- a) it's [b¦](c)", "'["],
  ])('%s: %s', (languageId, marked, open) => check(languageId, marked, open));

  test('and a bracket that closes nothing, or a lone quote, is a doubt', () => {
    check('typescript', 'f(a)); g(¦1)', '(', 1);
    check('typescript', "don't do\nf(¦1)", '(', 1);
  });
});

describe('whatever the text', () => {
  const languages = ['typescript', 'typescriptreact', 'python', 'shellscript', 'cpp', 'rust', 'ruby', 'perl', 'php', 'html', 'yaml', 'lua', 'haskell', 'markdown', 'unheard-of'];
  const part = fc.constantFrom('a', ' ', '\n', '(', ')', '[', ']', '{', '}', '"', "'", '`', '/', '\\', '#', '$', '<', '>', '*', '-', '%', '?', '"""', '${', '<<EOF\n', 'EOF\n', 'case ', 'esac\n', '#if\n', '#else\n', '#endif\n', 's/', '=begin\n', '<?php ', '<script>');

  test('it is read to its end, line for line', () => {
    fc.assert(
      fc.property(fc.constantFrom(...languages), fc.array(part, { maxLength: 60 }), (languageId, parts) => {
        const text = parts.join('');
        const { newlines, closings } = lex(text, { root: rulesOf(languageId), open: [], branches: [] });
        expect(newlines).toHaveLength(text.split('\n').length - 1);
        expect(closings.every(({ at }, i) => at < text.length && (i === 0 || at >= closings[i - 1].at))).toBe(true);
      }),
      { seed: 1, numRuns: 2000 },
    );
  });
});
