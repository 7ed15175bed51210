// The language-model worker as the editor lives with it: it starts with the first request, follows the settings, ends when it is not used, is
// started again once when it dies, and says how it is. It holds a model for each role: completions, and chat.
import { EventEmitter, l10n, type LogOutputChannel } from 'vscode';
import { CancelFlag } from '../shared/cancel.ts';
import { asDeltaError, DeltaError, modelFileCodes, type ErrorCode } from '../shared/errors.ts';
import type { Speed, TextSource } from '../completion/source.ts';
import type { RuntimeClient } from '../session/client.ts';
import type { Calls, ConfidenceCurve, Event, GenerateOptions, GenerateResult, LoadedModel, LoadResult, Role } from '../session/protocol.ts';
import { ConfidenceMeasuring } from './confidenceMeasuring.ts';
import type { CrashMarker, Trial } from './crashMarker.ts';
import { chatModelPath, loadPlan, modelPath, planKey, SAFE_KERNELS } from './loadPlan.ts';
import { withoutFolders } from './messages.ts';
import { ModelSlot, type SlotState } from './modelSlot.ts';
import { nothing } from './nothing.ts';
import type { Settings } from './settingsTable.ts';

export type RuntimeState = SlotState;
export type Client = Pick<RuntimeClient, 'call' | 'close'>;

/** What the user should hear of; each once. */
export type Trouble = { kind: 'failed' | 'standIn'; error: DeltaError } | { kind: 'restarted'; error: DeltaError } | { kind: 'complaint'; error: DeltaError } | { kind: 'safeMode' };

export interface RuntimeNeeds {
  startWorker: () => Client;
  settings: () => Settings;
  marker: CrashMarker;
  log: LogOutputChannel;
}

const ERRORS_KEPT = 5;
/** They come again with every request until the settings change. */
const lasting: ReadonlySet<ErrorCode> = new Set(['noFim', 'logitsUnusable', 'telemetryNotDisabled', 'workerHangs']);

export class EditorRuntime implements TextSource {
  private readonly changed = new EventEmitter<void>();
  private readonly troubled = new EventEmitter<Trouble>();
  private readonly restarting = new EventEmitter<void>();
  private readonly chatChanged = new EventEmitter<void>();
  private readonly unloaded = new EventEmitter<string>();
  readonly onDidChange = this.changed.event;
  /** Of the chat's model. */
  readonly onDidChangeChat = this.chatChanged.event;
  /** What was done to make room, one sentence. */
  readonly onUnloaded = this.unloaded.event;
  readonly onTrouble = this.troubled.event;
  /** The worker is to end and another one to start: whoever waits for an answer has to ask once more, and may do so at once. */
  readonly onRestart = this.restarting.event;

  safeMode = false;
  /** Without code and without the user's folders. */
  readonly lastErrors: { at: number; sentence: string }[] = [];

  private readonly slots: Readonly<Record<Role, ModelSlot>> = { completion: new ModelSlot('completion'), chat: new ModelSlot('chat') };
  private client: Client | undefined;
  /** What is tried under the crash marker, the last one last. */
  private readonly guarding: Trial[] = [];
  /** Calls under way that are no answers. */
  private visits = 0;
  private restartsLeft = 1;
  private closing: Promise<void> = Promise.resolve();
  private disposed = false;
  private idleTimer: NodeJS.Timeout | undefined;
  private readonly measuring: ConfidenceMeasuring;
  /** The last set of neighbours that this worker got with its texts. */
  private sent: { client: Client; name: string } | undefined;
  private readonly told = new Set<string>();

  constructor(private readonly needs: RuntimeNeeds) {
    this.measuring = new ConfidenceMeasuring({ measure: (tokens, cancel) => this.measure(tokens, cancel), interrupted: () => this.settle(), log: needs.log });
  }

  /** Of the model for completions. */
  get state(): RuntimeState {
    return this.slots.completion.state;
  }

  get model(): LoadedModel | null {
    return this.slots.completion.model;
  }

  /** 0…1 while the model for completions is loaded. */
  get progress(): number {
    return this.slots.completion.progress;
  }

