// A session's hold on one sequence: it reads shared blocks, writes only blocks of its own, and gives what it learned back to the tree.
import { BLOCK } from '../binding/addon.ts';
import { BlockTable } from './blockTable.ts';
import type { Move } from './contentIndex.ts';
import type { Known, StrictPrefix } from './known.ts';
import type { TreeNode } from './prefixTree.ts';
import type { Piece, Provenance, Reading } from './readings.ts';
import type { KvCache } from './store.ts';
import { firstExactBlock, firstKeptBlock } from './window.ts';

/** Multiply-adds of attention, summed over calls. */
export interface AttentionOps {
  dense: number;
  required: number;
  executed: number;
}

export interface Sparsity {
  /** Zeros among the delta-coded key elements that this sequence holds; 0 without any: a short text is read exactly. */
  key: number;
  /** 1 − required / dense multiply-adds of this lease's own work; 0 without any. */
  attention: number;
}

/** Tokens that were taken over, by how they had been read. */
export type Reuse = Record<Provenance, number>;

/** Where a lease ended in the cache: what it leaves behind for the next one. */
export type End = TreeNode | Reading;

/** What stands behind an entry of the table. */
interface Entry {
  how: Provenance;
  /** Nobody else holds the block: new tokens may go into it. */
  own: boolean;
}

export class Lease {
  readonly table = new BlockTable();
  readonly ops: AttentionOps = { dense: 0, required: 0, executed: 0 };
  /** Of what was known when it was opened; what moves is in it before it is joined. */
  readonly reuse: Reuse = { strict: 0, approximate: 0, moved: 0 };
  /** True when a cold run would have read something here otherwise: shared with other such readings alone. */
  approximate = false;
  private tokens = new Int32Array(1024);
  private readonly entries: Entry[] = [];
  /** Of a strict lease: nodes of the leading full blocks that the tree knows; entry i of the table is nodes[i]'s text. */
  private readonly nodes: TreeNode[] = [];
  /** Of an approximate one: where in the tree it left what was read strictly. */
  private trunk: TreeNode | undefined;
  /** What is known behind text that is not, by position; each holds a reference on its block. */
  private readonly moves: Move[] = [];
  /** Entries before this one no longer keep their exact form on our account. */
  private kept = 0;
  /** Tokens stored before the step under way. */
  private start = 0;
  /** Between `begin` and `commit` or `abort`. */
  private stepping = false;
  /** What the step under way adds was written, not read. */
  private writes = false;
  private readonly noCancel = new Int32Array(1);
  cancel: Int32Array = this.noCancel;

  private constructor(private readonly cache: KvCache) {}

  /** @internal use KvCache.lease */
  static open(cache: KvCache, tokens: Int32Array, known: Known): Lease {
    const lease = new Lease(cache);
    try {
      for (const { node } of known.moves) cache.addon.retainBlock(cache.store, node.handle);
      lease.moves.push(...known.moves);
      if ('reading' in known.from) lease.adoptReading(known.from.reading, known.length);
      else lease.adoptPrefix(known.from, known.length);
    } catch (error) {
      lease.release();
      throw error;
    }
    lease.remember(tokens.subarray(0, known.moves.length > 0 ? tokens.length : lease.length), 0);
    lease.entries.forEach(({ how }, i) => (lease.reuse[how] += lease.table.count(i)));
    for (const { count } of known.moves) lease.reuse.moved += count;
    return lease;
  }

  /** Tokens stored. */
  get length(): number {
    return this.table.length;
  }

  /** Whether a step waits for its `commit` or `abort`. */
  get open(): boolean {
    return this.stepping;
  }

  /** The tokens stored, as a view. */
  get text(): Int32Array {
    return this.tokens.subarray(0, this.length);
  }

  /** Where something joins in that need not be read: a step ends there at the latest, and `join` comes before the next one. */
  get until(): number {
    return this.moves[0]?.at ?? Infinity;
  }

  /** Takes over what moved to where the text ends now; the tokens that are stored then. */
  join(): number {
    while (this.moves.length > 0 && this.moves[0].at === this.length) {
      const { at, node, count } = this.moves.shift()!;
      if (!this.approximate) this.becomeApproximate();
      node.reused = true;
      this.push(node.handle, count, at - (node.depth - 1) * BLOCK, { how: 'moved', own: false });
    }
    return this.length;
  }

  /** Makes room for `ids` behind the tip; `attend` for every layer and then `commit` or `abort` must follow. `writes`: they are written, not read; counted apart. */
  begin(ids: ArrayLike<number>, writes = false): void {
    this.start = this.length;
    this.writes = writes;
    const { cache, table, entries } = this;
    const how = this.approximate ? 'approximate' : 'strict';
    try {
      for (let left = ids.length; left > 0; ) {
        const last = table.size - 1;
        const room = last >= 0 && entries[last].own ? BLOCK - table.count(last) : 0;
        if (room === 0) this.push(cache.allocate(), 0, 0, { how, own: true });
        else entries[last].how = how;
        const take = Math.min(left, room || BLOCK);
        table.setLastCount(table.count(table.size - 1) + take);
        left -= take;
      }
    } catch (error) {
      this.cut(this.start);
      throw error;
    }
    this.remember(ids, this.start);
    this.stepping = true;
  }

