// Writes one segment: its graph (`NAME.onnx`) and, streamed beside it, its weights (`NAME.bin`).
import { promises as fs } from 'node:fs';
import { basename, join } from 'node:path';
import { GraphBuilder, type External, type Port } from './onnx.ts';
import { convertRows, formatBytes, type WeightFormat } from './weightFormats.ts';
import type { TensorInfo } from './gguf.ts';

/** Rows are converted in pieces of about this many source bytes. */
const PIECE_BYTES = 4 << 20;
/** Initializers start at multiples of this, so that they can be mapped. */
const ALIGNMENT = 4096;
/** Nothing larger is handed to ONNX Runtime as one tensor: an Electron process may not allocate it. */
const MAX_TENSOR_BYTES = 512 << 20;

/** Part of a weight matrix: a GGUF tensor [rows, columns], its rows in another order where the architecture asks for it. */
export interface MatrixPart {
  tensor: TensorInfo;
  rows: number;
  /** The order of rows within each group: new row i of a group is old row order[i]. */
  rowOrder?: Int32Array;
}

export class SegmentWriter {
  readonly graph: GraphBuilder;
  private position = 0;

  private constructor(
    private readonly folder: string,
    private readonly name: string,
    private readonly gguf: fs.FileHandle,
    private readonly weights: fs.FileHandle,
    private readonly converted: (bytes: number) => void,
    private readonly mostTensorBytes: number,
  ) {
    this.graph = new GraphBuilder(name);
  }

  static async open(folder: string, name: string, gguf: fs.FileHandle, converted: (bytes: number) => void, mostTensorBytes = MAX_TENSOR_BYTES): Promise<SegmentWriter> {
    return new SegmentWriter(folder, name, gguf, await fs.open(join(folder, `${name}.bin`), 'w'), converted, mostTensorBytes);
  }

  /** A float vector of the file, kept inside the graph. */
  async vector(name: string, tensor: TensorInfo): Promise<string> {
    const values = new Float32Array(tensor.shape[0]);
    const bytes = Buffer.alloc(tensor.bytes);
    await readFully(this.gguf, bytes, tensor.offset);
    tensor.type.dequantize(bytes, values.length, values, 0);
    return this.graph.constant(name, [values.length], values);
  }

  /** y [tokens, N] = x [tokens, K] · Wᵀ, W being the parts one below the other, in `format`; sliced along N where one tensor would be too large. */
  async linear(input: string, output: string, parts: MatrixPart[], columns: number, format: WeightFormat): Promise<void> {
    const rows = parts.reduce((n, part) => n + part.rows, 0);
    const slices = Math.ceil(formatBytes(format, rows, columns).data / this.mostTensorBytes);
    if (slices === 1 || parts.length > 1) return this.slice(input, output, parts, 0, rows, columns, format);
    const names: string[] = [];
    for (let s = 0; s < slices; s++) {
      const from = Math.floor((s * rows) / slices);
      const to = Math.floor(((s + 1) * rows) / slices);
      names.push(`${output}_${s}`);
      await this.slice(input, names[s], parts, from, to - from, columns, format);
    }
    this.graph.node('', 'Concat', names, [output], { axis: { int: 1 } });
  }

  private async slice(input: string, output: string, parts: MatrixPart[], from: number, rows: number, columns: number, format: WeightFormat): Promise<void> {
    const { data, scales } = await this.store(parts, from, rows, columns, format);
    const weight = `${output}_weight`;
    if (format.bits === 32) {
      this.graph.external(weight, 'float', [rows, columns], data);
      this.graph.node('', 'Gemm', [input, weight], [output], { transB: { int: 1 } });
      return;
    }
    this.graph.external(weight, 'uint8', [rows, columns / format.block, (format.block * format.bits) / 8], data);
    this.graph.external(`${output}_scales`, 'float', [(rows * columns) / format.block], scales);
    this.graph.node('com.microsoft', 'MatMulNBits', [input, weight, `${output}_scales`], [output], {
      K: { int: columns }, N: { int: rows }, bits: { int: format.bits }, block_size: { int: format.block }, accuracy_level: { int: 4 },
    });
  }

  /** Streams rows [from, from + rows) of the parts through the conversion into the weights file. */
  private async store(parts: MatrixPart[], from: number, rows: number, columns: number, format: WeightFormat): Promise<{ data: External; scales: External }> {
    const size = formatBytes(format, rows, columns);
    const data = this.reserve(size.data);
    const scales = new Float32Array(size.scales / 4);
    let written = 0;
    let scalesWritten = 0;
    for (const part of parts) {
      const { tensor } = part;
      const rowBytes = (columns / tensor.type.block) * tensor.type.bytes;
      const group = part.rowOrder?.length ?? 1;
      const piece = Math.max(group, Math.floor(PIECE_BYTES / (columns * 4) / group) * group);
      const last = parts.length > 1 ? part.rows : from + rows;
      // One pair of buffers for all pieces: what the collector has not freed yet would count against the import's peak.
      const sourceBuffer = Buffer.alloc(piece * rowBytes);
      const outBuffer = new Uint8Array(formatBytes(format, piece, columns).data);
      for (let row = parts.length > 1 ? 0 : from; row < last; row += piece) {
        const count = Math.min(piece, last - row);
        let source: Uint8Array = sourceBuffer.subarray(0, count * rowBytes);
        await readFully(this.gguf, source, tensor.offset + row * rowBytes);
        if (part.rowOrder) source = reorderRows(source, rowBytes, part.rowOrder);
        const bytes = formatBytes(format, count, columns);
        const out = outBuffer.subarray(0, bytes.data);
        convertRows(tensor.type, format, source, count, columns, out, scales.subarray(scalesWritten, scalesWritten + bytes.scales / 4));
        await writeFully(this.weights, out, data.offset + written);
        written += bytes.data;
        scalesWritten += bytes.scales / 4;
        this.converted(source.length);
      }
    }
    const where = this.reserve(size.scales);
    await writeFully(this.weights, new Uint8Array(scales.buffer), where.offset);
    return { data, scales: where };
  }

  private reserve(length: number): External {
    const offset = Math.ceil(this.position / ALIGNMENT) * ALIGNMENT;
    this.position = offset + length;
    return { file: `${basename(this.name)}.bin`, offset, length };
  }

  /** Bytes of weights written so far. */
  get bytes(): number {
    return this.position;
  }

  async finish(inputs: Port[], outputs: Port[]): Promise<void> {
    await fs.writeFile(join(this.folder, `${this.name}.onnx`), this.graph.finish(inputs, outputs));
    await this.weights.close();
  }

  async abandon(): Promise<void> {
    await this.weights.close().catch(() => {});
  }
}

function reorderRows(source: Uint8Array, rowBytes: number, order: Int32Array): Uint8Array {
  const out = new Uint8Array(source.length);
  for (let row = 0; row * rowBytes < source.length; row++) {
    const from = row - (row % order.length) + order[row % order.length];
    out.set(source.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
  }
  return out;
}

/** Fills `buffer` from the file at `position`; a short file is an error. */
export async function readFully(file: fs.FileHandle, buffer: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < buffer.length; ) {
    const { bytesRead } = await file.read(buffer, done, buffer.length - done, position + done);
    if (bytesRead === 0) throw new Error('the model file became shorter while it was read');
    done += bytesRead;
  }
}

/** Writes all of `bytes` at `position`: a single write may stop short when the disk fills up. */
export async function writeFully(file: fs.FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
