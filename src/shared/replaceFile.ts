// Writing a file so that whoever reads it finds all of it or what it held before, also when the writer is killed or the disk is full.
import { promises as fs } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { partialName } from './partialName.ts';

/** Throws what the file system throws, and leaves nothing half-made. */
export async function replaceFile(path: string, bytes: Uint8Array | string): Promise<void> {
  const partial = join(dirname(path), partialName(basename(path)));
  try {
    await fs.writeFile(partial, bytes);
    await fs.rename(partial, path);
  } catch (error) {
    await fs.rm(partial, { force: true }).catch(() => {});
    throw error;
  }
}
