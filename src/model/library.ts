// Where converted models live, and how a path that a user gives (a GGUF or a model folder) becomes a model folder.
import { createHash } from 'node:crypto';
import { existsSync, promises as fs } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { DeltaError } from '../shared/errors.ts';
import { packageRoot } from '../shared/packageRoot.ts';
import { CONVERSION, importModel, type ImportOptions } from './import/importModel.ts';
import { STARTER_CONVERTED, STARTER_GGUF } from './starter.ts';

/** The embedded model: converted already in the package, a GGUF in the source tree. */
export function starterModel(): string {
  const converted = join(packageRoot(), STARTER_CONVERTED);
  return existsSync(join(converted, 'manifest.json')) ? converted : join(packageRoot(), STARTER_GGUF);
}

/** The folder of converted models: DELTALLM_CACHE, or the platform's cache folder. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  if (environment.DELTALLM_CACHE) return environment.DELTALLM_CACHE;
  if (process.platform === 'win32') return join(environment.LOCALAPPDATA ?? join(homedir(), 'AppData/Local'), 'deltallm');
  if (process.platform === 'darwin') return join(homedir(), 'Library/Caches/deltallm');
  return join(environment.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'deltallm');
}

/** The model folder for `path`, converting a GGUF on first use. */
export async function resolveModel(path: string, options: ImportOptions): Promise<string> {
  const stat = await fs.stat(path).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new DeltaError('fileMissing', path) : new DeltaError('fileUnreadable', path, String(error.code));
  });
  if (stat.isDirectory()) return path;
  // Opening a named pipe would wait for ever.
  if (!stat.isFile()) throw new DeltaError('notGguf', path, 'it is not a file');
  const folder = join(cacheFolder(), 'models', await folderName(path, stat.size, stat.mtimeMs));
  const ready = await fs.access(join(folder, 'manifest.json')).then(() => true, () => false);
  if (!ready) await importModel(path, folder, options);
  return folder;
}

/** A name that changes when the file or the conversion does: stem, then a hash of size, time of change and header. */
async function folderName(path: string, size: number, mtimeMs: number): Promise<string> {
  const handle = await fs.open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw new DeltaError('fileUnreadable', path, error.code ?? error.message);
  });
  try {
    const head = Buffer.alloc(65_536);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    const key = createHash('sha256').update(`${CONVERSION} ${size} ${mtimeMs}`).update(head.subarray(0, bytesRead)).digest('hex').slice(0, 12);
    return `${basename(path).replace(/\.gguf$/i, '').replace(/[^\w.-]/g, '_')}-${key}`;
  } finally {
    await handle.close();
  }
}
