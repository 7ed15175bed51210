// The runtime behind the worker: one loaded model with its cache. No messages, no vscode; tests and benchmarks use it directly.
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import type { Addon, DeltaTables } from '../binding/addon.ts';
import { opensReasoning } from '../chat/reasoning.ts';
import { ChatTemplate, hasTemplate } from '../chat/template.ts';
import { forceKernels } from '../binding/load.ts';
import { census, claim } from '../cache/census.ts';
import { MOVES, type MovePolicy } from '../cache/known.ts';
import type { KvCache } from '../cache/store.ts';
import { CancelFlag } from '../shared/cancel.ts';
import type { CacheFigures, LiveFigures } from '../shared/liveFigures.ts';
import { DeltaError } from '../shared/errors.ts';
import { atOnce, type RunPass } from '../shared/pass.ts';
import { attentionMap, type MapOptions } from '../inspect/attentionMap.ts';
import { inspect, type InspectOptions } from '../inspect/inspect.ts';
import type { AttentionMap, InspectReport } from '../inspect/report.ts';
import { DocumentTokens } from '../locality/documentTokens.ts';
import { Neighbours } from '../locality/neighbours.ts';
import type { Forward } from '../model/forward.ts';
import { loadModel, type Model } from '../model/loadModel.ts';
import { storeFor, type Mode } from '../model/stores.ts';
import { fimBudget, normalise } from '../prompt/budget.ts';
import { fimPrompt } from '../prompt/fim.ts';
import { filesForm, fimOrder } from '../prompt/order.ts';
import type { Snapshot } from '../prompt/snapshot.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { StreamText } from '../tokenizer/streamText.ts';
import { completionText, plainText, type TextEnd } from './textEnd.ts';
import { stageBudget } from './stageBudget.ts';
import type { BenchOptions, BenchResult, Calls, ConfidenceCurve, GenerateOptions, GenerateResult, LoadedModel, LoadOptions, LogitsOptions, PromptDescription } from './protocol.ts';
import { measureConfidence, sampleTexts } from './confidence.ts';
import { keepConfidence, readConfidence } from './confidenceFile.ts';
import { firstLineLogProbability, Scores, type Score } from './firstLine.ts';
import { bounded, type NeighbourSet } from './neighbourSet.ts';
import { chatPrompt } from './chatPrompt.ts';
import { COMPLETIONS, Conversations, type Conversation } from './conversation.ts';
import { CursorPrompts } from './cursorPrompt.ts';
import { KeptFiles } from './keptFiles.ts';
import { liveFigures } from './liveFigures.ts';
import { LookedAt } from './lookedAt.ts';
import { Onlooker, type Watched } from './onlooker.ts';
import { PromptFiles } from './promptFiles.ts';
import { Owed, spansWith, withoutTail } from './healing.ts';
import { Sampler } from './sampler.ts';
import { Session, step } from './session.ts';

/** Tokens of a completion prompt at most: what a CPU reads in seconds when nothing is cached. */
const PROMPT_TOKENS = 2048;
/** MiB of freed memory that are kept while a model is loaded: more than the activations of a segment. */
const KEPT_MEGABYTES = 64;
/** Characters of what was written last that are told. */
const MOST_TOLD = 2000;
/** Opens what a model thinks before it answers. */
const THINK = '<think>\n';
/** Parameters below which the text around the cursor takes part before it was measured whether that helps. */
const SMALL_MODEL = 100e6;
/** Tokens of a prompt beyond which such a model gains nothing (docs/locality.md): the text around the cursor is the whole file in any case. */
const SMALL_PROMPT = 2048;

/** `tokens`: of the reading of a prompt, how many there are to read. */
export type Progress = (stage: string, share: number, tokens?: number) => void;

/** How a load makes its passes, who hears of what is no failure, and who hears of it as long as the model is loaded. */
export interface LoadMore {
  pass?: RunPass;
  notice?: (text: string) => void;
  lasting?: (text: string) => void;
}

/** What a request comes to before the first pass. */
interface Prepared {
  tokens: Int32Array;
  conversation: Conversation;
  end: TextEnd;
  /** What the text must begin with. */
  owed?: Owed;
  prompt?: Omit<PromptDescription, 'neighbours'>;
  /** At a cursor. */
  moves?: MovePolicy;
  /** Of a conversation: the text that the tokens are of, and what its template did. */
  chat?: { text: string; /** The tag that the prompt ends with. */ opens: string } & NonNullable<GenerateResult['chat']>;
}

