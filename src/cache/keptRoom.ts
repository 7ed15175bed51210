// How much of what was read may lie on the disk, and what goes first: the documents that were used longest ago, and the blocks that no document has any more.
import { promises as fs, type Stats } from 'node:fs';
import { join } from 'node:path';
import { isAbandoned } from '../shared/partialName.ts';
import { blockKeys, hex, readDocument } from './keptDocument.ts';

export const BLOCKS = 'blocks';
export const DOCUMENTS = 'documents';
/** Endings of a block's file: with its exact form, and with the delta form alone. */
export const NEAR = '.near';
export const FAR = '.far';
/** Documents of which something is kept. */
const MOST_DOCUMENTS = 200;
/** Another window may be about to write the document of such a block. */
const YOUNG_MS = 600_000;
/** Of the limit, what this window writes before it looks again at what others wrote. */
const SHARE_UNSEEN = 1 / 8;

export class KeptRoom {
  /** Bytes of everything when it was last looked at, and those written since. */
  private seen: number | undefined;
  private since = 0;

  constructor(
    private readonly folder: string,
    private readonly limitBytes: number,
  ) {}

  /** Before anything is written for the first time: what dead writers left goes. */
  async look(): Promise<void> {
    if (this.seen === undefined) await this.tidy(this.limitBytes);
  }

  /** Whether so many bytes more may be written, after what is least worth keeping has gone for them. They count as written. */
  async take(bytes: number): Promise<boolean> {
    await this.look();
    if (this.since > this.limitBytes * SHARE_UNSEEN || this.seen! + this.since + bytes > this.limitBytes) await this.tidy(this.limitBytes - bytes);
    if (this.seen! + this.since + bytes > this.limitBytes) return false;
    this.since += bytes;
    return true;
  }

  /** Throws nothing. */
  async remove(path: string): Promise<void> {
    await fs.rm(path, { force: true }).catch(() => {});
  }

  async clear(): Promise<void> {
    for (const name of [DOCUMENTS, BLOCKS]) await fs.rm(join(this.folder, name), { recursive: true, force: true }).catch(() => {});
    this.seen = undefined;
    this.since = 0;
  }

  /** Keeps the documents used last, as far as they fit into `most` bytes. */
  private async tidy(most: number): Promise<void> {
    const [documents, blocks] = [await this.filesOf(DOCUMENTS), await this.filesOf(BLOCKS)];
    const sizeOf = (names: Iterable<string>): number => [...names].reduce((sum, name) => sum + blocks.get(name)!.stat.size, 0);
    const owners: { path: string; size: number; own: string[] }[] = [];
    for (const { path, stat } of [...documents.values()].sort((a, b) => b.stat.mtimeMs - a.stat.mtimeMs)) {
      const document = await readDocument(path);
      const own = document && document !== 'damaged' ? blockKeys(document.root, document.tokens).flatMap((key) => [hex(key) + NEAR, hex(key) + FAR]).filter((name) => blocks.has(name)) : [];
      owners.push({ path, size: stat.size, own });
    }
    // Of no document yet: this window or another one is about to write it.
    const owned = new Set(owners.flatMap(({ own }) => own));
    const kept = new Set([...blocks].filter(([name, { stat }]) => !owned.has(name) && Date.now() - stat.mtimeMs <= YOUNG_MS).map(([name]) => name));
    let bytes = sizeOf(kept);
    for (const [i, { path, size, own }] of owners.entries()) {
      const added = own.filter((name) => !kept.has(name));
      const more = size + sizeOf(added);
      if (own.length === 0 || i >= MOST_DOCUMENTS || bytes + more > most) {
        await this.remove(path);
        continue;
      }
      bytes += more;
      for (const name of added) kept.add(name);
    }
    for (const [name, { path }] of blocks) if (!kept.has(name)) await this.remove(path);
    this.seen = bytes;
    this.since = 0;
  }

  /** By name; what a writer left that is no more is removed on the way. */
  private async filesOf(folder: string): Promise<Map<string, { path: string; stat: Stats }>> {
    const files = new Map<string, { path: string; stat: Stats }>();
    for (const name of await fs.readdir(join(this.folder, folder)).catch(() => [])) {
      const path = join(this.folder, folder, name);
      const stat = await fs.stat(path).catch(() => undefined);
      if (!stat) continue;
      if (isAbandoned(name, stat.mtimeMs)) await this.remove(path);
      else files.set(name, { path, stat });
    }
    return files;
  }
}
