// The prefix tree against a list of everything that was put into it.
import { describe, expect, it } from 'vitest';
import { BLOCK } from '../../src/binding/addon.ts';
import { PrefixTree, type TreeNode } from '../../src/cache/prefixTree.ts';
import { randomBelow } from '../support/mutate.ts';

const block = (value: number) => new Int32Array(BLOCK).fill(value);
const joined = (...parts: Int32Array[]) => Int32Array.from(parts.flatMap((part) => [...part]));
const textOf = (node: TreeNode): number[] => (node.parent ? [...textOf(node.parent), ...node.tokens] : []);

describe('the prefix tree', () => {
  it('finds whole blocks first, then the child or tail that goes on longest', () => {
    const tree = new PrefixTree();
    const a = tree.addBlock(undefined, block(1), 10);
    const b = tree.addBlock(a, joined(block(2).subarray(0, 40), block(3).subarray(0, 24)), 11);
    const tail = tree.addTail(a, block(2).subarray(0, 50), 12);
    const found = tree.match(joined(block(1), block(2).subarray(0, 60)));
    expect(found).toEqual({ path: [a], partial: { node: tail, common: 50 } });
    expect(tree.match(joined(block(1), block(2).subarray(0, 30))).partial?.common).toBe(30);
    expect(tree.match(joined(block(1), b.tokens)).path).toEqual([a, b]);
    expect(tree.match(block(9))).toEqual({ path: [], partial: undefined });
    expect(tree.match(new Int32Array(0))).toEqual({ path: [], partial: undefined });
  });

  it('tells token runs apart that would look alike as text', () => {
    const tree = new PrefixTree();
    const one = Int32Array.from({ length: BLOCK }, (_, i) => (i === 0 ? 1 : i === 1 ? 23 : 0));
    const other = Int32Array.from({ length: BLOCK }, (_, i) => (i === 0 ? 12 : i === 1 ? 3 : 0));
    tree.addBlock(undefined, one, 1);
    expect(tree.child(undefined, other)).toBeUndefined();
    expect(tree.child(undefined, one)?.handle).toBe(1);
  });

  it('keeps its own copy of the tokens', () => {
    const tree = new PrefixTree();
    const tokens = block(4);
    tree.addBlock(undefined, tokens, 1);
    tokens.fill(5);
    expect(tree.match(block(4)).path.length).toBe(1);
  });

  it('finds the longest known prefix in any history, and gives up leaves the oldest first', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const below = randomBelow(seed);
      const tree = new PrefixTree();
      const nodes: TreeNode[] = [];
      const randomRun = (length: number) => Int32Array.from({ length }, (_, i) => (i < BLOCK - 3 ? 1 : 1 + below(2)));
      for (let n = 0; n < 80; n++) {
        const full = nodes.filter((node) => node.tokens.length === BLOCK);
        const parent = below(3) ? full[below(full.length)] : undefined;
        if (below(3)) {
          const tokens = randomRun(BLOCK);
          if (!tree.child(parent, tokens)) nodes.push(tree.addBlock(parent, tokens, n));
        } else if (below(2)) nodes.push(tree.addTail(parent, randomRun(1 + below(BLOCK - 1)), n));
        else {
          const leaf = tree.oldestLeaf((node) => node.pins === 0);
          const leaves = nodes.filter((node) => node.children.size === 0 && node.tails.size === 0);
          expect(leaf?.used).toBe(leaves.length > 0 ? Math.min(...leaves.map((node) => node.used)) : undefined);
          if (leaf) {
            tree.remove(leaf);
            nodes.splice(nodes.indexOf(leaf), 1);
          }
        }
        expect(new Set(tree.nodes())).toEqual(new Set(nodes));

        const wanted = joined(...Array.from({ length: below(4) }, () => randomRun(BLOCK)), randomRun(below(BLOCK)));
        const { path, partial } = tree.match(wanted);
        const length = path.length * BLOCK + (partial?.common ?? 0);
        const common = (text: number[]) => {
          let at = 0;
          while (at < text.length && at < wanted.length && text[at] === wanted[at]) at++;
          return at;
        };
        // A run that ends in the middle of a block counts where all of its earlier blocks are whole.
        expect(length).toBe(Math.max(0, ...nodes.map((node) => common(textOf(node)))));
        path.forEach((node, i) => expect(textOf(node)).toEqual([...wanted.subarray(0, (i + 1) * BLOCK)]));
      }
    }
  });
});
