// npm run eval:stops [-- --corpus FOLDER_OR_FILE --corpus ... --per-file 20 --most 400 --seed 1 --misses 20 --language typescript --json]
// Authors' own files through the rules that end a completion, without a model: how often their line does not come out whole (wanted: at most
// 0.1 %), and how often a text of several lines ends within a line (at most 1 %), and where bodies of blocks end, by language. Without --corpus this repository's own files.
// What is measured: src/eval/stops.ts. At most --most files of a language, spread evenly; --misses prints that many misses of each.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { HeldOutFile } from '../../src/eval/cursors.ts';
import { measureStops, type StopCounts } from '../../src/eval/stops.ts';
import { packageRoot } from '../../src/shared/packageRoot.ts';

const { values } = parseArgs({
  options: {
    corpus: { type: 'string', multiple: true }, 'per-file': { type: 'string', default: '20' }, most: { type: 'string', default: '400' }, seed: { type: 'string', default: '1' },
    misses: { type: 'string', default: '0' }, language: { type: 'string' }, json: { type: 'boolean', default: false },
  },
});

const OWN = ['src', 'test', 'scripts', 'native', 'samples', 'docs', 'l10n'];
const ENDINGS: Readonly<Record<string, string>> = {
  ts: 'typescript', mts: 'typescript', cts: 'typescript', tsx: 'typescriptreact', js: 'javascript', mjs: 'javascript', cjs: 'javascript', jsx: 'javascriptreact', py: 'python', pyi: 'python',
  sh: 'shellscript', bash: 'shellscript', c: 'c', h: 'cpp', cc: 'cpp', cpp: 'cpp', hpp: 'cpp', cu: 'cuda-cpp', go: 'go', rs: 'rust', java: 'java', kt: 'kotlin', swift: 'swift', cs: 'csharp', php: 'php',
  rb: 'ruby', pl: 'perl', pm: 'perl', lua: 'lua', sql: 'sql', hs: 'haskell', css: 'css', scss: 'scss', less: 'less', json: 'json', yml: 'yaml', yaml: 'yaml', toml: 'toml', cmake: 'cmake', html: 'html',
  vue: 'vue', xml: 'xml', md: 'markdown', r: 'r', jl: 'julia', dart: 'dart', scala: 'scala', ex: 'elixir', exs: 'elixir', el: 'emacs-lisp', ml: 'ocaml', vim: 'viml', mk: 'makefile', f90: 'fortran', pas: 'pascal', adb: 'ada',
};
/** Bytes; larger files are data. */
const LARGEST = 300_000;

/** By its name, or by the program that its first line names. */
function languageOf(path: string): string | undefined {
  const ending = extname(path).slice(1).toLowerCase();
  if (ending !== '') return path.endsWith('.d.ts') ? 'typescript' : ENDINGS[ending];
  const shebang = /^#!.*?\b(sh|bash|dash|perl|python3?|ruby|node)\b/.exec(readFileSync(path, 'latin1').slice(0, 100))?.[1];
  return shebang && { sh: 'shellscript', bash: 'shellscript', dash: 'shellscript', perl: 'perl', python: 'python', python3: 'python', ruby: 'ruby', node: 'javascript' }[shebang];
}

function filesIn(path: string): string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile()) return found.size > 0 && found.size <= LARGEST ? [path] : [];
  if (!found?.isDirectory()) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => (entry.isFile() || entry.isDirectory()) && !/^\.|\.min\.|^(?:__pycache__|build|dist|Debug|Release)$/.test(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => filesIn(join(path, entry.name)));
}

function corpus(): HeldOutFile[] {
  const byLanguage = new Map<string, string[]>();
  for (const path of (values.corpus ?? OWN.map((folder) => join(packageRoot(), folder))).flatMap((root) => filesIn(resolve(root)))) {
    const languageId = languageOf(path);
    if (languageId === undefined || (values.language && languageId !== values.language)) continue;
    byLanguage.set(languageId, [...(byLanguage.get(languageId) ?? []), path]);
  }
  const most = Number(values.most);
  return [...byLanguage].flatMap(([languageId, paths]) => {
    const step = Math.max(1, paths.length / most);
    return Array.from({ length: Math.min(most, paths.length) }, (_, i) => paths[Math.floor(i * step)]).flatMap((path): HeldOutFile[] => {
      const text = readFileSync(path, 'utf8');
      return text.includes('\0') || text.includes('\ufffd') ? [] : [{ path: relative(process.cwd(), path), languageId, text }];
    });
  });
}

const share = (part: number, whole: number): string => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(2)} %`);

function row({ languageId, files, single, cut, multi, midLine, bodies, early, late }: StopCounts): string {
  return [languageId.padEnd(16), String(files).padStart(6), String(single).padStart(8), String(cut).padStart(6), share(cut, single).padStart(9), String(multi).padStart(8), String(midLine).padStart(6), share(midLine, multi).padStart(9), String(bodies).padStart(8), share(early, bodies).padStart(9), share(late, bodies).padStart(9)].join(' ');
}

export async function run(): Promise<void> {
  const { counts, misses } = measureStops(corpus(), Number(values['per-file']), Number(values.seed));
  if (values.json) return console.log(JSON.stringify({ counts, misses }));
  console.log('language          files   places    cut     share    multi  within a line  bodies  too early  too late');
  for (const count of counts.sort((a, b) => b.single - a.single)) console.log(row(count));
  for (const { languageId } of counts) {
    const files = misses.filter((miss) => languageOf(resolve(miss.path)) === languageId);
    for (const miss of files.slice(0, Number(values.misses))) console.log(JSON.stringify(miss));
  }
}
