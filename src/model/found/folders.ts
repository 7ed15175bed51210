// Other programs' folders, read and never written, within limits: they may be huge, damaged, linked in circles or closed to this user.
import { closeSync, constants, fstatSync, openSync, promises as fs, readSync } from 'node:fs';
import { join } from 'node:path';

/** Levels of folders that are looked at; real ones have three or four. */
const MAX_DEPTH = 8;
/** Names that are looked at under one root: a home folder that was named by mistake must not keep us for minutes. */
const MAX_ENTRIES = 20_000;
/** Folders that are named as unreadable at most. */
const MAX_UNREADABLE = 20;

export interface Entry {
  name: string;
  path: string;
  kind: 'file' | 'folder';
}

/** What lies under one root. Nothing throws: what cannot be read is not there, or is in `unreadable`. */
export class Folders {
  /** Folders that are closed to this user. */
  readonly unreadable = new Set<string>();
  /** True: there is more than was looked at. */
  cut = false;

  /** @param left names that may be looked at */
  constructor(
    private readonly cancelled: () => boolean = () => false,
    private left = MAX_ENTRIES,
  ) {}

  /** Regular files and folders in a folder, by name; links count as what they lead to. */
  async list(folder: string): Promise<Entry[]> {
    const entries: Entry[] = [];
    try {
      for await (const entry of await fs.opendir(folder)) {
        if (this.cancelled()) break;
        if (this.left-- <= 0) {
          this.cut = true;
          break;
        }
        const path = join(folder, entry.name);
        const kind = entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : await kindBehind(path);
        if (kind) entries.push({ name: entry.name, path, kind });
      }
    } catch (error) {
      this.note(folder, error);
    }
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Regular files in a folder and in those below it; each real folder once, so that links in a circle come to an end. */
  async *files(folder: string, depth = MAX_DEPTH, seen = new Set<string>()): AsyncGenerator<Entry> {
    const stat = await fs.stat(folder, { bigint: true }).catch((error: unknown) => this.note(folder, error));
    if (!stat || seen.has(`${stat.dev} ${stat.ino}`)) return;
    seen.add(`${stat.dev} ${stat.ino}`);
    for (const entry of await this.list(folder)) {
      if (this.cancelled()) return;
      if (entry.kind === 'file') yield entry;
      else if (depth > 1) yield* this.files(entry.path, depth - 1, seen);
      else this.cut = true;
    }
  }

  /** Remembers a folder that this user may not read. */
  note(folder: string, error: unknown): undefined {
    const { code } = error as NodeJS.ErrnoException;
    if ((code === 'EACCES' || code === 'EPERM') && this.unreadable.size < MAX_UNREADABLE) this.unreadable.add(folder);
  }
}

/** What a link (or an entry of a file system that does not say) leads to; undefined for pipes, devices and nothing. */
async function kindBehind(path: string): Promise<Entry['kind'] | undefined> {
  const stat = await fs.stat(path).catch(() => undefined);
  return stat?.isFile() ? 'file' : stat?.isDirectory() ? 'folder' : undefined;
}

/** Opening a named pipe for reading would wait for a writer. */
export const READ_WITHOUT_WAITING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** The text of a regular file of at most that many bytes; else undefined. */
export function smallText(path: string, most: number): string | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, READ_WITHOUT_WAITING);
    const stat = fstatSync(file);
    if (!stat.isFile() || stat.size > most) return undefined;
    const bytes = Buffer.alloc(stat.size);
    return bytes.toString('utf8', 0, readSync(file, bytes, 0, bytes.length, 0));
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
