// What `deltallm inspect` finds, as plain data: the one schema that the command prints with --json and the panel reads (docs/inspect.md).

/** Raised with every change of the types below. */
export const INSPECT_SCHEMA = 2;

/** Shares lie in [0, 1]. Null: no token of the text was far enough from any query to be read in its delta form. */
export interface InspectReport {
  schema: typeof INSPECT_SCHEMA;
  model: string;
  /** Set of CPU kernels. */
  kernels: string;
  attention: 'delta' | 'compact';
  /** Tokens that are exact for every query, and blocks of exact keys before a query's own: clamp(⌈block / divisor⌉, least, most). */
  sinks: number;
  window: { least: number; most: number; divisor: number };
  text: {
    name: string;
    /** Tokens that were read: all of the text, or its beginning. */
    tokens: number;
    total: number;
  };
  /** Sizes of the model; lengths in elements of a key and of a value. */
  shape: { layers: number; heads: number; kvHeads: number; keyLength: number; valueLength: number };
  next: NextToken;
  looked: Looked;
  /** All layers and heads together. */
  whole: Work & { bytes: CacheBytes };
  layers: LayerReport[];
}

/** The next token by delta attention in all layers, against dense attention in all layers. */
export interface NextToken {
  /** The first position that counts: the first with far keys, or 0 where there is none; and how many count. */
  from: number;
  positions: number;
  /** KL(dense ‖ delta), nats. */
  kl: { mean: number; median: number; p95: number; most: number };
  /** Mean KL of each block of 64 positions of the text from its first on, positions before `from` included. */
  klByBlock: number[];
  /** Share of positions with the same most likely token. */
  top1: number;
  /** Mean −log of the probability of the token that follows, nats. */
  loss: { dense: number; delta: number };
}

/**
 * Where the last rows of the text looked: mean shares of attention over these rows, all layers and all query heads, by the same queries in both forms.
 * What the sinks received stands apart: the lines (or the blocks) and the sinks together are 1.
 */
export interface Looked {
  /** The first of these rows, and how many there are: the last ones of the text. */
  from: number;
  rows: number;
  /** The first token that the last row reads exactly; sinks aside, what comes before it is far. */
  window: number;
  sinks: SinkMass;
  /** By the lines of the text that were read: tokens that begin in the line, and the shares of those that are no sinks. */
  lines: { tokens: number[]; dense: number[]; delta: number[] };
  /** The same by blocks of 64 tokens. */
  blocks: { dense: number[]; delta: number[] };
}

/** Attention of one query head over the whole text, dense, in squares of equal width: how much the queries of a bin look at the tokens of a bin. */
export interface AttentionMap {
  schema: typeof INSPECT_SCHEMA;
  model: string;
  layer: number;
  head: number;
  name: string;
  tokens: number;
  /** Rows and columns: token t is in ⌊t · bins / tokens⌋. */
  bins: number;
  sinks: number;
  window: { least: number; most: number; divisor: number };
  /** `[bins, bins]`, a row for each bin of queries. Everything together is the number of tokens. */
  mass: Float32Array;
}

/** Key sparsity, and multiply-adds of attention over the whole text. */
export interface Work {
  /** Zeros among the delta-coded key elements. */
  keySparsity: number | null;
  multiplyAdds: {
    dense: number;
    /** What the stored form asks for. */
    required: number;
    /** What the kernels did, padding included. */
    executed: number;
  };
  /** 1 − required / dense. */
  attentionSparsity: number;
}

/** Bytes of the KV cache at the end, as allocated; and those of the same tokens in float16. */
export interface CacheBytes {
  allocated: number;
  float16: number;
}

export interface LayerReport extends Work {
  layer: number;
  /** Mean over the layer's query heads; null as in `keySparsity`. */
  sinkMass: SinkMass | null;
  outputError: number | null;
  /** Mean over the KV heads. */
  lag1: number;
  kvHeads: KvHeadReport[];
  heads: HeadReport[];
}

/** What the query heads of a group share. */
export interface KvHeadReport extends Work {
  kvHead: number;
  /** Autocorrelation of the keys (rotated) from one token to the next, mean over the channels. */
  lag1: number;
}

/** One query head, given the same queries, keys and values in both forms: errors of the layers before it do not count. Over the queries with far keys. */
export interface HeadReport {
  head: number;
  kvHead: number;
  sinkMass: SinkMass | null;
  /** √(Σ‖delta − dense‖² / Σ‖dense‖²) of the head's output. */
  outputError: number | null;
}

/** Mean share of the attention on the sink tokens. */
export interface SinkMass {
  dense: number;
  delta: number;
}
