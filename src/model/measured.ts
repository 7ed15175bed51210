// What is measured of a model and kept, in a small folder of its own: `manifest.json`, the delta tables of each mode, and later its confidence.
// It is written beside its place and renamed: a folder is whole or absent. One that is not what its manifest says is measured again.
import { createHash } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DeltaError } from '../shared/errors.ts';
import { isAbandoned, partialName } from '../shared/partialName.ts';
import type { DeltaTables } from '../binding/addon.ts';
import { readManifest, type Manifest } from './manifest.ts';
import { basisBytes, deltaTableBytes, type Mode } from './stores.ts';

/** Per layer θ then s, each `[kvHeads, keyLength]` float32, little-endian. */
const TABLES: Readonly<Record<Mode, string>> = { delta: 'delta.f32', compact: 'delta-compact.f32' };
/** The bases of both modes, as `basisBytes` writes them; only where keys are coded in one. */
const BASIS = 'basis.f32';
const MODES = Object.keys(TABLES) as Mode[];
/** Of a basis: larger numbers are no measurement. */
const MOST_ELEMENT = 1e15;
/** What may lie in such a folder, and in one that an older version converted a model to. A folder with anything else is somebody's own and never removed. */
const OURS = [/^(manifest|tokenizer|confidence|checked|sources)\.json(\.[\w-]+)?$/, /^embedding\.bin$/, /^(delta(-compact)?|basis)\.f32$/, /^segments$/, /^segments[\\/](segment|lane)-\d+\.(onnx|bin)$/, /^segments[\\/]head-\w+\.(onnx|bin)$/];

export interface Measured {
  manifest: Manifest;
  tables: Record<Mode, DeltaTables[]>;
}

/** What a folder holds, checked, or why it cannot be used. */
export async function readMeasured(folder: string): Promise<Measured | string> {
  const manifest = await readManifest(folder).catch((error: unknown) => {
    if (error instanceof DeltaError) return String(error.args[1]);
    throw error;
  });
  if (typeof manifest === 'string') return manifest;
  const tables: Partial<Measured['tables']> = {};
  let bases: Basis[] | undefined;
  if (manifest.delta.basis) {
    const bytes = await readStated(folder, BASIS, manifest);
    if (typeof bytes === 'string') return bytes;
    bases = basesFrom(bytes, manifest.shape, manifest.delta.basis.power > 0);
    if (!bases) return `${BASIS} holds unusable numbers`;
  }
  for (const mode of MODES) {
    const bytes = await readStated(folder, TABLES[mode], manifest);
    if (typeof bytes === 'string') return bytes;
    const read = tablesFrom(bytes, manifest.shape);
    if (!read) return `${TABLES[mode]} holds unusable numbers`;
    tables[mode] = read.map((layer, l) => ({ ...layer, ...bases?.[l] }));
  }
  return { manifest, tables: tables as Measured['tables'] };
}

/** A file that is what the manifest says of it, or why it is not. */
async function readStated(folder: string, name: string, { files }: Manifest): Promise<Uint8Array | string> {
  const stated = files[name];
  const bytes = await fs.readFile(join(folder, name)).catch((error: NodeJS.ErrnoException) => String(error.code));
  if (typeof bytes === 'string') return bytes === 'ENOENT' ? `${name} is missing` : `${name} cannot be read: ${bytes}`;
  if (!stated) return `its manifest.json does not state ${name}`;
  if (bytes.length !== stated.bytes) return `${name} has ${bytes.length} bytes instead of ${stated.bytes}`;
  if (sha1(bytes) !== stated.sha1) return `${name} holds other bytes than were written`;
  return bytes;
}

type Basis = Pick<DeltaTables, 'basis' | 'importance'>;

function basesFrom(bytes: Uint8Array, { layers, kvHeads, keyLength }: Manifest['shape'], weighted: boolean): Basis[] | undefined {
  const sizes = [kvHeads * keyLength ** 2, weighted ? kvHeads * (2 * keyLength + 2) : 0];
  const both = sizes[0] + sizes[1];
  if (bytes.length !== layers * both * 4) return undefined;
  const values = new Float32Array(new Uint8Array(bytes).buffer);
  const bases = Array.from({ length: layers }, (_, layer): Basis => ({
    basis: values.slice(layer * both, layer * both + sizes[0]),
    ...(weighted && { importance: values.slice(layer * both + sizes[0], (layer + 1) * both) }),
  }));
  // What we wrote has an inverse; whether it is what we wrote, the manifest says. To invert all again would take a large model a second of every load.
  const hasRows = ({ basis }: Basis) => Array.from({ length: kvHeads * keyLength }, (_, row) => basis!.subarray(row * keyLength, (row + 1) * keyLength)).every((row) => row.some((v) => v !== 0));
  return values.every((v) => Math.abs(v) <= MOST_ELEMENT) && bases.every(hasRows) ? bases : undefined;
}

