// Token embedding straight from a GGUF, in any tensor type that native code decodes: rows are read on demand, so the table never lies in memory.
// A read, not a mapping: a file that is cut short under a mapping kills the process.
import { closeSync, openSync, readSync } from 'node:fs';
import { DeltaError } from '../../shared/errors.ts';
import type { Addon } from '../../binding/addon.ts';
import type { GgufFile, TensorInfo } from '../format/gguf.ts';
import type { EmbeddingRows } from './segmentRunner.ts';

export class NativeEmbedding implements EmbeddingRows {
  private readonly file: number;
  private readonly path: string;
  /** Where the rows begin in that file. */
  private readonly begin: number;
  private readonly rowBytes: number;
  private rows = Buffer.alloc(0);

  /**
   * @param tensor `[vocabulary, hidden]` in one of the parts of `gguf`
   * @param factor multiplies every row
   */
  constructor(private readonly addon: Addon, gguf: Pick<GgufFile, 'parts'>, private readonly tensor: TensorInfo, private readonly factor = 1) {
    this.rowBytes = (tensor.shape[0] / tensor.type.block) * tensor.type.bytes;
    let part = 0;
    let begin = tensor.offset;
    while (begin >= gguf.parts[part].size) begin -= gguf.parts[part++].size;
    this.path = gguf.parts[part].path;
    this.begin = begin;
    this.file = openSync(this.path, 'r');
  }

  /** Writes the rows of `ids` into `out` `[ids, hidden]`. Throws tokenOutOfRange, ggufTruncated. */
  lookup(ids: ArrayLike<number>, out: Float32Array): void {
    const { tensor: { shape: [hidden, vocabulary], type }, rowBytes, factor } = this;
    if (this.rows.length < ids.length * rowBytes) this.rows = Buffer.alloc(ids.length * rowBytes);
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i];
      if (!(id >= 0 && id < vocabulary)) throw new DeltaError('tokenOutOfRange', id, vocabulary);
      const read = readSync(this.file, this.rows, i * rowBytes, rowBytes, this.begin + id * rowBytes);
      if (read !== rowBytes) throw new DeltaError('ggufTruncated', this.path, 'it became shorter while it was used');
    }
    this.addon.decodeRows(type.id, hidden, factor, this.rows.subarray(0, ids.length * rowBytes), out.subarray(0, ids.length * hidden));
  }

  close(): void {
    closeSync(this.file);
  }
}
