// One pass of the decoder over a chunk of tokens: embedding, then segment and attention in turn, then the head on the rows that are wanted.
import { flowWidths, type Manifest } from './manifest.ts';
import { PORTS } from './run/ports.ts';
import type { Runners } from './run/segmentRunner.ts';
import { Rows } from './rows.ts';

/** What forward needs of attention: rows of q/k/v in, rows of mixed values out; keeps the keys and values itself. */
export interface LayerAttention {
  /**
   * @param qkv `[rows, (heads + kvHeads)·keyLength + kvHeads·valueLength]`, before RoPE
   * @param out `[rows, heads·valueLength]`
   * @returns nothing, or a promise where attention itself runs in ONNX Runtime (eval and parity)
   */
  attend(layer: number, rows: number, qkv: Float32Array, out: Float32Array): void | Promise<void>;
}

/** Milliseconds spent in each stage, summed. */
export interface StageTimes {
  embedding: number;
  segments: number;
  attention: number;
  head: number;
}

/** Which rows get logits: none (a chunk inside a prefill), the last one, or all; 'hidden' gives all rows of the residual stream instead. */
export type Wanted = 'none' | 'last' | 'all' | 'hidden';

export class Forward {
  /** Milliseconds of the longest stage of one layer so far: nothing is heard during one. */
  longestCall = 0;
  readonly times: StageTimes = { embedding: 0, segments: 0, attention: 0, head: 0 };
  private readonly hidden: Rows;
  private readonly residual: Rows;
  private readonly qkv: Rows;
  private readonly attention: Rows;
  private readonly lastAttention: Rows;
  private readonly lastResidual: Rows;
  private readonly lastHidden: Rows;
  private readonly logits: Rows;
  private allLogits: Rows | undefined;

  /** @param runners what runs between the attentions; released with it */
  constructor(
    readonly manifest: Manifest,
    /** Rows that one call of `run` takes at most: it bounds how long a cancellation waits. */
    readonly chunk: number,
    private readonly runners: Runners,
  ) {
    const { shape } = manifest;
    const { qkv, attention } = flowWidths(shape);
    this.hidden = new Rows(this.chunk, shape.hidden);
    this.residual = new Rows(this.chunk, shape.hidden);
    this.qkv = new Rows(this.chunk, qkv);
    this.attention = new Rows(this.chunk, attention);
    this.lastAttention = new Rows(1, attention);
    this.lastResidual = new Rows(1, shape.hidden);
    this.lastHidden = new Rows(1, shape.hidden);
    this.logits = new Rows(1, shape.vocabulary);
  }

  /** The chunks of a text that is read from `from` to `end`, as [begin, end). */
  *chunks(from: number, end: number): Generator<[from: number, end: number]> {
    for (let at = from; at < end; ) {
      const next = Math.min(end, at + this.chunk);
      yield [at, next];
      at = next;
    }
  }

  /**
   * Runs `ids` through the decoder, at most `chunk` of them.
   * @param cancelled asked before every segment; true ends the pass without logits
   * @returns `[vocabulary]` for 'last', `[ids, vocabulary]` for 'all', `[ids, hidden]` for 'hidden' (overwritten by the next call); undefined otherwise
   */
  async run(ids: ArrayLike<number>, attention: LayerAttention, wanted: Wanted, cancelled: () => boolean = () => false): Promise<Float32Array | undefined> {
    const rows = ids.length;
    const { layers } = this.manifest.shape;
    const { segments } = this.runners;
    let clock = performance.now();
    const lap = (stage: keyof StageTimes) => {
      const now = performance.now();
      this.times[stage] += now - clock;
      this.longestCall = Math.max(this.longestCall, now - clock);
      clock = now;
    };

    this.runners.embedding.lookup(ids, this.hidden.data);
    lap('embedding');
    await segments[0].run({ [PORTS.embedding]: this.hidden }, { [PORTS.qkv]: this.qkv }, rows);
    lap('segments');
    let [residual, next] = [this.hidden, this.residual];
    for (let layer = 0; layer < layers; layer++) {
      if (cancelled()) return undefined;
      const pending = attention.attend(layer, rows, this.qkv.view(rows), this.attention.view(rows));
      if (pending) await pending;
      lap('attention');
      if (layer === layers - 1) break;
      await segments[layer + 1].run(
        { [PORTS.attention]: this.attention, [PORTS.residual]: residual },
        { [PORTS.qkv]: this.qkv, [PORTS.residualOut]: next }, rows);
      [residual, next] = [next, residual];
      lap('segments');
    }
    if (wanted === 'none' || cancelled()) return undefined;
    return wanted === 'last' ? this.lastRow(residual, rows, lap) : this.allRows(residual, next, rows, wanted, lap);
  }

  /** The last segment and the head see one row only: nobody reads the others. */
  private async lastRow(residual: Rows, rows: number, lap: (stage: keyof StageTimes) => void): Promise<Float32Array> {
    const row = (from: Rows, to: Rows) => to.data.set(from.data.subarray((rows - 1) * from.width, rows * from.width));
    row(this.attention, this.lastAttention);
    row(residual, this.lastResidual);
    await this.runners.segments.at(-1)!.run(
      { [PORTS.attention]: this.lastAttention, [PORTS.residual]: this.lastResidual },
      { [PORTS.residualOut]: this.lastHidden }, 1);
    lap('segments');
    await this.runners.head.run({ [PORTS.hidden]: this.lastHidden }, { [PORTS.logits]: this.logits }, 1);
    lap('head');
    return this.logits.data;
  }

  private async allRows(residual: Rows, next: Rows, rows: number, wanted: Wanted, lap: (stage: keyof StageTimes) => void): Promise<Float32Array> {
    await this.runners.segments.at(-1)!.run(
      { [PORTS.attention]: this.attention, [PORTS.residual]: residual },
      { [PORTS.residualOut]: next }, rows);
    lap('segments');
    if (wanted === 'hidden') return next.view(rows);
    this.allLogits ??= new Rows(this.chunk, this.manifest.shape.vocabulary);
    await this.runners.head.run({ [PORTS.hidden]: next }, { [PORTS.logits]: this.allLogits }, rows);
    lap('head');
    return this.allLogits.view(rows);
  }

  /** Frees what runs and closes the files; no run may be under way. */
  async release(): Promise<void> {
    await this.runners.release();
  }
}
