// The language-model worker as the editor lives with it: it starts with the first generation, follows the settings, ends when it is not used, is
// started again once when it dies, and says how it is.
import { EventEmitter, type LogOutputChannel } from 'vscode';
import { CancelFlag } from '../shared/cancel.ts';
import { asDeltaError, DeltaError, type ErrorCode } from '../shared/errors.ts';
import type { Speed, TextSource } from '../completion/source.ts';
import type { RuntimeClient } from '../session/client.ts';
import type { Calls, ConfidenceCurve, Event, GenerateOptions, GenerateResult, LoadedModel } from '../session/protocol.ts';
import type { CrashMarker, Trial } from './crashMarker.ts';
import { laneSentence } from './laneSentence.ts';
import { loadPlan, modelPath, planKey, SAFE_KERNELS } from './loadPlan.ts';
import { withoutFolders } from './messages.ts';
import type { Settings } from './settingsTable.ts';
import { SpeedMeter } from './speed.ts';

export type RuntimeState = 'off' | 'loading' | 'ready' | 'reading' | 'writing' | 'failed';
export type Client = Pick<RuntimeClient, 'call' | 'close'>;

/** What the user should hear of; each once. */
export type Trouble = { kind: 'failed'; error: DeltaError } | { kind: 'restarted'; error: DeltaError } | { kind: 'complaint'; error: DeltaError } | { kind: 'safeMode' };

export interface RuntimeNeeds {
  startWorker: () => Client;
  settings: () => Settings;
  marker: CrashMarker;
  log: LogOutputChannel;
}

/** Tokens written until a model with its kernels counts as proven in this session. */
const PROVING_TOKENS = 64;
/** Of the shipped sample code, for a model whose confidence was never measured. */
const CONFIDENCE_TOKENS = 2048;
/** Quiet before that measurement: it would only be cancelled by the next key. */
const CONFIDENCE_PAUSE_MS = 3000;
const ERRORS_KEPT = 5;
/** They come again with every request until the settings change. */
const lasting: ReadonlySet<ErrorCode> = new Set(['noFim', 'logitsUnusable', 'telemetryNotDisabled']);

export class EditorRuntime implements TextSource {
  private readonly changed = new EventEmitter<void>();
  private readonly troubled = new EventEmitter<Trouble>();
  private readonly restarting = new EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  readonly onTrouble = this.troubled.event;
  /** The worker is to end and another one to start: whoever waits for an answer has to ask once more, and may do so at once. */
  readonly onRestart = this.restarting.event;

  state: RuntimeState = 'off';
  model: LoadedModel | null = null;
  /** 0…1 while loading. */
  progress = 0;
  /** Why the state is "failed". */
  error: DeltaError | null = null;
  safeMode = false;
  /** Without code and without the user's folders. */
  readonly lastErrors: { at: number; sentence: string }[] = [];

  private readonly meter = new SpeedMeter();
  private client: Client | undefined;
  /** The load that the next generation waits for, and what it was made from. */
  private loading: Promise<Client> | undefined;
  private loadedFrom = '';
  private trial: Trial = { model: '', kernels: 'auto' };
  private unproven = PROVING_TOKENS;
  private guards = 0;
  private active = 0;
  private restartsLeft = 1;
  private closing: Promise<void> = Promise.resolve();
  private disposed = false;
  private idleTimer: NodeJS.Timeout | undefined;
  private measureTimer: NodeJS.Timeout | undefined;
  private measuring: CancelFlag | undefined;
  private unmeasurable = false;
  /** The last set of neighbours that this worker got with its texts. */
  private sent: { client: Client; name: string } | undefined;
  private readonly told = new Set<string>();

  constructor(private readonly needs: RuntimeNeeds) {}

  get speed(): Speed | undefined {
    return this.meter.current;
  }

  get confidence(): ConfidenceCurve | null {
    return this.model?.confidence ?? null;
  }

  async generate(options: GenerateOptions, hear: (event: Event) => void, cancel: CancelFlag): Promise<GenerateResult> {
    this.active++;
    this.holdIdle();
    let heard = false;
    try {
      for (;;) {
        const client = await this.ready();
        if (cancel.isSet) return nothing();
        try {
          this.become('reading');
          const result = await this.guarded(() => client.call('generate', this.withNews(options, client), (event) => {
            if (event.event === 'text') {
              heard = true;
              if (client === this.client && !cancel.isSet) this.become('writing');
            }
            hear(event);
          }, cancel));
          this.meter.add(result);
          this.unproven = Math.max(0, this.unproven - result.tokens.generated);
          return result;
        } catch (thrown) {
          const again = this.failed(asDeltaError(thrown), client);
          if (!again || heard || cancel.isSet) throw thrown;
        }
      }
    } catch (thrown) {
      // The runtime was stopped or started anew: nobody's failure.
      if (asDeltaError(thrown).code === 'cancelled') return nothing();
      throw thrown;
    } finally {
      this.active--;
      this.settle();
    }
  }

