// A team's own server as the editor lives with it: where it is, whether it is to be asked at all, which models it has, and how long it is left alone when it does
// not answer. Nothing of it exists without `deltallm.remote.url`, and nothing is asked in Restricted Mode.
import { EventEmitter, type LogOutputChannel, type SecretStorage } from 'vscode';
import type { Clock } from '../../completion/source.ts';
import { asDeltaError, DeltaError, type ErrorCode } from '../../shared/errors.ts';
import type { ConnectServer, RemoteServer, ServerFacts, ServerModel } from '../../shared/remoteServer.ts';
import type { ServerForm } from '../../session/serverPrompt.ts';
import type { Settings } from '../settingsTable.ts';
import { addressIn } from './serverAddress.ts';

export type ServerUse = 'completions' | 'chat';

export interface TeamServerNeeds {
  settings: () => Settings;
  /** False in Restricted Mode. */
  isTrusted: () => boolean;
  secrets: Pick<SecretStorage, 'get'>;
  /** Loads the bundle that has the network. */
  load: () => ConnectServer;
  clock: Pick<Clock, 'now'>;
  log: Pick<LogOutputChannel, 'info' | 'warn'>;
}

/** What a request is made with. */
export interface Connection {
  server: RemoteServer;
  host: string;
  kind: ServerFacts['kind'];
  model: ServerModel;
  /** How it is told where the cursor is; null: by the markers of the model's family, where its name says which one that is. */
  form: ServerForm | null;
}

/** Milliseconds that a server is left alone after its first failure, twice as many after each further one, and no more than the last. */
const REST_MS = 5000;
const MOST_REST_MS = 300_000;
/** So often in a row a server may be late before it is left alone, too. */
const MOST_LATE = 3;
/** Those that put the tokens of their model into a prompt themselves. */
const forms: Readonly<Partial<Record<ServerFacts['kind'], ServerForm>>> = { llamaServer: 'infill', ollama: 'suffix' };
/** Where the key of a server lies among the secrets of the extension. */
export const KEY = 'deltallm.remote.key';
const SETTINGS = ['remote.url', 'remote.use', 'remote.completionModel', 'remote.chatModel', 'remote.prompt'] as const;
/** A server that has no list of models may be one all the same, where the setting names the model. */
const LISTLESS: ReadonlySet<ErrorCode> = new Set(['serverLacksModel', 'serverAnswerInvalid', 'serverFailed']);

export class TeamServer {
  private readonly changed = new EventEmitter<void>();
  private readonly outages = new EventEmitter<DeltaError>();
  /** Where text goes is another place than before. */
  readonly onDidChange = this.changed.event;
  /** It stopped answering; once an outage. */
  readonly onOutage = this.outages.event;
  private connecting: { key: string; server: Promise<{ server: RemoteServer; facts: ServerFacts }> } | null = null;
  private outage: { error: DeltaError; failures: number; until: number } | null = null;
  private known: ServerFacts | null = null;
  private latenesses = 0;

  constructor(private readonly needs: TeamServerNeeds) {}

  /** Host and port of the server; null where none is named, the name is no address, or this is Restricted Mode. */
  get host(): string | null {
    const address = this.address;
    return address === null ? null : new URL(address).host;
  }

  /** Whether it is meant to do this. */
  isFor(use: ServerUse): boolean {
    const { 'remote.use': meant } = this.needs.settings();
    return this.address !== null && (meant === 'both' || meant === use);
  }

  /** The same, and nothing says that it would not answer. */
  serves(use: ServerUse): boolean {
    return this.isFor(use) && !this.isLeftAlone(use);
  }

  /** Why it is left alone, or was until a moment ago and has not answered since. */
  get away(): DeltaError | null {
    return this.outage?.error ?? null;
  }

  /** What its model is called; the host where that is not known yet. */
  nameOf(use: ServerUse): string {
    return this.modelFor(use)?.id ?? this.host ?? '';
  }

  /** Tokens that its model reads at most, as far as that is known. */
  contextOf(use: ServerUse): number | null {
    return this.modelFor(use)?.context ?? null;
  }

