// Homes of people who have models already: the folders of the programs that keep them, with small models that can be loaded.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll } from 'vitest';
import { findModels, type FoundModels, type Search } from '../../src/model/found/findModels.ts';
import { presets, randomLlama, writeGguf, type GgufFile, type MetadataEntry, type TensorEntry } from './writeGguf.ts';

const base = randomLlama({ ...presets.tiny, layers: 1, vocabulary: 300, hidden: 32, heads: 2, kvHeads: 1, headDim: 16, ffn: 32 });
const DIGEST_LETTERS = 64;

export const digestOf = (letter: string): string => letter.repeat(DIGEST_LETTERS);

export interface Model {
  name?: string;
  /** Default: true. */
  chat?: boolean;
  metadata?: MetadataEntry[];
  tensors?: TensorEntry[];
}

/** The small model with other metadata; an entry whose value is undefined is left out. */
export function modelFile({ name = 'Tiny', chat = true, metadata = [], tensors = base.tensors }: Model = {}): GgufFile {
  const changed: MetadataEntry[] = [['general.name', 'string', name], ...(chat ? [['tokenizer.chat_template', 'string', '{{ messages }}'] satisfies MetadataEntry] : []), ...metadata];
  const last = new Map(changed.map((entry) => [entry[0], entry]));
  return { metadata: [...base.metadata.filter(([key]) => !last.has(key)), ...last.values()].filter(([, , value]) => value !== undefined), tensors };
}

/** Writes a model, folders included, and returns its path. */
export function putModel(path: string, model: Model = {}): string {
  mkdirSync(dirname(path), { recursive: true });
  writeGguf(path, modelFile(model));
  return path;
}

export function putText(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

export interface OllamaModel extends Model {
  digest?: string;
  params?: unknown;
  adapter?: boolean;
  separator?: '-' | ':';
}

/** A model in a folder of Ollama, and the manifest that names it ("registry.ollama.ai/library/llama3.2/1b"). */
export function putOllama(folder: string, tag: string, { digest = digestOf('a'), params, adapter = false, separator = '-', ...model }: OllamaModel = {}): string {
  const layer = (type: string, of: string) => ({ mediaType: `application/vnd.ollama.image.${type}`, digest: `sha256:${of}`, size: 1 });
  const layers = [layer('template', digestOf('0')), layer('model', digest), ...(params === undefined ? [] : [layer('params', digestOf('1'))]), ...(adapter ? [layer('adapter', digestOf('2'))] : [])];
  if (params !== undefined) putText(join(folder, 'blobs', `sha256-${digestOf('1')}`), JSON.stringify(params));
  putText(join(folder, 'manifests', tag), JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.docker.distribution.manifest.v2+json', config: layer('x', digestOf('3')), layers }));
  return putModel(join(folder, 'blobs', `sha256${separator}${digest}`), model);
}

export interface HubModel extends Model {
  blob?: string;
  commit?: string;
  /** Whether refs/main names the commit. */
  current?: boolean;
}

/** A model in a hub's cache: a blob, a link to it in a snapshot, and what the branch "main" is. */
export function putHub(folder: string, repository: string, file: string, { blob = digestOf('b'), commit = 'c'.repeat(40), current = true, ...model }: HubModel = {}): string {
  const place = join(folder, `models--${repository.replace('/', '--')}`);
  const path = join(place, 'snapshots', commit, file);
  mkdirSync(dirname(path), { recursive: true });
  putModel(join(place, 'blobs', blob), model);
  symlinkSync(relative(dirname(path), join(place, 'blobs', blob)), path);
  if (current) putText(join(place, 'refs', 'main'), commit);
  return path;
}

/** A folder for the homes of a test file, removed when it ends. */
export function homes(): { folder: string; home: () => string } {
  const folder = mkdtempSync(join(tmpdir(), 'deltallm-found-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let count = 0;
  const home = () => {
    const path = join(folder, `home ${count++}`);
    mkdirSync(path);
    return path;
  };
  return { folder, home };
}

export const PLENTY = 64e9;

/** Searches a home, without what the computer that runs the test may have elsewhere. */
export async function search(home: string, options: Partial<Search> = {}): Promise<FoundModels> {
  const found = await findModels({ platform: 'linux', env: {}, home, available: PLENTY, ...options });
  return { ...found, models: found.models.filter(({ path }) => path.startsWith(dirname(home))), unreadable: found.unreadable.filter((path) => path.startsWith(dirname(home))) };
}
