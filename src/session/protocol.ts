// Messages between the thin client and the worker. Plain data; errors travel as catalogue code and arguments.
import type { Snapshot } from '../prompt/snapshot.ts';
import type { Span } from '../prompt/fim.ts';
import type { Reuse, Sparsity } from '../cache/lease.ts';
import type { FoundModel, FoundModels } from '../model/found/findModels.ts';
import type { Plan } from '../model/found/fit.ts';
import type { MachineSpeed } from './machineSpeed.ts';
import type { Manifest } from '../model/manifest.ts';
import type { InspectOptions } from '../inspect/inspect.ts';
import type { MapOptions } from '../inspect/attentionMap.ts';
import type { AttentionMap, InspectReport } from '../inspect/report.ts';
import type { CacheFigures, LiveFigures } from '../shared/liveFigures.ts';
import type { StageMs } from '../shared/stages.ts';
import type { ChatMessage } from '../chat/answerSource.ts';
import type { ChatTemplate } from '../chat/template.ts';
import type { Score } from './firstLine.ts';
import type { NeighbourSet } from './neighbourSet.ts';
import type { Priority, Waited } from './queue.ts';
import type { SamplerOptions } from './sampler.ts';
import type { StopReason } from './stop.ts';

export type { FoundModel, FoundModels, MachineSpeed, Plan, Priority, Reuse };

/** What a model is loaded for. One file for both is loaded once. */
export type Role = 'completion' | 'chat';

/** `delta`: the product. `compact`: fewer bytes in the cache at some cost in quality. `dense`: float32 keys and values, the reference. */
export type AttentionMode = 'delta' | 'compact' | 'dense';

export interface LoadOptions {
  /** Default: completion. */
  role?: Role;
  /** A GGUF file, or the folder of what was measured of one; empty: the embedded model. */
  model: string;
  /** 0: as many as suit this machine. */
  threads: number;
  attention: AttentionMode;
  /** Bytes that the KV cache may take. */
  cacheBytes: number;
  /** In the editor: run below normal priority, and measure a model again that was measured in a hurry, once nobody waits. */
  background: boolean;
  /** Rows per prefill step. */
  chunk?: number;
  /** Forces a set of CPU kernels ("scalar"); default: the best that this CPU runs. Throws kernelSetUnknown. */
  kernels?: string;
  /** Where what was read of recent documents is kept for the next start, of all windows (the worker's own folder where none is named), and bytes that it may take, 0: nothing. Default: nothing is kept or removed. */
  kept?: { folder?: string; limitBytes: number };
}

/** What a worker is started with. */
export interface WorkerData {
  /** Where `LoadOptions.kept` lies; undefined: nowhere. */
  keptFolder?: string;
}

/**
 * What a first line's mean log-probability says about it, measured on the shipped sample code: of the lines that reach `threshold`, which are the
 * share `coverage` of all, the share `precision` is what the author wrote. By falling threshold.
 */
export interface ConfidenceCurve {
  /** Cursor positions measured. */
  samples: number;
  points: { threshold: number; coverage: number; precision: number }[];
  /** Whether the model knows the next token better when the text around the cursor is mixed in, measured on the same places; absent: no. */
  locality?: boolean;
}

export interface LoadedModel {
  name: string;
  folder: string;
  parameters: number;
  context: number;
  vocabulary: number;
  fim: boolean;
  /** Whether it was made to converse: its file has a chat template. */
  chat: boolean;
  kernels: string;
  /** Hexadecimal: what the cache's bytes depend on besides the tokens. */
  recipe: string;
  /** Null when it was never measured: ask with the call `confidence`. */
  confidence: ConfidenceCurve | null;
}

/** A load's answer, and what was unloaded to make room for it. */
export interface LoadResult extends LoadedModel {
  unloaded: { name: string; role: Role; needed: number; available: number } | null;
}

