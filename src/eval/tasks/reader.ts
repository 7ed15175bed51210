// A model that answers a task's questions in one mode of attention: log-likelihoods of continuations, and greedy text.
import type { Addon, DeltaTables } from '../../binding/addon.ts';
import type { Lease } from '../../cache/lease.ts';
import type { KvCache } from '../../cache/store.ts';
import { best, surprise } from '../../model/divergence.ts';
import type { Forward, LayerAttention } from '../../model/forward.ts';
import type { Manifest } from '../../model/manifest.ts';
import { exactStore, storeFor, type Mode } from '../../model/stores.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { Pair } from './tasks.ts';

/** `dense` is the mode *exact*: all keys and values in float32. */
export type TaskMode = 'dense' | 'balanced' | 'compact';
/** Where a mode holds: reading and writing, or reading alone, as in one of the paper's tables: what is written looks back at exact keys. */
export type Phases = 'both' | 'prefill';

/** Multiply-adds of attention: those of dense causal attention, and those that the stored form requires. */
export interface Work {
  dense: number;
  required: number;
}

export interface Likelihood {
  /** Natural logarithm, summed over the tokens of the continuation. */
  logProbability: number;
  /** Whether greedy decoding would have written it. */
  isGreedy: boolean;
}

const FORMS: Record<TaskMode, Mode | 'dense'> = { dense: 'dense', balanced: 'delta', compact: 'compact' };

export class TaskReader {
  readonly work: Record<'read' | 'written', Work> = { read: { dense: 0, required: 0 }, written: { dense: 0, required: 0 } };
  tokens = 0;
  private readonly cache: KvCache;
  /** Where only reading is in the mode: the exact keys and values of the same text. */
  private readonly beside: KvCache | undefined;

  constructor(
    private readonly forward: Forward,
    /** The model's manifest, with the window that is tried. */
    manifest: Manifest,
    private readonly tokenizer: Pick<Tokenizer, 'encode' | 'decode' | 'ends' | 'special'>,
    addon: Addon,
    tables: Record<Mode, DeltaTables[]>,
    mode: TaskMode,
    phases: Phases,
    budget: number,
    private readonly cancelled: () => boolean = () => false,
  ) {
    this.cache = storeFor(FORMS[mode], addon, manifest, tables, budget);
    this.beside = phases === 'prefill' && mode !== 'dense' ? exactStore(addon, manifest, budget) : undefined;
  }

  close(): void {
    this.cache.close();
    this.beside?.close();
  }

  /**
   * The tokens of both parts, cut where lm-evaluation-harness cuts: blanks at the context's end belong to the continuation, and the continuation is what
   * the whole has more than the context. A text too long for the model loses its beginning.
   */
  encodePair({ context, continuation }: Pair): { ids: Int32Array; from: number } {
    const end = context.trimEnd().length;
    const start = this.beginning();
    const whole = [...start, ...this.tokenizer.encode(context + continuation, { atStart: true })];
    const head = start.length + this.tokenizer.encode(context.slice(0, end), { atStart: true }).length;
    return this.fitting(whole, Math.max(1, Math.min(head, whole.length - 1)), 0);
  }

  /** BOS where the model was trained with one. */
  private beginning(): number[] {
    const { bos, addBos } = this.tokenizer.special;
    return addBos && bos !== null ? [bos] : [];
  }

  private fitting(ids: number[], from: number, room: number): { ids: Int32Array; from: number } {
    const over = Math.max(0, ids.length + room - this.forward.manifest.shape.context);
    return { ids: Int32Array.from(ids.slice(over)), from: Math.max(1, from - over) };
  }

  /** What a known beginning was read for before is not read again: a strict reading of it is the same. */
  async likelihood(pair: Pair): Promise<Likelihood> {
    const { ids, from } = this.encodePair(pair);
    const { vocabulary } = this.forward.manifest.shape;
    const lease = this.cache.lease(ids, { most: from - 1 });
    try {
      const result = { logProbability: 0, isGreedy: true };
      for (const [at, end] of this.forward.chunks(lease.length, ids.length)) {
        if (this.cancelled()) break;
        const logits = await this.pass(lease, lease, ids.subarray(at, end), end > from - 1 ? 'all' : 'none');
        for (let i = Math.max(at, from - 1); logits && i < Math.min(end, ids.length - 1); i++) {
          const row = logits.subarray((i - at) * vocabulary, (i - at + 1) * vocabulary);
          result.logProbability -= surprise(row, ids[i + 1]);
          result.isGreedy &&= best(row) === ids[i + 1];
        }
      }
      return result;
    } finally {
      this.finish(lease, 'read');
    }
  }

