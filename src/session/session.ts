// One generation: lease the longest known prefix, prefill the rest in chunks, then decode: a token a pass, or several where a guess comes true.
import { CancelFlag } from '../shared/cancel.ts';
import { DeltaError } from '../shared/errors.ts';
import { atOnce, type RunPass } from '../shared/pass.ts';
import { BLOCK } from '../binding/addon.ts';
import type { End, Lease, Reuse, Sparsity } from '../cache/lease.ts';
import type { KvCache, LeaseOptions } from '../cache/store.ts';
import { draft, type Guess } from '../locality/draft.ts';
import type { DraftLength } from '../locality/draftLength.ts';
import type { AnalogyIndex } from '../locality/analogyIndex.ts';
import type { Foreign } from '../locality/foreign.ts';
import { mix, type Mixed } from '../locality/mixture.ts';
import type { TokenIndex } from '../locality/tokenIndex.ts';
import type { Forward, Wanted } from '../model/forward.ts';
import type { Sampler } from './sampler.ts';
import type { Signs } from './firstLine.ts';

export interface TokenEvent {
  id: number;
  /** Natural logarithm, under the model's own distribution, or under the mixture where the text around takes part. */
  logProbability: number;
  /** Where the text around takes part. */
  signs?: Signs;
}

/** What the text around the end of the prompt is used for. */
export interface Around {
  /** Ends as the prompt does; goes on with what is generated. */
  index: TokenIndex;
  /** Whether it takes part in what comes next. */
  mixes: boolean;
  /** Of the documents beside it; undefined: none take part. */
  neighbours?: TokenIndex;
  /** Tells which of their names the document does not have. */
  foreign?: Foreign;
  /** What may follow under other names; undefined: nothing. */
  analogies?: AnalogyIndex;
  /** Guesses ahead, from the index and from `others`, as far as `lengths` says; undefined: never. */
  lookup?: { lengths: DraftLength; others: readonly TokenIndex[] };
}

export interface SessionOptions {
  max: number;
  sampler: Pick<Sampler, 'sample' | 'accept'>;
  /** Ids that end the text. */
  ends: readonly number[];
  cancel: CancelFlag;
  /** How what is known of the prompt may have been read. Default: strictly. */
  reuse?: Omit<LeaseOptions, 'most'>;
  /** Whether somebody may come back to the end of the prompt, for another answer: its exact window is kept, however long this one gets. */
  returns?: boolean;
  around?: Around;
  /** Restricts the row before a token is taken from it. */
  owed?: { restrict(logits: Float32Array): void };
  /** Hears which share of the prompt's unknown part, of so many tokens, has been read. */
  read?: (share: number, tokens: number) => void;
  /** Runs the passes. Default: at once. */
  pass?: RunPass;
  /** Hears of a pass that writes, before it begins, by the position of its first row; what it gives is called once the pass is complete. */
  writing?: (position: number) => () => void;
}

export class Session {
  /** Tokens of the prompt that were not read. */
  reused = 0;
  /** How those had been read. */
  reuse: Reuse = { strict: 0, approximate: 0, moved: 0 };
  computed = 0;
  /** Of passes alone: what was waited for between them is not in it. */
  readonly ms = { prefill: 0, decode: 0 };
  /** Where that time went. What is left of it lies between the stages. */
  readonly stages = { attention: 0, products: 0, head: 0, sampling: 0 };
  sparsity: Sparsity = { key: 0, attention: 0 };
  approximate = false;
  /** What ended the text: an end token, a limit, or (`cancelled`) the caller. */
  ending: 'end' | 'length' | 'context' | 'cancelled' = 'cancelled';
  /** Passes of the decoder behind the prompt, guessed tokens verified in them, and those that came true. */
  readonly lookup = { passes: 0, drafted: 0, accepted: 0 };
  private written = 0;
  /** Where in the cache it ended; undefined where nothing of it is shared. */
  end: End | undefined;

