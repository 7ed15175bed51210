// The page of models, its host's side: what there is, what each role uses, and what is done about it.
import { basename } from 'node:path';
import { l10n, Uri, window } from 'vscode';
import { CancelFlag } from '../../shared/cancel.ts';
import { asDeltaError } from '../../shared/errors.ts';
import { MODELS_PROTOCOL, type FromModels, type ModelRole, type ModelsState, type ToModels, type UseView } from '../../shared/modelsProtocol.ts';
import { modelsTexts } from '../../shared/modelsWords.ts';
import type { FoundModel } from '../../session/protocol.ts';
import { offerOf } from '../chat/foundOffers.ts';
import { chatModelPath, modelPath } from '../loadPlan.ts';
import { localise } from '../messages.ts';
import type { EditorRuntime } from '../runtime.ts';
import type { SettingsReader } from '../settings.ts';
import { dictionary } from '../words.ts';
import { PUBLISHER, serverOf } from './curated.ts';
import type { Downloading } from './downloading.ts';
import { planOf, rowOf, type Known, type Machine } from './modelRows.ts';
import { sizeWords } from '../sizes.ts';

export interface ModelsHostNeeds {
  runtime: Pick<EditorRuntime, 'askWorker' | 'slot' | 'loadNow'>;
  settings: Pick<SettingsReader, 'current' | 'set'>;
  downloading: Downloading;
  post: (message: ToModels) => void;
  warn: (sentence: string) => void;
  /** Where text goes besides; '' : it stays on this computer. */
  server: () => string;
  copyList: () => Promise<void>;
  /** Bytes of our folders, by what they hold. */
  ownDisk: () => Promise<{ models: number; rest: number }>;
  /** Removes everything that DeltaLLM keeps, once the user has said yes. */
  removeAll: () => Promise<void>;
}

/** Progress is shown that often: nobody reads faster. */
const REST_MS = 150;
const setting: Record<ModelRole, 'model.path' | 'chat.model'> = { completion: 'model.path', chat: 'chat.model' };

