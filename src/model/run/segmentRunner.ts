// What runs between two attentions: a list of steps in native code (`nativeSegment.ts`), or whatever else takes rows and gives rows.
import type { Rows } from '../rows.ts';

export interface SegmentRunner {
  /** Runs on the first `rows` rows of the inputs and writes the first `rows` rows of the outputs, both by the names of the ports. */
  run(inputs: Record<string, Rows>, outputs: Record<string, Rows>, rows: number): void | Promise<void>;
}

/** Where the rows of tokens come from. */
export interface EmbeddingRows {
  /** Writes the rows of `ids` into `out` `[ids, hidden]`. Throws tokenOutOfRange. */
  lookup(ids: ArrayLike<number>, out: Float32Array): void;
  close(): void;
}

/** All that a pass over a decoder runs: the embedding, layers + 1 segments, then the head on the rows that are wanted. */
export interface Runners {
  embedding: EmbeddingRows;
  segments: SegmentRunner[];
  head: SegmentRunner;
  /** Frees all of them; no run may be under way. */
  release(): void | Promise<void>;
}