  /** What greedy decoding writes behind a text, up to `most` tokens or where `ends` says so of what is written. */
  async continuation(context: string, most: number, ends: (text: string) => boolean): Promise<string> {
    return this.write([...this.beginning(), ...this.tokenizer.encode(context, { atStart: true })], most, ends);
  }

  /** The same behind tokens. */
  async write(prompt: readonly number[], most: number, ends: (text: string) => boolean): Promise<string> {
    const { tokenizer } = this;
    const { ids } = this.fitting([...prompt], prompt.length, most);
    const lease = this.cache.lease(ids, { most: this.beside ? 0 : ids.length - 1 });
    const exact = this.beside?.lease(ids, { most: 0 });
    const written: number[] = [];
    try {
      let logits: Float32Array | undefined;
      const reading = exact ? new Reading(lease, exact, this.forward.manifest.shape.heads * this.forward.manifest.shape.valueLength) : lease;
      for (const [at, end] of this.forward.chunks(lease.length, ids.length)) {
        if (this.cancelled()) return '';
        logits = await this.pass(reading, lease, ids.subarray(at, end), end === ids.length ? 'last' : 'none');
      }
      this.count(lease, 'read');
      const writing = exact ?? lease;
      while (logits && written.length < most && !this.cancelled()) {
        const id = best(logits);
        if (tokenizer.ends.includes(id)) break;
        written.push(id);
        if (ends(tokenizer.decode(written))) break;
        logits = written.length < most ? await this.pass(writing, writing, [id], 'last', true) : undefined;
      }
      return tokenizer.decode(written);
    } finally {
      exact?.release();
      this.finish(lease, 'written');
    }
  }

  private async pass(attention: ChunkAttention, lease: Lease, ids: ArrayLike<number>, wanted: 'none' | 'last' | 'all', writes = false): Promise<Float32Array | undefined> {
    attention.begin(ids, writes);
    try {
      const logits = await this.forward.run(ids, attention, wanted);
      attention.commit();
      this.tokens += ids.length;
      return logits;
    } catch (error) {
      if (lease.open) lease.abort();
      throw error;
    }
  }

  private readonly counted: Work = { dense: 0, required: 0 };

  private count(lease: Lease, phase: 'read' | 'written'): void {
    const { dense, required } = lease.ops;
    this.work[phase].dense += dense - this.counted.dense;
    this.work[phase].required += required - this.counted.required;
    Object.assign(this.counted, { dense, required });
  }

  private finish(lease: Lease, phase: 'read' | 'written'): void {
    this.count(lease, phase);
    Object.assign(this.counted, { dense: 0, required: 0 });
    lease.release();
  }
}

interface ChunkAttention extends LayerAttention {
  begin(ids: ArrayLike<number>, writes?: boolean): void;
  commit(): void;
}

/** Reads in the mode's form, and keeps exact keys and values of the same text for what is written. */
class Reading implements ChunkAttention {
  private unused = new Float32Array(0);

  constructor(
    private readonly lease: Lease,
    private readonly exact: Lease,
    private readonly width: number,
  ) {}

  begin(ids: ArrayLike<number>): void {
    this.lease.begin(ids);
    this.exact.begin(ids);
  }

  attend(layer: number, rows: number, qkv: Float32Array, out: Float32Array): void {
    if (this.unused.length < rows * this.width) this.unused = new Float32Array(rows * this.width);
    this.exact.attend(layer, rows, qkv, this.unused.subarray(0, rows * this.width));
    this.lease.attend(layer, rows, qkv, out);
  }

  commit(): void {
    this.lease.commit();
    this.exact.commit();
  }
}
