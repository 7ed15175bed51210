// What a generation gives that was cancelled before it began.
import type { GenerateResult } from '../session/protocol.ts';

export const nothing = (): GenerateResult => ({
  text: '', reason: 'cancelled', rule: null, tokens: { prompt: 0, reused: 0, computed: 0, generated: 0 }, ms: { prefill: 0, decode: 0, queued: 0 },
  stages: { tokenize: 0, queue: 0, attention: 0, products: 0, head: 0, sampling: 0 },
  lookup: { passes: 0, drafted: 0, accepted: 0 }, locality: false, sparsity: { key: 0, attention: 0 }, approximate: false, reuse: { strict: 0, approximate: 0, moved: 0 }, meanLogProbability: 0, firstLineLogProbability: 0, scores: [],
});
