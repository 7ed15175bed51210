// Token embedding: rows are read from the file and dequantized on demand, so that the table never lies in memory as float.
// A read, not a mapping: a file that is cut short under a mapping kills the process.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { DeltaError } from '../shared/errors.ts';
import { tensorType, type TensorType } from './import/tensorTypes.ts';

export class Embedding {
  private readonly file: number;
  private readonly type: TensorType;
  private readonly row: Buffer;

  /** @param path rows in GGUF's own encoding, `[vocabulary, hidden]` */
  constructor(path: string, typeName: string, private readonly vocabulary: number, private readonly hidden: number) {
    const type = tensorType(typeName);
    if (!type) throw new DeltaError('modelFolderInvalid', path, `the embedding has type ${typeName}`);
    this.type = type;
    this.row = Buffer.alloc((hidden / type.block) * type.bytes);
    this.file = openSync(path, 'r');
    const { size } = fstatSync(this.file);
    if (size !== vocabulary * this.row.length) {
      closeSync(this.file);
      throw new DeltaError('modelFolderInvalid', path, `it has ${size} bytes instead of ${vocabulary * this.row.length}`);
    }
  }

  /** Writes the rows of `ids` into `out` `[ids, hidden]`. Throws tokenOutOfRange. */
  lookup(ids: ArrayLike<number>, out: Float32Array): void {
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i];
      if (!(id >= 0 && id < this.vocabulary)) throw new DeltaError('tokenOutOfRange', id, this.vocabulary);
      const read = readSync(this.file, this.row, 0, this.row.length, id * this.row.length);
      if (read !== this.row.length) throw new DeltaError('modelFolderInvalid', 'the model folder', 'its embedding is cut short');
      this.type.dequantize(this.row, this.hidden, out, i * this.hidden);
    }
  }

  close(): void {
    closeSync(this.file);
  }
}
