// A session's hold on one sequence: it reads shared blocks, writes only blocks of its own, and gives what it learned back to the tree.
import { BLOCK } from '../binding/addon.ts';
import { BlockTable } from './blockTable.ts';
import type { KvCache } from './store.ts';
import { needsExact, type Match, type PrefixTree, type TreeNode } from './prefixTree.ts';
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

export class Lease {
  readonly table = new BlockTable();
  readonly ops: AttentionOps = { dense: 0, required: 0, executed: 0 };
  /** True when a cold run would have read exact keys where this sequence read delta-coded ones: never shared. */
  approximate = false;
  private tokens = new Int32Array(1024);
  /** Nodes of the leading full blocks that the tree knows; entry i of the table is nodes[i]'s text. */
  private readonly nodes: TreeNode[] = [];
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
  static open(cache: KvCache, tokens: Int32Array, approximate: boolean): Lease {
    const lease = new Lease(cache);
    const { strict, found } = findPrefix(cache, tokens, approximate);
    const { full, tail } = found;
    const length = lengthOf(found);
    for (const node of full) lease.adopt(node);
    lease.kept = Math.min(full.length, firstKeptBlock(cache.config, length));
    for (const node of lease.nodes.slice(lease.kept)) node.exactPins++;
    if (found !== strict && approximate) lease.approximate = true;
    else if (!found.isExact) lease.becomeApproximate();
    if (tail) lease.copyTail(tail.node, tail.common);
    lease.remember(tokens.subarray(0, lease.table.length), 0);
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

  /** Makes room for `ids` behind the tip; `attend` for every layer and then `commit` or `abort` must follow. `writes`: they are written, not read; counted apart. */
  begin(ids: ArrayLike<number>, writes = false): void {
    this.start = this.length;
    this.writes = writes;
    const { cache, table } = this;
    try {
      for (let left = ids.length; left > 0; ) {
        const last = table.size - 1;
        const used = last < 0 ? BLOCK : table.count(last);
        if (used === BLOCK) table.push(cache.allocate(), 0);
        const take = Math.min(left, used === BLOCK ? BLOCK : BLOCK - used);
        table.setLastCount(table.count(table.size - 1) + take);
        left -= take;
      }
    } catch (error) {
      this.truncate(this.start);
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
    if (length < this.length) this.truncate(Math.max(this.start, length));
    while ((this.nodes.length + 1) * BLOCK <= this.length) this.publish();
    const first = Math.min(table.size, firstKeptBlock(cache.config, this.length));
    for (; this.kept < first; this.kept++) {
      const node = this.nodes[this.kept];
      if (node) node.exactPins--;
      if (!node || !needsExact(node)) cache.addon.dropExact(cache.store, table.handle(this.kept));
    }
  }

  /** The step was cancelled or failed: back to where it began. */
  abort(): void {
    this.stepping = false;
    this.truncate(this.start);
  }

  /** Rewinds to `length` tokens. Deeper than the reserve, what follows is approximate and the tip falls back to a block boundary, as it does where the budget has no room for a copy. */
  truncate(length: number): void {
    const { cache, table } = this;
    while (table.size > 0 && table.length - table.count(table.size - 1) >= length) this.dropLast();
    const last = table.size - 1;
    if (last >= 0 && table.length > length) {
      const count = table.count(last) - (table.length - length);
      const shared = last < this.nodes.length;
      if (!cache.hasExact(table.handle(last))) this.dropLast();
      else if (shared) {
        const own = cache.fork(table.handle(last), count);
        this.dropLast();
        if (own !== undefined) table.push(own, count);
      } else {
        cache.addon.truncateBlock(cache.store, table.handle(last), count);
        table.setLastCount(count);
      }
    }
    if (cache.config.mode === 'delta') {
      const near = firstExactBlock(cache.config, this.length);
      for (let i = near; i < table.size && !this.approximate; i++) if (!cache.hasExact(table.handle(i))) this.becomeApproximate();
    }
  }

  /** From here on a cold run would read other keys: what is shared goes into the tree of such readings. */
  private becomeApproximate(): void {
    this.approximate = true;
    this.nodes.forEach((node, i) => {
      const twin = this.cache.twinOf(node, this.nodes[i - 1]);
      const exact = i >= this.kept ? 1 : 0;
      node.pins--;
      node.exactPins -= exact;
      twin.pins++;
      twin.exactPins += exact;
      this.nodes[i] = twin;
    });
  }

  private get tree(): PrefixTree {
    return this.approximate ? this.cache.approximate : this.cache.tree;
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

  /** Ends the lease; what it computed stays in the tree, the open tail too. The node at its end, undefined where nothing is shared. */
  release(): TreeNode | undefined {
    const { cache, table, nodes } = this;
    for (const node of nodes.slice(this.kept)) node.exactPins--;
    const last = table.size - 1;
    let end = nodes.at(-1);
    if (last === nodes.length && last >= 0 && table.count(last) < BLOCK) {
      cache.dropTails(this.tree, end, this.text.subarray(last * BLOCK));
      cache.addon.retainBlock(cache.store, table.handle(last));
      end = this.tree.addTail(end, this.text.subarray(last * BLOCK), table.handle(last));
    }
    while (table.size > 0) cache.addon.releaseBlock(cache.store, table.pop());
    for (const node of nodes) node.pins--;
    nodes.length = 0;
    return end;
  }

  /** Takes the first tokens of an open tail, where there is room for a copy; it must not be evicted to make that room. */
  private copyTail(node: TreeNode, count: number): void {
    node.pins++;
    try {
      const own = this.cache.fork(node.handle, count);
      if (own !== undefined) this.table.push(own, count);
    } catch (error) {
      this.release();
      throw error;
    } finally {
      node.pins--;
    }
  }

  private adopt(node: TreeNode): void {
    this.cache.addon.retainBlock(this.cache.store, node.handle);
    node.pins++;
    node.reused = true;
    this.nodes.push(node);
    this.table.push(node.handle, BLOCK);
  }

  /** Shares the first full block that the tree does not have from us yet. */
  private publish(): void {
    const { cache, nodes, table } = this;
    const i = nodes.length;
    const text = this.tokens.subarray(i * BLOCK, (i + 1) * BLOCK);
    let node = this.tree.child(nodes.at(-1), text);
    if (!node) {
      cache.dropTails(this.tree, nodes.at(-1), text);
      cache.addon.retainBlock(cache.store, table.handle(i));
      node = this.tree.addBlock(nodes.at(-1), text, table.handle(i));
    }
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
    this.kept = Math.min(this.kept, table.size);
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

/** A known prefix: whole blocks, and the beginning of one more. */
interface Prefix {
  full: TreeNode[];
  tail: Match['partial'];
  /** Whether what a tip behind it reads exactly is there in exact form. */
  isExact: boolean;
}

function prefixIn(cache: KvCache, tree: PrefixTree, tokens: Int32Array): Prefix {
  const { path, partial } = tree.match(tokens);
  const tail = partial && cache.hasExact(partial.node.handle) ? partial : undefined;
  return { full: path, tail, isExact: hasWindow(cache, path, path.length * BLOCK + (tail?.common ?? 0)) };
}

const hasWindow = (cache: KvCache, path: TreeNode[], length: number): boolean =>
  cache.config.mode !== 'delta' || path.slice(firstExactBlock(cache.config, length)).every((node) => cache.hasExact(node.handle));

/** The strictly read prefix, and the one that is used. */
function findPrefix(cache: KvCache, tokens: Int32Array, approximate: boolean): { strict: Prefix; found: Prefix } {
  const strict = prefixIn(cache, cache.tree, tokens);
  return { strict, found: approximate ? longest(strict, prefixIn(cache, cache.approximate, tokens)) : exactPart(cache, strict) };
}

/** Tokens from the beginning that a lease on them would find. */
export const knownLength = (cache: KvCache, tokens: Int32Array, approximate: boolean): number => lengthOf(findPrefix(cache, tokens, approximate).found);

const lengthOf = ({ full, tail }: Prefix): number => full.length * BLOCK + (tail?.common ?? 0);

/** The longest part of a prefix that has its window. */
function exactPart(cache: KvCache, prefix: Prefix): Prefix {
  if (prefix.isExact) return prefix;
  let { length } = prefix.full;
  while (length > 0 && !hasWindow(cache, prefix.full.slice(0, length), length * BLOCK)) length--;
  return { full: prefix.full.slice(0, length), tail: undefined, isExact: true };
}

/** The strict one, unless the approximate one saves more than a block. */
function longest(strict: Prefix, approximate: Prefix): Prefix {
  return lengthOf(approximate) > lengthOf(strict) + (strict.isExact ? BLOCK : 0) ? approximate : strict;
}
