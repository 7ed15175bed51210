// The runtime behind the worker: one loaded model with its cache. No messages, no vscode; tests and benchmarks use it directly.
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import type { Addon } from '../binding/addon.ts';
import { forceKernels } from '../binding/load.ts';
import type { KvCache } from '../cache/store.ts';
import { CancelFlag } from '../shared/cancel.ts';
import { DeltaError } from '../shared/errors.ts';
import { inspect, type InspectOptions } from '../inspect/inspect.ts';
import type { InspectReport } from '../inspect/report.ts';
import { joined } from '../locality/continuations.ts';
import { Deletions } from '../locality/deletions.ts';
import { DocumentTokens } from '../locality/documentTokens.ts';
import { DraftLength } from '../locality/draftLength.ts';
import { Neighbours } from '../locality/neighbours.ts';
import { TokenIndex } from '../locality/tokenIndex.ts';
import { Forward } from '../model/forward.ts';
import { laneState, type LaneState } from '../model/lane.ts';
import { resolveModel } from '../model/library.ts';
import { readTokenizer } from '../model/readTokenizer.ts';
import type { Manifest } from '../model/manifest.ts';
import { storeFor } from '../model/stores.ts';
import { fimBudget, normalise } from '../prompt/budget.ts';
import { fimPrompt } from '../prompt/fim.ts';
import { fimOrder } from '../prompt/order.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { StreamText } from '../tokenizer/streamText.ts';
import { completionText, plainText, type TextEnd } from './textEnd.ts';
import { stageBudget } from './stageBudget.ts';
import type { BenchOptions, BenchResult, ConfidenceCurve, GenerateOptions, GenerateResult, LoadedModel, LoadOptions, LogitsOptions, PromptDescription } from './protocol.ts';
import { measureConfidence, sampleTexts } from './confidence.ts';
import { keepConfidence, readConfidence } from './confidenceFile.ts';
import { firstLineLogProbability, Scores, type Score } from './firstLine.ts';
import { bounded, type NeighbourSet } from './neighbourSet.ts';
import { Owed, spansWith, withoutTail } from './healing.ts';
import { Sampler } from './sampler.ts';
import { Session, step, type Around } from './session.ts';

/** Rows per precise prefill step: bounds how long a cancellation waits (one segment of one chunk). On the lane: LANE_CHUNK. */
export const PREFILL_CHUNK = 64;
/** Tokens of a completion prompt at most: what a CPU reads in seconds when nothing is cached. */
const PROMPT_TOKENS = 2048;
/** MiB of freed memory that are kept while a model is loaded: more than the activations of a segment. */
const KEPT_MEGABYTES = 64;
/** Parameters below which the text around the cursor takes part before it was measured whether that helps. */
const SMALL_MODEL = 100e6;

export type Progress = (stage: string, share: number) => void;

export class Engine {
  private readonly documents: DocumentTokens;
  /** Of the text that was last generated from: the next one usually differs at its end only. */
  private readonly index = new TokenIndex();
  /** Of the last set that came; whoever has time reads on in it. */
  readonly neighbours: Neighbours;
  /** Of the document that was last completed in. */
  private readonly deletions: Deletions;
  private readonly lengths = new DraftLength();

  private constructor(
    readonly addon: Addon,
    readonly forward: Forward,
    readonly cache: KvCache,
    readonly tokenizer: Tokenizer,
    private known: ConfidenceCurve | null,
    private readonly lane: LaneState,
  ) {
    this.documents = new DocumentTokens((text) => tokenizer.encode(text));
    this.neighbours = new Neighbours(this.documents);
    this.deletions = new Deletions((text) => tokenizer.encode(text));
  }

  /** Imports the model if need be and loads it. */
  static async load(addon: Addon, options: LoadOptions, progress: Progress = () => {}, notice: (text: string) => void = () => {}): Promise<Engine> {
    // What an earlier load forced does not stay.
    forceKernels(addon, options.kernels || process.env.DELTALLM_KERNELS || 'auto');
    addon.setThreads(options.threads);
    const folder = await resolveModel(options.model, { addon, threads: options.threads, progress, notice });
    const tokenizer = readTokenizer(folder);
    let lane: LaneState = { state: 'off' };
    const withLane = (manifest: Manifest) => (lane = laneState(manifest, options.lane ?? 'off', options.laneBytes)).state === 'used';
    const forward = await Forward.load(folder, options.threads, options.chunk ?? PREFILL_CHUNK, (done, total) => progress('loading', done / total), withLane);
    try {
      const cache = storeFor(options.attention, addon, folder, forward.manifest, options.cacheBytes, forward.hasLane);
      const engine = new Engine(addon, forward, cache, tokenizer, await readConfidence(folder, forward.manifest.source.sha256), lane);
      addon.keepFreedMemory(KEPT_MEGABYTES); // after the weights, which are to be given back
      return engine;
    } catch (error) {
      await forward.release();
      throw error;
    }
  }