  /** Why the state is "failed". */
  get error(): DeltaError | null {
    return this.slots.completion.error;
  }

  /** Why the chosen model does not complete, while the embedded one does in its place. */
  get standIn(): DeltaError | null {
    return this.slots.completion.refused;
  }

  get speed(): Speed | undefined {
    return this.slots.completion.meter.current;
  }

  get confidence(): ConfidenceCurve | null {
    return this.model?.confidence ?? null;
  }

  /** What is known of a role's model. */
  slot(role: Role): Readonly<ModelSlot> {
    return this.slots[role];
  }

  /** A completion. */
  generate(options: GenerateOptions, hear: (event: Event) => void, cancel: CancelFlag): Promise<GenerateResult> {
    return this.run(this.slots.completion, options, hear, cancel);
  }

  /** The same of another role's model. */
  generateAs(role: Role, options: GenerateOptions, hear: (event: Event) => void, cancel: CancelFlag): Promise<GenerateResult> {
    return this.run(this.slots[role], options, hear, cancel);
  }

  /** A call that must not keep a model from being unloaded, nor count as a failure: the request that it is made for will say what is wrong. Null without a worker. */
  async callQuietly<N extends 'generate' | 'count' | 'keep' | 'clearCaches'>(role: Role, name: N, options: Calls[N]['options'], cancel?: CancelFlag, hear: (event: Event) => void = () => {}): Promise<Calls[N]['result'] | null> {
    const { client } = this;
    if (!client) return null;
    return this.guarded(this.slots[role], () => client.call(name, this.withNews(options, client), hear, cancel)).catch(() => ((this.sent = undefined), null));
  }

  /** Loads a role's model now, also where it failed before; what came of it, its slot says. */
  async loadNow(role: Role): Promise<void> {
    const slot = this.slots[role];
    slot.error = slot.standIn = null;
    slot.active++;
    this.holdIdle();
    await this.ready(slot).catch(() => {});
    slot.active--;
    this.settle();
  }

  /** Asks the worker for something that needs no model; where there is none, the worker ends afterwards. */
  async askWorker<N extends 'findModels' | 'lookAtModel' | 'measureMachine' | 'shelf'>(name: N, options: Calls[N]['options'], cancel: CancelFlag): Promise<Calls[N]['result']> {
    if (this.disposed) throw new DeltaError('cancelled');
    await this.closing;
    const client = (this.client ??= this.needs.startWorker());
    this.visits++;
    try {
      return await client.call(name, options, () => {}, cancel);
    } finally {
      this.visits--;
      const { completion, chat } = this.slots;
      if (client === this.client && this.visits === 0 && !completion.loading && !chat.loading) this.end();
    }
  }

  /** Dense and delta attention on a text, by the model for completions and behind everything that somebody waits for. Whoever asks says what went wrong. */
  async inspect<N extends 'inspect' | 'attentionMap'>(name: N, options: Calls[N]['options'], hear: (event: Event) => void, cancel: CancelFlag): Promise<Calls[N]['result']> {
    const { completion } = this.slots;
    this.visits++;
    this.holdIdle();
    try {
      const client = await this.ready(completion);
      if (cancel.isSet) throw new DeltaError('cancelled');
      return await this.guarded(completion, () => client.call(name, options, hear, cancel)).catch((thrown) => {
        const error = asDeltaError(thrown);
        if (error.code === 'workerDied') this.failed(completion, error, client);
        throw error;
      });
    } finally {
      this.visits--;
      this.settle();
    }
  }

  private async run(slot: ModelSlot, options: GenerateOptions, hear: (event: Event) => void, cancel: CancelFlag): Promise<GenerateResult> {
    slot.active++;
    this.holdIdle();
    let heard = false;
    try {
      for (;;) {
        const client = await this.ready(slot);
        if (cancel.isSet) return nothing();
        try {
          this.become(slot, 'reading');
          const result = await this.guarded(slot, () => client.call('generate', this.withNews(options, client), (event) => {
            if (event.event === 'text') {
              heard = true;
              if (client === this.client && !cancel.isSet) this.become(slot, 'writing');
            }
            hear(event);
          }, cancel));
          slot.meter.add(result);
          slot.unproven = Math.max(0, slot.unproven - result.tokens.generated);
          return result;
        } catch (thrown) {
          const again = this.failed(slot, asDeltaError(thrown), client);
          if (!again || heard || cancel.isSet) throw thrown;
        }
      }
    } catch (thrown) {
      // The runtime was stopped or started anew: nobody's failure.
      if (asDeltaError(thrown).code === 'cancelled') return nothing();
      throw thrown;
    } finally {
      slot.active--;
      this.settle();
    }
  }

