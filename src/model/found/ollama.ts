// Ollama: manifests/HOST/NAMESPACE/MODEL/TAG is JSON that names blobs by their digest.
import { existsSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { Candidate } from './candidates.ts';
import { smallText, type Folders } from './folders.ts';

/** Real manifests have a few hundred bytes, parameters fewer. */
const MAX_MANIFEST_BYTES = 1 << 18;
const MAX_PARAMS_BYTES = 1 << 16;
const MAX_LAYERS = 1_000;
const MAX_STOPS = 32;
const MAX_STOP_LENGTH = 200;
const DIGEST = /^sha256:([0-9a-f]{64})$/;
const TYPE = 'application/vnd.ollama.image.';

/** The models that have a manifest; names that say more than "latest" first. */
export async function* ollamaModels(folder: string, folders: Folders): AsyncGenerator<Omit<Candidate, 'program'>> {
  const manifests = join(folder, 'manifests');
  const latest: Omit<Candidate, 'program'>[] = [];
  for await (const { path } of folders.files(manifests)) {
    const model = readManifest(smallText(path, MAX_MANIFEST_BYTES), folder);
    if (!model) continue;
    const name = tagName(relative(manifests, path).split(sep));
    if (name.endsWith(':latest')) latest.push({ ...model, name });
    else yield { ...model, name };
  }
  yield* latest;
}

/** As `ollama list` names it. */
function tagName(parts: string[]): string {
  const tag = parts.at(-1);
  const model = parts.slice(0, -1);
  const usual = model[0] === 'registry.ollama.ai' ? (model[1] === 'library' ? 2 : 1) : 0;
  return `${model.slice(usual).join('/')}:${tag}`;
}

/** The model layer of a manifest; undefined for text that is none. One with an adapter is another model than its blob. */
function readManifest(text: string | undefined, folder: string): Pick<Candidate, 'path' | 'stop'> | undefined {
  const { layers } = object(text);
  if (!Array.isArray(layers) || layers.length > MAX_LAYERS) return undefined;
  const digestOf = (type: string) => {
    const layer = (layers as ({ mediaType?: unknown; digest?: unknown } | null)[]).find((one) => one?.mediaType === TYPE + type);
    return typeof layer?.digest === 'string' ? DIGEST.exec(layer.digest)?.[1] : undefined;
  };
  const digest = digestOf('model');
  if (digest === undefined || digestOf('adapter') !== undefined) return undefined;
  // Until 2024 the separator was a colon.
  const blob = (of: string) => {
    const [path, old] = ['-', ':'].map((separator) => join(folder, 'blobs', `sha256${separator}${of}`));
    return !existsSync(path) && existsSync(old) ? old : path;
  };
  const params = digestOf('params');
  return { path: blob(digest), stop: params === undefined ? [] : stopsIn(smallText(blob(params), MAX_PARAMS_BYTES)) };
}

/** Texts that end an answer besides the model's own tokens. */
function stopsIn(text: string | undefined): string[] {
  const { stop } = object(text);
  return (Array.isArray(stop) ? stop : [stop]).filter((one): one is string => typeof one === 'string' && one !== '' && one.length <= MAX_STOP_LENGTH).slice(0, MAX_STOPS);
}

function object(json: string | undefined): Record<string, unknown> {
  try {
    const value = JSON.parse(json ?? '{}') as unknown;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