export class Engine {
  /** Of the last set that came; whoever has time reads on in it. */
  readonly neighbours: Neighbours;
  /** The same documents, where the model reads several files in a prompt. */
  private readonly files: PromptFiles;
  /** What is moved at a cursor; undefined: nothing. */
  moves: MovePolicy | undefined = MOVES;
  /** Hears the tokens of each prompt: for whoever replays. */
  hears: ((prompt: Int32Array) => void) | undefined;
  private readonly conversations: Conversations;
  private readonly prompts: CursorPrompts;
  /** On the disk, for the next start; undefined: nothing is kept. */
  private kept: KeptFiles | undefined;
  private madeTemplate: ChatTemplate | undefined;
  /** The last prompt at a cursor, as long as it was read only approximately. */
  private unsettled: { tokens: number[]; snapshot: Snapshot } | undefined;
  /** Where the last request at a cursor was. */
  private place: Snapshot | undefined;
  /** What was written last, as it grows: for whoever looks. */
  private wrote: { path: string | null; text: string } | null = null;
  private readonly onlooker = new Onlooker();
  /** Of the document that was last completed in. */
  private path: string | null = null;
  /** Tokens of all prompts so far. */
  private readonly saved = { reused: 0, computed: 0 };

  private constructor(
    readonly addon: Addon,
    readonly forward: Forward,
    readonly cache: KvCache,
    readonly tokenizer: Tokenizer,
    private readonly templateSource: string | undefined,
    private known: ConfidenceCurve | null,
    /** What `cache` codes keys by, of each mode. */
    readonly tables: Record<Mode, DeltaTables[]>,
    /** Where what is measured of the model is kept. */
    private readonly folder: string,
    /** Measures it better, for the next start. */
    private better: Model['refine'],
  ) {
    const documents = new DocumentTokens((text) => tokenizer.encode(text));
    this.neighbours = new Neighbours(documents);
    this.conversations = new Conversations(tokenizer, documents);
    const { name: modelName } = forward.manifest;
    this.files = new PromptFiles(filesForm(modelName, tokenizer.special.fim), tokenizer);
    this.prompts = new CursorPrompts((snapshot, total, { suffix, suffixFirst, neighbours }) => {
      const budget = fimBudget(total);
      const files = this.files.before(snapshot, total, neighbours);
      return { ...fimPrompt(snapshot, tokenizer, { order: suffixFirst ? 'spm' : 'psm', budget: suffixFirst ? budget : { ...budget, suffix: Math.min(budget.suffix, suffix) }, files, modelName }), files: files?.paths };
    }, (tokens, { suffix }) => cache.known(Int32Array.from(tokens), { most: tokens.length - 1, approximate: true, moves: this.movesBefore(suffix) }));
  }

  /** Loads a model, and measures it where that was not done before. */
  static async load(addon: Addon, options: LoadOptions, progress: Progress = () => {}, { pass = atOnce, notice, lasting = notice }: LoadMore = {}): Promise<Engine> {
    // What an earlier load forced does not stay.
    forceKernels(addon, options.kernels || process.env.DELTALLM_KERNELS || 'auto');
    addon.setThreads(options.threads);
    const { forward, tokenizer, chatTemplate, tables, folder, refine } = await loadModel(options.model, { addon, chunk: options.chunk, threads: options.threads, progress, pass, notice });
    try {
      const cache = storeFor(options.attention, addon, forward.manifest, tables, options.cacheBytes);
      const engine = new Engine(addon, forward, cache, tokenizer, chatTemplate, await readConfidence(folder, forward.manifest.source.identity), tables, folder, options.attention === 'dense' ? undefined : refine);
      if (options.kept?.folder) engine.kept = new KeptFiles(cache, addon, engine.prompts, { folder: options.kept.folder, limitBytes: options.kept.limitBytes, notice: lasting });
      engine.keepFreedMemory(); // after the weights, which are to be given back
      return engine;
    } catch (error) {
      await forward.release();
      throw error;
    }
  }

  describe(): LoadedModel {
    const { forward: { manifest }, folder } = this;
    return {
      name: manifest.name, folder, parameters: manifest.parameters, context: manifest.shape.context, vocabulary: manifest.shape.vocabulary,
      fim: this.tokenizer.special.fim !== null, chat: this.converses, kernels: this.addon.cpu().selected,
      recipe: Buffer.from(this.cache.recipe).toString('hex'), confidence: this.known,
    };
  }