  /** The texts of neighbours travel once: a set that this worker has got is only named. What came of it where the call failed nobody knows. */
  private withNews<O extends object>(options: O, client: Client): O {
    const { neighbours } = options as Pick<GenerateOptions, 'neighbours'>;
    if (!neighbours) return options;
    const { name } = neighbours;
    if (this.sent?.client === client && this.sent.name === name) return { ...options, neighbours: { name } };
    this.sent = { client, name };
    return options;
  }

  /** What the worker knows of its models without computing anything; null without one. */
  async look<N extends 'memory' | 'live' | 'census'>(name: N, options: Calls[N]['options']): Promise<Calls[N]['result'] | null> {
    return this.client && this.anyLoaded ? this.client.call(name, options).catch(() => null) : null;
  }

  /** Ends the worker and starts it again, whatever happened before. Never rejects. */
  async restart(): Promise<void> {
    const { completion, chat } = this.slots;
    completion.error = chat.error = completion.standIn = null;
    this.restartsLeft = 1;
    this.told.clear();
    this.restarting.fire();
    this.end();
    await this.closing;
    await this.loadNow('completion');
  }

  /** "Try again" after a crash: forgets it and loads as usual. */
  async forgiveCrash(): Promise<void> {
    const settings = this.needs.settings();
    this.needs.marker.forgive(modelPath(settings));
    this.needs.marker.forgive(chatModelPath(settings));
    await this.restart();
  }

  /** The settings are others: what was refused may work now. A new load waits for the next request. */
  settingsChanged(): void {
    this.settle();
    for (const slot of Object.values(this.slots)) {
      if (planKey(this.needs.settings(), slot.role) === slot.loadedFrom) continue;
      // Nobody wants what is being loaded.
      if (!slot.isLoaded) slot.ending.set();
      const { error } = slot;
      if (!error && !slot.standIn) continue;
      slot.error = slot.standIn = null;
      this.told.clear();
      if (error) this.giveBack(slot);
    }
    this.chatChanged.fire();
  }

  /** The marker goes first and at once: from here on it is an orderly end. Then the worker drains. */
  dispose(): Promise<void> {
    this.needs.marker.disarm();
    this.disposed = true;
    this.end();
    return this.closing;
  }

  private get anyLoaded(): boolean {
    return this.slots.completion.isLoaded || this.slots.chat.isLoaded;
  }

  private get anyActive(): boolean {
    return this.slots.completion.active + this.slots.chat.active > 0;
  }

  /** A worker with the model of the present settings. */
  private async ready(slot: ModelSlot): Promise<Client> {
    if (this.disposed) throw new DeltaError('cancelled');
    if (slot.error) throw slot.error;
    const key = planKey(this.needs.settings(), slot.role);
    if (!slot.loading || key !== slot.loadedFrom) {
      const before = slot.loading ?? this.closing;
      slot.ending.set();
      slot.loadedFrom = key;
      const loading = before.then(() => {}, () => {}).then(() => this.load(slot));
      loading.catch(() => {
        if (slot.loading === loading) slot.loading = undefined;
        if (!slot.loading && slot.state === 'loading') this.become(slot, 'off');
      });
      slot.loading = loading;
    }
    await slot.loading;
    if (!this.client) throw new DeltaError('cancelled');
    return this.client;
  }

