// The block table of one sequence: which block holds which tokens. Native attention reads it as (handle, count, δ) triples.
import { TABLE_STRIDE } from '../binding/addon.ts';

export class BlockTable {
  private triples = new Int32Array(16 * TABLE_STRIDE);
  private entries = 0;
  private tokens = 0;

  /** Tokens covered. */
  get length(): number {
    return this.tokens;
  }

  /** Entries, one a block. */
  get size(): number {
    return this.entries;
  }

  /** The triples, for one native call; invalid after the next change. */
  get view(): Int32Array {
    return this.triples.subarray(0, this.entries * TABLE_STRIDE);
  }

  handle(entry: number): number {
    return this.triples[entry * TABLE_STRIDE];
  }

  count(entry: number): number {
    return this.triples[entry * TABLE_STRIDE + 1];
  }

  /** Placed position − encoded position of its tokens. */
  shift(entry: number): number {
    return this.triples[entry * TABLE_STRIDE + 2];
  }

  /** Adds the first `count` tokens of a block, placed `shift` behind where they were encoded. */
  push(handle: number, count: number, shift = 0): void {
    if ((this.entries + 1) * TABLE_STRIDE > this.triples.length) {
      const larger = new Int32Array(this.triples.length * 2);
      larger.set(this.triples);
      this.triples = larger;
    }
    this.triples.set([handle, count, shift], this.entries * TABLE_STRIDE);
    this.entries += 1;
    this.tokens += count;
  }

  /** Removes the last entry and returns its handle. */
  pop(): number {
    this.entries -= 1;
    this.tokens -= this.count(this.entries);
    return this.handle(this.entries);
  }

  /** Sets how many tokens of the last entry are used. */
  setLastCount(count: number): void {
    const at = (this.entries - 1) * TABLE_STRIDE + 1;
    this.tokens += count - this.triples[at];
    this.triples[at] = count;
  }
}
