// Byte-pair merging over ids: the lowest rank first, the leftmost of equals. The rule is that of `BPE` in
// @huggingface/tokenizers, which works on strings and is its slow twin (test/unit/tokenizer.test.ts compares them).
// Here a merge is a lookup of two integers, which makes loading and encoding several times faster and the table small.

export class BytePairs {
  // Open addressing: slot → left id + 1 (0 = free), right id, rank, merged id.
  private readonly left: Int32Array;
  private readonly right: Int32Array;
  private readonly rank: Int32Array;
  private readonly merged: Int32Array;
  private readonly mask: number;

  // Scratch of `merge`: symbols of one word as a linked list, and a heap of candidate pairs.
  private ids = new Int32Array(256);
  private next = new Int32Array(256);
  private previous = new Int32Array(256);
  private pairRank = new Int32Array(256);
  private pairMerged = new Int32Array(256);
  private heap = new Float64Array(512);
  private heapSize = 0;

  /**
   * `merges`: `left right` strings, best first; pairs that `idOf` cannot name are skipped, the first of equal pairs counts.
   * `texts`: id → token, used to guess a result (vocabularies list them in the order of the merges) instead of looking it up.
   */
  constructor(merges: readonly string[], idOf: ReadonlyMap<string, number>, texts: readonly string[]) {
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
    if (this.ids.length < count) this.grow(count);
    const { ids, next, previous, pairRank } = this;
    for (let i = 0; i < count; i++) {
      ids[i] = symbols[i];
      previous[i] = i - 1;
      next[i] = i + 1 < count ? i + 1 : -1;
    }
    this.heapSize = 0;
    for (let i = 0; i < count; i++) this.look(i);
    while (this.heapSize > 0) {
      const key = this.pop();
      const rank = Math.floor(key / positions);
      const at = key - rank * positions;
      if (pairRank[at] !== rank) continue; // the pair at this place has changed since
      const gone = next[at];
      ids[at] = this.pairMerged[at];
      next[at] = next[gone];
      if (next[gone] >= 0) previous[next[gone]] = at;
      pairRank[gone] = none;
      this.look(at);
      if (previous[at] >= 0) this.look(previous[at]);
    }
    const result: number[] = [];
    for (let i = count > 0 ? 0 : -1; i >= 0; i = next[i]) if (ids[i] >= 0) result.push(ids[i]);
    return result;
  }

  /** Looks the pair that begins at symbol `at` up and queues it. */
  private look(at: number): void {
    const after = this.next[at];
    this.pairRank[at] = none;
    if (after < 0 || this.ids[at] < 0) return;
    const slot = this.slot(this.ids[at], this.ids[after]);
    if (this.left[slot] === 0) return;
    const rank = this.rank[slot];
    this.pairRank[at] = rank;
    this.pairMerged[at] = this.merged[slot];
    this.push(rank * positions + at);
  }

  private push(key: number): void {
    if (this.heapSize === this.heap.length) {
      const larger = new Float64Array(this.heap.length * 2);
      larger.set(this.heap);
      this.heap = larger;
    }
    const heap = this.heap;
    let i = this.heapSize++;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (heap[parent] <= key) break;
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = key;
  }

  private pop(): number {
    const heap = this.heap;
    const top = heap[0];
    const key = heap[--this.heapSize];
    const size = this.heapSize;
    let i = 0;
    for (let child = 1; child < size; child = 2 * i + 1) {
      if (child + 1 < size && heap[child + 1] < heap[child]) child++;
      if (heap[child] >= key) break;
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = key;
    return top;
  }

  private grow(count: number): void {
    const size = Math.max(count, this.ids.length * 2);
    this.ids = new Int32Array(size);
    this.next = new Int32Array(size);
    this.previous = new Int32Array(size);
    this.pairRank = new Int32Array(size);
    this.pairMerged = new Int32Array(size);
  }
}

const none = -1;
/** A heap key is rank · positions + place: ranks stay below 2^22 and places below 2^30, so a key is exact in a double. */
const positions = 2 ** 30;