  /** One layer of the step: stores keys and values of the new tokens and attends over all. See Addon.attend. */
  attend(layer: number, rows: number, qkv: Float32Array, out: Float32Array): void {
    const { cache, ops } = this;
    const stats = cache.addon.attend(cache.store, layer, this.table.view, this.start, rows, qkv, out, this.cancel, Number(this.writes));
    ops.dense += stats.denseOps;
    ops.required += stats.requiredOps;
    ops.executed += stats.executedOps;
  }

  /**
   * The step is complete in all layers: full blocks are shared, blocks far behind the tip lose their exact form.
   * @param length tokens that stay of all that are stored; the others, a wrong guess, are gone before anything is shared
   */
  commit(length = this.length): void {
    const { cache, table } = this;
    this.stepping = false;
    if (length < this.length) this.cut(Math.max(this.start, length));
    while (!this.approximate && (this.nodes.length + 1) * BLOCK <= this.length) this.publish();
    const first = firstKeptBlock(cache.config, this.length);
    for (; this.kept < table.size && this.startsBefore(first); this.kept++) {
      const node = this.nodes[this.kept];
      if (node) node.exactPins--;
      if (node ? node.exactPins === 0 : this.isOwnAndFull(this.kept)) cache.addon.dropExact(cache.store, table.handle(this.kept));
    }
  }

  /** The step was cancelled or failed: back to where it began. */
  abort(): void {
    this.stepping = false;
    this.cut(this.start);
  }

  /** Rewinds to `length` tokens. Deeper than the reserve, what follows is approximate and the tip falls back to a block boundary, as it does where the budget has no room for a copy. */
  truncate(length: number): void {
    this.dropMoves();
    this.cut(length);
  }

  private cut(length: number): void {
    const { cache, table, entries } = this;
    while (table.size > 0 && table.length - table.count(table.size - 1) >= length) this.dropLast();
    const last = table.size - 1;
    if (last >= 0 && table.length > length) {
      const handle = table.handle(last);
      const count = table.count(last) - (table.length - length);
      if (entries[last].own && cache.hasExact(handle)) {
        cache.addon.truncateBlock(cache.store, handle, count);
        table.setLastCount(count);
      } else if (this.approximate) {
        table.setLastCount(count);
        entries[last].own = false;
      } else {
        const own = cache.hasExact(handle) ? cache.fork(handle, count) : undefined;
        this.dropLast();
        if (own !== undefined) this.push(own, count, 0, { how: 'strict', own: true });
      }
    }
    if (cache.config.mode === 'delta' && !this.approximate) {
      const near = firstExactBlock(cache.config, this.length);
      for (let i = near; i < table.size && !this.approximate; i++) if (!cache.hasExact(table.handle(i))) this.becomeApproximate();
    }
  }

  /** From here on a cold run would read otherwise: nothing of it is the tree's, though the tree's blocks are its beginning. */
  private becomeApproximate(): void {
    this.approximate = true;
    this.trunk = this.nodes.at(-1);
    this.unpin();
  }

  private unpin(): void {
    this.nodes.forEach((node, i) => {
      node.pins--;
      if (i >= this.kept) node.exactPins--;
    });
    this.nodes.length = 0;
  }

  /** Gives all full blocks their delta form, as if they were read from afar already. */
  encode(): void {
    for (let i = 0; i < this.table.size; i++) if (this.table.count(i) === BLOCK) this.cache.addon.encodeBlock(this.cache.store, this.table.handle(i));
  }

  /** Delta-coded key elements that this sequence holds, and the zeros among them. */
  coded(): { zeros: number; elements: number } {
    let zeros = 0;
    let elements = 0;
    for (let i = 0; i < this.table.size; i++) {
      const info = this.cache.addon.blockInfo(this.cache.store, this.table.handle(i));
      zeros += info.keyZeros;
      elements += info.keyElements;
    }
    return { zeros, elements };
  }

  /** Zeros among the elements of the blocks in delta form, and the attention work saved. */
  sparsity(): Sparsity {
    const { zeros, elements } = this.coded();
    return { key: elements > 0 ? zeros / elements : 0, attention: this.ops.dense > 0 ? 1 - this.ops.required / this.ops.dense : 0 };
  }

  /** Ends the lease; what it computed stays in the cache, the open tail too. Where it ended, undefined where nothing of it is shared. */
  release(): End | undefined {
    const { cache, table, nodes } = this;
    this.dropMoves();
    if (this.approximate) return this.leaveReading();
    const last = table.size - 1;
    let end = nodes.at(-1);
    if (last === nodes.length && last >= 0 && table.count(last) < BLOCK) {
      cache.dropTails(end, this.text.subarray(last * BLOCK));
      cache.addon.retainBlock(cache.store, table.handle(last));
      end = cache.tree.addTail(end, this.text.subarray(last * BLOCK), table.handle(last));
    }
    while (table.size > 0) cache.addon.releaseBlock(cache.store, table.pop());
    this.unpin();
    return end;
  }