  /**
   * Generates text; `emit` gets it piece by piece, never half a character and never part of a stop string, with how sure the
   * model was of what came since the last piece. `progress` hears of the reading at a cursor and in a conversation.
   * Requests of one conversation must come one after the other; others may run at the same time, each making its passes through `pass`.
   */
  async generate(options: GenerateOptions, cancel: CancelFlag, emit: (text: string, scores: readonly Score[]) => void = () => {}, progress: Progress = () => {}, pass: RunPass = atOnce): Promise<GenerateResult> {
    const atCursor = 'snapshot' in options.prompt ? options.prompt.snapshot : undefined;
    const restored = atCursor && (await this.kept?.open(atCursor, { pass, stopped: () => cancel.isSet }));
    const started = performance.now();
    const mixes = this.mixes(options);
    const beside = this.beside(options.neighbours, mixes);
    const before = performance.now();
    const { tokens, conversation, moves, end, owed, prompt, chat } = this.prepare(options, mixes);
    const tokenize = performance.now() - before;
    this.hears?.(tokens);
    if (atCursor && !options.speculative) this.path = atCursor.path;
    const path = chat ? null : (atCursor?.path ?? this.path);
    const wrote = options.max > 0 && !options.speculative ? (this.wrote = { path, text: '' }) : undefined;
    const watched = wrote ? this.watched(options.prompt, tokens, prompt, () => wrote.text) : null;
    const session = new Session(this.forward, this.cache);
    // An answer is a text of its own.
    const begins = ('messages' in options.prompt || 'text' in options.prompt) && this.tokenizer.isControl(tokens.at(-1) ?? -1);
    const stream = new StreamText(this.tokenizer, begins ? this.tokenizer.opening : '');
    const ids: number[] = [];
    let text = '';
    let logProbability = 0;
    const scores = new Scores();
    let emitted = 0;
    const give = (piece: string) => {
      text += piece;
      if (piece === '') return;
      if (wrote) wrote.text = text.slice(-MOST_TOLD);
      emit(piece, scores.all.slice(emitted));
      emitted = scores.all.length;
    };
    // Where the template has opened the reasoning already, whoever tells it from the answer must see that.
    if (chat?.opens) give(chat.opens);
    const sampler = new Sampler({ ...options.sampling }, (logits, ids) => this.addon.bestLogits(logits, ids));
    let stopped = false;
    const limits = {
      max: options.max, sampler, cancel, pass,
      ends: atCursor || chat ? this.tokenizer.ends : this.tokenizer.special.eos,
      reuse: { approximate: options.approximate ?? atCursor !== undefined, moves },
      returns: chat !== undefined,
      around: conversation.around(tokens, {
        ...(atCursor && { whole: atCursor, seen: mixes ? withoutTail(atCursor).snapshot : atCursor }),
        mixes, ahead: options.lookup ?? true, neighbours: beside, renames: options.analogy ?? true,
      }),
      owed,
      writing: (position: number) => this.onlooker.writing(watched, position),
      read: atCursor || chat ? (share: number, unread: number) => progress('reading', share, unread) : undefined,
    };
    await session.generate(tokens, limits, (token) => {
      ids.push(token.id);
      logProbability += token.logProbability;
      const piece = stream.push(token.id).slice(owed?.accept(token.id) ?? 0);
      scores.push(piece, token.logProbability, token.signs);
      give(end.push(piece));
      stopped = end.done;
      return !stopped;
    });
    claim(session.end, path);
    this.saved.reused += session.reused;
    this.saved.computed += session.computed;
    if (atCursor && !options.speculative) {
      conversation.over(this.cache, atCursor, session.end);
      this.place = atCursor;
      this.unsettled = session.approximate ? { tokens: [...tokens], snapshot: atCursor } : undefined;
      this.kept?.over(atCursor);
    }
    if (!stopped) give(end.push(stream.end(session.ending !== 'end')));
    give(end.finish(!stopped && session.ending !== 'end'));
    const kept = end.result(text);
    // What was only read ahead is no turn: the ids of the last one are still to be gone on from.
    if (chat && options.max > 0) conversation.transcript.become(chat.text, [...tokens], ids);
    const queued = Math.max(0, performance.now() - started - tokenize - session.ms.prefill - session.ms.decode);
    return {
      text: kept,
      reason: stopped ? 'stop' : session.ending,
      rule: end.rule,
      tokens: { prompt: tokens.length, reused: session.reused, computed: session.computed, generated: ids.length },
      ms: { ...session.ms, queued },
      stages: { tokenize, queue: queued, ...session.stages },
      lookup: session.lookup,
      locality: mixes,
      sparsity: session.sparsity,
      approximate: session.approximate,
      reuse: session.reuse,
      meanLogProbability: ids.length > 0 ? logProbability / ids.length : 0,
      firstLineLogProbability: firstLineLogProbability(scores.all, kept),
      scores: scores.all,
      prompt: prompt && { ...prompt, neighbours: beside?.paths ?? [] },
      ...(restored && { restored }),
      ...(chat && { chat: { dropped: chat.dropped, template: chat.template } }),
    };
  }