  private async load(slot: ModelSlot): Promise<void> {
    if (this.disposed) throw new DeltaError('cancelled');
    const { log, marker, settings, startWorker } = this.needs;
    const path = slot.role === 'chat' ? chatModelPath(settings()) : slot.standsIn ? '' : modelPath(settings());
    const crashedWith = marker.crashed(path);
    const safe = crashedWith !== null;
    if (slot.role === 'completion') {
      [this.safeMode, this.sent] = [safe, undefined];
      this.measuring.begin();
    }
    const options = { ...loadPlan(settings(), safe ? SAFE_KERNELS : null, slot.role), model: path };
    slot.begin({ model: path, kernels: options.kernels ?? 'auto' });
    this.become(slot, 'loading');
    if (crashedWith === SAFE_KERNELS) throw this.give(slot, new DeltaError('crashed'));
    if (safe) this.tell({ kind: 'safeMode' });
    const started = performance.now();
    for (;;) {
      let client: Client | undefined;
      try {
        if (marker.killedForMemory(path)) throw new DeltaError('killedForMemory');
        const { unloaded, ...model } = await this.guarded(slot, () => {
          client = this.client ??= startWorker();
          return client.call('load', options, (event) => this.showProgress(slot, event), slot.ending);
        });
        if (client !== this.client) throw new DeltaError('cancelled');
        slot.model = model;
        if (unloaded) this.wasUnloaded(unloaded, model.name);
        const millions = (model.parameters / 1e6).toFixed(1);
        log.info(`Loaded ${model.name} for ${slot.role}: ${millions} million parameters, ${settings().mode} mode, ${model.kernels} kernels, ${Math.round(performance.now() - started)} ms.`);
        this.become(slot, 'ready');
        return;
      } catch (thrown) {
        const error = asDeltaError(thrown);
        if (error.code === 'workerDied' && !this.disposed && (client !== this.client || this.startsAgain(error))) continue;
        if (client && client !== this.client) throw new DeltaError('cancelled');
        if (this.replace(slot, error)) return this.load(slot);
        throw error.code === 'cancelled' || slot.error ? error : this.give(slot, error);
      }
    }
  }