  /** The texts of neighbours travel once: a set that this worker has got is only named. */
  private withNews(options: GenerateOptions, client: Client): GenerateOptions {
    const { neighbours } = options;
    if (!neighbours) return options;
    const { name } = neighbours;
    if (this.sent?.client === client && this.sent.name === name) return { ...options, neighbours: { name } };
    this.sent = { client, name };
    return options;
  }

  /** Bytes and blocks of the KV cache; null without a model or while it works. */
  async memory(): Promise<Calls['memory']['result'] | null> {
    if (!this.client || !this.model || this.active > 0 || this.measuring) return null;
    return this.client.call('memory', {}).catch(() => null);
  }

  /** Ends the worker and starts it again, whatever happened before. Never rejects. */
  async restart(): Promise<void> {
    this.error = null;
    this.restartsLeft = 1;
    this.told.clear();
    this.restarting.fire();
    this.end();
    await this.closing;
    this.active++;
    await this.ready().catch(() => {});
    this.active--;
    this.settle();
  }

  /** "Try again" after a crash: forgets it and loads as usual. */
  async forgiveCrash(): Promise<void> {
    this.needs.marker.forgive(modelPath(this.needs.settings()));
    await this.restart();
  }

  /** The settings are others: what was refused may work now. A new load waits for the next generation. */
  settingsChanged(): void {
    this.settle();
    if (this.error && planKey(this.needs.settings()) !== this.loadedFrom) {
      this.error = null;
      this.told.clear();
      this.end();
    }
  }

  /** The marker goes first and at once: from here on it is an orderly end. Then the worker drains. */
  dispose(): Promise<void> {
    this.needs.marker.disarm();
    this.disposed = true;
    this.end();
    return this.closing;
  }

  /** A worker with the model of the present settings. */
  private ready(): Promise<Client> {
    if (this.disposed) return Promise.reject(new DeltaError('cancelled'));
    if (this.error) return Promise.reject(this.error);
    const key = planKey(this.needs.settings());
    if (!this.loading || key !== this.loadedFrom) {
      const before = this.loading ?? this.closing;
      this.loadedFrom = key;
      const loading = before.then(() => {}, () => {}).then(() => this.load());
      loading.catch(() => {
        if (this.loading === loading) this.loading = undefined;
      });
      this.loading = loading;
    }
    return this.loading;
  }

  private async load(): Promise<Client> {
    if (this.disposed) throw new DeltaError('cancelled');
    const { log, marker, settings, startWorker } = this.needs;
    const path = modelPath(settings());
    const crashedWith = marker.crashed(path);
    this.safeMode = crashedWith !== null;
    this.model = null;
    this.progress = 0;
    this.become('loading');
    if (crashedWith === SAFE_KERNELS) throw this.give(new DeltaError('crashed'));
    if (this.safeMode) this.tell({ kind: 'safeMode' });
    const options = loadPlan(settings(), this.safeMode ? SAFE_KERNELS : null);
    this.trial = { model: path, kernels: options.kernels ?? 'auto' };
    this.unproven = PROVING_TOKENS;
    this.unmeasurable = false;
    this.sent = undefined;
    this.meter.clear();
    const started = performance.now();
    for (;;) {
      let client: Client | undefined;
      try {
        const model = await this.guarded(() => {
          client = this.client ??= startWorker();
          return client.call('load', options, (event) => this.showProgress(event));
        });
        if (client !== this.client) throw new DeltaError('cancelled');
        this.model = model;
        const millions = (model.parameters / 1e6).toFixed(1);
        log.info(`Loaded ${model.name}: ${millions} million parameters, ${settings().mode} mode, ${model.kernels} kernels, prefill lane ${laneSentence(model.lane)}, ${Math.round(performance.now() - started)} ms.`);
        this.become('ready');
        return client!;
      } catch (thrown) {
        const error = asDeltaError(thrown);
        if (client && client !== this.client) throw new DeltaError('cancelled');
        if (error.code === 'workerDied' && this.startsAgain(error)) continue;
        throw error.code === 'cancelled' || this.error ? error : this.give(error);
      }
    }
  }