function tablesFrom(bytes: Uint8Array, { layers, kvHeads, keyLength }: Manifest['shape']): DeltaTables[] | undefined {
  const channels = kvHeads * keyLength;
  if (bytes.length !== layers * 2 * channels * 4) return undefined;
  const values = new Float32Array(new Uint8Array(bytes).buffer);
  if (!values.every((v, i) => v >= 0 && v < Infinity && (v > 0 || i % (2 * channels) < channels))) return undefined;
  return Array.from({ length: layers }, (_, layer) => ({
    threshold: values.slice(layer * 2 * channels, (layer * 2 + 1) * channels),
    step: values.slice((layer * 2 + 1) * channels, (layer * 2 + 2) * channels),
  }));
}

/** What stays where a model is measured again. */
const KEPT_BESIDE = ['confidence.json', 'sources.json'];

/**
 * Writes the folder `out`, in place of nothing but one of ours: of a damaged one, or with `again` of any. The files that the manifest states are those that are written.
 * Throws diskFull or folderNotWritable, and leaves nothing half-made.
 */
export async function writeMeasured(out: string, manifest: Omit<Manifest, 'files'>, tables: Measured['tables'], { again = false } = {}): Promise<Manifest> {
  const folder = resolve(out);
  const partial = join(dirname(folder), partialName(basename(folder)));
  try {
    await makeFolder(dirname(folder));
    await removeAbandoned(dirname(folder), basename(partial).split('.partial-')[0]);
    await fs.mkdir(partial);
    const files: Manifest['files'] = {};
    for (const mode of MODES) {
      const bytes = deltaTableBytes(tables[mode]);
      await fs.writeFile(join(partial, TABLES[mode]), bytes, { flush: true });
      files[TABLES[mode]] = { bytes: bytes.length, sha1: sha1(bytes) };
    }
    if (manifest.delta.basis) {
      const bytes = basisBytes(tables.delta);
      await fs.writeFile(join(partial, BASIS), bytes, { flush: true });
      files[BASIS] = { bytes: bytes.length, sha1: sha1(bytes) };
    }
    const whole: Manifest = { ...manifest, files };
    await fs.writeFile(join(partial, 'manifest.json'), JSON.stringify(whole, undefined, 1), { flush: true });
    for (const name of again ? KEPT_BESIDE : []) await fs.copyFile(join(folder, name), join(partial, name)).catch(() => {}); // it may be absent
    await putInPlace(partial, folder, again);
    return whole;
  } catch (error) {
    await fs.rm(partial, { recursive: true, force: true }).catch(() => {});
    throw translated(error as NodeJS.ErrnoException, out);
  }
}

/** What writers left that are no more. */
async function removeAbandoned(parent: string, stem: string): Promise<void> {
  for (const name of await fs.readdir(parent)) {
    if (!name.startsWith(`${stem}.partial-`)) continue;
    const stat = await fs.stat(join(parent, name)).catch(() => undefined);
    if (stat && isAbandoned(name, stat.mtimeMs)) await fs.rm(join(parent, name), { recursive: true, force: true });
  }
}

/** What a rename says when a folder has the name already (EPERM and EACCES: on Windows). */
const IN_THE_WAY = ['ENOTEMPTY', 'EEXIST', 'EPERM', 'EACCES'];
const MOST_ATTEMPTS = 4;

/** Names the finished folder. Where another process was faster its folder is as good as ours; a damaged one gives way. */
async function putInPlace(partial: string, folder: string, again: boolean): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fs.rename(partial, folder);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (attempt === MOST_ATTEMPTS || !IN_THE_WAY.includes(String(code)) || !(await isOurs(folder))) throw error;
    }
    if (!again && typeof (await readMeasured(folder)) !== 'string') return fs.rm(partial, { recursive: true, force: true });
    const aside = join(dirname(folder), partialName(basename(folder)));
    await fs.rename(folder, aside).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error; // somebody else moved it
    });
    await fs.rm(aside, { recursive: true, force: true });
  }
}

/** As `mkdir` with `recursive`, which never returns for a folder in /proc. */
async function makeFolder(path: string): Promise<void> {
  const stat = await fs.stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' || dirname(path) === path) throw error;
  });
  if (stat?.isDirectory()) return;
  if (stat) throw Object.assign(new Error('a file is in the way'), { code: 'ENOTDIR' });
  await makeFolder(dirname(path));
  await fs.mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error; // somebody else made it
  });
}

/** ENOENT: a folder that nothing can be made in, or one that somebody removed meanwhile. */
const NOT_WRITABLE = ['EACCES', 'EROFS', 'EPERM', 'ENOTDIR', 'ENOENT', 'ENAMETOOLONG', 'ENOTEMPTY', 'EEXIST', 'EISDIR'];

function translated(error: NodeJS.ErrnoException, out: string): Error {
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') return new DeltaError('diskFull', out, 'more room', '0 bytes');
  if (error.code && NOT_WRITABLE.includes(error.code)) return new DeltaError('folderNotWritable', out, error.code);
  return error;
}

/** Whether all that lies in a folder is what is written here; true of an empty one. */
export async function isOurs(folder: string): Promise<boolean> {
  const names = await fs.readdir(folder, { recursive: true }).catch(() => undefined);
  return names !== undefined && names.every((name) => OURS.some((pattern) => pattern.test(name)));
}

const sha1 = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');
