// The graph of a model that was published for ONNX Runtime, with the weights in it and beside it.
import { existsSync, promises as fs, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DeltaError } from '../../shared/errors.ts';
import { float16ToNumber } from '../../shared/float16.ts';
import { printable } from '../format/ggufHeader.ts';
import { filesOf, isWeights } from './onnxFiles.ts';
import { decodeModel, ELEMENT, EXTERNAL, numberOf, type OnnxModel, type OnnxTensor } from './proto.ts';

/** Of a graph file; protobuf itself has this limit. */
const MOST_GRAPH_BYTES = 2 ** 31 - 1;
/** Of a tensor: more does not fit into a graph. */
const MOST_TENSOR_BYTES = 2 ** 31 - 1;

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
    return { name: tensor.name, dims: tensor.dims, dataType: tensor.dataType, rawData, externalData: [], dataLocation: 0, floatData: [], int32Data: [], int64Data: [] };
  }

  /** A tensor of float32 or float16. */
  async floats(tensor: OnnxTensor): Promise<Float32Array> {
    const { rawData, floatData, dataType } = await this.whole(tensor);
    if (dataType === ELEMENT.float16) return Float32Array.from({ length: rawData.length >> 1 }, (_, i) => float16ToNumber(rawData[2 * i] | (rawData[2 * i + 1] << 8)));
    if (rawData.length === 0) return Float32Array.from(floatData);
    return new Float32Array(Uint8Array.from(rawData.subarray(0, rawData.length - (rawData.length % 4))).buffer);
  }

  /** Elements of all tensors, as the graph states them. */
  get parameters(): number {
    return (this.model.graph?.initializer ?? []).reduce((sum, { dims }) => sum + dims.reduce((product: number, dim) => product * numberOf(dim), 1), 0);
  }
}