  /** Rejects with a DeltaError, and has noted it then. `insist`: also where it is left alone. */
  async connect(use: ServerUse, insist = false): Promise<Connection> {
    const { address } = this;
    if (address === null || (!insist && this.isLeftAlone(use))) throw this.away ?? new DeltaError('cancelled');
    const { host } = new URL(address);
    const key = this.connectionKey(address);
    if (this.connecting?.key !== key) {
      const server = this.open(address);
      this.connecting = { key, server };
      // Nobody may wait for it any more when that is known.
      server.catch((error: unknown) => {
        if (this.connecting?.server === server) this.failed(error);
      });
    }
    const { server, facts } = await this.connecting.server;
    const model = this.modelFor(use);
    if (!model) {
      const error = new DeltaError('serverNamesNoModel', host);
      this.failed(error);
      throw error;
    }
    const form = this.needs.settings()['remote.prompt'];
    return { server, host, kind: facts.kind, model, form: form === 'auto' ? (forms[facts.kind] ?? null) : form === 'markers' ? 'prompt' : form };
  }

  /** It did what it was asked. */
  answered(): void {
    this.latenesses = 0;
    if (!this.outage) return;
    this.needs.log.info(`${this.host} answers again.`);
    this.outage = null;
    this.changed.fire();
  }

  /** It had said nothing when the time for a completion was over. */
  late(): void {
    const { host } = this;
    if (++this.latenesses >= MOST_LATE && host !== null) this.failed(new DeltaError('serverSlow', host));
  }

  /** It did not: it is left alone for a while, the longer the oftener. */
  failed(thrown: unknown): void {
    const error = asDeltaError(thrown);
    if (error.code === 'cancelled') return;
    this.latenesses = 0;
    const failures = (this.outage?.failures ?? 0) + 1;
    this.outage = { error, failures, until: this.needs.clock.now() + Math.min(MOST_REST_MS, REST_MS * 2 ** (failures - 1)) };
    // Another program may listen there when it comes back.
    this.connecting = null;
    this.needs.log.warn(error.message);
    if (failures === 1) this.outages.fire(error);
    this.changed.fire();
  }

  /** Other settings, another key, a wish to try again: what was known of it is not known any more. */
  forget(): void {
    this.connecting = this.outage = this.known = null;
    this.changed.fire();
  }

  /** Equal as long as settings mean the same server. */
  get settingsKey(): string {
    const settings = this.needs.settings();
    return JSON.stringify(SETTINGS.map((name) => settings[name]));
  }

  dispose(): void {
    this.changed.dispose();
    this.outages.dispose();
  }

  private get address(): string | null {
    return this.needs.isTrusted() ? addressIn(this.needs.settings()['remote.url']) : null;
  }

  /** Who asks in the chat has time for a slow one. */
  private isLeftAlone(use: ServerUse): boolean {
    return this.outage !== null && this.needs.clock.now() < this.outage.until && !(use === 'chat' && this.outage.error.code === 'serverSlow');
  }

  private connectionKey(address: string): string {
    const { 'remote.completionModel': completion, 'remote.chatModel': chat } = this.needs.settings();
    return JSON.stringify([address, completion, chat]);
  }

  private modelFor(use: ServerUse): ServerModel | null {
    const settings = this.needs.settings();
    const named = settings[use === 'chat' ? 'remote.chatModel' : 'remote.completionModel'].trim();
    const models = this.known?.models ?? [];
    return named === '' ? (models[0] ?? null) : (models.find(({ id }) => id === named) ?? { id: named, context: null });
  }

  private async open(address: string): Promise<{ server: RemoteServer; facts: ServerFacts }> {
    const key = keyFor(address, await this.needs.secrets.get(KEY));
    const server = this.needs.load()({ url: address, key });
    const facts = await server.facts(new AbortController().signal).catch((thrown: unknown) => {
      const error = asDeltaError(thrown);
      const { 'remote.completionModel': completion, 'remote.chatModel': chat } = this.needs.settings();
      if (LISTLESS.has(error.code) && (completion.trim() !== '' || chat.trim() !== '')) return { kind: 'other', models: [] } as ServerFacts;
      throw error;
    });
    this.known = facts;
    this.needs.log.info(`${new URL(address).host} is ${facts.kind === 'other' ? 'a server' : facts.kind} with ${facts.models.length} models.`);
    this.changed.fire();
    return { server, facts };
  }
}

/** A key is kept with the address that it was given for, and sent to no other. */
export const keptKey = (address: string, key: string): string => JSON.stringify({ address, key });

function keyFor(address: string, kept: string | undefined): string | null {
  try {
    const { address: of, key } = JSON.parse(kept ?? '{}') as { address?: unknown; key?: unknown };
    return of === address && typeof key === 'string' && key !== '' ? key : null;
  } catch {
    return null;
  }
}
