// One generation: lease the longest known prefix, prefill the rest in chunks, then decode: a token a pass, or several where a guess comes true.
import { CancelFlag } from '../shared/cancel.ts';
import { DeltaError } from '../shared/errors.ts';
import { BLOCK } from '../binding/addon.ts';
import type { Lease, Sparsity } from '../cache/lease.ts';
import type { KvCache } from '../cache/store.ts';
import { draft, type Guess } from '../locality/draft.ts';
import type { DraftLength } from '../locality/draftLength.ts';
import { mix } from '../locality/mixture.ts';
import type { TokenIndex } from '../locality/tokenIndex.ts';
import type { Forward, Wanted } from '../model/forward.ts';
import { LANE_FROM } from '../model/lane.ts';
import type { Sampler } from './sampler.ts';

export interface TokenEvent {
  id: number;
  /** Natural logarithm, under the model's own distribution, or under the mixture where the text around takes part. */
  logProbability: number;
}

/** What the text around the end of the prompt is used for. */
export interface Around {
  /** Ends as the prompt does; goes on with what is generated. */
  index: TokenIndex;
  /** Whether it takes part in what comes next. */
  mixes: boolean;
  /** Of the documents beside it; undefined: none take part. */
  neighbours?: TokenIndex;
  /** Guesses ahead, from the index and from `others`, as far as `lengths` says; undefined: never. */
  lookup?: { lengths: DraftLength; others: readonly TokenIndex[] };
}

export interface SessionOptions {
  max: number;
  sampler: Pick<Sampler, 'sample' | 'accept'>;
  /** Ids that end the text. */
  ends: readonly number[];
  cancel: CancelFlag;
  approximate?: boolean;
  around?: Around;
  /** Restricts the row before a token is taken from it. */
  owed?: { restrict(logits: Float32Array): void };
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

  /** Passes of the decoder behind the prompt, guessed tokens verified in them, and those that came true. */
  readonly lookup = { passes: 0, drafted: 0, accepted: 0 };

  /** Tokens as they come. Ending the iteration early, or the cancel flag, stops the work; what was computed stays in the cache. */
  async *generate(prompt: Int32Array, options: SessionOptions): AsyncGenerator<TokenEvent, void, void> {
    const { context } = this.forward.manifest.shape;
    if (prompt.length === 0) throw new DeltaError('usage', 'The prompt is empty');
    if (prompt.length >= context) throw new DeltaError('contextFull', prompt.length, context);
    const { max, sampler, ends, cancel, around, owed } = options;
    const lease = this.cache.lease(prompt, { most: prompt.length - 1, approximate: options.approximate });
    lease.cancel = cancel.word;
    let ahead: Ahead | undefined;
    try {
      this.reused = lease.length;
      let clock = performance.now();
      const logits = await this.prefill(lease, prompt, options);
      // On the lane a token's keys depend on whether it was read or written: only what was read is what another session would make of it.
      if (this.forward.hasLane) lease.keepOwn(prompt.length);
      if (logits) ahead = { logits, guesses: [], drafted: 0, accepted: 0 };
      this.ms.prefill = performance.now() - clock;
      clock = performance.now();
      for (let n = 0; ahead; n++) {
        if (n === max) return void (this.ending = 'length');
        if (lease.length - ahead.drafted + ahead.accepted === context) return void (this.ending = 'context');
        const row = this.row(ahead);
        if (around?.mixes) mix(row, around.index, around.neighbours);
        owed?.restrict(row);
        const { id, logProbability } = sampler.sample(row);
        if (ends.includes(id)) {
          this.settle(lease, ahead, options, id);
          return void (this.ending = 'end');
        }
        sampler.accept(id);
        around?.index.push(id);
        this.ms.decode += performance.now() - clock;
        yield { id, logProbability };
        clock = performance.now();
        if (n + 1 === max) continue;
        if (ahead.accepted < ahead.drafted && ahead.guesses[ahead.accepted].id === id) {
          if (cancel.isSet) return;
          ahead.accepted++;
        } else {
          this.settle(lease, ahead, options, id);
          ahead = await this.next(lease, id, Math.min(max - n - 2, context - lease.length - 1), options);
        }
        if (ahead) this.computed++;
      }
    } finally {
      if (ahead) this.settle(lease, ahead, options);
      this.sparsity = lease.sparsity();
      this.approximate = lease.approximate;
      lease.release();
    }
  }

