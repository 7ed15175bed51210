// The KV cache: native blocks, the tree that knows them by their tokens, and one budget in bytes.
import { DeltaError } from '../shared/errors.ts';
import { BLOCK, type Addon, type StoreConfig } from '../binding/addon.ts';
import { knownLength, Lease } from './lease.ts';
import { PrefixTree, upwards, type TreeNode } from './prefixTree.ts';

export interface LeaseOptions {
  /** Tokens to reuse at most; one less than the prompt where its last logits are needed. */
  most?: number;
  /** Whether to reuse a prefix whose exact window is gone: faster, but not what a cold run would give. */
  approximate?: boolean;
}

export class KvCache {
  /** What was read strictly: as a cold run reads it. */
  readonly tree = new PrefixTree();
  /** What was read behind a prefix whose exact window was gone, shared among such readings alone; its beginnings are the other tree's blocks. */
  readonly approximate = new PrefixTree();
  readonly store: number;
  private readonly exactBytes: number;
  private readonly deltaBytes: number;

  constructor(
    readonly addon: Addon,
    readonly config: StoreConfig,
    /** Bytes that blocks may take together. */
    readonly budget: number,
    /** 32 bytes: what the blocks' bytes depend on besides the tokens. Blocks of another recipe are foreign. */
    readonly recipe: Uint8Array = new Uint8Array(32),
  ) {
    this.store = addon.createStore(config);
    const element = config.mode === 'exact' ? 4 : 2;
    const { keyLength, valueLength } = config;
    const heads = config.layers.length * config.kvHeads;
    this.exactBytes = heads * BLOCK * (keyLength + valueLength) * element;
    // A block that fills up gains its delta form: masks, deltas (all of them at worst), keyframe, values and their scales.
    this.deltaBytes = config.mode === 'exact' ? 0 : heads * (8 * keyLength + BLOCK * keyLength + 2 * keyLength + BLOCK * (valueLength + 2));
  }

  /** Bytes in use, counted by the native allocator. */
  get bytes(): number {
    return this.addon.storeInfo(this.store).bytes;
  }

  /** A lease on the longest known prefix of `tokens`; its `length` says how much of it was found. */
  lease(tokens: Int32Array, options: LeaseOptions = {}): Lease {
    return Lease.open(this, tokens.subarray(0, Math.max(0, options.most ?? tokens.length)), options.approximate ?? false);
  }

  /** How much of `tokens` a lease would find. */
  known(tokens: Int32Array, options: LeaseOptions = {}): number {
    return knownLength(this, tokens.subarray(0, Math.max(0, options.most ?? tokens.length)), options.approximate ?? false);
  }

  /** A new block, after evicting what was used longest ago if the budget asks for it. Throws memoryBudget. */
  allocate(): number {
    if (!this.hasRoom()) throw new DeltaError('memoryBudget', megabytes(this.bytes + this.exactBytes + this.deltaBytes), megabytes(this.budget));
    return this.addon.allocateBlock(this.store);
  }

  /** A copy of the first `count` tokens of a block that a lease or a pin holds; undefined when the budget has no room for one. */
  fork(handle: number, count: number): number | undefined {
    return this.hasRoom() ? this.addon.forkBlock(this.store, handle, count) : undefined;
  }

  hasExact(handle: number): boolean {
    const info = this.addon.blockInfo(this.store, handle);
    return info.count < BLOCK || info.exactBytes >= this.exactBytes;
  }

  /** Evicts the open tails under `parent` that are beginnings of `tokens`: what comes now holds all of them. */
  dropTails(tree: PrefixTree, parent: TreeNode | undefined, tokens: Int32Array): void {
    for (const tail of tree.tailsWithin(parent, tokens)) this.evict(tail);
  }

  /** The approximate tree's node for a strictly read block, under that tree's node for the block before it. */
  twinOf(node: TreeNode, parent: TreeNode | undefined): TreeNode {
    const known = this.approximate.child(parent, node.tokens);
    if (known) return known;
    this.addon.retainBlock(this.store, node.handle);
    const twin = this.approximate.addBlock(parent, node.tokens, node.handle);
    node.twin = twin;
    twin.twin = node;
    return twin;
  }

  /**
   * What followed took the place of an older branch: where the two have at least half of the older one in common, what only the older one held is evicted.
   * Elsewhere the older one is another place, which somebody may come back to.
   */
  supersede(older: TreeNode, newer: TreeNode): void {
    const kept = new Set(upwards(newer));
    const own = [...upwards(older)].filter((node) => !kept.has(node));
    if (2 * own.length > older.depth) return;
    for (const node of own) {
      if (node.gone || node.pins > 0 || node.children.size > 0 || node.tails.size > 0) break;
      this.evict(node);
    }
  }

  /** Evicts what was used longest ago until one more block fits. */
  private hasRoom(): boolean {
    while (this.bytes + this.exactBytes + this.deltaBytes > this.budget) {
      // What is approximate goes first: it is read anew in any case.
      const leaf = this.approximate.oldestLeaf(isFree) ?? this.tree.oldestLeaf(isFree);
      if (!leaf) return false;
      this.evict(leaf);
    }
    return true;
  }

  private evict(leaf: TreeNode): void {
    this.tree.remove(leaf);
    this.addon.releaseBlock(this.store, leaf.handle);
  }

  /** Forgets everything that no lease holds. */
  clear(): void {
    for (const tree of [this.approximate, this.tree]) for (let leaf = tree.oldestLeaf(isFree); leaf; leaf = tree.oldestLeaf(isFree)) this.evict(leaf);
  }

  close(): void {
    this.addon.destroyStore(this.store);
  }
}

const isFree = (node: TreeNode): boolean => node.pins === 0;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
