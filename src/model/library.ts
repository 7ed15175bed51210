// How a path that a user gives (a GGUF or a model folder) becomes a model folder that can be used.
import { existsSync, promises as fs } from 'node:fs';
import { basename, join } from 'node:path';
import { DeltaError } from '../shared/errors.ts';
import { packageRoot } from '../shared/packageRoot.ts';
import { shortened } from '../shared/partialName.ts';
import { cacheFolder } from '../shared/platformFolders.ts';
import { damageOf } from './folderCheck.ts';
import { identityOf } from './identity.ts';
import { CONVERSION, CONVERTER, importModel, type ImportOptions } from './import/importModel.ts';
import { folderWith, markUsed, tidy } from './shelf.ts';
import { STARTER_CONVERTED, STARTER_GGUF } from './starter.ts';

export { cacheFolder };

/** Bytes of a GGUF's name that its folder's name keeps. */
const STEM_BYTES = 80;

/** The embedded model: converted already in the package, a GGUF in the source tree. */
export function starterModel(): string {
  const converted = join(packageRoot(), STARTER_CONVERTED);
  return existsSync(join(converted, 'manifest.json')) ? converted : join(packageRoot(), STARTER_GGUF);
}

/** The model folder for `path`, converting a GGUF on first use, and again where the folder was damaged. Throws modelFolderInvalid for a damaged folder that was given itself. */
export async function resolveModel(path: string, options: ImportOptions): Promise<string> {
  const stat = await fs.stat(path).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new DeltaError('fileMissing', path) : new DeltaError('fileUnreadable', path, String(error.code));
  });
  if (stat.isDirectory()) {
    const damage = await damageOf(path, options.progress);
    if (damage !== undefined) throw new DeltaError('modelFolderInvalid', path, damage);
    return path;
  }
  // Opening a named pipe would wait for ever.
  if (!stat.isFile()) throw new DeltaError('notGguf', path, 'it is not a file');
  const models = join(cacheFolder(), 'models');
  const identity = await identityOf(path, CONVERSION);
  const known = await folderWith(models, identity);
  const folder = known ?? join(models, `${shortened(basename(path).replace(/\.gguf$/i, '').replace(/[^\w.-]/g, '_'), STEM_BYTES)}-${identity}`);
  const damage = known === undefined ? 'it is not there' : await damageOf(folder, options.progress);
  if (damage !== undefined) {
    if (known !== undefined) options.notice?.(`The converted model ${basename(folder)} was damaged (${damage}): it is made again.`);
    await importModel(path, folder, options);
  }
  await markUsed(folder, path);
  if (damage !== undefined) await tidy(models, { keep: folder, converter: CONVERTER });
  return folder;
}
