// One pass of the decoder over a chunk of tokens: embedding, then segment and attention in turn, then the head on the rows that are wanted.
import { join } from 'node:path';
import { DeltaError } from '../shared/errors.ts';
import { atOnce, type RunPass } from '../shared/pass.ts';
import { LANE_CHUNK, LANE_FROM } from './lane.ts';
import { forgetChecked } from './folderCheck.ts';
import { flowWidths, readManifest, type Manifest, type Shape } from './manifest.ts';
import { Embedding } from './embedding.ts';
import type { Runners, SegmentRunner } from './run/segmentRunner.ts';
import { Rows, Segment } from './segment.ts';
import { PORTS } from './import/llama.ts';

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

/** ONNX Runtime's messages can run over many lines. */
const MOST_OF_A_REASON = 200;

export class Forward {
  /** Rows that one call takes at most. */
  private readonly most: number;
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

  private constructor(
    readonly folder: string,
    readonly manifest: Manifest,
    /** Rows that one precise call of `run` takes at most. */
    readonly chunk: number,
    private readonly runners: Runners,
    /** Segments 0 … layers − 1 on the prefill lane; none where it is not used. */
    private readonly lane: SegmentRunner[],
  ) {
    const { shape } = manifest;
    const { qkv, attention } = flowWidths(shape);
    this.most = lane.length > 0 ? Math.max(chunk, LANE_CHUNK) : chunk;
    this.hidden = new Rows(this.most, shape.hidden);
    this.residual = new Rows(this.most, shape.hidden);
    this.qkv = new Rows(this.most, qkv);
    this.attention = new Rows(this.most, attention);
    this.lastAttention = new Rows(1, attention);
    this.lastResidual = new Rows(1, shape.hidden);
    this.lastHidden = new Rows(1, shape.hidden);
    this.logits = new Rows(1, shape.vocabulary);
  }

  /** Loads a model folder, with its prefill lane where that is wanted, a session a pass. `progress` hears of each session; what it throws ends the load. */
  static async load(folder: string, threads: number, chunk: number, progress: (done: number, total: number) => void = () => {}, withLane: (manifest: Manifest) => boolean = () => false, pass: RunPass = atOnce): Promise<Forward> {
    const manifest = await readManifest(folder);
    const { shape, embedding } = manifest;
    const lane = withLane(manifest) ? manifest.lane!.files : [];
    const graphs = [...manifest.segments, manifest.head.file].map((file, i) => ({ file, i })).concat(lane.map((file, i) => ({ file, i })));
    const loaded: Segment[] = [];
    try {
      for (const { file, i } of graphs) {
        const segment = await pass(() => Segment.load(join(folder, file), threads)).catch((error: Error) => {
          if (error instanceof DeltaError) throw error;
          throw new DeltaError('modelFolderInvalid', folder, `${file}: ${error.message.replace(/\s+/g, ' ').slice(0, MOST_OF_A_REASON)}`);
        });
        loaded.push(segment);
        if (!segment.hasPorts(...portsOf(i, shape))) throw new DeltaError('modelFolderInvalid', folder, `${file} does not fit its manifest.json`);
        progress(loaded.length, graphs.length);
      }
      const table = new Embedding(join(folder, embedding.file), embedding.type, shape.vocabulary, shape.hidden);
      const precise = manifest.segments.length;
      const release = async () => {
        for (const segment of loaded) await segment.release();
        table.close();
      };
      return new Forward(folder, manifest, chunk, { embedding: table, segments: loaded.slice(0, precise), head: loaded[precise], release }, loaded.slice(precise + 1));
    } catch (error) {
      for (const segment of loaded) await segment.release();
      await forgetChecked(folder);
      throw error;
    }
  }

  /** The same passes by other runners than ONNX Runtime's, which are released with it; sizes are those of the model folder. */
  static async over(runners: Runners, folder: string, chunk: number): Promise<Forward> {
    return new Forward(folder, await readManifest(folder), chunk, runners, []);
  }

  /** Whether prompts can be read on the lane. */
  get hasLane(): boolean {
    return this.lane.length > 0;
  }

  /** The end of the next chunk of a text that is read from `at` to `end`, all its rows on one side of the lane's beginning. */
  chunkEnd(at: number, end: number): number {
    if (this.hasLane && at >= LANE_FROM) return Math.min(end, at + this.most);
    return Math.min(end, at + this.chunk, this.hasLane ? LANE_FROM : Infinity);
  }

  /** The chunks of a text that is read from `from` to `end`, as [begin, end). */
  *chunks(from: number, end: number): Generator<[from: number, end: number]> {
    for (let at = from; at < end; ) {
      const next = this.chunkEnd(at, end);
      yield [at, next];
      at = next;
    }
  }

  /**
   * Runs `ids` through the decoder: at most `chunk` of them, or what `chunkEnd` allows on the lane.
   * @param cancelled asked before every segment; true ends the pass without logits
   * @param onLane the layers on the prefill lane, where it is loaded; what comes behind the last attention is precise
   * @returns `[vocabulary]` for 'last', `[ids, vocabulary]` for 'all', `[ids, hidden]` for 'hidden' (overwritten by the next call); undefined otherwise
   */
  async run(ids: ArrayLike<number>, attention: LayerAttention, wanted: Wanted, cancelled: () => boolean = () => false, onLane = false): Promise<Float32Array | undefined> {
    const rows = ids.length;
    const { layers } = this.manifest.shape;
    const segments = onLane && this.hasLane ? this.lane : this.runners.segments;
    let clock = performance.now();
    const lap = (stage: keyof StageTimes) => {
      const now = performance.now();
      this.times[stage] += now - clock;
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
    this.allLogits ??= new Rows(this.most, this.manifest.shape.vocabulary);
    await this.runners.head.run({ [PORTS.hidden]: next }, { [PORTS.logits]: this.allLogits }, rows);
    lap('head');
    return this.allLogits.view(rows);
  }

  /** Frees what runs and closes the files; no run may be under way. */
  async release(): Promise<void> {
    await this.runners.release();
  }
}

/** Inputs and outputs of graph i with their widths; the head comes after the last segment. */
function portsOf(i: number, shape: Shape): [inputs: Record<string, number>, outputs: Record<string, number>] {
  const flow = flowWidths(shape);
  if (i > shape.layers) return [{ [PORTS.hidden]: shape.hidden }, { [PORTS.logits]: shape.vocabulary }];
  const next = { [PORTS.qkv]: flow.qkv };
  if (i === 0) return [{ [PORTS.embedding]: shape.hidden }, next];
  const residual = { [PORTS.residualOut]: shape.hidden };
  return [{ [PORTS.attention]: flow.attention, [PORTS.residual]: shape.hidden }, i === shape.layers ? residual : { ...next, ...residual }];
}
