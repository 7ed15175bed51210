// Where the time of a token goes: medians per stage at one context length, on the engine as it runs in the product.
import type { CancelFlag } from '../shared/cancel.ts';
import type { KvCache } from '../cache/store.ts';
import type { Forward } from '../model/forward.ts';
import type { BenchOptions, BenchResult } from './protocol.ts';
import { Sampler } from './sampler.ts';
import { step } from './session.ts';

/** Steps before the first one that counts. */
const WARM_UP = 2;
const STAGES = ['embedding', 'segments', 'attention', 'head'] as const;

/** Any ids will do: the same ones as the peer's. */
export const benchTokens = (vocabulary: number, count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => (i * 7919 + 13) % Math.floor(vocabulary * 0.9));

export async function stageBudget(forward: Forward, cache: KvCache, { context, tokens }: BenchOptions, cancel: CancelFlag): Promise<BenchResult> {
  const started = performance.now();
  const ids = benchTokens(forward.manifest.shape.vocabulary, context + WARM_UP + tokens);
  const lease = cache.lease(ids, { most: context });
  try {
    const reused = lease.length;
    const before = { ...forward.times };
    const clock = performance.now();
    for (const [at, end] of forward.chunks(reused, context)) {
      if (cancel.isSet) break;
      await step(forward, lease, ids.subarray(at, end), 'none', cancel);
    }
    const seconds = (performance.now() - clock) / 1000;
    const computed = Math.max(1, lease.length - reused);
    const perToken = (stage: (typeof STAGES)[number]) => (forward.times[stage] - before[stage]) / computed;
    const prefill = { tokens: context - reused, perSecond: (context - reused) / seconds, embedding: perToken('embedding'), segments: perToken('segments'), attention: perToken('attention') };

    const sampler = new Sampler({}, (logits, ids) => cache.addon.bestLogits(logits, ids));
    const samples: BenchResult['decode'][] = [];
    for (let i = 0; i < WARM_UP + tokens && !cancel.isSet; i++) {
      const times = { ...forward.times };
      const begun = performance.now();
      const logits = await step(forward, lease, [ids[context + i]], 'last', cancel, { writes: true });
      const computedAt = performance.now();
      if (logits) sampler.sample(logits);
      const ended = performance.now();
      const [embedding, segments, attention, head] = STAGES.map((stage) => forward.times[stage] - times[stage]);
      const stages = { embedding, segments, attention, head, sampler: ended - computedAt };
      const hops = ended - begun - Object.values(stages).reduce((a, b) => a + b, 0);
      if (i >= WARM_UP) samples.push({ step: ended - begun, ...stages, hops });
    }
    const median = (of: keyof BenchResult['decode']) => samples.map((s) => s[of]).sort((a, b) => a - b)[samples.length >> 1] ?? 0;
    return {
      decode: { step: median('step'), embedding: median('embedding'), segments: median('segments'), attention: median('attention'), head: median('head'), sampler: median('sampler'), hops: median('hops') },
      prefill, total: performance.now() - started, longestCall: forward.longestCall, cacheBytes: cache.bytes, sparsity: lease.sparsity(),
    };
  } finally {
    lease.release();
  }
}