/** A conversation for the chat template of the model: the last message is the user's, or with `continues` the assistant's, which is gone on with. */
export interface ChatRequest {
  messages: readonly ChatMessage[];
  continues?: boolean;
}

/** A cursor in a document. */
export interface CursorRequest {
  snapshot: Snapshot;
  /** Tokens that are read in time: the prompt has no more of them that are not known. Default: 2,048. */
  promptTokens?: number;
  /** Tokens of the prompt at most, where the others are known. Default: `promptTokens`. */
  mostTokens?: number;
  /** Of a suffix that comes last, and is read with every key; default: as many as go with `promptTokens`. */
  suffixTokens?: number;
  maxLines?: number;
}

export interface GenerateOptions {
  prompt: { text: string } | { tokens: number[] } | CursorRequest | ChatRequest;
  /** Tokens to generate at most; 0 reads the prompt into the cache. */
  max: number;
  /** Tells a conversation from others that run beside it; requests of one run one after the other. Default: the one that ghost text is. */
  conversation?: string;
  /** Whose model. Default: of a conversation the chat's, else the completions'. */
  role?: Role;
  /** Default: of a conversation that of an answer, else of a completion. */
  priority?: Priority;
  /** For a place where nobody is yet: of it nothing is remembered but what the cache holds. */
  speculative?: boolean;
  sampling: Partial<SamplerOptions>;
  stop?: string[];
  /** Whether what a cold run would have read otherwise may be reused. Default: at a cursor yes, else no. */
  approximate?: boolean;
  /** Whether the text around the cursor is mixed into the model's distribution. Default: where the model was measured to gain by it. Elsewhere never. */
  locality?: boolean;
  /** Where the text around takes part, whether what followed like text under other names does too. Default true. */
  analogy?: boolean;
  /** Where the text around takes part, they do too. Default: none. */
  neighbours?: NeighbourSet;
  /** Whether tokens are guessed ahead from the text around and verified together, as far as that pays: the same text in fewer passes. Default true. */
  lookup?: boolean;
}

/** What guessing ahead came to. */
export interface LookupCounts {
  /** Passes of the decoder behind the prompt. */
  passes: number;
  /** Guessed tokens that were verified in them, and those that came true. */
  drafted: number;
  accepted: number;
}

/** What the model saw at a cursor. */
export interface PromptDescription {
  /** The whole prompt, markers included, as text. */
  text: string;
  /** The server that it was sent to. Absent: none, the model is here. */
  server?: string;
  /** In the order of the document, together the whole of it. */
  spans: Span[];
  /** Paths of the documents beside it that took part, nearest first. */
  neighbours: readonly string[];
  /** Paths of the files whose beginning it shows in front of the one at the cursor, in its order. Absent: none. */
  files?: readonly string[];
}

export interface GenerateResult {
  text: string;
  /** Why it ended. */
  reason: 'end' | 'stop' | 'length' | 'cancelled' | 'context';
  /** The rule of code completion that ended it, where one did. */
  rule: StopReason | null;
  tokens: { prompt: number; reused: number; computed: number; generated: number };
  /** In passes; `queued`: between them, for others that were more urgent. */
  ms: { prefill: number; decode: number; queued: number };
  stages: StageMs;
  lookup: LookupCounts;
  /** Whether the text around the cursor was mixed in. */
  locality: boolean;
  sparsity: Sparsity;
  /** True when something was read otherwise than a cold run reads it: not quite what that gives. */
  approximate: boolean;
  /** Of the reused tokens, how they had been read. */
  reuse: Reuse;
  /** Mean natural log-probability of the generated tokens; 0 without any. */
  meanLogProbability: number;
  /** The same for the tokens of the first line that is not blank. */
  firstLineLogProbability: number;
  /** Of every token: what the confidence gate looks at. Together their texts begin with the text, and go on where a rule cut it off. */
  scores: readonly Score[];
  /** At a cursor. */
  prompt?: PromptDescription;
  /** What came back of the document from before the restart, when it was asked about for the first time. */
  restored?: { tokens: number; ms: number };
  /** Of a conversation: how many messages had to be left out, the oldest first, and where its template came from. */
  chat?: { dropped: number; template: ChatTemplate['origin'] };
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
  /** The longest stage of one layer so far, milliseconds: a cancellation waits no longer. */
  longestCall: number;
  cacheBytes: number;
  sparsity: Sparsity;
}

