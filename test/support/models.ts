// Random models of real shape, written once and kept under .cache/.
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { resolve } from 'node:path';
import { presets, writeRandomLlama } from './writeGguf.ts';

/** The path of that preset's GGUF, written when it is missing. */
export function randomModel(preset: keyof typeof presets): string {
  const path = resolve('.cache', `random-${preset}.gguf`);
  if (existsSync(path)) return path;
  mkdirSync(resolve('.cache'), { recursive: true });
  const partial = `${path}.${process.pid}`;
  writeRandomLlama(partial, presets[preset]);
  renameSync(partial, path);
  return path;
}
