// One generation: lease the longest known prefix, prefill the rest in chunks, then decode token by token.
import { CancelFlag } from '../shared/cancel.ts';
import { DeltaError } from '../shared/errors.ts';
import type { Lease, Sparsity } from '../cache/lease.ts';
import type { KvCache } from '../cache/store.ts';
import type { Forward, Wanted } from '../model/forward.ts';
import type { Sampler } from './sampler.ts';

export interface TokenEvent {
  id: number;
  /** Natural logarithm, under the model's own distribution. */
  logProbability: number;
}

export interface SessionOptions {
  max: number;
  sampler: Sampler;
  /** Ids that end the text. */
  ends: readonly number[];
  cancel: CancelFlag;
  approximate?: boolean;
  /** Hears which share of the prompt's unknown part has been read. */
  read?: (share: number) => void;
}

export class Session {
  reused = 0;
  computed = 0;
  readonly ms = { prefill: 0, decode: 0 };
  sparsity: Sparsity = { key: 0, attention: 0 };
  approximate = false;
  /** True when the text ended because the context or `max` was full; false when an end token or the caller ended it. */
  ending: 'end' | 'length' | 'context' | 'cancelled' = 'cancelled';

  constructor(
    private readonly forward: Forward,
    private readonly cache: KvCache,
  ) {}

  /** Tokens as they come. Ending the iteration early, or the cancel flag, stops the work; what was computed stays in the cache. */
  async *generate(prompt: Int32Array, options: SessionOptions): AsyncGenerator<TokenEvent, void, void> {
    const { context } = this.forward.manifest.shape;
    if (prompt.length === 0) throw new DeltaError('usage', 'The prompt is empty');
    if (prompt.length >= context) throw new DeltaError('contextFull', prompt.length, context);
    const lease = this.cache.lease(prompt, { most: prompt.length - 1, approximate: options.approximate });
    lease.cancel = options.cancel.word;
    try {
      this.reused = lease.length;
      let clock = performance.now();
      let logits = await this.prefill(lease, prompt.subarray(lease.length), options);
      this.ms.prefill = performance.now() - clock;
      clock = performance.now();
      for (let n = 0; logits; n++) {
        if (n === options.max) return void (this.ending = 'length');
        if (lease.length === context) return void (this.ending = 'context');
        const { id, logProbability } = options.sampler.sample(logits);
        if (options.ends.includes(id)) return void (this.ending = 'end');
        options.sampler.accept(id);
        this.ms.decode += performance.now() - clock;
        yield { id, logProbability };
        clock = performance.now();
        if (n + 1 === options.max) continue;
        logits = await step(this.forward, lease, [id], 'last', options.cancel);
        this.computed++;
      }
    } finally {
      this.sparsity = lease.sparsity();
      this.approximate = lease.approximate;
      lease.release();
    }
  }

  private async prefill(lease: Lease, ids: Int32Array, { cancel, read }: SessionOptions): Promise<Float32Array | undefined> {
    let logits: Float32Array | undefined;
    for (let at = 0; at < ids.length && !cancel.isSet; at += this.forward.chunk) {
      read?.(at / ids.length);
      const chunk = ids.subarray(at, at + this.forward.chunk);
      logits = await step(this.forward, lease, chunk, at + chunk.length === ids.length ? 'last' : 'none', cancel);
      this.computed += chunk.length;
    }
    return logits;
  }
}

/** One pass over `ids` on a lease: committed when it ran to its end, undone when it was cancelled or failed. */
export async function step(forward: Forward, lease: Lease, ids: ArrayLike<number>, wanted: Wanted, cancel: CancelFlag): Promise<Float32Array | undefined> {
  lease.begin(ids);
  try {
    const logits = await forward.run(ids, lease, wanted, () => cancel.isSet);
    if (cancel.isSet) {
      lease.abort();
      return undefined;
    }
    lease.commit();
    return logits;
  } catch (error) {
    lease.abort();
    throw error;
  }
}
