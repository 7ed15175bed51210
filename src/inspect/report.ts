// What `deltallm inspect` finds, as plain data: the one schema that the command prints with --json and the panel reads (docs/inspect.md).

/** Raised with every change of the types below. */
export const INSPECT_SCHEMA = 1;

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
  next: NextToken;
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
