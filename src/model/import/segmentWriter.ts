// Writes one segment: its graph (`NAME.onnx`) and, streamed beside it, its weights (`NAME.bin`).
import { promises as fs } from 'node:fs';
import { basename, join } from 'node:path';
import { GraphBuilder, type External, type Port } from './onnx.ts';
import { quantizeChannels } from './laneWeights.ts';
import { convertRows, formatBytes, type WeightFormat } from './weightFormats.ts';
import type { TensorInfo } from './gguf.ts';
import type { ByteInput } from './splitFile.ts';

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

/** How a matrix is stored: a format of MatMulNBits or floats; or on the prefill lane, see laneWeights.ts. */
export type MatrixForm = WeightFormat | 'lane';

export class SegmentWriter {
  readonly graph: GraphBuilder;
  private position = 0;
  /** What the lane has quantised so far: several matrices may take the same input. */
  private readonly quantised = new Set<string>();
  /** On the lane: what the rows of a tensor are still to be multiplied by, the name of a tensor [tokens, 1]. */
  private readonly units = new Map<string, string>();

  private constructor(
    private readonly folder: string,
    private readonly name: string,
    private readonly gguf: ByteInput,
    private readonly weights: fs.FileHandle,
    private readonly converted: (bytes: number) => void,
    private readonly mostTensorBytes: number,
  ) {
    this.graph = new GraphBuilder(name);
  }