  private prepare({ prompt, conversation: name = COMPLETIONS, stop = [], max, neighbours, speculative = false }: GenerateOptions, mixes: boolean): Prepared {
    const conversation = this.conversations.of(name);
    if ('tokens' in prompt) return { conversation, tokens: this.checked(prompt.tokens), end: plainText(stop) };
    if ('text' in prompt) return { conversation, tokens: Int32Array.from(this.tokenizer.encode(prompt.text, { bos: true })), end: plainText(stop) };
    const { name: model, shape, parameters } = this.forward.manifest;
    if ('messages' in prompt) {
      const { template } = this;
      const { tokens, text, dropped } = chatPrompt(prompt, { template, tokenizer: this.tokenizer, transcript: conversation.transcript, context: shape.context, max });
      return { conversation, tokens, end: plainText([...stop, ...template.stops]), chat: { text, opens: opensReasoning(text) ? THINK : '', dropped, template: template.origin } };
    }
    // A limit near the context's length is no reason to read nothing: the text then ends where the context does.
    const room = Math.max(shape.context >> 1, shape.context - max - 1);
    const affordable = Math.min(prompt.promptTokens ?? PROMPT_TOKENS, room);
    const { snapshot, tail } = mixes ? withoutTail(prompt.snapshot) : { snapshot: prompt.snapshot, tail: '' };
    const most = prompt.mostTokens ?? affordable;
    const suffixFirst = fimOrder(model) === 'spm' || this.tokenizer.special.fim?.layout === 'suffixFirst';
    const suffix = suffixFirst ? 0 : (prompt.suffixTokens ?? fimBudget(affordable).suffix);
    const { tokens, spans, files } = this.prompts.choose(snapshot, { affordable, most: Math.min(Math.max(affordable, parameters < SMALL_MODEL ? Math.min(most, SMALL_PROMPT) : most), room), suffix, suffixFirst, neighbours: neighbours?.name }, !speculative);
    // Where nothing stands before the cursor and the model writes right behind the prefix, its text begins as the tokenizer begins one.
    const opening = suffixFirst && this.tokenizer.isControl(tokens.at(-1)!) ? this.tokenizer.opening : '';
    return {
      conversation, tokens: Int32Array.from(tokens), moves: this.movesBefore(suffix), end: completionText(prompt.snapshot, prompt.maxLines), owed: new Owed(this.tokenizer, opening + tail),
      prompt: { text: this.tokenizer.decode(tokens), spans: spansWith(tail, spans, snapshot.before.length), ...(files && { files }) },
    };
  }

  /** What is moved where a suffix comes last: that one is read with every key in any case, as short as it is, and what it says is nearest. */
  private movesBefore(suffix: number): MovePolicy | undefined {
    return this.moves && { fresh: this.moves.fresh + suffix };
  }

  /** Whether something is worth reading while nobody waits. */
  get hasAhead(): boolean {
    return this.unsettled !== undefined || this.more !== undefined;
  }

  /** More of the file around the last cursor. Not by the kernels of safe mode, which take ten times as long. */
  private get more(): ReturnType<CursorPrompts['ahead']> {
    return this.place && this.addon.cpu().selected !== 'scalar' ? this.prompts.ahead(this.place) : undefined;
  }

  /**
   * Reads one thing while nobody waits, and says whether there is more: the last prompt at a cursor as a cold run reads it, so that the next ones are what they
   * would be without the edits before them; then more of the file around it, so that the next ones can show the model more.
   */
  async readAhead(cancel: CancelFlag, pass: RunPass): Promise<boolean> {
    const { unsettled } = this;
    const ahead = unsettled ? { ...unsettled, read: () => { if (this.unsettled === unsettled) this.unsettled = undefined; } } : this.more;
    if (!ahead) return false;
    const session = new Session(this.forward, this.cache);
    await session.generate(Int32Array.from(ahead.tokens), { max: 0, sampler: new Sampler({}, (logits, ids) => this.addon.bestLogits(logits, ids)), ends: [], cancel, pass }, () => false);
    claim(session.end, this.path);
    this.saved.reused += session.reused;
    this.saved.computed += session.computed;
    if (cancel.isSet) return false;
    this.conversations.of(COMPLETIONS).over(this.cache, ahead.snapshot, session.end);
    ahead.read();
    this.kept?.over(ahead.snapshot);
    return this.hasAhead;
  }

