// The KV cache: native blocks, the tree that knows them by their tokens, and one budget in bytes.
import { DeltaError } from '../shared/errors.ts';
import { BLOCK, type Addon, type StoreConfig } from '../binding/addon.ts';
import { hasWindow, knownOf, savedBy, type Known, type MovePolicy } from './known.ts';
import { Lease, type End } from './lease.ts';
import { isLeaf, PrefixTree, upwards, type TreeNode } from './prefixTree.ts';
import { Readings } from './readings.ts';

export interface LeaseOptions {
  /** Tokens to reuse at most; one less than the prompt where its last logits are needed. */
  most?: number;
  /** Whether to reuse what a cold run would have read otherwise: faster, but not what that would give. */
  approximate?: boolean;
  /** With `approximate`: what of the text may have stood elsewhere when it was read. Default: nothing. */
  moves?: MovePolicy;
}

export class KvCache {
  /** What was read strictly: as a cold run reads it. */
  readonly tree = new PrefixTree();
  /** What was not, shared among such readings alone. */
  readonly readings: Readings;
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
    this.readings = new Readings((handle) => addon.releaseBlock(this.store, handle));
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

  /** A lease on what is known of `tokens`; its `length` says how much of the beginning that is, its `until` where more joins in. */
  lease(tokens: Int32Array, options: LeaseOptions = {}): Lease {
    const text = atMost(tokens, options);
    const known = this.knownOf(text, options);
    for (const { node } of known.moves) this.tree.touch(node);
    return Lease.open(this, text, known);
  }

  /** How much of `tokens` a lease would not have to read. */
  known(tokens: Int32Array, options: LeaseOptions = {}): number {
    return savedBy(this.knownOf(atMost(tokens, options), options));
  }

  private knownOf(tokens: Int32Array, { approximate = false, moves }: LeaseOptions): Known {
    return knownOf(this, tokens, approximate, moves);
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
  dropTails(parent: TreeNode | undefined, tokens: Int32Array): void {
    for (const tail of this.tree.tailsWithin(parent, tokens)) this.evict(tail);
  }

  /**
   * The text that ended at `older` is no more, and what is now ended at `newer`. Typed on at the same place, what only the older one held is evicted: nobody
   * comes back to it. Elsewhere somebody may, by an undo; and what moved was read there once, and is to be found again. That goes before anything else as soon
   * as room is needed, its exact form first.
   */
  supersede(older: End, newer: End, samePlace: boolean): void {
    if (older === newer) return;
    if ('pieces' in older && samePlace) this.readings.remove(older);
    const [branch, kept] = [trunkOf(older), new Set(upwards(trunkOf(newer)))];
    const isSource = 'pieces' in newer && !('pieces' in older);
    for (const node of upwards(branch)) {
      if (node.gone) continue;
      if (kept.has(node)) break;
      if (samePlace && !isSource && isFree(node) && isLeaf(node)) this.evict(node);
      else node.superseded = true;
    }
  }

  /** Makes room for one more block. First goes what is approximate, for it is read anew in any case; then what is superseded, its exact form first; then what was used longest ago. */
  private hasRoom(): boolean {
    while (this.bytes + this.exactBytes + this.deltaBytes > this.budget) {
      const { tree, readings } = this;
      const reading = readings.oldest;
      const exact = reading ? undefined : tree.oldest((node) => node.superseded && node.exactPins === 0 && node.tokens.length === BLOCK && this.config.mode === 'delta' && this.hasExact(node.handle));
      if (reading) readings.remove(reading);
      else if (exact) this.addon.dropExact(this.store, exact.handle);
      else {
        const leaf = tree.oldest((node) => node.superseded && isFree(node) && isLeaf(node)) ?? tree.oldestLeaf(isFree);
        if (!leaf) return false;
        this.evict(leaf);
      }
    }
    return true;
  }

  private evict(leaf: TreeNode): void {
    this.tree.remove(leaf);
    this.addon.releaseBlock(this.store, leaf.handle);
  }

  /** The full blocks that are known of a text as a cold run reads it, in order. */
  strictPath(tokens: Int32Array): TreeNode[] {
    return this.tree.match(tokens).path;
  }

  /**
   * Takes in a strictly read block that was kept outside memory, behind `parent`; undefined where there is no room for it or `parent` is gone.
   * Throws blockDamaged or blockForeign.
   * @param exact whether it may be read exactly; the others give that form up, as they do behind a tip
   */
  takeIn(parent: TreeNode | undefined, tokens: Int32Array, bytes: Uint8Array, recipe: Uint8Array, exact: boolean): TreeNode | undefined {
    const { addon, store, tree } = this;
    if (parent) parent.pins++;
    try {
      if (parent?.gone || !this.hasRoom()) return undefined;
      const handle = addon.parseBlock(store, bytes, recipe);
      if (!exact) addon.dropExact(store, handle);
      this.dropTails(parent, tokens);
      return tree.addBlock(parent, tokens, handle);
    } finally {
      if (parent) parent.pins--;
    }
  }

  /** Evicts the last of some blocks, which follow one another, until a lease could go on behind them as a cold run does. The last one that stays, and how many went. */
  trim(path: readonly TreeNode[]): { end: TreeNode | undefined; evicted: number } {
    let end = path.at(-1);
    let evicted = 0;
    for (const node of path.toReversed()) {
      const before = [...upwards(node)].toReversed();
      if (hasWindow(this, before, before.length * BLOCK) || !isFree(node) || !isLeaf(node)) break;
      end = node.depth > 1 ? node.parent : undefined;
      this.evict(node);
      evicted++;
    }
    return { end, evicted };
  }

  /** Forgets everything that no lease holds. */
  clear(): void {
    for (const reading of this.readings) this.readings.remove(reading);
    for (let leaf = this.tree.oldestLeaf(isFree); leaf; leaf = this.tree.oldestLeaf(isFree)) this.evict(leaf);
  }

  close(): void {
    this.addon.destroyStore(this.store);
  }
}

const trunkOf = (end: End): TreeNode | undefined => ('pieces' in end ? end.trunk : end);
const atMost = (tokens: Int32Array, { most = tokens.length }: LeaseOptions): Int32Array => tokens.subarray(0, Math.max(0, most));
const isFree = (node: TreeNode): boolean => node.pins === 0;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
