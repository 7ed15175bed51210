// The records of a data set as they lie in a folder: one JSON object a line, or the Parquet files of the Hugging Face hub.
import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parquetReadObjects, type AsyncBuffer } from 'hyparquet';
import { DeltaError } from '../../shared/errors.ts';

/** A record by the names of its columns. */
export type TaskRecord = Record<string, unknown>;

/** The file of a task's records: `<task>.jsonl` or `<task>.parquet`. Throws fileMissing with the names that were looked for. */
export function fileOf(folder: string, task: string): string {
  const found = ['jsonl', 'parquet'].map((ending) => join(folder, `${task}.${ending}`)).find((path) => existsSync(path));
  if (found) return found;
  const others = readdirSync(folder).filter((name) => /\.(jsonl|parquet)$/.test(name));
  throw new DeltaError('fileUnreadable', folder, `${task}.jsonl or ${task}.parquet is missing${others.length > 0 ? `; there are ${others.slice(0, 12).join(', ')}` : ''}`);
}

/** The first `most` records of a file. Throws fileUnreadable where it is neither of the two. */
export async function readRecords(path: string, most = Infinity): Promise<TaskRecord[]> {
  try {
    return path.endsWith('.parquet') ? await fromParquet(path, most) : await fromLines(path, most);
  } catch (error) {
    throw error instanceof DeltaError ? error : new DeltaError('fileUnreadable', path, (error as Error).message.split('\n')[0]);
  }
}

async function fromLines(path: string, most: number): Promise<TaskRecord[]> {
  const records: TaskRecord[] = [];
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity })) {
    number++;
    if (line.trim() === '') continue;
    if (records.length >= most) break;
    let record: unknown;
    try {
      record = JSON.parse(line);
    } catch {
      // Said below: what stands there is no object.
    }
    if (typeof record !== 'object' || record === null || Array.isArray(record)) throw new DeltaError('fileUnreadable', path, `line ${number} is not a JSON object`);
    records.push(record as TaskRecord);
  }
  return records;
}

async function fromParquet(path: string, most: number): Promise<TaskRecord[]> {
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    const file: AsyncBuffer = {
      byteLength: size,
      async slice(start, end = size) {
        const bytes = new Uint8Array(end - start);
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
        if (bytesRead < bytes.length) throw new DeltaError('fileUnreadable', path, 'it ends before its own header says');
        return bytes.buffer;
      },
    };
    return await parquetReadObjects({ file, ...(Number.isFinite(most) && { rowEnd: most }) });
  } finally {
    await handle.close();
  }
}

/** Reads columns of one record, each of the type that the task needs. Throws fileUnreadable with the record's number. */
export class Columns {
  constructor(
    private readonly path: string,
    private readonly record: TaskRecord,
    private readonly number: number,
  ) {}

  private refuse(reason: string): DeltaError {
    return new DeltaError('fileUnreadable', this.path, `record ${this.number + 1}: ${reason}`);
  }

  has(name: string): boolean {
    return this.record[name] !== undefined;
  }

  text(name: string): string {
    const value = this.record[name];
    if (typeof value !== 'string') throw this.refuse(`"${name}" must be a text`);
    return value;
  }

  /** A whole number, also where it is written as a text or a big integer, or a truth value (0, 1). */
  whole(name: string, least: number, most: number): number {
    const value = this.record[name];
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : typeof value === 'bigint' || typeof value === 'boolean' ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < least || number > most) throw this.refuse(`"${name}" must be a whole number from ${least} to ${most}`);
    return number;
  }

  texts(name: string, within: unknown = this.record[name]): string[] {
    if (!Array.isArray(within) || !within.every((value) => typeof value === 'string')) throw this.refuse(`"${name}" must be a list of texts`);
    return within;
  }

  /** A list of texts inside an object: `answers.text`. */
  inner(name: string, field: string): string[] {
    const value = this.record[name];
    if (typeof value !== 'object' || value === null) throw this.refuse(`"${name}" must be an object with "${field}"`);
    return this.texts(`${name}.${field}`, (value as TaskRecord)[field]);
  }

  /** @param reason why the record cannot be used */
  fail(reason: string): never {
    throw this.refuse(reason);
  }
}
