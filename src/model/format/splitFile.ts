// A model in several files: NAME-00001-of-00003.gguf holds the metadata, it and the others hold the tensors. They are read as one file, end to end.
import { promises as fs, existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DeltaError } from '../../shared/errors.ts';
import type { Metadata } from './ggufHeader.ts';

const NAME = /^(.*)-(\d{5})-of-(\d{5})(\.gguf)$/i;
/** The largest models come in dozens. */
const MOST_PARTS = 1_000;

interface PartName {
  no: number;
  count: number;
  /** The path of another part, counted from 1. */
  path: (no: number) => string;
  /** The paths of all parts but the first. */
  others: () => string[];
}

function partName(path: string): PartName | undefined {
  const found = NAME.exec(basename(path));
  if (!found) return undefined;
  const [, stem, no, count, ending] = found;
  const pathOf = (other: number) => join(dirname(path), `${stem}-${String(other).padStart(5, '0')}-of-${count}${ending}`);
  return { no: Number(no), count: Number(count), path: pathOf, others: () => Array.from({ length: Number(count) - 1 }, (_, i) => pathOf(i + 2)) };
}

/** The files that a model consists of by its name, as far as they are there; most often one. */
export async function partsOf(path: string): Promise<string[]> {
  const name = partName(path);
  if (!name || name.no !== 1 || name.count > MOST_PARTS) return [path];
  return [path, ...name.others().filter((other) => existsSync(other))];
}

/** What `split.*` says of a part. */
interface Place {
  no: number;
  count: number;
}

/** Undefined for a file that is a whole model. Throws notGguf for numbers that cannot be. */
function placeOf(path: string, metadata: Metadata): Place | undefined {
  const count = metadata['split.count'];
  const no = metadata['split.no'] ?? 0;
  if (count === undefined || count === 0 || count === 1) return undefined;
  if (!isWithin(count, 2, MOST_PARTS) || !isWithin(no, 0, count - 1)) throw new DeltaError('notGguf', path, 'its number among the parts of a model makes no sense');
  return { no, count };
}

const isWithin = (value: unknown, least: number, most: number): value is number => Number.isInteger(value) && (value as number) >= least && (value as number) <= most;

/** The paths of the other parts of the model that begins with `path`, in order; none for a whole model. Throws ggufOtherPart, ggufPartMissing or notGguf. */
export function otherParts(path: string, metadata: Metadata): string[] {
  const name = partName(path);
  const place = placeOf(path, metadata);
  if (!place) {
    // Without metadata of its own it can be nothing else.
    if (name && name.no > 1 && metadata['general.architecture'] === undefined) throw new DeltaError('ggufOtherPart', path, name.no, name.count, basename(name.path(1)));
    return [];
  }
  const { no, count } = place;
  if (no > 0) throw new DeltaError('ggufOtherPart', path, no + 1, count, name ? basename(name.path(1)) : 'the first part');
  if (name?.no !== 1 || name.count !== count) throw new DeltaError('notGguf', path, `it is the first of ${count} parts, but is not named like one: NAME-00001-of-${String(count).padStart(5, '0')}.gguf`);
  const others = name.others();
  const missing = others.findIndex((other) => !existsSync(other));
  if (missing >= 0) throw new DeltaError('ggufPartMissing', others[missing], missing + 2, count);
  return others;
}

/** Checks that a further part is the one it is taken for. Throws notGguf. */
export function checkPart(path: string, metadata: Metadata, no: number, count: number): void {
  const place = placeOf(path, metadata);
  if (place?.no !== no || place.count !== count) throw new DeltaError('notGguf', path, `it is not part ${no + 1} of ${count}`);
}

/** The bytes of all parts, end to end: positions count from the beginning of the first. */
export class JoinedFiles {
  private constructor(
    readonly path: string,
    private readonly parts: { handle: fs.FileHandle; begin: number; size: number }[],
  ) {}

  static async open(parts: readonly { path: string; size: number }[]): Promise<JoinedFiles> {
    const opened: { handle: fs.FileHandle; begin: number; size: number }[] = [];
    try {
      let begin = 0;
      for (const { path, size } of parts) {
        opened.push({ handle: await fs.open(path, 'r'), begin, size });
        begin += size;
      }
      return new JoinedFiles(parts[0].path, opened);
    } catch (error) {
      for (const { handle } of opened) await handle.close();
      throw error;
    }
  }

  /** Reads no further than to the end of a part. */
  private async read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    const part = this.parts.find(({ begin, size }) => position >= begin && position < begin + size);
    if (!part) return { bytesRead: 0 };
    return part.handle.read(buffer, offset, Math.min(length, part.begin + part.size - position), position - part.begin);
  }

  /** Fills `buffer` from a position on; what is not there any more is an error. Throws ggufTruncated. */
  async readFully(buffer: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < buffer.length; ) {
      const { bytesRead } = await this.read(buffer, done, buffer.length - done, position + done);
      if (bytesRead === 0) throw new DeltaError('ggufTruncated', this.path, 'it became shorter while it was read');
      done += bytesRead;
    }
  }

  async close(): Promise<void> {
    for (const { handle } of this.parts) await handle.close();
  }
}
