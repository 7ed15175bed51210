// One request from its beginning until it has an answer and a record.
import type { Answer, CompletionRequest, NoneReason, Origin, RequestRecord } from './request.ts';
import type { Clock } from './source.ts';
import type { Facts } from './written.ts';

/** Somebody's word that he no longer waits for an answer. */
export interface Abandoned {
  readonly isSet: boolean;
  /** Calls `listener` when it is set; returns what ends the listening. */
  onSet(listener: () => void): () => void;
}

export interface Outcome {
  origin?: Origin;
  text?: string;
  confidence?: RequestRecord['confidence'];
}

export class Waiting {
  readonly answer: Promise<Answer>;
  /** When the latency budget runs out, by the clock. */
  readonly deadline: number;
  isOver = false;
  /** The document was changed since: a text that is written for another place can still answer, a new generation would be for nothing. */
  isStale = false;
  /** The early text that was judged last and not shown. */
  refused: string | undefined;
  private readonly at = Date.now();
  private readonly began: number;
  /** When the pause began and ended, and when a generation was begun for it. */
  private pausedAt: number | undefined;
  private readyAt: number | undefined;
  private startedAt: number | undefined;
  private resolve!: (answer: Answer) => void;
  private endTimer: () => void = () => {};
  private endListening: () => void = () => {};

  constructor(
    readonly request: CompletionRequest,
    private readonly clock: Clock,
    latencyMs: number,
  ) {
    this.began = clock.now();
    this.deadline = this.began + latencyMs;
    this.answer = new Promise((resolve) => (this.resolve = resolve));
  }

  follow(abandoned: Abandoned, then: () => void): void {
    this.endListening = abandoned.onSet(then);
  }

  /** Calls `then` after `ms` unless the request is over by then; one wait at a time. */
  wait(ms: number, then: () => void): void {
    this.endTimer();
    this.endTimer = this.clock.wait(ms, then);
  }

  pause(ms: number, then: () => void): void {
    this.pausedAt = this.clock.now();
    this.wait(ms, then);
  }

  /** The pause is over, if there was one. */
  ready(): void {
    this.readyAt ??= this.clock.now();
  }

  started(): void {
    this.startedAt ??= this.clock.now();
  }

  /** Gives the answer, once, and makes the record of it. */
  end(answer: Answer, { origin, text, confidence }: Outcome = {}): RequestRecord {
    this.isOver = true;
    this.endTimer();
    this.endListening();
    this.resolve(answer);
    const { snapshot, manual } = this.request;
    const now = this.clock.now();
    const reason = 'none' in answer ? answer.none : null;
    const ready = this.readyAt ?? now;
    return {
      at: this.at, path: snapshot.path, languageId: snapshot.languageId, manual,
      answer: reason === null ? 'returned' : gaveWay(reason) ? 'superseded' : 'suppressed', reason,
      origin: origin ?? null, text: 'show' in answer ? answer.show.text : (text ?? ''), confidence: confidence ?? null, tokens: null,
      ms: { pause: this.pausedAt === undefined ? 0 : ready - this.pausedAt, waiting: (this.startedAt ?? now) - ready, prefill: 0, decode: 0, total: now - this.began },
      stages: null, prompt: null,
    };
  }
}

/** Writes what a generation cost and saw into the record of a request that it answered. */
export function addFacts(record: RequestRecord, { tokens, prompt, stages, prefill, decode }: Facts): RequestRecord {
  record.tokens = tokens;
  record.stages = stages;
  record.prompt = prompt;
  record.ms = { ...record.ms, prefill, decode };
  return record;
}

/** The reasons of superseded requests; the others suppressed one. */
export const gaveWay = (reason: NoneReason): boolean => reason === 'superseded' || reason === 'cancelled';
