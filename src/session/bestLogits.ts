// The slow twin of the addon's `bestLogits`: what choosing a token needs to know of a row of logits.
import type { BestLogits } from '../binding/addon.ts';

/** Writes the ids of the largest logits, best first, as many as `ids` holds; of equals the lower id comes first, NaN counts as impossible. */
export type FindBest = (logits: Float32Array, ids: Int32Array) => BestLogits;

export const bestLogits: FindBest = (logits, ids) => {
  const found = largest(logits, ids.length);
  ids.set(found);
  if (found.length === 0) return { count: 0, top: 0, sum: 0 };
  const top = logits[found[0]];
  let sum = 0;
  if (top === Infinity) for (const logit of logits) sum += Number(logit === Infinity);
  else for (const logit of logits) if (logit > -Infinity) sum += Math.exp(logit - top);
  return { count: found.length, top, sum };
};

/** The k largest, best first, the lower id before its equal; one pass with a heap of k. */
function largest(scores: Float32Array, k: number): number[] {
  const heap: number[] = []; // the worst on top
  const worse = (a: number, b: number): boolean => scores[a] < scores[b] || (scores[a] === scores[b] && a > b);
  for (let id = 0; id < scores.length; id++) {
    if (!(scores[id] > -Infinity)) continue;
    if (heap.length === k) {
      if (!(scores[id] > scores[heap[0]])) continue; // a later equal is worse
      heap[0] = id;
      for (let i = 0, child = 1; child < k; child = 2 * i + 1) {
        if (child + 1 < k && worse(heap[child + 1], heap[child])) child++;
        if (!worse(heap[child], heap[i])) break;
        [heap[i], heap[child]] = [heap[child], heap[i]];
        i = child;
      }
      continue;
    }
    heap.push(id);
    for (let i = heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (!worse(heap[i], heap[parent])) break;
      [heap[i], heap[parent]] = [heap[parent], heap[i]];
      i = parent;
    }
  }
  return heap.sort((a, b) => scores[b] - scores[a] || a - b);
}
