// What the next start is to know of the documents that were completed in: which may be kept, what of them is written when, and when it is read back.
import { ADDON_VERSION, type Addon } from '../binding/addon.ts';
import { claim } from '../cache/census.ts';
import { KeptBlocks, type KeptSettings, type Passes } from '../cache/keptBlocks.ts';
import type { KvCache } from '../cache/store.ts';
import type { Snapshot } from '../prompt/snapshot.ts';
import { packageVersion } from '../shared/packageRoot.ts';
import { keyOf, type CursorPrompts } from './cursorPrompt.ts';

/** What came back of a document. */
export interface Restored {
  tokens: number;
  ms: number;
}

export class KeptFiles {
  private readonly blocks: KeptBlocks;
  /** Documents that may be kept and were read since they were. */
  private readonly changed = new Set<string>();
  /** Documents of which everything is back, or was never there. */
  private readonly restored = new Set<string>();
  /** Whoever writes or removes does it alone. */
  private writing: Promise<unknown> = Promise.resolve();

  constructor(cache: KvCache, addon: Pick<Addon, 'cpu'>, private readonly prompts: CursorPrompts, private readonly settings: KeptSettings) {
    this.blocks = new KeptBlocks(cache, settings, { version: packageVersion(), addon: ADDON_VERSION, kernels: addon.cpu().selected, platform: `${process.platform}-${process.arch}` });
    // Switched off: what was kept goes, too.
    if (settings.limitBytes === 0) void this.clear();
  }

  /** A request in a document is to begin: what was read of it before the restart is read back, the first time. */
  async open(snapshot: Snapshot, passes: Passes): Promise<Restored | undefined> {
    const name = keyOf(snapshot);
    if (!snapshot.mayBeKept || this.settings.limitBytes === 0 || this.restored.has(name)) return undefined;
    const started = performance.now();
    const found = await this.blocks.restore(name, passes);
    if (found && !this.restored.has(name)) {
      claim(found.end, snapshot.path);
      this.prompts.recall(snapshot, found.document);
    }
    if (!passes.stopped()) this.restored.add(name);
    return found && { tokens: found.tokens, ms: performance.now() - started };
  }

  /** A request in a document is over. */
  over(snapshot: Snapshot): void {
    if (snapshot.mayBeKept && this.settings.limitBytes > 0) this.changed.add(keyOf(snapshot));
    else this.changed.delete(keyOf(snapshot));
  }

  /** Writes what is not on the disk yet, document by document, until it is stopped. */
  keep(passes: Passes): Promise<void> {
    return this.alone(async () => {
      for (const name of [...this.changed]) {
        if (passes.stopped()) return;
        const prompt = this.prompts.lastOf(name);
        if (!prompt || (await this.blocks.keep(name, prompt, passes))) this.changed.delete(name);
      }
    });
  }

  /** Removes everything from the disk, of all windows. */
  clear(): Promise<void> {
    return this.alone(() => {
      this.changed.clear();
      return this.blocks.clear();
    });
  }

  private alone(work: () => Promise<void>): Promise<void> {
    const mine = this.writing.then(work);
    this.writing = mine.catch(() => {});
    return mine;
  }
}