  /** Writes what was read of documents to the disk, for the next start, and what is read ahead as it comes, until it is stopped. */
  async keep(cancel: CancelFlag, pass: RunPass): Promise<void> {
    if (!this.kept) return;
    for (;;) {
      // What was only read approximately is not kept: its document would be known as far as the edit.
      if (!this.unsettled) await this.kept.keep({ pass, stopped: () => cancel.isSet });
      if (cancel.isSet || !this.hasAhead) return;
      await this.readAhead(cancel, pass);
    }
  }

  /** Whether the model was measured on little text, for somebody waited. Not by the kernels of safe mode. */
  get isRough(): boolean {
    return this.better !== undefined && this.addon.cpu().selected !== 'scalar';
  }

  /** Measures it again while nobody waits, until it is stopped; what comes of it is used from the next start on. Where it fails, it is not tried again. */
  async refine(cancel: CancelFlag, pass: RunPass): Promise<void> {
    try {
      await this.better?.((work) => pass(() => {
        if (cancel.isSet) throw new DeltaError('cancelled');
        return work();
      }));
    } catch (error) {
      if (cancel.isSet) return;
      this.better = undefined;
      throw error;
    }
    this.better = undefined;
  }

  /** The tokens of a document's last prompt, by its URI, or its path where it has none. */
  lastPrompt(document: string): Int32Array | undefined {
    return this.prompts.lastOf(document)?.tokens;
  }

  /** Forgets everything that was read, in memory and on the disk. */
  async clearCaches(): Promise<void> {
    this.cache.clear();
    await this.kept?.clear();
  }

  /** Whether it was made to converse. */
  get converses(): boolean {
    return hasTemplate(this.templateSource, this.forward.manifest.architecture);
  }

  private get template(): ChatTemplate {
    const { tokenizer, forward: { manifest } } = this;
    const textOf = (id: number | null) => (id === null ? null : tokenizer.decode([id]));
    return (this.madeTemplate ??= new ChatTemplate({
      source: this.templateSource, architecture: manifest.architecture, name: manifest.name,
      bos: textOf(tokenizer.special.bos), eos: textOf(tokenizer.special.eos[0] ?? null), controls: tokenizer.controlTexts,
    }));
  }

  /** Tokens of each text. */
  count(texts: readonly string[]): number[] {
    return texts.map((text) => this.tokenizer.encode(text).length);
  }

  /** Whether the text around the cursor takes part. */
  private mixes({ prompt, locality }: GenerateOptions): boolean {
    return 'snapshot' in prompt && (locality ?? (this.known ? this.known.locality === true : this.forward.manifest.parameters < SMALL_MODEL));
  }

  /** The neighbours that a request names, as far as they are read; a set that it brings takes the place of the last one in any case. */
  private beside(set: NeighbourSet | undefined, mixes: boolean): ReturnType<Neighbours['of']> {
    if (set?.documents) this.take(set);
    return set && mixes ? this.neighbours.of(set.name) : undefined;
  }

  /** A set takes the place of the last one. */
  take({ name, folder, documents = [] }: NeighbourSet): void {
    const taken = bounded(documents).map(({ path, text }) => ({ path, text: normalise(text) }));
    this.neighbours.become(name, taken);
    this.files.become(name, folder, taken);
  }

  private checked(tokens: number[]): Int32Array {
    const { vocabulary } = this.forward.manifest.shape;
    for (const id of tokens) if (!(Number.isInteger(id) && id >= 0 && id < vocabulary)) throw new DeltaError('tokenOutOfRange', id, vocabulary);
    return Int32Array.from(tokens);
  }