  static async open(folder: string, name: string, gguf: ByteInput, converted: (bytes: number) => void, mostTensorBytes = MAX_TENSOR_BYTES): Promise<SegmentWriter> {
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
  async linear(input: string, output: string, parts: MatrixPart[], columns: number, format: MatrixForm): Promise<void> {
    const rows = parts.reduce((n, part) => n + part.rows, 0);
    if (format === 'lane') {
      await this.laneLinear(input, `${output}_unscaled`, parts, columns);
      this.graph.node('', 'Mul', [`${output}_unscaled`, `${input}_scale`], [output]);
      return;
    }
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

  /** `to` is made from `from`, element by element, and is what it should be up to the same factors of its rows. */
  inUnitsOf(from: string, to: string): void {
    this.units.set(to, this.units.get(from)!);
  }

  /**
   * The same on the prefill lane, up to a factor for each row, which `linear` multiplies by, or else whoever reads the output: every row of x becomes uint8 around 128 by a scale of its own, W has a scale for each of its rows, the sums are exact integers.
   * A row of y therefore depends on its row of x alone. The fastest of the graphs that docs/prefill-lane.md compares.
   */
  async laneLinear(input: string, output: string, parts: MatrixPart[], columns: number): Promise<void> {
    const rows = parts.reduce((n, part) => n + part.rows, 0);
    const weights = new Int8Array(rows * columns);
    const scales = new Float32Array(rows);
    let at = 0;
    for await (const { type, bytes, count } of this.pieces(parts, 0, rows, columns)) {
      const values = new Float32Array(count * columns);
      type.dequantize(bytes, values.length, values, 0);
      quantizeChannels(values, count, columns, weights, scales, at);
      at += count;
    }
    const where = this.reserve(weights.length);
    await writeFully(this.weights, new Uint8Array(weights.buffer), where.offset);
    this.quantise(input);
    this.graph.external(`${output}_weight`, 'int8', [columns, rows], where);
    this.graph.constant(`${output}_scales`, [rows], scales);
    this.graph.node('com.microsoft', 'MatMulIntegerToFloat', [`${input}_integers`, `${output}_weight`, 'one', `${output}_scales`, 'middle'], [output]);
    this.units.set(output, `${input}_scale`);
  }

  /** NAME_integers: each row in steps of its largest magnitude over 127, uint8 around 128; NAME_scale [tokens, 1]: that step, never 0, times what the row is in units of. */
  private quantise(name: string): void {
    const { graph } = this;
    if (this.quantised.has(name)) return;
    if (this.quantised.size === 0) {
      graph.constant('last_axis', [1], BigInt64Array.of(-1n));
      graph.constant('step', [1], Float32Array.of(1 / 127));
      graph.constant('least_scale', [1], Float32Array.of(1e-30));
      graph.constant('one', [], Float32Array.of(1));
      graph.constant('middle', [], Uint8Array.of(128));
    }
    this.quantised.add(name);
    // The two reductions write next to nothing, where a tensor of magnitudes would be as large as the rows.
    graph.node('', 'ReduceMax', [name, 'last_axis'], [`${name}_largest`], { keepdims: { int: 1 } });
    graph.node('', 'ReduceMin', [name, 'last_axis'], [`${name}_least`], { keepdims: { int: 1 } });
    graph.node('', 'Neg', [`${name}_least`], [`${name}_opposite`]);
    graph.node('', 'Max', [`${name}_largest`, `${name}_opposite`], [`${name}_most`]);
    graph.node('', 'Mul', [`${name}_most`, 'step'], [`${name}_bare`]);
    const unit = this.units.get(name);
    const step = unit === undefined ? `${name}_scale` : `${name}_step`;
    graph.node('', 'Max', [`${name}_bare`, 'least_scale'], [step]);
    if (unit !== undefined) graph.node('', 'Mul', [step, unit], [`${name}_scale`]);
    graph.node('', 'Div', [name, step], [`${name}_steps`]);
    graph.node('', 'QuantizeLinear', [`${name}_steps`, 'one', 'middle'], [`${name}_integers`]);
  }

  /** Streams rows [from, from + rows) of the parts through the conversion into the weights file. */
  private async store(parts: MatrixPart[], from: number, rows: number, columns: number, format: WeightFormat): Promise<{ data: External; scales: External }> {
    const size = formatBytes(format, rows, columns);
    const data = this.reserve(size.data);
    const scales = new Float32Array(size.scales / 4);
    let written = 0;
    let scalesWritten = 0;
    let out = new Uint8Array(0);
    for await (const { type, bytes: source, count } of this.pieces(parts, from, rows, columns)) {
      const bytes = formatBytes(format, count, columns);
      // One buffer for all pieces: what the collector has not freed yet would count against the import's peak.
      if (out.length < bytes.data) out = new Uint8Array(bytes.data);
      const piece = out.subarray(0, bytes.data);
      convertRows(type, format, source, count, columns, piece, scales.subarray(scalesWritten, scalesWritten + bytes.scales / 4));
      await writeFully(this.weights, piece, data.offset + written);
      written += bytes.data;
      scalesWritten += bytes.scales / 4;
    }
    const where = this.reserve(size.scales);
    await writeFully(this.weights, new Uint8Array(scales.buffer), where.offset);
    return { data, scales: where };
  }

  /** Rows [from, from + rows) of the parts in their own encoding, a piece at a time, in the order that the architecture asks for; overwritten by the next. */
  private async *pieces(parts: MatrixPart[], from: number, rows: number, columns: number): AsyncGenerator<{ type: TensorInfo['type']; bytes: Uint8Array; count: number }> {
    for (const part of parts) {
      const { tensor } = part;
      const rowBytes = (columns / tensor.type.block) * tensor.type.bytes;
      const group = part.rowOrder?.length ?? 1;
      const piece = Math.max(group, Math.floor(PIECE_BYTES / (columns * 4) / group) * group);
      const last = parts.length > 1 ? part.rows : from + rows;
      const buffer = Buffer.alloc(piece * rowBytes);
      for (let row = parts.length > 1 ? 0 : from; row < last; row += piece) {
        const count = Math.min(piece, last - row);
        const source = buffer.subarray(0, count * rowBytes);
        await readFully(this.gguf, source, tensor.offset + row * rowBytes);
        yield { type: tensor.type, bytes: part.rowOrder ? reorderRows(source, rowBytes, part.rowOrder) : source, count };
        this.converted(source.length);
      }
    }
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

/** Rows of `source` in another order within each group: new row i of a group is old row order[i]. */
export function reorderRows(source: Uint8Array, rowBytes: number, order: Int32Array): Uint8Array {
  const out = new Uint8Array(source.length);
  for (let row = 0; row * rowBytes < source.length; row++) {
    const from = row - (row % order.length) + order[row % order.length];
    out.set(source.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
  }
  return out;
}

/** Fills `buffer` from the file at `position`; a short file is an error. */
export async function readFully(file: ByteInput, buffer: Uint8Array, position: number): Promise<void> {
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