  constructor(
    private readonly forward: Forward,
    private readonly cache: KvCache,
  ) {}

  /**
   * Reads the prompt and writes tokens. `take` gets each as it comes, within the pass that gave it, and says whether more are wanted. The cancel flag
   * ends the work within one pass; what was computed stays in the cache.
   */
  async generate(prompt: Int32Array, options: SessionOptions, take: (token: TokenEvent) => boolean): Promise<void> {
    const { context } = this.forward.manifest.shape;
    if (prompt.length === 0) throw new DeltaError('usage', 'The prompt is empty');
    if (prompt.length >= context) throw new DeltaError('contextFull', prompt.length, context);
    const lease = this.cache.lease(prompt, { most: prompt.length - 1, ...options.reuse });
    lease.cancel = options.cancel.word;
    let anchor: Lease | undefined;
    try {
      this.reuse = { ...lease.reuse };
      this.reused = lease.reuse.strict + lease.reuse.approximate + lease.reuse.moved;
      let due = await this.prefill(lease, prompt, options, take);
      if (options.returns && due !== undefined) anchor = this.cache.lease(prompt);
      while (due !== undefined) due = await this.next(lease, due, options, take);
    } finally {
      anchor?.release();
      this.sparsity = lease.sparsity();
      this.approximate = lease.approximate;
      this.end = lease.release();
    }
  }

  /** Reads what is not known of the prompt; the pass over its end writes the first token. The token that is due, undefined where the text has ended. */
  private async prefill(lease: Lease, prompt: Int32Array, options: SessionOptions, take: (token: TokenEvent) => boolean): Promise<number | undefined> {
    const { cancel, read, pass = atOnce } = options;
    const unread = prompt.length - this.reused;
    let due: number | undefined;
    for (let at = lease.join(), done = 0; at < prompt.length; done += lease.length - at, at = lease.join()) {
      if (cancel.isSet) break;
      const end = Math.min(prompt.length, at + this.forward.chunk, lease.until);
      read?.(done / unread, unread);
      due = await pass(async () => {
        const clock = performance.now();
        const isLast = end === prompt.length;
        const logits = await this.step(lease, prompt.subarray(at, end), isLast ? 'last' : 'none', cancel);
        this.computed += end - at;
        this.ms.prefill += performance.now() - clock;
        return logits && isLast ? this.write(lease, { logits, guesses: [], drafted: 0, accepted: 0 }, options, take) : undefined;
      });
    }
    return due;
  }

  /** One pass over the token that is due and guessed ones behind it. */
  private next(lease: Lease, id: number, options: SessionOptions, take: (token: TokenEvent) => boolean): Promise<number | undefined> {
    const { around, cancel, max, pass = atOnce } = options;
    return pass(async () => {
      if (cancel.isSet) return undefined;
      const clock = performance.now();
      // A guess never fills a block: a block that the cache could share holds nothing that was not generated.
      const { context } = this.forward.manifest.shape;
      const room = Math.min(max - this.written - 1, context - lease.length - 1, this.forward.chunk - 1, BLOCK - 2 - (lease.length % BLOCK));
      const lookup = around?.lookup;
      const { length: drafted, looked: guesses } = lookup && room > 0 ? lookup.lengths.choose(draft(around.index, lookup.others, room)) : { length: 0, looked: [] };
      const ids = [id, ...guesses.slice(0, drafted).map((guess) => guess.id)];
      const begun = performance.now();
      const complete = options.writing?.(lease.length);
      const logits = await this.step(lease, ids, drafted > 0 ? 'all' : 'last', cancel, { after: 'open', writes: true });
      if (logits) {
        complete?.();
        lookup?.lengths.timed(ids.length, performance.now() - begun);
        this.lookup.passes++;
        this.lookup.drafted += drafted;
        this.computed++;
      }
      this.ms.decode += performance.now() - clock;
      return logits && this.write(lease, { logits, guesses, drafted, accepted: 0 }, options, take);
    });
  }