  /** Writes the logits of the last or of all positions of `tokens` to a file. */
  async logits(options: LogitsOptions, cancel: CancelFlag, progress: Progress = () => {}, pass: RunPass = atOnce): Promise<{ positions: number; vocabulary: number }> {
    const tokens = this.checked(options.tokens);
    const { vocabulary, context } = this.forward.manifest.shape;
    if (tokens.length > context) throw new DeltaError('contextFull', tokens.length, context);
    const file = createWriteStream(options.out);
    const failed = once(file, 'error').then(([error]) => {
      throw new DeltaError('folderNotWritable', options.out, String((error as NodeJS.ErrnoException).code));
    });
    const write = async () => {
      for await (const rows of this.logitRows(tokens, options.all, cancel, pass)) {
        progress('reading', rows.end / tokens.length);
        const bytes = Buffer.from(rows.logits.buffer);
        if (!file.write(bytes)) await once(file, 'drain');
      }
      file.end();
      await once(file, 'finish');
    };
    await Promise.race([write(), failed]);
    failed.catch(() => {});
    return { positions: options.all ? tokens.length : 1, vocabulary };
  }

  /** Logits chunk by chunk, `[rows, vocabulary]`, on a lease of their own with the cache left as it was. */
  async *logitRows(tokens: Int32Array, all: boolean, cancel = new CancelFlag(), pass: RunPass = atOnce): AsyncGenerator<{ end: number; logits: Float32Array }> {
    const lease = this.cache.lease(new Int32Array(0));
    lease.cancel = cancel.word;
    try {
      for (const [at, end] of this.forward.chunks(0, tokens.length)) {
        if (cancel.isSet) break;
        // A copy: the next pass, of whomever, writes over it.
        const logits = await pass(async () => (await step(this.forward, lease, tokens.subarray(at, end), all ? 'all' : end === tokens.length ? 'last' : 'none', cancel))?.slice());
        if (logits) yield { end, logits };
      }
    } finally {
      lease.release();
    }
  }

  /** Measures how far the model's confidence can be trusted, on at most `tokens` tokens of sample code, and keeps the answer beside the weights. */
  async confidence(tokens: number, cancel: CancelFlag, pass: RunPass = atOnce): Promise<ConfidenceCurve> {
    this.known = await measureConfidence(this, await sampleTexts(), tokens, cancel, { pass });
    await keepConfidence(this.folder, this.forward.manifest.source.identity, this.known);
    return this.known;
  }

  /** What attention has counted; with `sample`, the next row that is written is looked at. */
  live({ sample, known }: Calls['live']['options']): Omit<LiveFigures, 'role'> {
    const { tokens, ...counted } = liveFigures(this.addon, this.cache.store, this.forward.manifest, sample);
    const looked = this.onlooker.looked({ ...counted, tokens }, known);
    if (sample) this.onlooker.ask();
    return { ...counted, looked, wrote: this.wrote };
  }

  /** A completion, for whoever looks; null where there is no document. */
  private watched(asked: GenerateOptions['prompt'], tokens: Int32Array, prompt: Prepared['prompt'], written: () => string): Watched | null {
    const { tokenizer, cache: { config }, forward: { manifest: { delta } } } = this;
    const { fim } = tokenizer.special;
    if (!('snapshot' in asked) || !prompt || !fim) return null;
    const { spans } = prompt;
    return { written, looked: () => new LookedAt({ request: randomUUID(), document: asked.snapshot, prompt: { tokens, spans }, tokenizer, fim, window: config.mode === 'exact' ? null : delta, sinks: delta.sinks }) };
  }

  census(): Omit<CacheFigures, 'roles'> {
    return { model: this.forward.manifest.name, ...census(this.cache), saved: this.saved.reused, computed: this.saved.computed };
  }

  /** Dense and delta attention side by side, on caches of their own. */
  inspect(options: InspectOptions, cancel: CancelFlag, progress: Progress = () => {}, pass: RunPass = atOnce): Promise<InspectReport> {
    return inspect(this.forward, this.tables, this.addon, this.tokenizer, options, cancel, (share) => progress('inspecting', share), pass);
  }

  attentionMap(options: MapOptions, cancel: CancelFlag, progress: Progress = () => {}, pass: RunPass = atOnce): Promise<AttentionMap> {
    return attentionMap(this.forward, this.addon, this.tokenizer, options, cancel, (share) => progress('looking', share), pass);
  }

  /** The time of each stage at one context length. */
  bench(options: BenchOptions, cancel: CancelFlag): Promise<BenchResult> {
    return stageBudget(this.forward, this.cache, options, cancel);
  }

  /** Keeps what activations take for the next pass; closing any model gives it back. */
  keepFreedMemory(): void {
    this.addon.keepFreedMemory(KEPT_MEGABYTES);
  }

  async close(): Promise<void> {
    this.cache.close();
    await this.forward.release();
    this.addon.keepFreedMemory(0);
  }
}