export class ModelsHost {
  private machine: Machine | null = null;
  /** The embedded one, those of our own folder, those that the settings name. */
  private known: Known[] = [];
  private found: Known[] = [];
  private searched = false;
  private searching: CancelFlag | undefined;
  private disk: string[] = [];
  private note = '';
  private last: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly needs: ModelsHostNeeds) {}

  hear(message: FromModels): void {
    const { downloading } = this.needs;
    switch (message.type) {
      case 'hello': {
        if (message.protocol !== MODELS_PROTOCOL) return;
        this.show();
        return this.do(() => this.refresh());
      }
      case 'find': return this.do(() => this.find());
      case 'chooseFile': return this.do(() => this.chooseFile());
      case 'drop': return this.do(() => this.add(message.uris.map((uri) => Uri.parse(uri)).filter(({ scheme }) => scheme === 'file').map(({ fsPath }) => fsPath)));
      case 'use': return this.do(() => this.use(message.role, message.id));
      case 'remove': return this.do(() => this.remove(message.id));
      // A download takes its time, and others do not wait for it.
      case 'download': return void downloading.begin(message.id).then(() => this.do(() => this.refresh()));
      case 'cancel': return void downloading.cancel(message.id);
      case 'copyList': return this.do(() => this.needs.copyList());
      case 'removeAll': return this.do(() => this.removeAll());
    }
  }

  /** What is shown may be others now. */
  changed(): void {
    this.timer ??= setTimeout(() => this.show(), REST_MS).unref();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.searching?.set();
  }

  /** When what was asked for is done. */
  settled(): Promise<void> {
    return this.last;
  }

  private readonly words = dictionary(modelsTexts);

  private do(action: () => Promise<void>): void {
    this.last = this.last.then(() => {
      // What was said of an earlier act is over.
      this.note = '';
      return action();
    }).catch((thrown: unknown) => {
      const error = asDeltaError(thrown);
      if (error.code !== 'cancelled') this.needs.warn(`The models could not be shown or changed: ${error.message}`);
      this.note = error.code === 'cancelled' ? '' : localise(error);
    }).then(() => this.show());
  }

  private look(path: string): Promise<FoundModel> {
    return this.needs.runtime.askWorker('lookAtModel', { path, plan: planOf(this.needs.settings.current) }, new CancelFlag());
  }

  /** All at once: a worker that nobody asks anything ends. */
  private async refresh(): Promise<void> {
    const { runtime, ownDisk } = this.needs;
    const [, machine, { bytes }, { models, rest }] = await Promise.all([
      this.lookAgain(), runtime.askWorker('measureMachine', {}, new CancelFlag()), runtime.askWorker('shelf', { clear: false }, new CancelFlag()), ownDisk(),
    ]);
    this.machine = machine;
    this.disk = [
      l10n.t('Downloaded models: {0}', sizeWords(models)),
      l10n.t('What was measured of models: {0}', sizeWords(bytes)),
      l10n.t('Conversations and caches: {0}', sizeWords(rest)),
    ];
  }

  /** At the embedded model, those of our own folder, and those that the settings name. */
  private async lookAgain(): Promise<void> {
    const { downloading, settings } = this.needs;
    const known: Known[] = [{ model: await this.look(''), path: '', origin: l10n.t('Comes with DeltaLLM'), own: '' }];
    for (const { file, path } of await downloading.files()) known.push({ model: await this.look(path), path, origin: l10n.t('Downloaded'), own: file });
    for (const path of new Set([modelPath(settings.current), chatModelPath(settings.current)])) {
      if ([...known, ...this.found].every((other) => other.path !== path)) known.push({ model: await this.look(path), path, origin: l10n.t('Chosen by you'), own: '' });
    }
    this.known = known;
    this.show();
  }

  private async find(): Promise<void> {
    const cancel = (this.searching = new CancelFlag());
    this.show();
    try {
      const { models, unreadable } = await this.needs.runtime.askWorker('findModels', { plan: planOf(this.needs.settings.current) }, cancel);
      for (const folder of unreadable) this.needs.warn(`Models in ${folder} cannot be read by this user.`);
      const own = new Set(this.known.map(({ model }) => model.id));
      this.found = models.filter(({ id }) => !own.has(id)).map((model) => ({ model, path: model.path, origin: model.program, own: '' }));
      this.searched = true;
    } finally {
      this.searching = undefined;
    }
  }

  private async chooseFile(): Promise<void> {
    const chosen = await window.showOpenDialog({ title: l10n.t('Choose a model'), openLabel: l10n.t('Add This Model'), canSelectMany: true, filters: { [l10n.t('Language models')]: ['gguf'], [l10n.t('All files')]: ['*'] } });
    await this.add((chosen ?? []).map(({ fsPath }) => fsPath));
  }

  /** Lists files that the user names, whatever they are: what cannot be used says why. */
  private async add(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      const model = await this.look(path);
      if (this.known.some((other) => other.model.id === model.id)) continue;
      this.found = [{ model, path, origin: l10n.t('Chosen by you'), own: '' }, ...this.found.filter((other) => other.model.id !== model.id)];
    }
  }

  /** The file is looked at once more: what fitted may not fit any longer. */
  private async use(role: ModelRole, id: string): Promise<void> {
    const { runtime, settings } = this.needs;
    const known = [...this.known, ...this.found].find(({ model }) => model.id === id);
    if (!known) return;
    known.model = { ...(await this.look(known.path)), program: known.model.program, name: known.model.name };
    const { refused } = offerOf(known.model);
    if (refused) this.note = refused;
    if (refused || !(role === 'chat' ? known.model.chat : known.model.fim)) return;
    await settings.set(setting[role], known.path);
    await runtime.loadNow(role);
  }

  private async remove(id: string): Promise<void> {
    const { downloading } = this.needs;
    const known = this.known.find(({ model, own }) => model.id === id && own !== '');
    if (!known) return;
    const yes = l10n.t('Delete');
    if ((await window.showWarningMessage(l10n.t('Delete {0}?', known.model.name), { modal: true, detail: l10n.t('The file {0} was downloaded by DeltaLLM and can be downloaded again.', basename(known.path)) }, yes)) !== yes) return;
    await this.forget((path) => path === known.path);
    await downloading.remove(known.own);
    await this.refresh();
  }

  private async removeAll(): Promise<void> {
    const yes = l10n.t('Remove');
    const detail = [l10n.t('This cannot be undone. Files that DeltaLLM did not make or download, and your settings, stay.'), ...this.disk].join('\n');
    if ((await window.showWarningMessage(l10n.t('Remove everything that DeltaLLM keeps on this computer?'), { modal: true, detail }, yes)) !== yes) return;
    const { downloading, runtime } = this.needs;
    const own = new Set((await downloading.files()).map(({ path }) => path));
    await this.forget((path) => own.has(path));
    for (const { id } of downloading.rows) await downloading.remove(id);
    for (const path of own) await downloading.remove(basename(path));
    await runtime.askWorker('shelf', { clear: true }, new CancelFlag());
    await this.needs.removeAll();
    this.found = [];
    this.searched = false;
    await this.refresh();
    this.note = l10n.t('Everything was removed.');
  }

  /** What is about to go is used no longer. */
  private async forget(goes: (path: string) => boolean): Promise<void> {
    const { settings } = this.needs;
    for (const name of Object.values(setting)) if (goes(settings.current[name])) await settings.set(name, '');
  }

  private uses(): UseView[] {
    const { settings, runtime } = this.needs;
    return (['completion', 'chat'] as const).map((role) => {
      const path = role === 'chat' ? chatModelPath(settings.current) : modelPath(settings.current);
      const slot = runtime.slot(role);
      const row = [...this.known, ...this.found].find((known) => known.path === path)?.model;
      // The embedded model does not chat, and neither does one for completions alone.
      if (role === 'chat' && (path === '' || (settings.current['chat.model'].trim() === '' && row && !row.chat))) return { role, name: '', state: 'none', share: 0, sentence: '' };
      // The embedded model stands in for one that was refused: the page says why.
      const error = slot.error ?? slot.refused;
      const state = slot.state === 'off' ? 'waiting' : slot.state === 'reading' || slot.state === 'writing' ? 'ready' : slot.state;
      return { role, name: slot.model?.name ?? row?.name ?? basename(path), state, share: slot.progress, sentence: error ? localise(error) : '' };
    });
  }

  private get state(): ModelsState {
    const { downloading, settings } = this.needs;
    const uses = (role: ModelRole, path: string): boolean => path === (role === 'chat' ? chatModelPath(settings.current) : modelPath(settings.current));
    const slow = this.machine?.kernels === 'scalar' ? l10n.t('This CPU has none of the features that the fast kernels need: models run many times slower here.') : '';
    return {
      uses: this.uses(), server: this.needs.server(), models: [...this.known, ...this.found].map((known) => rowOf(known, this.machine, uses)), searched: this.searched, searching: this.searching !== undefined,
      downloads: downloading.rows, source: new URL(serverOf(settings.current['models.mirror']) ?? PUBLISHER).host, disk: this.disk, note: this.note || downloading.note || slow,
    };
  }

  private show(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.needs.post({ type: 'state', protocol: MODELS_PROTOCOL, state: this.state, words: this.words });
  }
}
