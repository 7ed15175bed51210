// Merging of neighbours, the lowest rank first, the leftmost of equals: what every kind of byte-pair encoding does. Which two may merge is a subclass's to say.

export abstract class Merging {
  // Scratch of one run: symbols of one word as a linked list, and a heap of candidate pairs. An id of -1 stands for a symbol without a token.
  protected ids = new Int32Array(256);
  protected next = new Int32Array(256);
  private previous = new Int32Array(256);
  private pairRank = new Int32Array(256);
  private pairMerged = new Int32Array(256);
  private heap = new Float64Array(512);
  private heapSize = 0;

  /** The id that `find` found. */
  protected found = none;

  /** The rank of the pair of neighbours that begins at symbol `at`, and what it becomes in `found`; `none` where the two do not merge. Below 2^22. */
  protected abstract find(at: number, after: number): number;

  /** Makes room for so many symbols. */
  protected reserve(count: number): void {
    if (this.ids.length < count) this.grow(count);
  }

  /** Merges the first `count` symbols of `ids` as far as it goes; what is left is the list that begins at 0. */
  protected run(count: number): void {
    const { ids, next, previous, pairRank } = this;
    for (let i = 0; i < count; i++) {
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
  }

  /** Looks the pair that begins at symbol `at` up and queues it. */
  private look(at: number): void {
    const after = this.next[at];
    const rank = after < 0 ? none : this.find(at, after);
    this.pairRank[at] = rank;
    if (rank === none) return;
    this.pairMerged[at] = this.found;
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

/** No rank, no token. */
export const none = -1;
/** A heap key is rank · positions + place: ranks stay below 2^22 and places below 2^30, so a key is exact in a double. */
const positions = 2 ** 30;
