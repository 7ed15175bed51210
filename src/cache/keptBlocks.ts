// What was read of recent documents, on the disk, so that it is still known after a restart. A block is one file, named by everything its bytes depend on: how
// and by what they were made, and all tokens up to its end. It is written once and never changed, so that several windows may share a folder. A document is
// one small file: the tokens that were read of it last, and what its next prompt needs to begin as that one did.
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { BLOCK } from '../binding/addon.ts';
import { nativeCode } from '../binding/load.ts';
import type { RunPass } from '../shared/pass.ts';
import { isThere } from '../shared/isThere.ts';
import { replaceFile } from '../shared/replaceFile.ts';
import { blockKeys, hash, hex, readDocument, writeDocument, type KeptDocument } from './keptDocument.ts';
import { BLOCKS, DOCUMENTS, FAR, KeptRoom, NEAR } from './keptRoom.ts';
import type { TreeNode } from './prefixTree.ts';
import type { KvCache } from './store.ts';
import { firstKeptBlock } from './window.ts';

/** Blocks whose files are read at once, and taken in by one pass. */
const AT_ONCE = 8;

export interface KeptSettings {
  /** Of all windows. */
  folder: string;
  /** Bytes that all of it may take together. */
  limitBytes: number;
  /** Hears one sentence where something could not be read or written. */
  notice?: (text: string) => void;
}

export interface Passes {
  pass: RunPass;
  /** Whether to end after the block under way. */
  stopped: () => boolean;
}

export interface Found {
  document: KeptDocument;
  /** Tokens of it that are known now. */
  tokens: number;
  /** Where in the cache they end. */
  end: TreeNode | undefined;
}

export class KeptBlocks {
  private readonly room: KeptRoom;
  private readonly root: Uint8Array;
  /** Nothing could be written: said once. */
  private failed = false;

  /** @param maker what makes the bytes besides the recipe: versions, kernels. Blocks of another maker are foreign. */
  constructor(private readonly cache: KvCache, private readonly settings: KeptSettings, private readonly maker: Readonly<Record<string, string | number>>) {
    this.root = hash(cache.recipe, Buffer.from(JSON.stringify(maker)));
    this.room = new KeptRoom(settings.folder, settings.limitBytes);
  }

  /**
   * Writes what is known of a text, and then that it is what was read last of its document. Only what was read strictly is in the tree that is looked into.
   * True when all of it is on the disk now, as far as there is room for it.
   */
  async keep(name: string, { tokens, ...more }: KeptDocument, { pass, stopped }: Passes): Promise<boolean> {
    const path = this.cache.strictPath(tokens);
    if (path.length === 0) return true;
    try {
      await this.room.look();
      const keys = blockKeys(this.root, tokens.subarray(0, path.length * BLOCK));
      for (const [i, node] of path.entries()) {
        if (stopped()) return false;
        const done = await this.keepBlock(node, keys[i], this.isNear(i, path.length), pass);
        // Without its end, the rest has no exact window.
        if (done !== 'written') return done === 'noRoom';
      }
      await writeDocument(this.pathOf(name), { ...more, tokens: tokens.slice(0, path.length * BLOCK) }, this.root, this.maker);
      this.failed = false;
    } catch (error) {
      if (!this.failed) this.settings.notice?.(`What was read of recent files could not be kept for the next start: ${String((error as NodeJS.ErrnoException).code ?? error)}.`);
      this.failed = true;
    }
    return true;
  }

