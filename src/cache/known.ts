// What the cache knows of a text: a beginning that was read strictly, or one of a reading that was not, and behind either what stands elsewhere and can be moved.
import { BLOCK } from '../binding/addon.ts';
import type { Move } from './contentIndex.ts';
import type { Match, TreeNode } from './prefixTree.ts';
import type { Reading } from './readings.ts';
import type { KvCache } from './store.ts';
import { firstExactBlock } from './window.ts';

/** What may be moved. */
export interface MovePolicy {
  /** Tokens at the end that are read where they stand. */
  fresh: number;
}

/** What is moved at a cursor, by what it changes there (docs/reuse.md). */
export const MOVES: MovePolicy = { fresh: 256 };
/** Tokens that moving must save: fewer are read sooner than what is then approximate is read again. */
const LEAST_MOVED = 2 * BLOCK;

/** A beginning that was read strictly: whole blocks, and the first tokens of one more. */
export interface StrictPrefix {
  full: TreeNode[];
  tail: Match['partial'];
  /** Whether what a tip behind it reads exactly is there in exact form. */
  isExact: boolean;
}

export interface Known {
  from: StrictPrefix | { reading: Reading };
  /** Tokens of the beginning. */
  length: number;
  /** By position, all behind it. */
  moves: Move[];
}

/** What of `tokens` need not be read. Without `approximate`, what a cold run would have read alike. */
export function knownOf(cache: KvCache, tokens: Int32Array, approximate: boolean, policy: MovePolicy | undefined): Known {
  const found = strictPrefix(cache, tokens);
  const exact = exactPart(cache, found);
  const strict = { from: exact, length: lengthOf(exact), moves: [] };
  if (!approximate) return strict;
  const beginning = { from: found, length: lengthOf(found), moves: [] };
  const reading = cache.readings.match(tokens);
  const candidates: Known[] = [beginning, ...(reading ? [{ from: { reading: reading.reading }, length: reading.common, moves: [] }] : [])];
  const best = candidates.map((known) => withMoves(cache, known, tokens, policy)).reduce((a, b) => (savedBy(b) > savedBy(a) ? b : a));
  // What is strict stays so unless more than a block is saved.
  return savedBy(best) > strict.length + BLOCK ? best : strict;
}

/** Tokens that need not be read. */
export const savedBy = ({ length, moves }: Known): number => moves.reduce((sum, { count }) => sum + count, length);

function withMoves(cache: KvCache, known: Known, tokens: Int32Array, policy: MovePolicy | undefined): Known {
  if (!policy) return known;
  // The first block holds the sinks, and is never made of anything else.
  const moving = { ...known, moves: cache.tree.content.find(tokens, Math.max(BLOCK, known.length), tokens.length - policy.fresh) };
  const saved = savedBy(moving) - known.length;
  // What is read behind it is approximate, and read again: it must be the smaller part.
  return saved < Math.max(LEAST_MOVED, tokens.length - savedBy(moving)) ? known : moving;
}

function strictPrefix(cache: KvCache, tokens: Int32Array): StrictPrefix {
  const { path, partial } = cache.tree.match(tokens);
  return { full: path, tail: partial, isExact: (!partial || cache.hasExact(partial.node.handle)) && hasWindow(cache, path, path.length * BLOCK + (partial?.common ?? 0)) };
}

/** Whether what a tip at `length` reads exactly behind these blocks is there in exact form. */
export const hasWindow = (cache: KvCache, path: TreeNode[], length: number): boolean =>
  cache.config.mode !== 'delta' || path.slice(firstExactBlock(cache.config, length)).every((node) => cache.hasExact(node.handle));

const lengthOf = ({ full, tail }: StrictPrefix): number => full.length * BLOCK + (tail?.common ?? 0);

/** The longest part of a prefix that has its window. */
function exactPart(cache: KvCache, prefix: StrictPrefix): StrictPrefix {
  if (prefix.isExact) return prefix;
  const { tail } = prefix;
  if (tail && !cache.hasExact(tail.node.handle)) return exactPart(cache, { full: prefix.full, tail: undefined, isExact: hasWindow(cache, prefix.full, prefix.full.length * BLOCK) });
  let { length } = prefix.full;
  while (length > 0 && !hasWindow(cache, prefix.full.slice(0, length), length * BLOCK)) length--;
  return { full: prefix.full.slice(0, length), tail: undefined, isExact: true };
}
