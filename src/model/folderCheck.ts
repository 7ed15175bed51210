// Whether a model folder still holds what the import wrote: sizes at every load, checksums of the files that were touched since they were last looked at.
import { createHash, randomUUID } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { DeltaError } from '../shared/errors.ts';
import { packageRoot } from '../shared/packageRoot.ts';
import { readManifest } from './manifest.ts';
import { STARTER_CONVERTED } from './starter.ts';

/** Of a file: its length and SHA-1, which is fast everywhere; against accidents, not against an attacker, who could write the manifest too. */
export interface FileFacts {
  bytes: number;
  sha1: string;
}

/** Which state of each file was found whole, beside the manifest; without it all files are read once more. */
const CHECKED = 'checked.json';
const PIECE_BYTES = 4 << 20;
/** Read at every load where it cannot be kept that they were whole; beyond that sizes must do. */
const MOST_UNKEPT_BYTES = 64 << 20;
/** What an import, a measurement or a check may leave in a model folder. A folder with anything else is somebody's own and never removed. */
const OURS = [/^(manifest|tokenizer|confidence|checked|sources)\.json(\.[\w-]+)?$/, /^embedding\.bin$/, /^delta(-compact)?\.f32$/, /^segments$/, /^segments[\\/](segment|lane)-\d+\.(onnx|bin)$/, /^segments[\\/]head-\w+\.(onnx|bin)$/];

type Progress = (stage: string, share: number) => void;

/** The facts of every file of a folder, which are on the disk when this returns: a machine that then loses its power has not lost them. */
export async function factsOf(folder: string): Promise<Record<string, FileFacts>> {
  const facts: Record<string, FileFacts> = {};
  const checked: Record<string, string> = {};
  for (const name of await filesOf(folder)) {
    const handle = await fs.open(join(folder, name), 'r+');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    const { size } = await fs.stat(join(folder, name));
    facts[name] = { bytes: size, sha1: await hashOf(join(folder, name)) };
    checked[name] = await stateOf(join(folder, name));
  }
  await fs.writeFile(join(folder, CHECKED), JSON.stringify(checked));
  return facts;
}

/** What is wrong with a model folder, or undefined; one whose manifest states no files is judged by their presence alone. Never throws for damage. */
export async function damageOf(folder: string, progress: Progress = () => {}): Promise<string | undefined> {
  const manifest = await readManifest(folder).catch((error: unknown) => {
    if (error instanceof DeltaError) return String(error.args[1]);
    throw error;
  });
  if (typeof manifest === 'string') return manifest;
  const files = Object.entries(manifest.files ?? {});
  const checked = await readChecked(folder);
  const suspects: [string, FileFacts, string][] = [];
  for (const [name, facts] of files) {
    const path = join(folder, name);
    const stat = await fs.stat(path).catch(() => undefined);
    if (!stat?.isFile()) return `${name} is missing`;
    if (stat.size !== facts.bytes) return `${name} has ${stat.size} bytes instead of ${facts.bytes}`;
    const state = await stateOf(path);
    if (checked[name] !== state) suspects.push([name, facts, state]);
  }
  const total = suspects.reduce((sum, [, { bytes }]) => sum + bytes, 0);
  const kept = suspects.length === 0 || (await canKeep(folder));
  if (!kept && total > MOST_UNKEPT_BYTES) return undefined;
  let done = 0;
  for (const [name, { bytes, sha1 }, state] of suspects) {
    if ((await hashOf(join(folder, name)).catch(() => '')) !== sha1) return `${name} holds other bytes than were written`;
    checked[name] = state;
    progress('checking', (done += bytes) / Math.max(1, total));
  }
  if (suspects.length > 0 && kept) await replaceFile(join(folder, CHECKED), JSON.stringify(checked));
  return undefined;
}

/** Something failed although all was found whole before: the next check reads everything. */
export async function forgetChecked(folder: string): Promise<void> {
  await fs.rm(join(folder, CHECKED), { force: true }).catch(() => {});
}

/** Whether all that lies in a folder is what imports leave; true of an empty one. */
export async function isOurs(folder: string): Promise<boolean> {
  const names = await fs.readdir(folder, { recursive: true }).catch(() => undefined);
  return names !== undefined && names.every((name) => OURS.some((pattern) => pattern.test(name)));
}

/** Every file that the runtime reads, relative, with `/`. */
async function filesOf(folder: string): Promise<string[]> {
  const entries = await fs.readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1).replaceAll(sep, '/'));
  return names.filter((name) => name !== 'manifest.json' && name !== CHECKED).sort();
}

/** Changes with every write, whoever sets the time of the last one back. */
async function stateOf(path: string): Promise<string> {
  const { size, mtimeMs, ctimeMs } = await fs.stat(path);
  return `${size} ${mtimeMs} ${ctimeMs}`;
}

async function readChecked(folder: string): Promise<Record<string, string>> {
  try {
    const checked: unknown = JSON.parse(await fs.readFile(join(folder, CHECKED), 'utf8'));
    return { ...(checked as Record<string, string>) };
  } catch {
    return {};
  }
}

/** Nobody writes into the package's own model, and others may lie where nobody can. */
async function canKeep(folder: string): Promise<boolean> {
  if (resolve(folder) === join(packageRoot(), STARTER_CONVERTED)) return false;
  return fs.access(folder, fs.constants.W_OK).then(() => true, () => false);
}

/** Writes a small file whole or not at all; where that is not possible, not at all. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const partial = `${path}.${randomUUID()}`;
  try {
    await fs.writeFile(partial, text);
    await fs.rename(partial, path);
  } catch {
    await fs.rm(partial, { force: true }).catch(() => {});
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha1');
  const handle = await fs.open(path, 'r');
  try {
    const buffer = Buffer.alloc(PIECE_BYTES);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}
