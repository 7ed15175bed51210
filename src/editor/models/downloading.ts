// The downloads of this window: each begins with a click, and the code that can reach the network is loaded by the first one.
import { join } from 'node:path';
import { l10n } from 'vscode';
import type { Download, DownloadProgress, DownloadStop } from '../../shared/downloads.ts';
import type { DownloadRow } from '../../shared/modelsProtocol.ts';
import { DeltaError } from '../../shared/errors.ts';
import type { OwnFolder } from '../chat/ownFolder.ts';
import { localise } from '../messages.ts';
import { addressOf, curated, serverOf, type CuratedModel } from './curated.ts';
import { sizeWords } from '../sizes.ts';

/** What is kept beside a file that was downloaded. */
export interface Facts {
  sha256: string;
  /** The server named this SHA-256, and it was compared. */
  compared: boolean;
  bytes: number;
  /** Where it came from. */
  url: string;
}

export interface DownloadingNeeds {
  folder: OwnFolder;
  /** The same as a path. */
  path: string;
  /** The setting. */
  mirror: () => string;
  /** Loads what downloads. */
  load: () => Download;
  changed: () => void;
  now: () => number;
}

interface Running {
  stop: DownloadStop;
  progress: DownloadProgress;
  /** When the first new byte came, and how many there were before. */
  since: { at: number; done: number } | undefined;
  done: Promise<void>;
}

const FACTS_BYTES = 4096;

export class Downloading {
  private readonly running = new Map<string, Running>();
  private readonly sentences = new Map<string, string>();
  /** Files of the folder. */
  private names: readonly string[] = [];
  note = '';

  constructor(private readonly needs: DownloadingNeeds) {}

  /** Models that are here. */
  async files(): Promise<{ file: string; path: string }[]> {
    this.names = await this.needs.folder.names();
    return this.names.filter((name) => name.endsWith('.gguf')).sort().map((file) => ({ file, path: join(this.needs.path, file) }));
  }

  /** Null where nothing is known of it. */
  async facts(file: string): Promise<Facts | null> {
    try {
      const facts = JSON.parse((await this.needs.folder.read(`${file}.json`, FACTS_BYTES)) ?? 'null') as Facts | null;
      return typeof facts?.sha256 === 'string' && Number.isSafeInteger(facts.bytes) ? facts : null;
    } catch {
      return null;
    }
  }

  get rows(): DownloadRow[] {
    return curated.filter(({ file }) => !this.names.includes(file) || this.running.has(file)).map((model) => this.row(model));
  }

  get isBusy(): boolean {
    return this.running.size > 0;
  }

  /** Begins, or goes on with what an earlier try left. Fulfils when it has ended, however. */
  async begin(id: string): Promise<void> {
    const model = curated.find(({ file }) => file === id);
    if (!model || this.running.has(id)) return;
    const server = serverOf(this.needs.mirror());
    this.sentences.delete(id);
    this.note = '';
    if (server === null) return this.say(id, l10n.t('The setting "{0}" is no address of a server.', 'deltallm.models.mirror'));
    const running: Running = { stop: { how: null, heard: () => {} }, progress: { done: 0, total: null, checking: false }, since: undefined, done: Promise.resolve() };
    this.running.set(id, running);
    this.needs.changed();
    running.done = this.fetch(model, addressOf(server, model), running).finally(() => this.running.delete(id));
    await running.done;
    this.needs.changed();
  }

  /** Nothing of it stays. */
  cancel(id: string): Promise<void> {
    return this.end(id, 'cancel');
  }

  /** What has come stays, to go on from. */
  async pauseAll(): Promise<void> {
    await Promise.all([...this.running.keys()].map((id) => this.end(id, 'pause')));
  }

  async remove(file: string): Promise<void> {
    await this.cancel(file);
    for (const name of [file, `${file}.json`, `${file}.part`, `${file}.part.json`]) await this.needs.folder.remove(name);
    await this.files();
  }

  private async end(id: string, how: 'cancel' | 'pause'): Promise<void> {
    const running = this.running.get(id);
    if (!running) return;
    running.stop.how ??= how;
    running.stop.heard();
    await running.done;
  }

  private async fetch(model: CuratedModel, url: string, running: Running): Promise<void> {
    const { host } = new URL(url);
    try {
      const outcome = await this.needs.load()({ url, path: join(this.needs.path, model.file) }, (progress) => this.heard(running, progress), running.stop);
      if ('failed' in outcome) this.say(model.file, localise(new DeltaError(outcome.failed.code, ...(outcome.failed.args as never))));
      else if ('done' in outcome) {
        const { sha256, bytes, stated } = outcome.done;
        await this.needs.folder.write(`${model.file}.json`, JSON.stringify({ sha256, bytes, compared: stated !== null, url } satisfies Facts));
        this.note = stated === null
          ? l10n.t('{0} is here. {1} names no SHA-256, so nothing was compared; that of the file is {2}.', model.name, host, sha256)
          : l10n.t('{0} is here, and its SHA-256 is the one that {1} names.', model.name, host);
      }
    } catch (thrown) {
      this.say(model.file, localise(new DeltaError('internal', thrown instanceof Error ? thrown.message : String(thrown))));
    }
    await this.files();
  }

  private heard(running: Running, progress: DownloadProgress): void {
    if (!progress.checking) running.since ??= { at: this.needs.now(), done: progress.done };
    running.progress = progress;
    this.needs.changed();
  }

  private say(id: string, sentence: string): void {
    this.sentences.set(id, sentence);
    this.needs.changed();
  }

  private row({ file, name, licence, bytes, purpose }: CuratedModel): DownloadRow {
    const running = this.running.get(file);
    const row: DownloadRow = { id: file, name, licence, size: sizeWords(bytes), purpose: purpose(), state: this.names.includes(`${file}.part.json`) ? 'begun' : 'offered', share: null, progress: '', sentence: this.sentences.get(file) ?? '' };
    if (!running) return row;
    const { progress: { done, total, checking }, since } = running;
    const seconds = since ? (this.needs.now() - since.at) / 1000 : 0;
    const rate = since && seconds > 0.5 ? (done - since.done) / seconds : 0;
    const size = total === null ? sizeWords(done) : l10n.t('{0} of {1}', sizeWords(done), sizeWords(total));
    const progress = rate > 0 ? l10n.t('{0}, {1} a second', size, sizeWords(rate)) : size;
    return { ...row, state: checking ? 'checking' : 'downloading', share: total === null ? null : done / Math.max(1, total), progress };
  }
}
