// Contexts made of neighbouring source files, path headers included, as an editor would send them.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import { random } from '../../shared/random.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';

const EXTENSIONS = new Set(['.ts', '.tsx', '.mts', '.js', '.mjs', '.cjs', '.jsx', '.py', '.c', '.cc', '.cpp', '.h', '.hpp', '.rs', '.go', '.java', '.cs', '.rb', '.php', '.swift', '.kt', '.lua', '.sh']);
const SKIPPED = new Set(['node_modules', 'dist', 'build', 'out', 'vendor', 'coverage', '__pycache__']);
/** Larger files are data or generated. */
const MOST_BYTES = 200_000;
/** A context starts with a file of at least this many bytes, so that it is not a chain of stubs. */
const LEAST_FIRST_BYTES = 1500;

export interface Context {
  ids: Int32Array;
  corpus: string;
  files: string[];
  /** Index of each file's first token. */
  starts: number[];
}

/** Source files under `folder`, in the order of a directory walk. */
export function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return entry.name.startsWith('.') || SKIPPED.has(entry.name) ? [] : sourceFiles(path);
      return entry.isFile() && EXTENSIONS.has(extname(entry.name)) && statSync(path).size <= MOST_BYTES ? [path] : [];
    });
}

/**
 * `lengths` contexts (one per entry, in tokens), taking turns between the corpora; no file is used twice.
 * @param corpora folders; the paths shown to the model are relative to them
 */
export function makeContexts(corpora: string[], tokenizer: Tokenizer, lengths: number[], seed: number): Context[] {
  const draw = random(seed);
  const pools = corpora.map((folder) => ({ folder, files: sourceFiles(folder), used: new Set<number>() }));
  const separator = tokenizer.special.fim?.fileSeparator;
  const contexts: Context[] = [];
  for (const [n, length] of lengths.entries()) {
    for (let tries = 0; tries < 400; tries++) {
      const pool = pools[(n + Math.floor(tries / 100)) % pools.length];
      const first = Math.floor(draw() * pool.files.length);
      const ids: number[] = [];
      const starts: number[] = [];
      let next = first;
      for (; next < pool.files.length && ids.length < length && !pool.used.has(next); next++) {
        const text = readFileSync(pool.files[next], 'utf8');
        if (next === first && text.length < LEAST_FIRST_BYTES) break;
        starts.push(ids.length);
        if (separator !== undefined) ids.push(separator);
        ids.push(...tokenizer.encode(`${relative(pool.folder, pool.files[next])}\n`), ...tokenizer.encode(text));
      }
      if (ids.length < length) continue;
      for (let i = first; i < next; i++) pool.used.add(i);
      contexts.push({ ids: Int32Array.from(ids.slice(0, length)), corpus: pool.folder, files: pool.files.slice(first, next).map((file) => relative(pool.folder, file)), starts });
      break;
    }
  }
  return contexts;
}
