// The matrices and vectors of a GGUF for native segments: copied from the file a piece at a time, in the file's own quantisation; nothing is converted.
import { DeltaError } from '../../shared/errors.ts';
import type { Addon } from '../../binding/addon.ts';
import { printable } from '../format/ggufHeader.ts';
import type { TensorInfo } from '../format/gguf.ts';
import type { JoinedFiles } from '../format/splitFile.ts';
import { inEightBits } from './eightBits.ts';

/** Rows are read in pieces of about this many bytes. */
const PIECE_BYTES = 4 << 20;
/** Native tiles hold so many rows: a piece that is not the last is a multiple of them. */
const TILE_ROWS = 16;
/** Of the weights of one tensor; a larger one makes infinities. */
const MOST_SCALE = 1e6;
/** ggml's numbers of types: F32 and Q8_0. */
const [FLOAT32, EIGHT_BITS] = [0, 8];

/** How a matrix comes out of its tensor. */
export interface MatrixForm {
  /** The order of rows within each group, where the architecture asks for another. */
  rowOrder?: Int32Array;
  /** Multiplies every product. */
  factor?: number;
  /** Floats of a file become numbers of 8 bits: a quarter to half of the memory, and of the time that reading them takes. */
  eightBits?: boolean;
}

export class NativeWeights {
  private readonly ids: number[] = [];
  /** What was read last and what is being read, the same memory for every matrix: new memory has to be faulted in, and V8 collects garbage for so much of it. */
  private readonly pieces = [Buffer.alloc(0), Buffer.alloc(0)];

  constructor(
    private readonly addon: Addon,
    private readonly file: JoinedFiles,
    /** Whether matrices become float32 too: products then round nothing. The reference for what rounding costs, at several times the memory. */
    private readonly asFloats = false,
  ) {}

  /** All rows of a tensor `[rows, columns]` as a native matrix; its id. */
  async matrix(tensor: TensorInfo, { rowOrder, factor = 1, eightBits = false }: MatrixForm = {}): Promise<number> {
    const [columns, rows = 1] = tensor.shape;
    const scale = tensor.type.tail ? await this.scaleBehind(tensor, tensor.type.tail) : 1;
    const rounds = eightBits && !this.asFloats && tensor.type.block === 1 && columns % 32 === 0;
    const id = this.addon.createWeights(this.asFloats ? FLOAT32 : rounds ? EIGHT_BITS : tensor.type.id, rows, columns, factor * scale);
    this.ids.push(id);
    const rowBytes = (columns / tensor.type.block) * tensor.type.bytes;
    const group = leastCommonMultiple(rowOrder?.length ?? 1, TILE_ROWS);
    const most = Math.max(group, Math.floor(PIECE_BYTES / rowBytes / group) * group);
    // The next piece is read while the last one is laid into tiles.
    const read = async (row: number): Promise<Buffer> => {
      const piece = this.piece((row / most) % 2, Math.max(0, Math.min(most, rows - row)) * rowBytes);
      await this.file.readFully(piece, tensor.offset + row * rowBytes);
      return piece;
    };
    for (let row = 0, next = read(0); row < rows; row += most) {
      const piece = await next;
      next = read(row + most);
      next.catch(() => {}); // it is heard where it is waited for
      const ordered = rowOrder ? reorderRows(piece, rowBytes, rowOrder) : piece;
      const floats = () => this.floats(tensor, columns, ordered);
      this.addon.appendRows(id, this.asFloats ? floats() : rounds ? inEightBits(new Float32Array(floats().buffer)) : ordered);
    }
    return id;
  }

  /** A vector as float32; as a bias, in the form of its matrix. */
  async vector(tensor: TensorInfo, { rowOrder, factor = 1 }: MatrixForm = {}): Promise<Float32Array> {
    const bytes = Buffer.alloc(tensor.bytes - (tensor.type.tail ?? 0));
    await this.file.readFully(bytes, tensor.offset);
    const floats = this.floats(tensor, tensor.shape[0], bytes);
    const values = new Float32Array((rowOrder ? reorderRows(floats, Float32Array.BYTES_PER_ELEMENT, rowOrder) : floats).buffer as ArrayBuffer);
    return factor === 1 ? values : values.map((value) => value * factor);
  }

  /** Room for a piece of a matrix; what was in it is gone. */
  private piece(i: number, bytes: number): Buffer {
    if (this.pieces[i].length < bytes) this.pieces[i] = Buffer.allocUnsafeSlow(Math.max(bytes, PIECE_BYTES));
    return this.pieces[i].subarray(0, bytes);
  }

  /** The scale of a whole tensor. Throws metadataInvalid. */
  private async scaleBehind({ name, offset, bytes }: TensorInfo, tail: number): Promise<number> {
    const buffer = Buffer.alloc(Float32Array.BYTES_PER_ELEMENT);
    await this.file.readFully(buffer, offset + bytes - tail);
    const scale = buffer.readFloatLE();
    if (!(Math.abs(scale) < MOST_SCALE)) throw new DeltaError('metadataInvalid', this.file.path, printable(name), `its scale is ${scale}`);
    return scale;
  }

  /** Whole rows of a tensor as the bytes of float32. */
  private floats({ type }: TensorInfo, columns: number, rows: Uint8Array): Uint8Array<ArrayBuffer> {
    const values = new Float32Array((rows.length / type.bytes) * type.block);
    this.addon.decodeRows(type.id, columns, 1, rows, values);
    return new Uint8Array(values.buffer);
  }

  /** All is read: what it was read into is given back. */
  finish(): void {
    this.pieces.fill(Buffer.alloc(0));
  }

  /** Bytes that the matrices take. */
  get bytes(): number {
    return this.ids.reduce((sum, id) => sum + this.addon.weightsInfo(id).bytes, 0);
  }

  release(): void {
    for (const id of this.ids.splice(0)) this.addon.destroyWeights(id);
  }
}

function leastCommonMultiple(a: number, b: number): number {
  let n = a;
  while (n % b !== 0) n += a;
  return n;
}

/** Rows of `source` in another order within each group: new row i of a group is old row order[i]. */
function reorderRows(source: Uint8Array, rowBytes: number, order: Int32Array): Uint8Array {
  const out = new Uint8Array(source.length);
  for (let row = 0; row * rowBytes < source.length; row++) {
    const from = row - (row % order.length) + order[row % order.length];
    out.set(source.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
  }
  return out;
}