/** What the worker can be asked to do, with the answer of each. */
export interface Calls {
  load: { options: LoadOptions; result: LoadResult };
  /** Gives a role's model back; does nothing where there is none. */
  unload: { options: { role: Role }; result: null };
  import: { options: { gguf: string; out?: string; texts?: string[]; zeros?: readonly [balanced: number, compact: number]; threads: number }; result: { folder: string; manifest: Manifest } };
  /** With what the request waited for in the queue, where somebody waited for it from the beginning. */
  generate: { options: GenerateOptions; result: GenerateResult & { waited?: Waited } };
  logits: { options: LogitsOptions; result: { positions: number; vocabulary: number } };
  bench: { options: BenchOptions; result: BenchResult };
  /** Measures the curve on at most `tokens` tokens of the shipped sample code and keeps it in the model folder where that can be written. */
  confidence: { options: { tokens: number }; result: ConfidenceCurve };
  /** Dense and delta attention side by side on a text. */
  inspect: { options: InspectOptions; result: InspectReport };
  /** The attention of one query head over a text. */
  attentionMap: { options: MapOptions; result: AttentionMap };
  /** Model files that other programs keep on this computer; they are read, never changed. Needs no model. */
  findModels: { options: { plan?: Plan }; result: FoundModels };
  /** One file, read as far as it takes to say what it is and whether it fits; empty: the embedded model. */
  lookAtModel: { options: { path: string; plan?: Plan }; result: FoundModel };
  /** How fast this machine multiplies, in a moment, and bytes of memory that are free on it. */
  measureMachine: { options: Record<string, never>; result: MachineSpeed & { available: number } };
  /** Bytes of what was measured of models and kept; with `clear` it is removed. */
  shelf: { options: { clear: boolean }; result: { bytes: number } };
  /** Writes what was read of documents to the disk, where that is wanted, until it is cancelled. */
  keep: { options: Record<string, never>; result: null };
  /** Forgets everything that was read, in memory and on the disk. */
  clearCaches: { options: Record<string, never>; result: null };
  /** Tokens of each text, by a role's model; null without one. */
  count: { options: { role: Role; texts: readonly string[] }; result: number[] | null };
  memory: { options: Record<string, never>; result: { cacheBytes: number; cacheBlocks: number } };
  /**
   * What attention counts, of the model that worked last; null without one. `sample`: what the next written row looks at is to be among it. `known`: the completion
   * whose document need not be told again. Waits for no pass but the one under way.
   */
  live: { options: { sample: boolean; known?: string }; result: LiveFigures | null };
  /** What each model's cache holds. */
  census: { options: Record<string, never>; result: CacheFigures[] };
}

export type CallName = keyof Calls;

export type Request = { [N in CallName]: { id: number; call: N; options: Calls[N]['options']; cancel: Int32Array } }[CallName] | { call: 'close' };

export type Event =
  /** `tokens`: of the reading of a prompt, how many there are to read. */
  | { id: number; event: 'progress'; stage: string; share: number; tokens?: number }
  /** One sentence for the user that is no failure; of no call where `id` is 0. */
  | { id: number; event: 'notice'; text: string }
  /** `scores`: of the tokens since the last such event. */
  | { id: number; event: 'text'; text: string; scores: readonly Score[] };

export type Reply =
  | Event
  | { id: number; event: 'done'; result: unknown }
  | { id: number; event: 'failed'; code: string; args: unknown[] };