  /** The logits behind the last token that was accepted. */
  private row({ logits, accepted }: Ahead): Float32Array {
    const { vocabulary } = this.forward.manifest.shape;
    return logits.subarray(accepted * vocabulary, (accepted + 1) * vocabulary);
  }

  /** One pass over the token that is due and at most `most` guessed ones behind it; their keys count only when `settle` says which came true. */
  private async next(lease: Lease, id: number, most: number, { around, cancel }: SessionOptions): Promise<Ahead | undefined> {
    // A guess never fills a block: a block that the cache could share holds nothing that was not generated.
    const room = Math.min(most, this.forward.chunk - 1, BLOCK - 2 - (lease.length % BLOCK));
    const lookup = around?.lookup;
    const { length: drafted, looked: guesses } = lookup && room > 0 ? lookup.lengths.choose(draft(around.index, lookup.others, room)) : { length: 0, looked: [] };
    const clock = performance.now();
    const ids = [id, ...guesses.slice(0, drafted).map((guess) => guess.id)];
    const logits = await step(this.forward, lease, ids, drafted > 0 ? 'all' : 'last', cancel, { after: 'open', onLane: false });
    if (!logits) return undefined;
    lookup?.lengths.timed(ids.length, performance.now() - clock);
    this.lookup.passes++;
    this.lookup.drafted += drafted;
    return { logits, guesses, drafted, accepted: 0 };
  }

  /** The pass is over, `id` being what came behind what was accepted: what was guessed wrong leaves the lease before anything of it is shared. */
  private settle(lease: Lease, { guesses, drafted, accepted }: Ahead, { around }: SessionOptions, id?: number): void {
    if (!lease.open) return;
    lease.commit(lease.length - drafted + accepted);
    this.lookup.accepted += accepted;
    around?.lookup?.lengths.learn(guesses, accepted, id);
  }

  private async prefill(lease: Lease, prompt: Int32Array, { cancel, read }: SessionOptions): Promise<Float32Array | undefined> {
    let logits: Float32Array | undefined;
    const known = lease.length;
    for (const [at, end] of this.forward.chunks(known, prompt.length)) {
      if (cancel.isSet) break;
      read?.((at - known) / (prompt.length - known));
      logits = await step(this.forward, lease, prompt.subarray(at, end), end === prompt.length ? 'last' : 'none', cancel);
      this.computed += end - at;
    }
    return logits;
  }
}

/** A pass whose rows are looked at one by one: the first follows the token that was due, each other one a guess. */
interface Ahead {
  logits: Float32Array;
  guesses: Guess[];
  /** Guesses that are verified in it, from the first on, and how many of them came true so far. */
  drafted: number;
  accepted: number;
}

export interface StepOptions {
  /** `commit`: the pass counts when it ran to its end. `open`: the caller commits. */
  after?: 'commit' | 'open';
  /** Whether text is read, on the prefill lane from its first position on, or written, which is precise. All rows must lie on one side of that position: see Forward.chunkEnd. */
  onLane?: boolean;
}

/** One pass over `ids` on a lease; undone when it was cancelled or failed. */
export async function step(forward: Forward, lease: Lease, ids: ArrayLike<number>, wanted: Wanted, cancel: CancelFlag, { after = 'commit', onLane = true }: StepOptions = {}): Promise<Float32Array | undefined> {
  const from = lease.length;
  if (onLane && from + ids.length > forward.chunkEnd(from, Infinity)) throw new DeltaError('internal', 'a chunk lies on both sides of the prefill lane');
  lease.begin(ids);
  try {
    const logits = await forward.run(ids, lease, wanted, () => cancel.isSet, onLane && from >= LANE_FROM);
    if (cancel.isSet) {
      lease.abort();
      return undefined;
    }
    if (after === 'commit') lease.commit();
    return logits;
  } catch (error) {
    lease.abort();
    throw error;
  }
}
