// What completes text: the runtime in the editor, a script in the tests.
import type { CancelFlag } from '../shared/cancel.ts';
import type { ConfidenceCurve, Event, GenerateOptions, GenerateResult } from '../session/protocol.ts';

/** Tokens per second, as measured; undefined before the first measurement. */
export interface Speed {
  prefill: number;
  decode: number;
}

export interface TextSource {
  /**
   * Runs one generation. `hear` gets its text events. Setting `cancel` ends it within one step, and the promise then fulfils with reason
   * "cancelled". Rejects with a DeltaError when it fails.
   */
  generate(options: GenerateOptions, hear: (event: Event) => void, cancel: CancelFlag): Promise<GenerateResult>;
  readonly speed: Speed | undefined;
  /** Of the loaded model; null when it has none (yet). */
  readonly confidence: ConfidenceCurve | null;
}

/** Time, so that tests need not wait. */
export interface Clock {
  /** Milliseconds, never going back. */
  now(): number;
  /** Fulfils after `ms`; the function it gives ends the wait early, without fulfilling. */
  wait(ms: number, then: () => void): () => void;
}
