// Which documents and files may stand beside another: those in its language or in one that is written beside it.
import { basename, extname } from 'node:path/posix';
import { endingsOf } from '../shared/languages.ts';

/** Languages that use each other's names. */
const FAMILIES: readonly (readonly string[])[] = [
  ['typescript', 'typescriptreact', 'javascript', 'javascriptreact'],
  ['c', 'cpp', 'objective-c', 'objective-cpp', 'cuda-cpp'],
  ['python'],
];

export function isRelated(language: string, other: string): boolean {
  return language === other || FAMILIES.some((languages) => languages.includes(language) && languages.includes(other));
}

/**
 * Of the file names of a folder those that may stand beside `own`, the likeliest first: names that begin alike (a test beside what it tests), then in
 * the order of the folder.
 */
export function besideFile(own: string, language: string, names: readonly string[]): string[] {
  const family = FAMILIES.find((languages) => languages.includes(language));
  const endings = family ? endingsOf(family) : [extname(own).toLowerCase()];
  const others = names.filter((name) => name !== basename(own) && endings.includes(extname(name).toLowerCase()));
  const alike = new Map(others.map((name) => [name, commonLength(name, basename(own))]));
  return others.sort((a, b) => alike.get(b)! - alike.get(a)! || (a < b ? -1 : 1));
}

/** With how many characters two names begin alike. */
export function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
