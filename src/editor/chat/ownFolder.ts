// A folder of our own on the disk. Not through VS Code: when a window is reloaded, what is asked of VS Code is not done any more, and the last words of an
// answer would be lost.
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface OwnFolder {
  names(): Promise<string[]>;
  /** Null for what is not there, or has more bytes than `most`. */
  read(name: string, most: number): Promise<string | null>;
  /** The file holds all of it or what it held before. */
  write(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
}

/** Made when something is written. */
export function ownFolder(path: string): OwnFolder {
  const at = (name: string): string => join(path, name);
  return {
    names: () => readdir(path).catch(() => []),
    read: async (name, most) => {
      try {
        return (await stat(at(name))).size <= most ? await readFile(at(name), 'utf8') : null;
      } catch {
        return null;
      }
    },
    write: async (name, text) => {
      await mkdir(path, { recursive: true });
      await writeFile(at(`${name}.new`), text);
      await rename(at(`${name}.new`), at(name));
    },
    remove: (name) => rm(at(name), { force: true }),
  };
}
