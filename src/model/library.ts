// Which model a path means: its GGUF or its graph, and the folder of what is measured of it. Nothing of a model is converted or copied.
import { existsSync, promises as fs, type Stats } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { DeltaError } from '../shared/errors.ts';
import { packageRoot } from '../shared/packageRoot.ts';
import { shortened } from '../shared/partialName.ts';
import { cacheFolder } from '../shared/platformFolders.ts';
import { identityOf } from './identity.ts';
import { readManifest } from './manifest.ts';
import { partsOf } from './format/splitFile.ts';
import { METHOD } from './measure/method.ts';
import { filesOf, graphAt, isGraph } from './onnx/onnxFiles.ts';
import { folderWith } from './shelf.ts';
import { STARTER_GGUF, STARTER_MEASURED } from './starter.ts';

export { cacheFolder };

/** Bytes of a GGUF's name that its folder's name keeps. */
const STEM_BYTES = 80;

export interface ModelFiles {
  gguf: string;
  /** Twelve digits of what the GGUF holds. */
  identity: string;
  /** Where what is measured of it lies, or would. */
  folder: string;
  /** Whether the folder is one of the cache, which is tidied up. */
  cached: boolean;
}

export const modelShelf = (): string => join(cacheFolder(), 'models');

/** The embedded model: measured already in the package, a GGUF alone in the source tree. */
export function starterModel(): string {
  const measured = join(packageRoot(), STARTER_MEASURED);
  return existsSync(join(measured, 'manifest.json')) ? measured : join(packageRoot(), STARTER_GGUF);
}

/** The GGUF at `path`, or that of which the folder there was measured; of a folder that was published for ONNX Runtime, its graph. Throws fileMissing, fileUnreadable, notGguf, modelFolderInvalid. */
export async function ggufOf(path: string): Promise<string> {
  const stat = await statOf(path);
  if (!stat.isDirectory()) return path;
  return graphIn(path) ?? resolve(path, (await readManifest(path)).source.file);
}

/** The files that a model consists of, as far as they are there; `path` is its GGUF or its graph. */
export const partsOfModel = async (path: string): Promise<string[]> => (isGraph(path) ? filesOf(path) : partsOf(path));

/** Of a folder that nothing was measured into. */
const graphIn = (folder: string): string | undefined => (existsSync(join(folder, 'manifest.json')) ? undefined : graphAt(folder));

/** The files of the model at `path`: a GGUF, a folder for ONNX Runtime or its graph, or the folder of what was measured of one. Throws fileMissing, fileUnreadable, notGguf, modelFolderInvalid. */
export async function locate(path: string): Promise<ModelFiles> {
  const stat = await statOf(path);
  if (stat.isDirectory()) {
    const graph = graphIn(path);
    if (graph !== undefined) return locate(graph);
    const { source } = await readManifest(path);
    return { gguf: resolve(path, source.file), identity: source.identity, folder: path, cached: false };
  }
  const identity = await identityOf(await partsOfModel(path), METHOD);
  const name = `${shortened(basename(path).replace(/\.(gguf|onnx)$/i, '').replace(/[^\w.-]/g, '_'), STEM_BYTES)}-${identity}`;
  return { gguf: path, identity, folder: (await folderWith(modelShelf(), identity)) ?? join(modelShelf(), name), cached: true };
}

async function statOf(path: string): Promise<Stats> {
  const stat = await fs.stat(path).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new DeltaError('fileMissing', path) : new DeltaError('fileUnreadable', path, String(error.code));
  });
  // Opening a named pipe would wait for ever.
  if (!stat.isDirectory() && !stat.isFile()) throw new DeltaError('notGguf', path, 'it is not a file');
  return stat;
}
