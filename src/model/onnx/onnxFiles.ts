// Which files a model consists of that was published for ONNX Runtime, and the texts among them. They are read, never changed.
import { existsSync, promises as fs, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DeltaError } from '../../shared/errors.ts';

/** Of a text beside the graph: the largest tokenizer.json has 33 MB. */
const MOST_TEXT_BYTES = 128 << 20;
/** In the order in which they are taken, the smallest that compute in float32 first, and before those that are refused: what is rounded to 8 bits by a whole pass. */
const NAMES = ['model_q4', 'model_q4f16', 'model', 'model_fp16'];

export const isGraph = (path: string): boolean => /\.onnx$/i.test(path);

/** The graph that a path means: itself, or that of a folder; undefined where there is none. */
export function graphAt(path: string): string | undefined {
  if (isGraph(path)) return path;
  for (const folder of [path, join(path, 'onnx')]) {
    const found = existsSync(folder) && statSync(folder).isDirectory() ? readdirSync(folder).filter(isGraph) : [];
    const rank = (name: string) => (NAMES.indexOf(name.slice(0, -5)) + NAMES.length + 1) % (NAMES.length + 1);
    const [first] = found.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
    if (first !== undefined) return join(folder, first);
  }
  return undefined;
}

/** Whether a file of a model holds weights. */
export const isWeights = (path: string): boolean => !/\.(json|jinja)$/.test(path);

/** The folder that holds config.json: the graph's own, or the one above. */
export const rootOf = (graph: string): string => (existsSync(join(dirname(graph), 'config.json')) ? dirname(graph) : dirname(dirname(graph)));

/** All files that a graph's model consists of, as far as they are there; the graph first. */
export function filesOf(graph: string): string[] {
  const root = rootOf(graph);
  const stem = basename(graph);
  const data = existsSync(dirname(graph)) ? readdirSync(dirname(graph)).filter((name) => name !== stem && (name.startsWith(`${stem}_data`) || name === `${stem}.data`)).sort() : [];
  const texts = ['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'].map((name) => join(root, name)).filter((path) => existsSync(path));
  return [graph, ...data.map((name) => join(dirname(graph), name)), ...texts];
}

/** A file beside the graph as text; undefined where there is none. Throws onnxFolderInvalid. */
export async function textBeside(graph: string, name: string): Promise<string | undefined> {
  const path = join(rootOf(graph), name);
  const stat = await fs.stat(path).catch(() => undefined);
  if (!stat?.isFile()) return undefined;
  if (stat.size > MOST_TEXT_BYTES) throw new DeltaError('onnxFolderInvalid', path, `it has ${stat.size} bytes`);
  return fs.readFile(path, 'utf8');
}

/** The same as JSON; an empty object where there is no such file. Throws onnxFolderInvalid. */
export async function jsonBeside(graph: string, name: string): Promise<unknown> {
  const text = await textBeside(graph, name);
  return text === undefined ? {} : parsedBeside(graph, name, text);
}

/** What the text of a file beside the graph says. Throws onnxFolderInvalid. */
export function parsedBeside(graph: string, name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new DeltaError('onnxFolderInvalid', join(rootOf(graph), name), 'it is no JSON');
  }
}
