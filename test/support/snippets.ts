// Snippets of text of every kind: code in twelve languages, many scripts, signs of several units, odd blanks, ends that cut a character. The same for the same seed.
import { random } from '../../src/shared/random.ts';

/** Lines with places for names, texts and numbers: {n}, {t}, {d}. */
const LINES: Readonly<Record<string, readonly string[]>> = {
  typescript: ['export const {n} = async ({n}: {n}): Promise<void> => {', '  if ({n} === undefined) return `{t}: ${{n}}`;', '}', "import type { {n} } from './{n}.ts';"],
  python: ['def {n}(self, {n}: int = {d}) -> None:', '    """{t}."""', "    return {'{n}': {d}, '{n}': f'{t}'}", '    for {n} in range({d}):'],
  c: ['static inline uint32_t {n}(const char *{n}, size_t {n})', '#define {n}_MAX (1u << {d})', '\tif (!{n}->{n}) goto {n};', '/* {t} */'],
  cpp: ['template <typename T> class {n} : public {n}<T> {', '  std::vector<{n}> {n}_{{d}};', '  auto {n} = [&]({n} &&x) noexcept { return x; };'],
  java: ['public final class {n} extends {n} implements {n} {', '    @Override public String {n}() { return "{t}"; }'],
  go: ['func ({n} *{n}) {n}(ctx context.Context) (int, error) {', '\tif err != nil {', '\t\treturn {d}, fmt.Errorf("{t}: %w", err)'],
  rust: ["impl<'a> {n} for {n}<'a> {", '    let mut {n}: Option<&{n}> = None; // {t}', '    match {n} { Some(x) => x, None => {d} }'],
  csharp: ['public async Task<{n}> {n}Async(int {n}) => await {n}.{n}({d});', '[{n}("{t}")]'],
  sql: ["SELECT {n}, COUNT(*) FROM {n} WHERE {n} >= {d} AND {n} LIKE '%{t}%';"],
  shell: ['for {n} in "${{n}[@]}"; do echo "$({n} --{n}={d})" | sed \'s/{n}/{n}/g\' >> {n}.log; done'],
  html: ['<div class="{n} {n}-{d}" data-{n}=\'{t}\'>{t}</div>', '<!-- {t} --><br/>&nbsp;&#{d};'],
  yaml: ['{n}:', '  - {n}: "{t}"', '    {n}: {d}.{d}', '# {t}'],
};
const NAMES = ['i', 'value', 'getUserName', 'snake_case_name', 'HTTPServer', 'x1', '__init__', 'kMaxSize', 'ring_buffer', 'größe', 'данные', '变量', 'ID'];
const TEXTS = [
  'hello world', "it's done, isn't it?", 'Grüße aus Köln', 'café naïve Ærøskøbing', 'Привет, мир', 'Γειά σου Κόσμε', 'שלום עולם', 'مرحبا بالعالم', 'नमस्ते दुनिया', 'สวัสดีชาวโลก', '你好，世界', 'こんにちは世界', '안녕 세상',
  'Xin chào thế giới', 'გამარჯობა', 'ሰላም', '🦙🚀 ok', '👩‍👩‍👧‍👦', '🇩🇪🇯🇵', '👍🏽', 'e\u0301 a\u0308', '\u200b\u200dx', '𝒳𝓎𝔷', '∀x∈ℝ: ⌈x⌉ ≥ x', '½ ² ٣ ४', '—“quoted”…', '\ufeffmark', '\u00a0nbsp\u2003em', '\u0085', '\0\u0001\u001f\u007f', '���',
];
const BLANKS = ['\n', '\n', '\n', '\n\n', '\n\n\n', '\r\n', ' ', '  ', '    ', '\t', '\t\t', ' \n', '\n    ', '\n        ', ' '.repeat(17), ' '.repeat(40), '', ''];

export function snippets(count: number, seed: number): string[] {
  const draw = random(seed);
  const one = <T>(of: readonly T[]): T => of[Math.floor(draw() * of.length)];
  const number = () => String(Math.floor(10 ** (draw() * 9)));
  const filled = (line: string) => line.replace(/\{([ntd])\}/g, (_, kind) => (kind === 'n' ? one(NAMES) : kind === 't' ? one(TEXTS) : number()));
  const languages = Object.values(LINES);
  return Array.from({ length: count }, () => {
    const lines = one(languages);
    let text = '';
    for (let left = 1 + Math.floor(draw() * 6); left > 0; left--) text += one(BLANKS) + filled(draw() < 0.85 ? one(lines) : '{t}');
    text += one(BLANKS);
    // As a stream or an editor cuts it: anywhere, within a character too.
    return draw() < 0.5 ? text : text.slice(Math.floor(draw() * 5), -1 - Math.floor(draw() * 5));
  });
}
