// The files of a model that was published for ONNX Runtime: the graph, its weights beside it, and what its folder says of it. They are read, never changed.
import { existsSync, promises as fs, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DeltaError } from '../../shared/errors.ts';
import { printable } from '../import/ggufHeader.ts';
import { decodeModel, EXTERNAL, numberOf, type OnnxModel, type OnnxTensor } from './proto.ts';

/** Of a graph file; protobuf itself has this limit. */
const MOST_GRAPH_BYTES = 2 ** 31 - 1;
/** Of a tensor: more does not fit into a graph. */
const MOST_TENSOR_BYTES = 2 ** 31 - 1;
/** Of a text beside the graph: the largest tokenizer.json has 33 MB. */
const MOST_TEXT_BYTES = 128 << 20;
/** In the order in which they are taken: four bits first, for they are the smallest that compute in float32. */
const NAMES = ['model_q4', 'model_int8', 'model_quantized', 'model', 'model_uint8'];

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
  if (text === undefined) return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new DeltaError('onnxFolderInvalid', join(rootOf(graph), name), 'it is no JSON');
  }
}

/** Where the bytes of a tensor lie. */
export interface Place {
  path: string;
  offset: number;
  length: number;
}

/** A graph that was read, and the weights that it names. */
export class OnnxFile {
  private constructor(
    readonly path: string,
    readonly model: OnnxModel,
    private readonly bytes: Uint8Array,
    /** Of all files of weights. */
    readonly size: number,
  ) {}

  /** Throws fileMissing, fileUnreadable or onnxFolderInvalid. */
  static async open(path: string): Promise<OnnxFile> {
    const stat = await fs.stat(path).catch((error: NodeJS.ErrnoException) => {
      throw new DeltaError(error.code === 'ENOENT' ? 'fileMissing' : 'fileUnreadable', path, String(error.code));
    });
    if (!stat.isFile() || stat.size > MOST_GRAPH_BYTES) throw new DeltaError('onnxFolderInvalid', path, stat.isFile() ? `it has ${stat.size} bytes` : 'it is not a file');
    const bytes = await fs.readFile(path).catch((error: NodeJS.ErrnoException) => {
      throw new DeltaError('fileUnreadable', path, String(error.code));
    });
    let model: OnnxModel;
    try {
      model = decodeModel(bytes);
    } catch {
      throw new DeltaError('onnxFolderInvalid', path, 'it is damaged');
    }
    const file = new OnnxFile(path, model, bytes, filesOf(path).filter(isWeights).reduce((sum, other) => sum + statSync(other).size, 0));
    // Tensors that share bytes would let small files grow into a huge model.
    const claimed = (model.graph?.initializer ?? []).reduce((sum, tensor) => sum + file.place(tensor).length, 0);
    if (!(claimed <= 2 * file.size)) throw new DeltaError('onnxFolderInvalid', path, 'its tensors share their bytes');
    return file;
  }

  /** Where a tensor's bytes lie; nowhere (length 0) where they stand in another form in the graph. Throws onnxFolderInvalid. */
  place({ name, rawData, dataLocation, externalData }: OnnxTensor): Place {
    const invalid = (reason: string) => new DeltaError('onnxFolderInvalid', this.path, `its tensor ${printable(name)} ${reason}`);
    if (dataLocation !== EXTERNAL) return { path: this.path, offset: rawData.byteOffset - this.bytes.byteOffset, length: rawData.length };
    const said = (key: string) => externalData.find((entry) => entry.key === key)?.value;
    const location = said('location') ?? '';
    if (location === '' || basename(location) !== location || location.includes('\\') || location === '..') throw invalid('lies in another folder');
    const path = join(dirname(this.path), location);
    const size = existsSync(path) ? statSync(path).size : -1;
    if (size < 0) throw invalid(`lies in ${printable(location)}, which is not there`);
    const [offset, length] = [Number(said('offset') ?? 0), Number(said('length') ?? size)];
    if (!(Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length > 0 && length <= MOST_TENSOR_BYTES && offset + length <= size)) throw invalid(`ends beyond ${printable(location)}`);
    return { path, offset, length };
  }

  /** A tensor with its bytes in it. */
  async whole(tensor: OnnxTensor): Promise<OnnxTensor> {
    if (tensor.dataLocation !== EXTERNAL) return tensor;
    const { path, offset, length } = this.place(tensor);
    const rawData = Buffer.allocUnsafeSlow(length);
    const handle = await fs.open(path, 'r');
    try {
      for (let done = 0; done < length; ) {
        const { bytesRead } = await handle.read(rawData, done, length - done, offset + done);
        if (bytesRead === 0) throw new DeltaError('onnxFolderInvalid', path, 'it became shorter while it was read');
        done += bytesRead;
      }
    } finally {
      await handle.close();
    }
    return { name: tensor.name, dims: tensor.dims, dataType: tensor.dataType, rawData, externalData: [], dataLocation: 0, floatData: [] };
  }

  /** A tensor of float32. */
  async floats(tensor: OnnxTensor): Promise<Float32Array> {
    const { rawData, floatData } = await this.whole(tensor);
    if (rawData.length === 0) return Float32Array.from(floatData);
    return new Float32Array(Uint8Array.from(rawData.subarray(0, rawData.length - (rawData.length % 4))).buffer);
  }

  /** Elements of all tensors, as the graph states them. */
  get parameters(): number {
    return (this.model.graph?.initializer ?? []).reduce((sum, { dims }) => sum + dims.reduce((product: number, dim) => product * numberOf(dim), 1), 0);
  }
}
