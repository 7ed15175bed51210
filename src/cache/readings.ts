// Sequences that were not read as a cold run reads them: behind an edit, some of their blocks moved. They are shared among themselves alone, never as strict
// ones, and never kept on the disk. Each holds a reference on all of its blocks.
import { commonPrefix } from './commonPrefix.ts';
import type { TreeNode } from './prefixTree.ts';

/** Readings kept: the places of a document or two that are edited by turns. */
const MOST = 12;

/**
 * How a run of a sequence was read. `strict`: as a cold run reads it. `approximate`: behind text that a cold run would have read otherwise, exact keys where
 * there were only delta-coded ones, or blocks that moved. `moved`: it stood at another place when it was read.
 */
export type Provenance = 'strict' | 'approximate' | 'moved';

/** The first `count` tokens of a block, `shift` behind where they were encoded. */
export interface Piece {
  handle: number;
  count: number;
  shift: number;
  how: Provenance;
}

export interface Reading {
  readonly tokens: Int32Array;
  readonly pieces: readonly Piece[];
  /** Where in the tree it left what was read strictly. */
  readonly trunk: TreeNode | undefined;
  used: number;
  gone: boolean;
  /** Some later lease took it over. */
  reused: boolean;
  /** The document whose request used it last; null: none's. */
  path: string | null;
}

export class Readings {
  private readonly all = new Set<Reading>();
  private clock = 0;

  /** @param drop gives the reference on a block back */
  constructor(private readonly drop: (handle: number) => void) {}

  /** The one that begins with most of `tokens`. */
  match(tokens: Int32Array): { reading: Reading; common: number } | undefined {
    let best: { reading: Reading; common: number } | undefined;
    for (const reading of this.all) {
      const common = commonPrefix(reading.tokens, tokens);
      if (common > (best?.common ?? 0)) best = { reading, common };
    }
    if (best) best.reading.used = ++this.clock;
    return best;
  }

  /** Takes the references over, and keeps what is new. What was a beginning of it goes; of too many, the one that was used longest ago. */
  add(tokens: Int32Array, pieces: readonly Piece[], trunk?: TreeNode): Reading {
    for (const other of this.all) {
      const common = commonPrefix(other.tokens, tokens);
      if (common === tokens.length) {
        for (const { handle } of pieces) this.drop(handle);
        other.used = ++this.clock;
        return other;
      }
      if (common === other.tokens.length) this.remove(other);
    }
    const reading: Reading = { tokens: tokens.slice(), pieces, trunk, used: ++this.clock, gone: false, reused: false, path: null };
    this.all.add(reading);
    if (this.all.size > MOST) this.remove(this.oldest!);
    return reading;
  }

  get oldest(): Reading | undefined {
    let oldest: Reading | undefined;
    for (const reading of this.all) if (!oldest || reading.used < oldest.used) oldest = reading;
    return oldest;
  }

  remove(reading: Reading): void {
    if (!this.all.delete(reading)) return;
    reading.gone = true;
    for (const { handle } of reading.pieces) this.drop(handle);
  }

  [Symbol.iterator](): IterableIterator<Reading> {
    return this.all.values();
  }
}
