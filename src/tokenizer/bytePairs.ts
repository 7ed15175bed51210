// Byte-pair merging over ids: the lowest rank first, the leftmost of equals. The rule is that of `BPE` in
// @huggingface/tokenizers, which works on strings and is its slow twin (test/unit/tokenizer.test.ts compares them).
// Here a merge is a lookup of two integers, which makes loading and encoding several times faster and the table small.

import { Merging, none } from './merging.ts';

export class BytePairs extends Merging {
  // Open addressing: slot → left id + 1 (0 = free), right id, rank, merged id.
  private readonly left: Int32Array;
  private readonly right: Int32Array;
  private readonly rank: Int32Array;
  private readonly merged: Int32Array;
  private readonly mask: number;

  /**
   * `merges`: `left right` strings, best first; pairs that `idOf` cannot name are skipped, the first of equal pairs counts.
   * `texts`: id → token, used to guess a result (vocabularies list them in the order of the merges) instead of looking it up.
   */
  constructor(merges: readonly string[], idOf: ReadonlyMap<string, number>, texts: readonly string[]) {
    super();
    let capacity = 16;
    while (capacity < merges.length * 2) capacity *= 2;
    this.mask = capacity - 1;
    this.left = new Int32Array(capacity);
    this.right = new Int32Array(capacity);
    this.rank = new Int32Array(capacity);
    this.merged = new Int32Array(capacity);
    let guess = 0;
    for (let rank = 0; rank < merges.length; rank++) {
      const merge = merges[rank];
      const space = merge.indexOf(' ', 1);
      if (space < 0) continue;
      const leftText = merge.slice(0, space);
      const rightText = merge.slice(space + 1);
      const left = idOf.get(leftText);
      const right = idOf.get(rightText);
      const guessed = texts[guess];
      const isResult = guessed !== undefined && guessed.length === merge.length - 1 && guessed.startsWith(leftText) && guessed.endsWith(rightText);
      const merged = isResult ? guess : idOf.get(leftText + rightText);
      if (left === undefined || right === undefined || merged === undefined) continue;
      guess = merged + 1;
      const slot = this.slot(left, right);
      if (this.left[slot] !== 0) continue;
      this.left[slot] = left + 1;
      this.right[slot] = right;
      this.rank[slot] = rank;
      this.merged[slot] = merged;
    }
  }

  /** The slot of a pair, or the free slot where it would go. */
  private slot(left: number, right: number): number {
    let slot = (Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)) >>> 0;
    slot = (slot ^ (slot >>> 15)) & this.mask;
    while (this.left[slot] !== 0 && (this.left[slot] !== left + 1 || this.right[slot] !== right)) slot = (slot + 1) & this.mask;
    return slot;
  }

  /** Merges `count` symbols of `symbols` as far as the table goes and returns what is left; -1 stands for a byte without a token and is dropped. */
  merge(symbols: ArrayLike<number>, count: number): number[] {
    this.reserve(count);
    const { ids } = this;
    for (let i = 0; i < count; i++) ids[i] = symbols[i];
    this.run(count);
    const result: number[] = [];
    for (let i = count > 0 ? 0 : -1; i >= 0; i = this.next[i]) if (ids[i] >= 0) result.push(ids[i]);
    return result;
  }

  protected find(at: number, after: number): number {
    if (this.ids[at] < 0) return none;
    const slot = this.slot(this.ids[at], this.ids[after]);
    if (this.left[slot] === 0) return none;
    this.found = this.merged[slot];
    return this.rank[slot];
  }
}
