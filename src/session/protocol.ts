// Messages between the thin client and the worker. Plain data; errors travel as catalogue code and arguments.
import type { Snapshot } from '../prompt/snapshot.ts';
import type { Sparsity } from '../cache/lease.ts';
import type { SamplerOptions } from './sampler.ts';

/** `delta`: the product. `dense`: float32 keys and values, the reference. */
export type AttentionMode = 'delta' | 'dense';

export interface LoadOptions {
  /** GGUF file or model folder. */
  model: string;
  threads: number;
  attention: AttentionMode;
  /** Bytes that the KV cache may take. */
  cacheBytes: number;
  /** Run below normal priority (in the editor). */
  background: boolean;
  /** Rows per prefill step. */
  chunk?: number;
}

export interface LoadedModel {
  name: string;
  folder: string;
  parameters: number;
  context: number;
  vocabulary: number;
  fim: boolean;
  kernels: string;
  rowInvariant: boolean;
  /** Hexadecimal: what the cache's bytes depend on besides the tokens. */
  recipe: string;
}

export interface GenerateOptions {
  prompt: { text: string } | { tokens: number[] } | { snapshot: Snapshot };
  /** Tokens to generate at most. */
  max: number;
  sampling: Partial<SamplerOptions>;
  stop?: string[];
  /** Whether a rewound prefix without its exact window may be reused. Default: at a cursor yes, else no. */
  approximate?: boolean;
}

export interface GenerateResult {
  text: string;
  /** Why it ended. */
  reason: 'end' | 'stop' | 'length' | 'cancelled' | 'context';
  tokens: { prompt: number; reused: number; computed: number; generated: number };
  ms: { prefill: number; decode: number };
  sparsity: Sparsity;
  /** True when a rewound prefix without its exact window was reused: not quite what a cold run gives. */
  approximate: boolean;
  /** Mean natural log-probability of the generated tokens; 0 without any. */
  meanLogProbability: number;
}

export interface LogitsOptions {
  tokens: number[];
  all: boolean;
  /** File that receives float32 little-endian `[positions, vocabulary]`. */
  out: string;
}

export interface BenchOptions {
  /** Tokens before the first decoded one; what the cache holds of them is not computed again. */
  context: number;
  /** Tokens to decode. */
  tokens: number;
}

export interface BenchResult {
  /** Median milliseconds of a decode step, and of its stages; `hops` is what lies between them. */
  decode: { step: number; embedding: number; segments: number; attention: number; head: number; sampler: number; hops: number };
  /** Tokens computed to reach the context, their rate, and milliseconds a token by stage. */
  prefill: { tokens: number; perSecond: number; embedding: number; segments: number; attention: number };
  /** Milliseconds of everything in the worker. */
  total: number;
  /** Longest single call of ONNX Runtime so far, milliseconds. */
  longestCall: number;
  cacheBytes: number;
  sparsity: Sparsity;
}

/** What the worker can be asked to do, with the answer of each. */
export interface Calls {
  load: { options: LoadOptions; result: LoadedModel };
  import: { options: { gguf: string; out?: string; threads: number }; result: { folder: string } };
  generate: { options: GenerateOptions; result: GenerateResult };
  logits: { options: LogitsOptions; result: { positions: number; vocabulary: number } };
  bench: { options: BenchOptions; result: BenchResult };
  memory: { options: Record<string, never>; result: { cacheBytes: number; cacheBlocks: number } };
}

export type CallName = keyof Calls;

export type Request = { [N in CallName]: { id: number; call: N; options: Calls[N]['options']; cancel: Int32Array } }[CallName] | { call: 'close' };

export type Event =
  | { id: number; event: 'progress'; stage: string; share: number }
  | { id: number; event: 'text'; text: string };

export type Reply =
  | Event
  | { id: number; event: 'done'; result: unknown }
  | { id: number; event: 'failed'; code: string; args: unknown[] };
