// Where a text stands in the cache, wherever it stood: full blocks by what they hold. A text that stayed the same at another position is found block by block,
// at any offset, by a rolling hash over as many tokens as a block has.
import { BLOCK } from '../binding/addon.ts';
import { commonPrefix } from './commonPrefix.ts';
import type { TreeNode } from './prefixTree.ts';

/** Tokens of a block that are used only in part: fewer are read sooner than they are looked after. */
const LEAST_PART = 16;
/** Odd, so that multiplying by it loses nothing modulo 2³². */
const BASE = 0x01000193;
const SPREAD = 0x9e3779b1;
/** BASE to the power of BLOCK. */
const LEAVING = Array.from({ length: BLOCK }).reduce<number>((power) => Math.imul(power, BASE), 1);

/** The first tokens of a block, at another place than where it was encoded. */
export interface Move {
  /** Position of the first of them. */
  at: number;
  node: TreeNode;
  count: number;
}

export class ContentIndex {
  private readonly nodes = new Map<number, Set<TreeNode>>();

  add(node: TreeNode): void {
    const key = hashOf(node.tokens, 0);
    const known = this.nodes.get(key);
    if (known) known.add(node);
    else this.nodes.set(key, new Set([node]));
  }

  remove(node: TreeNode): void {
    const key = hashOf(node.tokens, 0);
    const known = this.nodes.get(key);
    if (known?.delete(node) && known.size === 0) this.nodes.delete(key);
  }

  /** What of `tokens` between two positions is in known blocks, each followed by what followed it. */
  find(tokens: Int32Array, from: number, until: number): Move[] {
    const moves: Move[] = [];
    let at = from;
    if (this.nodes.size === 0 || at + BLOCK > until) return moves;
    for (let hash = hashOf(tokens, at); ; ) {
      const node = this.at(hash, tokens, at);
      if (node) {
        at = follow(moves, node, tokens, at, until);
        if (at + BLOCK > until) return moves;
        hash = hashOf(tokens, at);
      } else {
        if (at + BLOCK + 1 > until) return moves;
        hash = (Math.imul(hash, BASE) + spread(tokens[at + BLOCK]) - Math.imul(spread(tokens[at]), LEAVING)) | 0;
        at++;
      }
    }
  }

  /** The block of these tokens that was used last. */
  private at(hash: number, tokens: Int32Array, at: number): TreeNode | undefined {
    const nodes = this.nodes.get(hash);
    if (!nodes) return undefined;
    let best: TreeNode | undefined;
    for (const node of nodes) {
      if ((!best || node.used > best.used) && commonPrefix(node.tokens, tokens.subarray(at, at + BLOCK)) === BLOCK) best = node;
    }
    return best;
  }
}

/** Adds a block and what comes behind it as far as the text is the same; where that ends. */
function follow(moves: Move[], first: TreeNode, tokens: Int32Array, from: number, until: number): number {
  let at = from;
  for (let node = first, count = BLOCK; ; ) {
    moves.push({ at, node, count });
    at += count;
    if (count < BLOCK) return at;
    const rest = tokens.subarray(at, Math.min(until, at + BLOCK));
    let next: TreeNode | undefined;
    count = LEAST_PART - 1;
    for (const candidate of [...node.children.values(), ...node.tails]) {
      const common = commonPrefix(candidate.tokens, rest);
      if (common > count) [next, count] = [candidate, common];
    }
    if (!next) return at;
    node = next;
  }
}

const spread = (token: number): number => Math.imul(token + 1, SPREAD);

function hashOf(tokens: Int32Array, at: number): number {
  let hash = 0;
  for (let i = at; i < at + BLOCK; i++) hash = (Math.imul(hash, BASE) + spread(tokens[i])) | 0;
  return hash;
}
