/** Where a generation's time went, milliseconds. */
export interface StageMs {
  /** Making tokens of the prompt. */
  tokenize: number;
  /** Between passes: for others that were more urgent. */
  queue: number;
  /** Within passes: attention, products of weights, the head, and choosing tokens. */
  attention: number;
  products: number;
  head: number;
  sampling: number;
}
