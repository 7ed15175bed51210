// What moved is found wherever it stands: the index against a search of every block at every place.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BLOCK } from '../../src/binding/addon.ts';
import { commonPrefix } from '../../src/cache/commonPrefix.ts';
import { PrefixTree, type TreeNode } from '../../src/cache/prefixTree.ts';

/** Texts that have much in common: few letters, and pieces of one another. */
const run = fc.array(fc.integer({ min: -1, max: 2 }), { minLength: BLOCK, maxLength: 5 * BLOCK }).map((tokens) => Int32Array.from(tokens));

function add(tree: PrefixTree, tokens: Int32Array): TreeNode[] {
  const nodes: TreeNode[] = [];
  for (let at = 0; at + BLOCK <= tokens.length; at += BLOCK) {
    const text = tokens.slice(at, at + BLOCK);
    nodes.push(tree.child(nodes.at(-1), text) ?? tree.addBlock(nodes.at(-1), text, at));
  }
  return nodes;
}

/** The slow twin: the first place from `from` on at which some block stands. */
const firstPlace = (nodes: Iterable<TreeNode>, tokens: Int32Array, from: number, until: number): number => {
  const all = [...nodes];
  for (let at = from; at + BLOCK <= until; at++) if (all.some((node) => commonPrefix(node.tokens, tokens.subarray(at)) === BLOCK)) return at;
  return -1;
};

it('finds every block at every place, in order, and nothing else', () => fc.assert(fc.property(
  fc.array(run, { minLength: 1, maxLength: 3 }), fc.array(fc.record({ of: fc.nat(2), from: fc.nat(200), count: fc.nat(3 * BLOCK), between: fc.nat(70) }), { maxLength: 4 }), fc.nat(90), fc.nat(70), fc.boolean(),
  (texts, picks, from, fresh, forget) => {
    const tree = new PrefixTree();
    for (const text of texts) add(tree, text);
    if (forget) for (let leaf = tree.oldestLeaf(() => true); leaf && leaf.used % 3 !== 0; leaf = tree.oldestLeaf(() => true)) tree.remove(leaf);
    const full = [...tree.nodes()];
    const tokens = Int32Array.from(picks.flatMap(({ of, from: at, count, between }) => [...texts[of % texts.length].slice(at, at + count), ...Array.from({ length: between }, (_, i) => 5 + (i % 3))]));
    const until = tokens.length - fresh;
    const moves = tree.content.find(tokens, from, until);
    let at = from;
    for (const move of moves) {
      expect(move.node.gone).toBe(false);
      expect(commonPrefix(move.node.tokens, tokens.subarray(move.at))).toBeGreaterThanOrEqual(move.count);
      expect(move.at + move.count).toBeLessThanOrEqual(until);
      if (move.count === BLOCK) expect(move.at).toBe(firstPlace(full, tokens, at, until));
      else expect(move.at).toBe(at);
      at = move.at + move.count;
    }
    expect(firstPlace(full, tokens, at, until)).toBe(-1);
  },
), { numRuns: 300 }));
