// The rules of src/README.md about files and imports, as a function over file texts: the test runs it on src and on planted violations.

import { dirname, join, normalize } from 'node:path/posix';

/** Path relative to src, with forward slashes → text. */
export type Sources = Record<string, string>;

const MAX_LINES = 500;
const bannedNames = /^(utils?|helpers?|managers?|commons?|misc)\.[cm]?tsx?$/i;
const networkModules = /^(node:)?(http|https|http2|net|tls|dns|dgram|inspector)(\/|$)|^(undici|ws|axios|node-fetch)(\/|$)/;

/** Reads the table under "## Import table": folder → folders that it may import. */
export function parseImportTable(readme: string): Map<string, Set<string>> {
  const section = readme.split(/^## Import table$/m)[1] ?? '';
  const rows = [...section.matchAll(/^\| *([a-z]\w*) *\|([^|]*)\|$/gm)].filter(([, folder]) => folder !== 'folder');
  return new Map(rows.map(([, folder, allowed]) => [folder, new Set(allowed.split(',').map((name) => name.trim()).filter(Boolean))]));
}

/** Every module named by a static import or export (types too), a dynamic import, an import type or a require. */
export function importsOf(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const statement = /^\s*(?:import|export)\b[^;'"`]*?\bfrom\s*['"]([^'"]+)['"]/gm;
  const bare = /^\s*import\s*['"]([^'"]+)['"]/gm;
  const call = /\b(?:import|require|require\.resolve)\s*\(\s*(?:\/\*.*?\*\/\s*)?['"]([^'"]+)['"]/g;
  return [statement, bare, call].flatMap((pattern) => [...code.matchAll(pattern)].map(([, name]) => name));
}

/** The folder that decides what a file may import; `extension.ts` wires the editor, `cli.ts` the command line. */
function layerOf(path: string): string {
  if (path.includes('/')) return path.split('/')[0];
  return path === 'extension.ts' ? 'editor' : path.replace(/\.ts$/, '');
}

/** One sentence per violation. */
export function violations(sources: Sources, table: Map<string, Set<string>>): string[] {
  const found: string[] = [];
  for (const [path, text] of Object.entries(sources)) {
    const say = (sentence: string) => found.push(`${path} ${sentence}`);
    const layer = layerOf(path);
    const allowed = table.get(layer);
    if (!allowed) say(`lies in "${layer}", which the import table does not list`);
    if (bannedNames.test(path.split('/').at(-1)!)) say('has a name that says nothing');
    const lines = text.split('\n').length - 1;
    if (lines > MAX_LINES) say(`has ${lines} lines (at most ${MAX_LINES})`);
    if (path !== 'binding/load.ts' && /process\.dlopen|\.node['"`]|node-gyp-build/.test(text)) say('loads a native addon: only binding/load.ts does');

    for (const name of importsOf(text)) {
      if (networkModules.test(name) && layer !== 'download') say(`imports ${name}: no network`);
      if (name === 'vscode' && layer !== 'editor') say('imports vscode outside editor/');
      if (/^openai(\/|$)/.test(name) && layer !== 'remote') say(`imports ${name}: only remote/ does`);
      if (/^onnxruntime/.test(name) && path !== 'model/segment.ts') say(`imports ${name}: only model/segment.ts does`);
      if (!name.startsWith('.')) continue;
      const target = normalize(join(dirname(path), name));
      if (target.startsWith('..')) {
        say(`imports ${name} from outside src`);
        continue;
      }
      if (!/\.[cm]?[jt]s(on)?$/.test(name)) say(`imports ${name} without its extension`);
      else if (!(target in sources)) say(`imports ${name}, which does not exist`);
      const targetLayer = layerOf(target);
      if (allowed && targetLayer !== layer && !allowed.has(targetLayer)) say(`imports ${name}: ${layer} may not import ${targetLayer}`);
    }
  }
  return found;
}