  private leaveReading(): Reading | undefined {
    const { cache, table, entries } = this;
    if (table.size === 0) return undefined;
    const pieces = entries.map(({ how }, i): Piece => ({ handle: table.handle(i), count: table.count(i), shift: table.shift(i), how }));
    const { text } = this;
    while (table.size > 0) table.pop();
    entries.length = 0;
    return cache.readings.add(text, pieces, this.trunk);
  }

  private adoptPrefix({ full, tail, isExact }: StrictPrefix, length: number): void {
    for (const node of full) {
      this.cache.addon.retainBlock(this.cache.store, node.handle);
      node.pins++;
      node.reused = true;
      this.nodes.push(node);
      this.push(node.handle, BLOCK, 0, { how: 'strict', own: false });
    }
    this.kept = Math.min(full.length, firstKeptBlock(this.cache.config, length));
    for (const node of this.nodes.slice(this.kept)) node.exactPins++;
    if (!isExact) this.becomeApproximate();
    if (!tail) return;
    const { node, common } = tail;
    if (this.cache.hasExact(node.handle)) return this.copyTail(node, common);
    this.cache.addon.retainBlock(this.cache.store, node.handle);
    this.push(node.handle, common, 0, { how: 'strict', own: false });
  }

  /** The first tokens of a reading. Where it ends within a block, a copy of those is gone on in; without an exact form they are read as they are. */
  private adoptReading(reading: Reading, length: number): void {
    const { cache } = this;
    this.approximate = true;
    this.trunk = reading.trunk;
    reading.reused = true;
    for (const { handle, count, shift, how } of reading.pieces) {
      const take = Math.min(count, length - this.length);
      if (take <= 0) break;
      cache.addon.retainBlock(cache.store, handle);
      this.push(handle, take, shift, { how, own: false });
    }
    this.kept = this.table.size;
    const last = this.table.size - 1;
    const take = this.table.count(last);
    if (take === BLOCK || this.table.shift(last) !== 0 || !cache.hasExact(this.table.handle(last))) return;
    const own = cache.fork(this.table.handle(last), take);
    if (own === undefined) return;
    const { how } = this.entries[last];
    this.dropLast();
    this.push(own, take, 0, { how, own: true });
  }

  /** Takes the first tokens of an open tail, where there is room for a copy; it must not be evicted to make that room. */
  private copyTail(node: TreeNode, count: number): void {
    node.pins++;
    try {
      const own = this.cache.fork(node.handle, count);
      if (own !== undefined) this.push(own, count, 0, { how: 'strict', own: true });
    } finally {
      node.pins--;
    }
  }

  private push(handle: number, count: number, shift: number, entry: Entry): void {
    this.table.push(handle, count, shift);
    this.entries.push(entry);
  }

  /** Shares the first full block that the tree does not have from us yet. */
  private publish(): void {
    const { cache, nodes, table } = this;
    const i = nodes.length;
    const text = this.tokens.subarray(i * BLOCK, (i + 1) * BLOCK);
    let node = cache.tree.child(nodes.at(-1), text);
    if (!node) {
      cache.dropTails(nodes.at(-1), text);
      cache.addon.retainBlock(cache.store, table.handle(i));
      node = cache.tree.addBlock(nodes.at(-1), text, table.handle(i));
    }
    this.entries[i].own = false;
    node.pins++;
    if (i >= this.kept) node.exactPins++;
    nodes.push(node);
  }

  private dropLast(): void {
    const { cache, nodes, table } = this;
    if (table.size === nodes.length) {
      const node = nodes.pop()!;
      node.pins--;
      if (nodes.length >= this.kept) node.exactPins--;
    }
    cache.addon.releaseBlock(cache.store, table.pop());
    this.entries.pop();
    this.kept = Math.min(this.kept, table.size);
  }

  private dropMoves(): void {
    for (const { node } of this.moves.splice(0)) this.cache.addon.releaseBlock(this.cache.store, node.handle);
  }

  /** Whether the entry that is kept exactly so far begins before a block. */
  private startsBefore(block: number): boolean {
    let at = 0;
    for (let i = 0; i < this.kept; i++) at += this.table.count(i);
    return at < block * BLOCK;
  }

  private isOwnAndFull(entry: number): boolean {
    return this.entries[entry].own && this.table.count(entry) === BLOCK;
  }

  private remember(ids: ArrayLike<number>, at: number): void {
    if (at + ids.length > this.tokens.length) {
      const larger = new Int32Array(Math.max(at + ids.length, this.tokens.length * 2));
      larger.set(this.tokens);
      this.tokens = larger;
    }
    this.tokens.set(ids, at);
  }
}
