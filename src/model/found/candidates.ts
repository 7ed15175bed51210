// The GGUF files under a root, by its program's layout. Nothing is opened for writing, and nothing that a file says is trusted.
import { promises as fs } from 'node:fs';
import { basename, join } from 'node:path';
import type { Root } from './roots.ts';

export interface Candidate {
  path: string;
  program: string;
  /** As the program calls it, where it does: "llama3.2:1b". */
  name?: string;
}

/** Folders within a root that are looked at; real ones have three or four levels. */
const DEPTH = 8;
/** Entries of a root that are looked at in all: a home folder by mistake must not keep us for minutes. */
const ENTRIES = 20_000;
/** Of an Ollama manifest; real ones have a few hundred bytes. */
const MANIFEST_BYTES = 1 << 20;
const DIGEST = /^sha256[:-]([0-9a-f]{64})$/;

/** Parts of a download, and files beside a model that are none. */
const NO_MODEL = /(\.part|\.incomplete|-partial.*)$|^mmproj|^incomplete-/i;
/** Another part than the first of a model in several files. */
const LATER_PART = /-(?!00001)\d{5}-of-\d{5}\.gguf$/i;

export const isModelFile = (name: string): boolean => /\.gguf$/i.test(name) && !NO_MODEL.test(name) && !LATER_PART.test(name);

/** What lies under a root. Throws the file system's error where the root itself cannot be read. */
export async function* candidatesIn({ program, folder, layout }: Root, cancelled: () => boolean): AsyncGenerator<Candidate> {
  const walk = new Walk(cancelled);
  if (layout === 'ollama') {
    await fs.access(join(folder, 'manifests'));
    for await (const path of walk.files(join(folder, 'manifests'))) {
      const found = await fromManifest(path, folder);
      if (found) yield { program, ...found };
    }
    return;
  }
  await fs.access(folder);
  if (layout === 'files') {
    for await (const path of walk.files(folder)) if (isModelFile(basename(path))) yield { program, path };
    return;
  }
  for (const name of await fs.readdir(folder)) {
    if (cancelled()) return;
    const repository = /^models--(.+)$/.exec(name);
    if (!repository) continue;
    for await (const path of walk.files(await snapshotOf(join(folder, name)))) if (isModelFile(basename(path))) yield { program, path };
  }
}

/** The snapshot that the branch "main" names, else all of them. */
async function snapshotOf(repository: string): Promise<string> {
  const snapshots = join(repository, 'snapshots');
  const commit = (await fs.readFile(join(repository, 'refs', 'main'), 'utf8').catch(() => '')).trim();
  return /^[0-9a-f]{40}$/.test(commit) ? join(snapshots, commit) : snapshots;
}

/** manifests/HOST/NAMESPACE/MODEL/TAG names the blob that holds the model. */
async function fromManifest(path: string, folder: string): Promise<{ path: string; name: string } | undefined> {
  try {
    if ((await fs.stat(path)).size > MANIFEST_BYTES) return undefined;
    const { layers } = JSON.parse(await fs.readFile(path, 'utf8')) as { layers?: unknown };
    if (!Array.isArray(layers)) return undefined;
    const layer = (layers as { mediaType?: unknown; digest?: unknown }[]).find((one) => one?.mediaType === 'application/vnd.ollama.image.model');
    const [, digest] = DIGEST.exec(String(layer?.digest)) ?? [];
    if (digest === undefined) return undefined;
    const [namespace, model, tag] = path.split(/[\\/]/).slice(-3);
    return { path: join(folder, 'blobs', `sha256-${digest}`), name: `${namespace === 'library' ? '' : `${namespace}/`}${model}:${tag}` };
  } catch {
    return undefined; // a manifest that is none
  }
}

class Walk {
  private left = ENTRIES;

  constructor(private readonly cancelled: () => boolean) {}

  /** Regular files in a folder and those in it, links followed to files but not to folders: a link to a folder above would go on for ever. */
  async *files(folder: string, depth = DEPTH): AsyncGenerator<string> {
    const entries = await fs.readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (this.cancelled() || this.left-- <= 0) return;
      const path = join(folder, entry.name);
      if (entry.isDirectory() && depth > 0) yield* this.files(path, depth - 1);
      else if (entry.isFile()) yield path;
      else if (entry.isSymbolicLink() && (await fs.stat(path).catch(() => undefined))?.isFile()) yield path;
    }
  }
}