  describe(): LoadedModel {
    const { manifest, folder } = this.forward;
    return {
      name: manifest.name, folder, parameters: manifest.parameters, context: manifest.shape.context, vocabulary: manifest.shape.vocabulary,
      fim: this.tokenizer.special.fim !== null, kernels: this.addon.cpu().selected, rowInvariant: manifest.rowInvariant, lane: this.lane,
      recipe: Buffer.from(this.cache.recipe).toString('hex'), confidence: this.known,
    };
  }

  /**
   * Generates text; `emit` gets it piece by piece, never half a character and never part of a stop string, with how sure the
   * model was of what came since the last piece. `progress` hears of the reading at a cursor.
   */
  async generate(options: GenerateOptions, cancel: CancelFlag, emit: (text: string, scores: readonly Score[]) => void = () => {}, progress: Progress = () => {}): Promise<GenerateResult> {
    const mixes = this.mixes(options);
    const beside = this.beside(options.neighbours, mixes);
    const { tokens, end, owed, prompt } = this.prepare(options, mixes);
    const session = new Session(this.forward, this.cache);
    const stream = new StreamText(this.tokenizer);
    let text = '';
    let generated = 0;
    let logProbability = 0;
    const scores = new Scores();
    let emitted = 0;
    const give = (piece: string) => {
      text += piece;
      if (piece === '') return;
      emit(piece, scores.all.slice(emitted));
      emitted = scores.all.length;
    };
    const sampler = new Sampler({ ...options.sampling });
    let stopped = false;
    const atCursor = 'snapshot' in options.prompt;
    const limits = {
      max: options.max, sampler, cancel,
      ends: atCursor ? this.tokenizer.ends : this.tokenizer.special.eos,
      approximate: options.approximate ?? atCursor,
      around: this.around(options, tokens, mixes, beside?.index),
      owed,
      read: atCursor ? (share: number) => progress('reading', share) : undefined,
    };
    for await (const token of session.generate(tokens, limits)) {
      generated++;
      logProbability += token.logProbability;
      const piece = stream.push(token.id).slice(owed?.accept(token.id) ?? 0);
      scores.push(piece, token.logProbability);
      give(end.push(piece));
      stopped = end.done;
      if (stopped) break;
    }
    if (!stopped) give(end.push(stream.end()));
    give(end.finish(!stopped && session.ending !== 'end'));
    const kept = end.result(text);
    return {
      text: kept,
      reason: stopped ? 'stop' : session.ending,
      rule: end.rule,
      tokens: { prompt: tokens.length, reused: session.reused, computed: session.computed, generated },
      ms: session.ms,
      lookup: session.lookup,
      locality: mixes,
      sparsity: session.sparsity,
      approximate: session.approximate,
      meanLogProbability: generated > 0 ? logProbability / generated : 0,
      firstLineLogProbability: firstLineLogProbability(scores.all, kept),
      scores: scores.all,
      prompt: prompt && { ...prompt, neighbours: beside?.paths ?? [] },
    };
  }

  /** Prompt tokens, the rule that ends the text, and what the text must begin with. */
  private prepare({ prompt, stop = [], max }: GenerateOptions, mixes: boolean): { tokens: Int32Array; end: TextEnd; owed?: Owed; prompt?: Omit<PromptDescription, 'neighbours'> } {
    if ('tokens' in prompt) return { tokens: this.checked(prompt.tokens), end: plainText(stop) };
    if ('text' in prompt) return { tokens: Int32Array.from(this.tokenizer.encode(prompt.text, { bos: true })), end: plainText(stop) };
    const { name, shape } = this.forward.manifest;
    // A limit near the context's length is no reason to read nothing: the text then ends where the context does.
    const total = Math.min(prompt.promptTokens ?? PROMPT_TOKENS, Math.max(shape.context >> 1, shape.context - max - 1));
    const { snapshot, tail } = mixes ? withoutTail(prompt.snapshot) : { snapshot: prompt.snapshot, tail: '' };
    const { tokens, spans } = fimPrompt(snapshot, this.tokenizer, { order: fimOrder(name), budget: fimBudget(total), modelName: name });
    return {
      tokens: Int32Array.from(tokens), end: completionText(prompt.snapshot, prompt.maxLines), owed: new Owed(this.tokenizer, tail),
      prompt: { text: this.tokenizer.decode(tokens), spans: spansWith(tail, spans, snapshot.before.length) },
    };
  }

  /** Whether the text around the cursor takes part. */
  private mixes({ prompt, locality }: GenerateOptions): boolean {
    return 'snapshot' in prompt && (locality ?? (this.known ? this.known.locality === true : this.forward.manifest.parameters < SMALL_MODEL));
  }

