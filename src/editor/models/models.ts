// Wiring of the page of models, the entry of a bundle of its own. Nothing is looked at before somebody opens the page, and nothing reaches the network before somebody
// clicks "Download".
import { join } from 'node:path';
import { commands, env, FileType, l10n, Uri, window, workspace, type Disposable, type LogOutputChannel, type Memento, type WebviewView } from 'vscode';
import type { Download } from '../../shared/downloads.ts';
import { ownFolder, type OwnFolder } from '../chat/ownFolder.ts';
import type { EditorRuntime } from '../runtime.ts';
import type { SettingsReader } from '../settings.ts';
import { carryList } from './carryList.ts';
import { curated } from './curated.ts';
import { Downloading, type Facts } from './downloading.ts';
import { ModelsHost } from './modelsHost.ts';
import { ModelsView } from './modelsView.ts';

export interface ModelsNeeds {
  runtime: Pick<EditorRuntime, 'askWorker' | 'slot' | 'loadNow' | 'onDidChange' | 'onDidChangeChat'>;
  settings: SettingsReader;
  log: LogOutputChannel;
  extensionUri: Uri;
  globalStorageUri: Uri;
  storageUri: Uri | undefined;
  states: readonly Memento[];
  /** Loads the bundle that downloads. */
  loadDownload: () => Download;
  /** No conversation is kept any longer, neither on the disk nor in the window. */
  forgetConversations: () => Promise<void>;
  /** A team's own server: where text goes, where one is named. */
  server: { readonly sentences: readonly string[]; onDidChange(heard: () => void): Disposable };
  /** The key of a team's server. */
  forgetKey: () => Promise<void>;
  /** Where downloads lie, in the place of the folder that VS Code gives. */
  folder?: OwnFolder;
}

export interface ModelsPage extends Disposable {
  show(view: WebviewView): void;
  /** Removes everything, once the user has said yes. */
  removeAll(): void;
  /** Downloads pause; fulfils when nothing is written any more. */
  close(): Promise<void>;
}

const MESSAGE_MS = 4000;

export function startModels(needs: ModelsNeeds): ModelsPage {
  const { runtime, settings, log, extensionUri, globalStorageUri } = needs;
  const path = join(globalStorageUri.fsPath, 'models');
  const warn = (sentence: string): void => log.warn(sentence);
  const downloading = new Downloading({
    folder: needs.folder ?? ownFolder(path), path, mirror: () => settings.current['models.mirror'], load: needs.loadDownload, changed: () => host.changed(), now: () => Date.now(),
  });
  const view = new ModelsView(extensionUri, (message) => host.hear(message), () => warn('The page of models sent a message that is none.'));
  const host = new ModelsHost({
    runtime, settings, downloading, server: () => needs.server.sentences.join(' '), post: (message) => view.post(message), warn,
    copyList: async () => {
      const facts = new Map<string, Facts | null>();
      for (const { file } of curated) facts.set(file, await downloading.facts(file));
      await env.clipboard.writeText(carryList(settings.current['models.mirror'], (file) => facts.get(file) ?? null));
      window.setStatusBarMessage(l10n.t('The list is in the clipboard.'), MESSAGE_MS);
    },
    ownDisk: async () => {
      const models = await bytesIn(Uri.joinPath(globalStorageUri, 'models'));
      const all = (await bytesIn(globalStorageUri)) + (needs.storageUri ? await bytesIn(needs.storageUri) : 0);
      return { models, rest: Math.max(0, all - models) };
    },
    removeAll: async () => {
      await needs.forgetConversations();
      await needs.forgetKey();
      // Nothing is written again by a worker that still holds it.
      await commands.executeCommand('deltallm.clearCaches');
      for (const uri of [globalStorageUri, needs.storageUri]) if (uri) await workspace.fs.delete(uri, { recursive: true }).then(() => {}, () => {});
      for (const state of needs.states) for (const key of state.keys()) await state.update(key, undefined);
    },
  });
  settings.onChange(() => host.changed());
  const subscriptions: Disposable[] = [host, needs.server.onDidChange(() => host.changed()), runtime.onDidChange(() => host.changed()), runtime.onDidChangeChat(() => host.changed())];
  const close = (): Promise<void> => downloading.pauseAll();
  return {
    show: (shown) => view.resolveWebviewView(shown),
    removeAll: () => host.hear({ type: 'removeAll' }),
    close,
    dispose() {
      for (const subscription of subscriptions) subscription.dispose();
      void close();
    },
  };
}

/** Of all files below a folder; 0 where there is none. */
async function bytesIn(folder: Uri): Promise<number> {
  let bytes = 0;
  const entries = await Promise.resolve(workspace.fs.readDirectory(folder)).catch(() => []);
  for (const [name, type] of entries) {
    const uri = Uri.joinPath(folder, name);
    bytes += type === FileType.Directory ? await bytesIn(uri) : await Promise.resolve(workspace.fs.stat(uri)).then(({ size }) => size, () => 0);
  }
  return bytes;
}
