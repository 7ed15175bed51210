// Which blocks are known for which tokens: a radix tree over runs of 64 tokens, one node a full block, open tails as extra leaves.
// The tree holds one reference on each of its blocks; a lease holds its own.
import { BLOCK } from '../binding/addon.ts';
import { commonPrefix } from './commonPrefix.ts';
import { ContentIndex } from './contentIndex.ts';

export interface TreeNode {
  readonly parent: TreeNode | undefined;
  /** The block's tokens, 64 of them; fewer in an open tail; none in the root. */
  readonly tokens: Int32Array;
  readonly handle: number;
  readonly depth: number;
  readonly children: Map<string, TreeNode>;
  readonly tails: Set<TreeNode>;
  /** Clock of the last lease or publication. */
  used: number;
  /** Leases that read this block: it is not evicted. */
  pins: number;
  /** Leases whose tip is near enough to need the exact form. */
  exactPins: number;
  /** The text that it was read for is no more: it goes before what is. */
  superseded: boolean;
  /** It was evicted: whoever still knows of it must let it be. */
  gone: boolean;
  /** Some later lease took it over. */
  reused: boolean;
  /** The document whose request used it last; null: none's. */
  path: string | null;
}

/** The way from the root to the longest known prefix. */
export interface Match {
  /** Full blocks, in order. */
  path: TreeNode[];
  /** A block whose first `common` tokens continue the path, when there is one. */
  partial?: { node: TreeNode; common: number };
}

export class PrefixTree {
  private readonly root: TreeNode = makeNode(undefined, new Int32Array(0), -1);
  private clock = 0;
  /** The full blocks by what they hold. */
  readonly content = new ContentIndex();

  /** The longest known prefix of `tokens`. */
  match(tokens: Int32Array): Match {
    const path: TreeNode[] = [];
    let node = this.root;
    for (;;) {
      const at = path.length * BLOCK;
      const next = at + BLOCK <= tokens.length ? node.children.get(keyOf(tokens.subarray(at, at + BLOCK))) : undefined;
      if (!next) break;
      path.push(next);
      node = next;
    }
    const rest = tokens.subarray(path.length * BLOCK);
    let partial: Match['partial'];
    for (const candidate of [...node.tails, ...node.children.values()]) {
      const common = commonPrefix(candidate.tokens, rest);
      if (common > (partial?.common ?? 0)) partial = { node: candidate, common };
    }
    for (const used of path) this.touch(used);
    if (partial) this.touch(partial.node);
    return { path, partial };
  }

  /** Somebody has use for it. */
  touch(node: TreeNode): void {
    node.used = ++this.clock;
    node.superseded = false;
  }

  /** The node for `tokens` under `parent` (the root when undefined), or undefined. */
  child(parent: TreeNode | undefined, tokens: Int32Array): TreeNode | undefined {
    return (parent ?? this.root).children.get(keyOf(tokens));
  }

  /** Adds a full block; the caller has taken a reference for the tree. */
  addBlock(parent: TreeNode | undefined, tokens: Int32Array, handle: number): TreeNode {
    const node = makeNode(parent ?? this.root, tokens.slice(), handle);
    node.used = ++this.clock;
    node.parent!.children.set(keyOf(tokens), node);
    this.content.add(node);
    return node;
  }

  /** Adds an open tail; the caller has taken a reference for the tree. */
  addTail(parent: TreeNode | undefined, tokens: Int32Array, handle: number): TreeNode {
    const node = makeNode(parent ?? this.root, tokens.slice(), handle);
    node.used = ++this.clock;
    node.parent!.tails.add(node);
    return node;
  }

  /** Open tails under `parent` whose text is a beginning of `tokens`. */
  tailsWithin(parent: TreeNode | undefined, tokens: Int32Array): TreeNode[] {
    return [...(parent ?? this.root).tails].filter((tail) => tail.pins === 0 && commonPrefix(tail.tokens, tokens) === tail.tokens.length);
  }

  /** Forgets a leaf; the caller drops the tree's reference. */
  remove(node: TreeNode): void {
    node.gone = true;
    if (node.parent!.tails.delete(node)) return;
    this.content.remove(node);
    node.parent!.children.delete(keyOf(node.tokens));
  }

  /** The leaf that was used longest ago and satisfies `free`, or undefined. */
  oldestLeaf(free: (node: TreeNode) => boolean): TreeNode | undefined {
    return this.oldest((node) => isLeaf(node) && free(node));
  }

  /** The node that was used longest ago of those that satisfy `are`, or undefined. */
  oldest(are: (node: TreeNode) => boolean): TreeNode | undefined {
    let oldest: TreeNode | undefined;
    for (const node of this.nodes()) if ((!oldest || node.used < oldest.used) && are(node)) oldest = node;
    return oldest;
  }

  /** Every node but the root. */
  *nodes(): Generator<TreeNode> {
    const stack: TreeNode[] = [this.root];
    for (let node = stack.pop(); node; node = stack.pop()) {
      if (node !== this.root) yield node;
      stack.push(...node.children.values(), ...node.tails);
    }
  }
}

function makeNode(parent: TreeNode | undefined, tokens: Int32Array, handle: number): TreeNode {
  return { parent, tokens, handle, depth: parent ? parent.depth + 1 : 0, children: new Map(), tails: new Set(), used: 0, pins: 0, exactPins: 0, superseded: false, gone: false, reused: false, path: null };
}

/** Whether nothing follows it. */
export const isLeaf = (node: TreeNode): boolean => node.children.size === 0 && node.tails.size === 0;

/** A node and those above it, the nearest first. */
export function* upwards(node: TreeNode | undefined): Generator<TreeNode> {
  for (let at = node; at?.parent; at = at.parent) yield at;
}

const keyOf = (tokens: Int32Array) => tokens.join(',');