  /** Runs native work under the crash marker as long as it is not proven. */
  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    if (this.unproven === 0 || this.disposed) return work();
    if (this.guards++ === 0) this.needs.marker.arm(this.trial);
    try {
      return await work();
    } finally {
      if (--this.guards === 0) this.needs.marker.disarm();
    }
  }

  /** Notes a failed call; true when it is worth trying once more. */
  private failed(error: DeltaError, client: Client): boolean {
    if (error.code === 'cancelled' || this.disposed || client !== this.client) return false;
    if (error.code === 'workerDied') {
      this.loading = undefined;
      if (this.startsAgain(error)) return true;
      this.give(error);
    } else if (lasting.has(error.code)) {
      this.give(error);
    } else {
      this.note(error);
      this.tell({ kind: 'complaint', error });
    }
    return false;
  }

  /** The worker is gone: true when another one may take its place. */
  private startsAgain(error: DeltaError): boolean {
    this.client = undefined;
    this.model = null;
    if (this.restartsLeft === 0) return false;
    this.restartsLeft--;
    this.note(error);
    this.tell({ kind: 'restarted', error });
    return true;
  }

  /** Nothing more until the user or another setting says so. */
  private give(error: DeltaError): DeltaError {
    this.note(error);
    this.error = error;
    this.end();
    this.become('failed');
    this.tell({ kind: 'failed', error });
    return error;
  }

  private note(error: DeltaError): void {
    this.needs.log.error(error.message);
    this.lastErrors.push({ at: Date.now(), sentence: withoutFolders(error) });
    if (this.lastErrors.length > ERRORS_KEPT) this.lastErrors.shift();
  }

  private tell(trouble: Trouble): void {
    const key = trouble.kind === 'safeMode' ? trouble.kind : `${trouble.kind} ${trouble.error.code}`;
    if (this.told.has(key)) return;
    this.told.add(key);
    this.troubled.fire(trouble);
  }

  /** Lets the worker end by itself; the next load waits for it. */
  private end(): void {
    this.holdIdle();
    const { client } = this;
    this.client = undefined;
    this.loading = undefined;
    this.model = null;
    if (client) this.closing = Promise.all([this.closing, client.close()]).then(() => {});
    if (!this.error) this.become('off');
  }

  private become(state: RuntimeState): void {
    if (state === this.state) return;
    this.state = state;
    this.changed.fire();
  }

  private showProgress(event: Event): void {
    if (event.event === 'notice') this.needs.log.warn(event.text);
    if (event.event !== 'progress') return;
    const percent = (share: number) => Math.floor(100 * share);
    const moved = percent(event.share) !== percent(this.progress);
    this.progress = event.share;
    if (moved) this.changed.fire();
  }

  /** Nobody asks at the moment: what happens then. Timers exist only while a model is loaded, and each fires once. */
  private settle(): void {
    if (this.active > 0 || !this.client || !this.model) return;
    this.holdIdle();
    const { idleUnloadMinutes: minutes, 'completions.enabled': enabled } = this.needs.settings();
    if (!enabled) return this.end();
    this.become('ready');
    if (minutes > 0) {
      this.idleTimer = setTimeout(() => {
        this.needs.log.info(`Unloaded the model: unused for ${minutes} min.`);
        this.end();
      }, minutes * 60_000).unref();
    }
    if (this.model.confidence === null && this.model.fim && !this.unmeasurable) {
      this.measureTimer = setTimeout(() => void this.measure(), CONFIDENCE_PAUSE_MS).unref();
    }
  }

  private holdIdle(): void {
    clearTimeout(this.idleTimer);
    clearTimeout(this.measureTimer);
    this.measuring?.set();
  }

  /** Asks the worker what this model's confidence is worth; the next request cancels it. */
  private async measure(): Promise<void> {
    const { client } = this;
    if (!client || this.measuring) return;
    const flag = (this.measuring = new CancelFlag());
    try {
      const curve = await this.guarded(() => client.call('confidence', { tokens: CONFIDENCE_TOKENS }, () => {}, flag));
      if (client !== this.client || !this.model) return;
      this.model = { ...this.model, confidence: curve };
      this.needs.log.info(`Measured the model's confidence at ${curve.samples} places of the sample code.`);
      this.changed.fire();
    } catch (thrown) {
      const error = asDeltaError(thrown);
      if (error.code === 'cancelled') return;
      this.unmeasurable = true;
      this.needs.log.warn(`The model's confidence could not be measured: ${error.message}`);
    } finally {
      this.measuring = undefined;
      if (flag.isSet) this.settle();
    }
  }
}

/** For a generation that was cancelled before it began. */
const nothing = (): GenerateResult => ({
  text: '', reason: 'cancelled', rule: null, tokens: { prompt: 0, reused: 0, computed: 0, generated: 0 }, ms: { prefill: 0, decode: 0 },
  lookup: { passes: 0, drafted: 0, accepted: 0 }, locality: false, sparsity: { key: 0, attention: 0 }, approximate: false, meanLogProbability: 0, firstLineLogProbability: 0, scores: [],
});