  /** The text that the prompt is the end of: the whole document at a cursor, else the prompt itself. Undefined where it is used for nothing. */
  private around({ prompt, lookup = true }: GenerateOptions, tokens: Int32Array, mixes: boolean, neighbours?: TokenIndex): Around | undefined {
    // Rows that depend on those beside them could make another text of it.
    const ahead = lookup && this.forward.manifest.rowInvariant;
    const { documents, deletions, index, lengths } = this;
    if (ahead && 'snapshot' in prompt) deletions.become(prompt.snapshot.uri ?? prompt.snapshot.path, normalise(prompt.snapshot.before + prompt.snapshot.after));
    else deletions.forget();
    if (!mixes && !ahead) return undefined;
    if ('snapshot' in prompt) {
      const { before, after } = mixes ? withoutTail(prompt.snapshot).snapshot : prompt.snapshot;
      index.become(joined([documents.after(normalise(after)), documents.before(normalise(before))]));
    } else index.become(tokens);
    return { index, mixes, neighbours, lookup: ahead ? { lengths, others: [deletions.index, ...(neighbours ? [neighbours] : [])] } : undefined };
  }

  /** The neighbours that a request names, as far as they are read; a set that it brings takes the place of the last one in any case. */
  private beside(set: NeighbourSet | undefined, mixes: boolean): ReturnType<Neighbours['of']> {
    if (set?.documents) this.neighbours.become(set.name, bounded(set.documents).map(({ path, text }) => ({ path, text: normalise(text) })));
    return set && mixes ? this.neighbours.of(set.name) : undefined;
  }

  private checked(tokens: number[]): Int32Array {
    const { vocabulary } = this.forward.manifest.shape;
    for (const id of tokens) if (!(Number.isInteger(id) && id >= 0 && id < vocabulary)) throw new DeltaError('tokenOutOfRange', id, vocabulary);
    return Int32Array.from(tokens);
  }

  /** Writes the logits of the last or of all positions of `tokens` to a file. */
  async logits(options: LogitsOptions, cancel: CancelFlag, progress: Progress = () => {}): Promise<{ positions: number; vocabulary: number }> {
    const tokens = this.checked(options.tokens);
    const { vocabulary, context } = this.forward.manifest.shape;
    if (tokens.length > context) throw new DeltaError('contextFull', tokens.length, context);
    const file = createWriteStream(options.out);
    const failed = once(file, 'error').then(([error]) => {
      throw new DeltaError('folderNotWritable', options.out, String((error as NodeJS.ErrnoException).code));
    });
    const write = async () => {
      for await (const rows of this.logitRows(tokens, options.all, cancel)) {
        progress('reading', rows.end / tokens.length);
        const bytes = Buffer.from(rows.logits.slice().buffer);
        if (!file.write(bytes)) await once(file, 'drain');
      }
      file.end();
      await once(file, 'finish');
    };
    await Promise.race([write(), failed]);
    failed.catch(() => {});
    return { positions: options.all ? tokens.length : 1, vocabulary };
  }

  /** Logits chunk by chunk, `[rows, vocabulary]` (overwritten by the next step), on a lease of their own with the cache left as it was. */
  async *logitRows(tokens: Int32Array, all: boolean, cancel = new CancelFlag()): AsyncGenerator<{ end: number; logits: Float32Array }> {
    const lease = this.cache.lease(new Int32Array(0));
    lease.cancel = cancel.word;
    try {
      for (const [at, end] of this.forward.chunks(0, tokens.length)) {
        if (cancel.isSet) break;
        const logits = await step(this.forward, lease, tokens.subarray(at, end), all ? 'all' : end === tokens.length ? 'last' : 'none', cancel);
        if (logits) yield { end, logits };
      }
    } finally {
      lease.release();
    }
  }

  /** Measures how far the model's confidence can be trusted, on at most `tokens` tokens of sample code, and keeps the answer beside the weights. */
  async confidence(tokens: number, cancel: CancelFlag): Promise<ConfidenceCurve> {
    this.known = await measureConfidence(this, await sampleTexts(), tokens, cancel);
    await keepConfidence(this.forward.folder, this.forward.manifest.source.sha256, this.known);
    return this.known;
  }

  /** Dense and delta attention side by side, on caches of their own. */
  inspect(options: InspectOptions, cancel: CancelFlag, progress: Progress = () => {}): Promise<InspectReport> {
    return inspect(this.forward, this.addon, this.tokenizer, options, cancel, (share) => progress('inspecting', share));
  }

  /** The time of each stage at one context length. */
  bench(options: BenchOptions, cancel: CancelFlag): Promise<BenchResult> {
    return stageBudget(this.forward, this.cache, options, cancel);
  }

  async close(): Promise<void> {
    this.cache.close();
    await this.forward.release();
    this.addon.keepFreedMemory(0);
  }
}
