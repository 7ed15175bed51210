// The worker as the editor's runtime sees it, played by the test: what was called, and answers when the test gives them.

import { DeltaError, type ErrorCode } from '../../src/shared/errors.ts';
import type { CancelFlag } from '../../src/shared/cancel.ts';
import type { Client } from '../../src/editor/runtime.ts';
import type { Score } from '../../src/session/firstLine.ts';
import type { CallName, Event, GenerateResult, LoadedModel } from '../../src/session/protocol.ts';

export const model: LoadedModel = {
  name: 'tiny', folder: '/somewhere/tiny', parameters: 5e6, context: 2048, vocabulary: 1000, fim: true, chat: false, kernels: 'avx2', recipe: '00',
  confidence: { samples: 10, points: [{ threshold: -1, coverage: 0.5, precision: 0.5 }] },
};

/** As if the text were one token. */
export const scoresOf = (text: string, logProbability = -0.01): Score[] => [{ text, sum: logProbability, count: 1 }];

export const generated = (text: string, tokens = 8): GenerateResult => ({
  text, reason: 'stop', rule: null, tokens: { prompt: 40, reused: 0, computed: 40 + tokens - 1, generated: tokens }, ms: { prefill: 100, decode: 70, queued: 0 }, stages: { tokenize: 1, queue: 0, attention: 20, products: 60, head: 10, sampling: 5 },
  lookup: { passes: 0, drafted: 0, accepted: 0 }, locality: false, sparsity: { key: 0, attention: 0 }, approximate: false, reuse: { strict: 0, approximate: 0, moved: 0 }, meanLogProbability: -0.1, firstLineLogProbability: -0.1, scores: scoresOf(text, -0.1),
});

export interface Call {
  name: CallName;
  options: never;
  hear: (event: Event) => void;
  cancel: CancelFlag | undefined;
  answer: (result: unknown) => void;
  fail: (code: ErrorCode, ...args: unknown[]) => void;
}

export class FakeWorker {
  readonly calls: Call[] = [];
  closed = false;
  died = false;

  /** `auto`: what loading answers by itself; null: the test answers. */
  constructor(private readonly auto: LoadedModel | null = model) {}

  readonly client: Client = {
    call: (name, options, hear = () => {}, cancel) =>
      new Promise((answer, reject) => {
        const fail = (code: ErrorCode, ...args: unknown[]) => reject(new DeltaError(code, ...(args as never)));
        if (this.died || this.closed) return fail('workerDied', 'it has ended');
        this.calls.push({ name, options: options as never, hear, cancel, answer: answer as never, fail });
        if (name === 'load' && this.auto) answer(this.auto as never);
      }),
    close: async () => {
      this.closed = true;
      for (const { name, answer, fail } of this.calls) name === 'generate' ? answer({ ...generated(''), reason: 'cancelled' }) : fail('cancelled');
    },
  };

  /** The thread is no more. */
  die(): void {
    this.died = true;
    for (const { fail } of this.calls) fail('workerDied', 'Worker terminated due to reaching memory limit');
  }

  of(name: CallName): Call[] {
    return this.calls.filter((call) => call.name === name);
  }
}
