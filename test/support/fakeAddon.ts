// An addon that computes nothing and checks everything: reference counts, block lifetimes, what attention may read, bytes.
import type { Addon, BlockInfo, StoreConfig } from '../../src/binding/addon.ts';
import { BLOCK } from '../../src/binding/addon.ts';
import { windowBlocks } from '../../src/cache/window.ts';

interface Block {
  references: number;
  tokens: number[];
  /** Tokens as attention gave them, so that a reader can be held to its own text. */
  exact: boolean;
  /** Position of its first token; −1 while it is empty. */
  base: number;
  /** Of the first 1, 2, … tokens: what they are and all that was read for them, and how. Equal where a cold run gives the same bytes. */
  digests: number[];
}

/** What stands for a token's key and value in `qkv`: its id. */
export class FakeAddon {
  readonly blocks = new Map<number, Block>();
  readonly freed: number[] = [];
  /** Fails the next allocation or fork with this error. */
  fail: Error | undefined;
  private next = 1;
  private config!: StoreConfig;
  private layerCounts = new Map<number, number[]>();

  asAddon(): Addon {
    return this as unknown as Addon;
  }

  createStore(config: StoreConfig): number {
    this.config = config;
    return 7;
  }

  destroyStore(): void {}

  exactBytes(): number {
    const { layers, kvHeads, keyLength, valueLength, mode } = this.config;
    return layers.length * kvHeads * BLOCK * (keyLength + valueLength) * (mode === 'exact' ? 4 : 2);
  }

  bytesOf(block: Block): number {
    const delta = this.config.mode === 'delta' && block.tokens.length === BLOCK ? this.exactBytes() / 4 : 0;
    return (block.exact ? this.exactBytes() : 0) + delta;
  }

  storeInfo(): { blocks: number; bytes: number; exactBytes: number; deltaBytes: number } {
    return { blocks: this.blocks.size, bytes: [...this.blocks.values()].reduce((n, b) => n + this.bytesOf(b), 0), exactBytes: 0, deltaBytes: 0 };
  }

  allocateBlock(): number {
    this.failIfAsked();
    this.blocks.set(this.next, { references: 1, tokens: [], exact: true, base: -1, digests: [] });
    return this.next++;
  }

  retainBlock(_: number, handle: number): void {
    this.block(handle).references++;
  }

  releaseBlock(_: number, handle: number): void {
    const block = this.block(handle);
    if (--block.references > 0) return;
    this.blocks.delete(handle);
    this.freed.push(handle);
  }

  forkBlock(_: number, handle: number, count: number): number {
    this.failIfAsked();
    const source = this.block(handle);
    if (!source.exact || count > source.tokens.length) throw Object.assign(new Error('fork'), { code: 'noExactForm' });
    this.blocks.set(this.next, { references: 1, tokens: source.tokens.slice(0, count), exact: true, base: source.base, digests: source.digests.slice(0, count) });
    return this.next++;
  }

  truncateBlock(_: number, handle: number, count: number): void {
    const block = this.block(handle);
    if (block.references !== 1) throw new Error(`block ${handle} is shared and must not be cut`);
    if (!block.exact) throw Object.assign(new Error('truncate'), { code: 'noExactForm' });
    block.tokens.length = block.digests.length = Math.min(block.tokens.length, count);
    this.layerCounts.delete(handle);
  }

  encodeBlock(): void {}

  dropExact(_: number, handle: number): void {
    const block = this.block(handle);
    if (block.tokens.length !== BLOCK) throw new Error(`block ${handle} is open and must keep its exact form`);
    if (this.config.mode === 'delta') block.exact = false;
  }

  blockInfo(_: number, handle: number): BlockInfo {
    const block = this.block(handle);
    return { base: block.base, count: block.tokens.length, bytes: this.bytesOf(block), exactBytes: block.exact ? this.exactBytes() : 0, deltaBytes: 0, keyElements: 10, keyZeros: 6, keyframes: 0, masked: 0 };
  }

  /** `qkv` holds one token id a row; the last layer makes the tokens stay. `wholeText` receives what attention reads. */
  attend(_: number, layer: number, table: Int32Array, start: number, tokens: number, qkv: Float32Array, out: Float32Array): object {
    const text: number[] = [];
    let inexact = 0;
    const tip = Math.floor(start / BLOCK);
    for (let at = 0; at < table.length; at += 3) {
      const [handle, count, shift] = table.subarray(at, at + 3);
      const block = this.block(handle);
      const first = text.length;
      if (count < 1 || count > BLOCK) throw new Error('a table that no sequence has');
      const near = Math.floor(first / BLOCK);
      if (near >= tip - windowBlocks(this.config, tip) && near < tip && !block.exact) inexact++;
      for (let i = 0; i < count; i++) {
        if (first + i < start) {
          if (i >= block.tokens.length) throw new Error(`block ${handle} lacks token ${i}`);
          if (block.base + shift !== first) throw new Error(`block ${handle} is not placed where the table says`);
          text.push(block.tokens[i]);
        } else {
          if (block.references !== 1) throw new Error(`block ${handle} is shared and must not be written`);
          if (!block.exact) throw new Error(`block ${handle} has lost its exact form and must not be written`);
          if (shift !== 0 || (block.base >= 0 && block.base !== first)) throw new Error(`block ${handle} moved and must not be written`);
          const id = qkv[first + i - start];
          text.push(id);
          if (layer < this.config.layers.length - 1) continue;
          block.base = first;
          block.tokens[i] = id;
          block.digests.length = i;
          block.digests[i] = mixed(mixed(block.digests[i - 1] ?? 0, id), this.seen(table, at, first + i));
        }
      }
    }
    if (text.length !== start + tokens) throw new Error(`the table covers ${text.length} tokens instead of ${start + tokens}`);
    this.lastRead = { text, inexact };
    out.fill(0);
    return { denseOps: 4, requiredOps: 2, executedOps: 3, cancelled: 0 };
  }

  /** What a token reads of the entries before its own, and how. */
  private seen(table: Int32Array, end: number, position: number): number {
    const tip = Math.floor(position / BLOCK);
    let digest = 0;
    for (let at = 0, first = 0; at < end; at += 3) {
      const [handle, count, shift] = table.subarray(at, at + 3);
      const block = this.block(handle);
      const isNear = Math.floor(first / BLOCK) >= tip - windowBlocks(this.config, tip);
      const exactly = this.config.mode === 'exact' || block.tokens.length < BLOCK || (isNear && block.exact);
      digest = mixed(mixed(digest, block.digests[count - 1]), shift * 2 + Number(exactly));
      first += count;
    }
    return digest;
  }

  /** Of a sequence, as `digests`. */
  digestOf(table: Int32Array): number {
    return table.length === 0 ? 0 : this.block(table[table.length - 3]).digests[table[table.length - 2] - 1];
  }

  /** The sequence that the last `attend` read, and how many blocks of its window it read in delta form. */
  lastRead: { text: number[]; inexact: number } = { text: [], inexact: 0 };

  private block(handle: number): Block {
    const block = this.blocks.get(handle);
    if (!block) throw new Error(`block ${handle} does not exist`);
    return block;
  }

  private failIfAsked(): void {
    const error = this.fail;
    this.fail = undefined;
    if (error) throw error;
  }
}

const mixed = (a: number, b: number): number => {
  const h = Math.imul(a ^ Math.imul(b, 0x9e3779b1), 0x85ebca6b);
  return (h ^ (h >>> 15)) | 0;
};
