// What was measured of models, in the cache folder: each under what its GGUF holds, those removed that nobody can or does use.
import { promises as fs } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isThere } from '../shared/isThere.ts';
import { isAbandoned, partialName } from '../shared/partialName.ts';
import { replaceFile } from '../shared/replaceFile.ts';
import { isOurs } from './measured.ts';

/** Beside the manifest: where the GGUF lay whenever the model was used; the time of its last change is the last use. */
const SOURCES = 'sources.json';
const MOST_SOURCES = 16;
/** Of all models together; DELTALLM_CACHE_GB overrides it. */
const DEFAULT_LIMIT_GB = 20;
/** Whoever has just found a model may not have opened it yet. */
const JUST_USED_MS = 600_000;
/** Bytes removed that somebody would wonder about. */
const WORTH_A_LINE = 50e6;
/** A GGUF whose whole folder is gone may be on a disk that comes back. */
const FORGOTTEN_MS = 30 * 24 * 3_600_000;

/** The folder in `models` of what has this identity, whatever its file was called. */
export async function folderWith(models: string, identity: string): Promise<string | undefined> {
  const names = await fs.readdir(models).catch(() => []);
  const name = names.find((candidate) => candidate.endsWith(`-${identity}`));
  return name && join(models, name);
}

/** Notes that the model is used, and where its GGUF lies now. Where that cannot be written, nothing is noted. */
export async function markUsed(folder: string, source: string): Promise<void> {
  const known = await sourcesOf(folder);
  const path = resolve(source);
  const now = new Date();
  if (known[0] === path) await fs.utimes(join(folder, SOURCES), now, now).catch(() => {});
  else await replaceFile(join(folder, SOURCES), JSON.stringify([path, ...known.filter((other) => other !== path)].slice(0, MOST_SOURCES))).catch(() => {});
}

export interface ShelfRules {
  /** Never removed. */
  keep: string;
  /** The number of this way to measure: what an older one found is of no use. */
  method: number;
  /** Hears what was removed of older versions, where that is much. */
  notice?: (text: string) => void;
  now?: number;
  limitBytes?: number;
}

/** Removes partial folders of dead imports, what older versions made, what has no source any more, and beyond the limit what was not used for longest. Never throws. */
export async function tidy(models: string, { keep, method, notice = () => {}, now = Date.now(), limitBytes = limitOf(process.env) }: ShelfRules): Promise<void> {
  const left: { folder: string; used: number; bytes: number }[] = [];
  let outdated = 0;
  for (const name of await fs.readdir(models).catch(() => [])) {
    const folder = join(models, name);
    const stat = await fs.lstat(folder).catch(() => undefined);
    if (!stat?.isDirectory()) continue;
    if (isAbandoned(name, stat.mtimeMs, now)) await remove(folder);
    if (name.includes('.partial-')) continue;
    const used = await fs.stat(join(folder, SOURCES)).then(({ mtimeMs }) => mtimeMs, () => stat.mtimeMs);
    const bytes = await bytesOf(folder);
    const ours = folder !== keep && (await isOurs(folder));
    if (ours && (await isOutdated(folder, method))) {
      outdated += bytes;
      await remove(folder);
    } else if (ours && (await hasNoSource(folder, now - used))) await remove(folder);
    else left.push({ folder, used, bytes });
  }
  if (outdated > WORTH_A_LINE) notice(`Removed ${(outdated / 1e9).toFixed(1)} GB that an older version had converted models to: they are read as they are now.`);
  let total = left.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { folder, used, bytes } of left.sort((a, b) => a.used - b.used)) {
    if (total <= limitBytes) return;
    if (folder === keep || now - used < JUST_USED_MS || !(await isOurs(folder))) continue;
    await remove(folder);
    total -= bytes;
  }
}

/** Bytes of everything on the shelf. */
export async function shelfSize(models: string): Promise<number> {
  let bytes = 0;
  for (const name of await fs.readdir(models).catch(() => [])) if (await isOurs(join(models, name))) bytes += await bytesOf(join(models, name));
  return bytes;
}

/** Removes everything on the shelf; what is somebody else's stays. Never throws. */
export async function clearShelf(models: string): Promise<void> {
  for (const name of await fs.readdir(models).catch(() => [])) {
    const folder = join(models, name);
    const isFolder = await fs.lstat(folder).then((stat) => stat.isDirectory(), () => false);
    if (isFolder && (await isOurs(folder))) await remove(folder);
  }
}

function limitOf({ DELTALLM_CACHE_GB: given }: NodeJS.ProcessEnv): number {
  const gigabytes = given === undefined || given.trim() === '' ? NaN : Number(given);
  return 1e9 * (gigabytes >= 0 ? gigabytes : DEFAULT_LIMIT_GB);
}

/** Made by an older version, or by none that finished. What a newer one made is its own business. */
async function isOutdated(folder: string, method: number): Promise<boolean> {
  try {
    const manifest = JSON.parse(await fs.readFile(join(folder, 'manifest.json'), 'utf8')) as { method?: unknown } | null;
    return typeof manifest?.method !== 'number' || manifest.method < method;
  } catch {
    return true;
  }
}

/** Whether every GGUF that the model was found in is gone. */
async function hasNoSource(folder: string, unusedMs: number): Promise<boolean> {
  const sources = await sourcesOf(folder);
  for (const source of sources) if ((await isThere(source)) || (!(await isThere(dirname(source))) && unusedMs < FORGOTTEN_MS)) return false;
  return sources.length > 0;
}

async function sourcesOf(folder: string): Promise<string[]> {
  try {
    const sources: unknown = JSON.parse(await fs.readFile(join(folder, SOURCES), 'utf8'));
    return Array.isArray(sources) ? sources.filter((source) => typeof source === 'string') : [];
  } catch {
    return [];
  }
}

async function bytesOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await fs.readdir(folder, { recursive: true }).catch(() => [])) bytes += (await fs.stat(join(folder, name)).catch(() => undefined))?.size ?? 0;
  return bytes;
}

/** First out of sight, so that nobody finds half of it. */
async function remove(folder: string): Promise<void> {
  const aside = folder.includes('.partial-') ? folder : join(dirname(folder), partialName('removed'));
  try {
    if (aside !== folder) await fs.rename(folder, aside);
    await fs.rm(aside, { recursive: true, force: true });
  } catch {
    // Somebody holds it open, or it is not ours to remove: the next import tries again.
  }
}