  /** A pass, with its stages by Forward's clocks: nobody else's pass runs meanwhile. */
  private async step(lease: Lease, ids: ArrayLike<number>, wanted: Wanted, cancel: CancelFlag, options?: StepOptions): Promise<Float32Array | undefined> {
    const { stages, forward: { times } } = this;
    const before = { ...times };
    try {
      return await step(this.forward, lease, ids, wanted, cancel, options);
    } finally {
      stages.attention += times.attention - before.attention;
      stages.products += times.segments - before.segments + (times.embedding - before.embedding);
      stages.head += times.head - before.head;
    }
  }

  /**
   * Takes a token from each row of a pass, as far as the guesses come true, and settles the pass: its logits are gone with it. The token that is due,
   * undefined where the text has ended.
   */
  private write(lease: Lease, ahead: Ahead, options: SessionOptions, take: (token: TokenEvent) => boolean): number | undefined {
    const { max, sampler, ends, cancel, around, owed } = options;
    const clock = performance.now();
    try {
      for (;;) {
        if (this.written === max) return void (this.ending = 'length');
        if (lease.length - ahead.drafted + ahead.accepted === this.forward.manifest.shape.context) return void (this.ending = 'context');
        const row = this.row(ahead);
        const mixed = around?.mixes ? mix(row, around.index, around) : undefined;
        owed?.restrict(row);
        const { id, logProbability } = sampler.sample(row);
        if (ends.includes(id)) {
          this.settle(lease, ahead, options, id);
          return void (this.ending = 'end');
        }
        sampler.accept(id);
        around?.index.push(id);
        this.written++;
        if (!take({ id, logProbability, signs: mixed && signsOf(mixed, id) })) return undefined;
        if (this.written === max) continue;
        if (ahead.accepted < ahead.drafted && ahead.guesses[ahead.accepted].id === id) {
          if (cancel.isSet) return undefined;
          ahead.accepted++;
          this.computed++;
        } else {
          this.settle(lease, ahead, options, id);
          return id;
        }
      }
    } finally {
      this.settle(lease, ahead, options);
      const spent = performance.now() - clock;
      this.ms.decode += spent;
      this.stages.sampling += spent;
    }
  }

  /** The logits behind the last token that was accepted. */
  private row({ logits, accepted }: Ahead): Float32Array {
    const { vocabulary } = this.forward.manifest.shape;
    return logits.subarray(accepted * vocabulary, (accepted + 1) * vocabulary);
  }

  /** The pass is over, `id` being what came behind what was accepted: what was guessed wrong leaves the lease before anything of it is shared. */
  private settle(lease: Lease, { guesses, drafted, accepted }: Ahead, { around }: SessionOptions, id?: number): void {
    if (!lease.open) return;
    lease.commit(lease.length - drafted + accepted);
    this.lookup.accepted += accepted;
    around?.lookup?.lengths.learn(guesses, accepted, id);
  }
}

const signsOf = ({ entropy, file, neighbours, analogy }: Mixed, id: number): Signs => ({
  entropy,
  file: file ? file.longest : 0,
  fileShare: file?.shares.get(id) ?? 0,
  besideShare: neighbours?.shares.get(id) ?? 0,
  analogy: analogy ? analogy.longest : 0,
  analogyShare: analogy?.shares.get(id) ?? 0,
  repeats: analogy !== null && analogy.repeats && analogy.likeliest === id,
});

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
  /** Whether text is written or read: they are counted apart. */
  writes?: boolean;
}

/** One pass over `ids` on a lease; undone when it was cancelled or failed. */
export async function step(forward: Forward, lease: Lease, ids: ArrayLike<number>, wanted: Wanted, cancel: CancelFlag, { after = 'commit', writes = false }: StepOptions = {}): Promise<Float32Array | undefined> {
  lease.begin(ids, writes);
  try {
    const logits = await forward.run(ids, lease, wanted, () => cancel.isSet);
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
