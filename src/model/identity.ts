// What a model is, by what its files hold: a copy, another name or another time of change make no other model of it.
import { createHash, type Hash } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { DeltaError } from '../shared/errors.ts';

/** Files up to this size are read whole; of larger ones the beginning, the end, and pieces spread evenly: two models of one size differ in almost every tensor. */
const WHOLE_BYTES = 64 << 20;
const HEAD_BYTES = 1 << 20;
const PIECES = 512;
const PIECE_BYTES = 4096;

/** Twelve hexadecimal digits that change with what the files hold and with `method`, by which it is measured. Throws fileMissing or fileUnreadable. */
export async function identityOf(parts: readonly string[], method: string): Promise<string> {
  const hash = createHash('sha256').update(method);
  for (const part of parts) await addFile(hash, part);
  return hash.digest('hex').slice(0, 12);
}

async function addFile(hash: Hash, path: string): Promise<void> {
  const handle = await fs.open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw new DeltaError(error.code === 'ENOENT' ? 'fileMissing' : 'fileUnreadable', path, error.code ?? error.message);
  });
  try {
    const { size } = await handle.stat();
    hash.update(` ${size} `);
    const buffer = Buffer.alloc(HEAD_BYTES);
    const add = async (at: number, length: number) => {
      const { bytesRead } = await handle.read(buffer, 0, length, at);
      hash.update(buffer.subarray(0, bytesRead));
    };
    if (size <= WHOLE_BYTES) {
      for (let at = 0; at < size; at += HEAD_BYTES) await add(at, HEAD_BYTES);
      return;
    }
    await add(0, HEAD_BYTES);
    const last = size - PIECE_BYTES;
    for (let i = 1; i <= PIECES; i++) await add(HEAD_BYTES + Math.floor(((last - HEAD_BYTES) * i) / PIECES), PIECE_BYTES);
  } catch (error) {
    if (error instanceof DeltaError) throw error;
    throw new DeltaError('fileUnreadable', path, (error as NodeJS.ErrnoException).code ?? (error as Error).message);
  } finally {
    await handle.close();
  }
}