  /** The worker gave another role's model back to make room: the next request for it loads it again. */
  private wasUnloaded({ name, role, needed, available }: NonNullable<LoadResult['unloaded']>, forWhom: string): void {
    const slot = this.slots[role];
    slot.clear();
    this.become(slot, 'off');
    const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);
    this.needs.log.info(`Unloaded ${name} (${role}) to make room for ${forWhom}, which needs ${gigabytes(needed)} GB; ${gigabytes(available)} GB were free.`);
    this.unloaded.fire(l10n.t('{0} was unloaded to make room for {1}: it needs {2} GB, and {3} GB were free.', name, forWhom, gigabytes(needed), gigabytes(available)));
  }

  /** Runs native work under the crash marker as long as it is not proven. */
  private async guarded<T>(slot: ModelSlot, work: () => Promise<T>): Promise<T> {
    if (slot.unproven === 0 || this.disposed) return work();
    const { trial } = slot;
    if (this.guarding.push(trial) === 1 || this.guarding.at(-2) !== trial) this.needs.marker.arm(trial);
    try {
      return await work();
    } finally {
      this.guarding.splice(this.guarding.lastIndexOf(trial), 1);
      const other = this.guarding.at(-1);
      if (!other) this.needs.marker.disarm();
      else if (other !== trial && !this.disposed) this.needs.marker.arm(other);
    }
  }

  /** Notes a failed call; true when it is worth trying once more. */
  private failed(slot: ModelSlot, error: DeltaError, client: Client): boolean {
    if (error.code === 'cancelled' || this.disposed) return false;
    // Somebody else has noticed it before.
    if (client !== this.client) return error.code === 'workerDied';
    if (error.code === 'workerDied') {
      if (this.startsAgain(error)) return true;
      this.give(slot, error);
    } else if (lasting.has(error.code)) {
      if (this.replace(slot, error)) {
        this.giveBack(slot);
        return true;
      }
      this.give(slot, error);
    } else {
      this.note(error);
      // The chat says it where the answer would be.
      if (slot.role === 'completion') this.tell({ kind: 'complaint', error });
    }
    return false;
  }

  /** The worker is gone: true when another one may take its place. */
  private startsAgain(error: DeltaError): boolean {
    this.client = undefined;
    for (const slot of Object.values(this.slots)) if (slot.isLoaded) slot.clear();
    if (this.restartsLeft === 0) return false;
    this.restartsLeft--;
    this.note(error);
    this.tell({ kind: 'restarted', error });
    return true;
  }

  /** The chosen model cannot be used: true where the embedded one completes instead, until the user or another setting says otherwise. */
  private replace(slot: ModelSlot, error: DeltaError): boolean {
    if (slot.role === 'chat' || slot.standsIn || slot.error || modelPath(this.needs.settings()) === '' || !modelFileCodes.has(error.code)) return false;
    slot.standIn = { for: slot.loadedFrom, error };
    this.note(error);
    this.tell({ kind: 'standIn', error });
    return true;
  }

  /** Nothing more of this model until the user or another setting says so. */
  private give(slot: ModelSlot, error: DeltaError): DeltaError {
    this.note(error);
    slot.error = error;
    this.giveBack(slot);
    this.become(slot, 'failed');
    if (slot.role === 'completion') this.tell({ kind: 'failed', error });
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

  /** Lets the worker give one model back; where it has no other, it ends. */
  private giveBack(slot: ModelSlot): void {
    const other = slot.role === 'chat' ? this.slots.completion : this.slots.chat;
    if (!this.client || !other.loading) return this.end();
    if (slot.isLoaded) void this.client.call('unload', { role: slot.role }).catch(() => {});
    slot.clear();
    if (!slot.error) this.become(slot, 'off');
  }

  /** Lets the worker end by itself; the next load waits for it. */
  private end(): void {
    this.holdIdle();
    const { client } = this;
    this.client = undefined;
    for (const slot of Object.values(this.slots)) {
      slot.clear();
      if (!slot.error) this.become(slot, 'off');
    }
    if (client) this.closing = Promise.all([this.closing, client.close()]).then(() => {});
  }

  private become(slot: ModelSlot, state: RuntimeState): void {
    if (state === slot.state) return;
    slot.state = state;
    this.changeOf(slot).fire();
  }

  private changeOf({ role }: ModelSlot): EventEmitter<void> {
    return role === 'chat' ? this.chatChanged : this.changed;
  }

  private showProgress(slot: ModelSlot, event: Event): void {
    if (event.event === 'notice') this.needs.log.warn(event.text);
    if (event.event !== 'progress') return;
    const percent = (share: number) => Math.floor(100 * share);
    const moved = percent(event.share) !== percent(slot.progress);
    slot.progress = event.share;
    if (moved) this.changeOf(slot).fire();
  }

  /** Nobody asks at the moment: what happens then. Timers exist only while a model is loaded, and each fires once. */
  private settle(): void {
    const { completion, chat } = this.slots;
    if (!this.client || !this.anyLoaded) return;
    const { idleUnloadMinutes: minutes, 'completions.enabled': enabled } = this.needs.settings();
    if (completion.active === 0 && completion.model) {
      if (enabled || this.visits > 0) this.become(completion, 'ready');
      else this.giveBack(completion);
    }
    if (chat.active === 0 && chat.model) this.become(chat, 'ready');
    if (this.anyActive || this.visits > 0 || !this.anyLoaded) return;
    this.holdIdle();
    if (minutes > 0) {
      this.idleTimer = setTimeout(() => {
        this.needs.log.info(`Unloaded the model: unused for ${minutes} min.`);
        this.end();
      }, minutes * 60_000).unref();
    }
    if (completion.model?.confidence === null && completion.model.fim) this.measuring.soon();
  }

  private holdIdle(): void {
    clearTimeout(this.idleTimer);
    this.measuring.hold();
  }

  private async measure(tokens: number, cancel: CancelFlag): Promise<ConfidenceCurve | null> {
    const { client, slots: { completion } } = this;
    if (!client) return null;
    const confidence = await this.guarded(completion, () => client.call('confidence', { tokens }, () => {}, cancel));
    if (client !== this.client || !completion.model) return null;
    completion.model = { ...completion.model, confidence };
    this.changed.fire();
    return confidence;
  }
}
