// The files that lie around a file, nearest first: what an editor could have beside it.
import { readFileSync } from 'node:fs';
import { basename, dirname, extname, join, relative, sep } from 'node:path';
import { besideFile } from '../completion/beside.ts';

/** Languages that import each other. */
const FAMILIES = [/\.[cm]?[jt]sx?$/, /\.py$/];
/** `from './a'`, `require('../b')`, `from .c import`, `from . import d`. */
const RELATIVE = /(?:from|import|require\()\s*['"](\.[^'"]*)['"]|^\s*from\s+(\.+[\w.]*)\s+import/gm;

/**
 * Texts of at most `most` neighbours of `file` among `files`: imported by a relative path, then of the same folder, then of the nearest ones; of equals
 * in the order of `files`.
 */
export function neighbourTexts(file: string, text: string, files: readonly string[], most: number): string[] {
  const family = FAMILIES.find((endings) => endings.test(file));
  const imported = new Set(importedFiles(file, text));
  const distance = (other: string): number => (imported.has(withoutExtension(other)) ? -1 : steps(dirname(file), dirname(other)));
  const ranked = files.filter((other) => other !== file && family?.test(other)).map((path, at) => ({ path, at, distance: distance(path) }));
  ranked.sort((a, b) => a.distance - b.distance || a.at - b.at);
  return ranked.slice(0, most).map(({ path }) => readFileSync(path, 'utf8'));
}

/** The same of its own folder alone, in the editor's order: what takes part where nothing else is open. */
export function folderTexts(file: string, files: readonly string[], most: number): string[] {
  const names = files.filter((other) => dirname(other) === dirname(file)).map((other) => basename(other));
  const language = file.endsWith('.py') ? 'python' : 'typescript';
  return besideFile(file, language, names).slice(0, most).map((name) => readFileSync(join(dirname(file), name), 'utf8'));
}

/** Without extension, as far as the text says; folders stand for their index. */
function importedFiles(file: string, text: string): string[] {
  const found: string[] = [];
  for (const [, script, python] of text.matchAll(RELATIVE)) {
    const path = script ?? python.replace(/^\.(\.*)/, (_, up: string) => `./${'../'.repeat(up.length)}`).replace(/(\w)\./g, '$1/');
    const target = join(dirname(file), path);
    found.push(target, withoutExtension(target), join(target, 'index'), join(target, '__init__'));
  }
  return found;
}

const withoutExtension = (path: string): string => path.slice(0, path.length - extname(path).length);

/** Folders left and entered on the way. */
const steps = (from: string, to: string): number => (from === to ? 0 : relative(from, to).split(sep).length);
