// What answers questions: the runtime in the editor, a script in the tests.
import type { CancelFlag } from '../shared/cancel.ts';

/** One message of a conversation, as chat templates know them. */
export interface ChatMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

export interface AnswerOptions {
  /** Names the conversation: what it computed before is reused. */
  conversation: string;
  /** The last one is the user's; with `continues` it is the assistant's, whose text is gone on with. */
  messages: readonly ChatMessage[];
  continues?: boolean;
  /** 0: the answer that the model is surest of; a larger number: another one, always the same for the same number. */
  attempt?: number;
  /** Tokens to write at most. */
  max: number;
}

export interface AnswerResult {
  text: string;
  /** `end`: the model ended its turn. `length`, `context`: a limit did. */
  reason: 'end' | 'stop' | 'length' | 'cancelled' | 'context';
  tokens: { prompt: number; reused: number; computed: number; generated: number };
  ms: { prefill: number; decode: number };
  /** Messages that were left out because the context is full, the oldest first; never the system's. Leave them out from now on. */
  dropped: number;
  /** Where the template came from that made the prompt: the file itself, the architecture (the file's is known to be wrong), or a plain one because the file has none. */
  template: 'file' | 'architecture' | 'fallback';
}

export type AnswerEvent =
  /** Share of the unknown part of the prompt that has been read, and how many tokens that part has. */
  | { event: 'reading'; share: number; total: number }
  | { event: 'text'; text: string };

/** The chat model as it is. */
export type ChatModelState =
  | { state: 'none' }
  /** Chosen; it loads with the first question. */
  | { state: 'unloaded'; name: string; /** The server that it runs on; absent: here. */ server?: string }
  | { state: 'loading'; name: string; share: number }
  | { state: 'ready'; name: string; context: number; server?: string }
  | { state: 'failed'; name: string; sentence: string };

export interface AnswerSource {
  readonly chatModel: ChatModelState;
  /** Tokens a second of the chat model, as measured; undefined before. */
  readonly chatSpeed: { prefill: number; decode: number } | undefined;
  /** Called when `chatModel` is another one than before; the function it returns ends that. */
  onChatModel(listener: () => void): { dispose(): void };
  /** What was done to make room, one sentence: the model used longest ago was unloaded. */
  onUnloaded(listener: (sentence: string) => void): { dispose(): void };
  /** Loads the chat model if need be and answers. Setting `cancel` ends it within one pass: reason "cancelled", the text so far. Rejects with a DeltaError. */
  answer(options: AnswerOptions, hear: (event: AnswerEvent) => void, cancel: CancelFlag): Promise<AnswerResult>;
  /** Reads these messages into the cache at the lowest priority: the answer to them comes sooner. Never loads a model: without one it does nothing. */
  readAhead(options: Pick<AnswerOptions, 'conversation' | 'messages'>, cancel: CancelFlag): Promise<void>;
  /** Tokens of each text, by the chat model's tokenizer; null without a loaded model. */
  count(texts: readonly string[]): Promise<number[] | null>;
  /** Loads the chat model now. Never rejects: `chatModel` says what came of it. */
  loadChatModel(): Promise<void>;
}
