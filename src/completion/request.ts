// What the editor asks for, and what it gets: plain data. Nothing in this folder knows VS Code.
import type { NeighbourSet } from '../session/neighbourSet.ts';
import type { PromptDescription, Reuse } from '../session/protocol.ts';
import type { StageMs } from '../shared/stages.ts';
import type { Existing } from './existing.ts';
import type { Snapshot } from '../prompt/snapshot.ts';

/** One invocation of the provider. Immutable. */
export interface CompletionRequest {
  /** Identifies the document (its URI as text). */
  readonly document: string;
  /** VS Code's version of the document at this moment. */
  readonly version: number;
  /** Where an item of IntelliSense's list is selected: as if it had been inserted. */
  readonly snapshot: Snapshot;
  /** With their texts. */
  readonly neighbours?: NeighbourSet;
  /** What is known to exist around the place; it may learn while a text is written. */
  readonly existing?: Existing;
  /** Where the cursor stands in the document, where the snapshot is ahead of it (a selected item). Default: the length of `before`. */
  readonly cursor?: number;
  /** Asked for by the user: no pause, no gate. */
  readonly manual: boolean;
}

/** Text to insert at the cursor of the request. */
export interface Suggestion {
  /** Identifies the generation it came from. */
  readonly id: number;
  readonly text: string;
  /** False while the generation goes on and may make it longer. */
  readonly final: boolean;
}

/** Why a document is never completed. */
export type Refusal = 'disabled' | 'scheme' | 'excluded' | 'tooLarge';
/** Why a place in a document is not worth asking about. */
export type Pointless = 'insideWord' | 'midLine' | 'afterStatement' | 'longLine' | 'emptyDocument' | 'selection';
/** Why nothing is shown, besides. */
export type Silence =
  | 'superseded' // a later request took its place before it had an answer
  | 'cancelled' // VS Code no longer wants the answer
  | 'lowConfidence'
  | 'empty' // the model ended at once, or all it wrote stands there already
  | 'repetition'
  | 'invented' // it names a file or a member that does not exist
  | 'noFim'
  | 'unavailable'; // off, loading for too long, or failed
export type NoneReason = Refusal | Pointless | Silence;

export type Answer = { readonly show: Suggestion } | { readonly none: NoneReason };

/** Where a shown text came from. */
export type Origin = 'generation' | 'reattached' | 'typedThrough' | 'cache';

/** Everything known about one request: what "Show Last Request" and "Show Last Prompt" print. No code but in `prompt` and `text`. */
export interface RequestRecord {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly path: string;
  readonly languageId: string;
  readonly manual: boolean;
  answer: 'returned' | 'suppressed' | 'superseded';
  /** Null when something was returned. */
  reason: NoneReason | null;
  origin: Origin | null;
  text: string;
  /** How sure the first line is, as a natural logarithm, and what that had to reach (−∞ for a manual request); null before a model wrote something. */
  confidence: { value: number; threshold: number } | null;
  /** Null when no generation belongs to it. */
  tokens: { prompt: number; reused: number; computed: number; generated: number; /** How what is reused had been read; absent where all was read as a cold run reads it. */ reuse?: Reuse } | null;
  /** Milliseconds; prefill and decode of the generation it came from. */
  ms: { pause: number; waiting: number; prefill: number; decode: number; total: number };
  /** Where the generation's time went; null when none belongs to it. */
  stages: StageMs | null;
  /** What the model saw. */
  prompt: PromptDescription | null;
}