  /** Takes back what is on the disk of a document, as far as it holds and there is room for it. */
  async restore(name: string, { pass, stopped }: Passes): Promise<Found | undefined> {
    const path = this.pathOf(name);
    const document = await readDocument(path);
    if (!document) return undefined;
    if (document === 'damaged' || hex(document.root) !== hex(this.root)) {
      await this.refuse(path);
      return undefined;
    }
    await fs.utimes(path, new Date(), new Date()).catch(() => {});
    const { tokens } = document;
    const keys = blockKeys(this.root, tokens);
    let parent: TreeNode | undefined;
    let known = 0;
    const added: TreeNode[] = [];
    while (known < keys.length && !stopped()) {
      const to = Math.min(keys.length, known + AT_ONCE);
      const files = await Promise.all(keys.slice(known, to).map((key, i) => this.readBlock(key, this.isNear(known + i, keys.length))));
      const refused = await pass(async () => {
        for (const file of files) {
          const text = tokens.subarray(known * BLOCK, (known + 1) * BLOCK);
          const node = this.cache.tree.child(parent, text);
          const taken = node ?? this.takeIn(parent, text, file, keys[known], this.isNear(known, keys.length));
          if (typeof taken === 'string') return taken;
          if (!node) added.push(taken);
          parent = taken;
          known++;
        }
        return undefined;
      });
      if (refused === 'damaged') await this.refuse(files.find((file) => file?.key === keys[known])!.path);
      if (refused) break;
    }
    // What came back without its exact window must not be read as it is: a request would, where a cold run reads exact keys.
    const { end, evicted } = added.length > 0 ? this.cache.trim(added) : { end: parent, evicted: 0 };
    return { document, tokens: (known - evicted) * BLOCK, end };
  }

  /** Removes everything, of all windows. */
  clear(): Promise<void> {
    return this.room.clear();
  }

  private async keepBlock(node: TreeNode, key: Uint8Array, near: boolean, pass: RunPass): Promise<'written' | 'gone' | 'noRoom'> {
    const { addon, store, config } = this.cache;
    if (near && (await isThere(this.blockPath(key, NEAR)))) return 'written';
    const withExact = config.mode === 'exact' || (near && this.cache.hasExact(node.handle));
    const path = this.blockPath(key, withExact ? NEAR : FAR);
    if (await isThere(path)) return 'written';
    const bytes = await pass(async () => (node.gone ? undefined : addon.serializeBlock(store, node.handle, key, Number(withExact))));
    if (!bytes) return 'gone';
    if (!(await this.room.take(bytes.length))) return 'noRoom';
    for (const folder of [BLOCKS, DOCUMENTS]) await fs.mkdir(join(this.settings.folder, folder), { recursive: true });
    await replaceFile(path, bytes);
    if (!withExact) await this.room.remove(this.blockPath(key, NEAR));
    return 'written';
  }

  private async readBlock(key: Uint8Array, near: boolean): Promise<File | undefined> {
    for (const form of near ? ([NEAR, FAR] as const) : ([FAR, NEAR] as const)) {
      const path = this.blockPath(key, form);
      const bytes = await fs.readFile(path).catch(() => undefined);
      if (bytes) return { key, path, bytes };
    }
    return undefined;
  }

  private takeIn(parent: TreeNode | undefined, tokens: Int32Array, file: File | undefined, key: Uint8Array, near: boolean): TreeNode | 'damaged' | 'absent' {
    if (!file) return 'absent';
    try {
      return this.cache.takeIn(parent, tokens, file.bytes, key, near) ?? 'absent';
    } catch (thrown) {
      const code = nativeCode(thrown);
      if (code === 'blockDamaged' || code === 'blockForeign') return 'damaged';
      throw thrown;
    }
  }

  private async refuse(path: string): Promise<void> {
    this.settings.notice?.('A file of what was read before the last restart is damaged or of another make: it was removed, and the text is read anew.');
    await this.room.remove(path);
  }

  /** Whether a block of a text of so many blocks is near enough to its end to be kept in exact form. */
  private isNear(block: number, blocks: number): boolean {
    return this.cache.config.mode === 'exact' || block >= firstKeptBlock(this.cache.config, blocks * BLOCK);
  }

  private blockPath(key: Uint8Array, form: typeof NEAR | typeof FAR): string {
    return join(this.settings.folder, BLOCKS, hex(key) + form);
  }

  private pathOf(name: string): string {
    return join(this.settings.folder, DOCUMENTS, `${hex(hash(this.root, Buffer.from(name)))}.json`);
  }
}

interface File {
  key: Uint8Array;
  path: string;
  bytes: Uint8Array;
}
