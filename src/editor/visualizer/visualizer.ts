// Wiring of the sparsity visualizer: its command, its panel, what it asks of the editor. Nothing is read or measured before somebody asks.
import { commands, env, l10n, Range, Uri, ViewColumn, window, workspace, type Disposable, type LogOutputChannel, type Memento } from 'vscode';
import type { Clock } from '../../completion/source.ts';
import type { Tally } from '../../completion/tally.ts';
import { panelPage } from '../../shared/panelPage.ts';
import type { LiveFigures } from '../../shared/liveFigures.ts';
import type { CacheView, TimeView } from '../../shared/panelProtocol.ts';
import { readFile } from '../chat/attachable.ts';
import type { EditorRuntime } from '../runtime.ts';
import type { SettingsReader } from '../settings.ts';
import { asMarkdown } from './asMarkdown.ts';
import { keep, keptIn } from './kept.ts';
import { LastEditor } from './lastEditor.ts';
import { Looking } from './looking.ts';
import { PanelHost } from './panelHost.ts';
import { PanelView } from './panelView.ts';

export interface VisualizerNeeds {
  runtime: Pick<EditorRuntime, 'inspect' | 'look' | 'slot' | 'state' | 'progress' | 'onDidChange' | 'onDidChangeChat'>;
  settings: SettingsReader;
  tally: Tally;
  clock: Clock;
  log: LogOutputChannel;
  extensionUri: Uri;
  extensionVersion: string;
  workspaceState: Memento;
}

export interface Visualizer extends Disposable {
  /** A request has its answer: figures that are shown may be others. */
  answered(): void;
}

/** Milliseconds between two looks at the caches: nobody reads faster. */
const REST_MS = 500;
const MESSAGE_MS = 4000;

export function startVisualizer({ runtime, settings, tally, clock, log, extensionUri, extensionVersion, workspaceState }: VisualizerNeeds): Visualizer {
  const excluded = (): readonly string[] => settings.current['completions.exclude'];
  const editor = new LastEditor(excluded, () => changed());
  const message = (text: string): void => void window.setStatusBarMessage(text, MESSAGE_MS);
  const view = new PanelView({
    extensionUri, page: panelPage, title: l10n.t('Sparsity'), hear: (sent) => host.hear(sent), refused: () => log.warn('The visualizer sent a message that is none.'), closed: () => host.closed(),
  });
  const host = new PanelHost({
    runtime, version: extensionVersion, now: () => Date.now(), post: (sent) => view.post(sent), warn: (sentence) => log.warn(sentence), file: () => editor.file,
    mode: () => settings.current.mode, useMode: (mode) => settings.set('mode', mode),
    read: async (uri) => {
      const found = await readFile(Uri.parse(uri), excluded);
      return 'text' in found ? found.text : null;
    },
    rest: async () => ({ cache: await cacheView(runtime), time: timeView(tally) }),
    look: (known) => liveView(runtime, known),
    reveal: (uri, line) => reveal(uri, line, view.column),
    copyMarkdown: async (measurement) => {
      await env.clipboard.writeText(asMarkdown(measurement));
      message(l10n.t('The table is in the clipboard.'));
    },
    saveJson: (report) => save('deltallm-inspect.json', 'json', new TextEncoder().encode(`${JSON.stringify(report, null, 2)}\n`)),
    saveImage: (png, name) => save(name, 'png', png),
    imageCopied: () => message(l10n.t('The image is in the clipboard.')),
    keep: (kept) => void keep(workspaceState, kept),
  });
  const changed = (): void => {
    if (view.isOpen) host.surroundingsChanged();
  };
  const looking = new Looking({
    clock, inSight: () => view.inSight, works: () => (['completion', 'chat'] as const).some((role) => ['reading', 'writing'].includes(runtime.slot(role).state)),
    look: () => host.look(), rested: () => void host.restChanged(),
  });
  let restored = false;
  let endWait: (() => void) | undefined;
  const subscriptions: Disposable[] = [
    view, editor,
    commands.registerCommand('deltallm.visualizer.open', () => view.show()),
    commands.registerCommand('deltallm.visualizer.measure', async () => {
      view.show();
      await host.measure();
    }),
    runtime.onDidChange(() => {
      host.runtimeChanged();
      looking.wake();
    }),
    runtime.onDidChangeChat(() => looking.wake()),
    looking,
    workspace.onDidChangeTextDocument(({ document }) => host.documentChanged(document.uri.toString())),
  ];
  settings.onChange(changed);
  view.onShown = () => {
    const kept = restored ? undefined : keptIn(workspaceState);
    restored = true;
    if (kept) void host.restore(kept).catch(() => log.warn('What the visualizer measured before could not be shown again.'));
  };
  return {
    answered() {
      if (!view.isOpen || endWait) return;
      endWait = clock.wait(REST_MS, () => {
        endWait = undefined;
        if (view.isOpen) void host.restChanged();
      });
    },
    dispose() {
      endWait?.();
      host.closed();
      for (const subscription of subscriptions) subscription.dispose();
    },
  };
}

/** Folders are nobody's business. */
const nameOf = (path: string | null): string | null => path && path.split(/[\\/]/).at(-1)!;

async function cacheView(runtime: VisualizerNeeds['runtime']): Promise<CacheView | null> {
  const caches = await runtime.look('census', {});
  return caches && caches.map((cache) => ({ ...cache, groups: cache.groups.map((group) => ({ ...group, path: nameOf(group.path) })) }));
}

async function liveView(runtime: VisualizerNeeds['runtime'], known: string | undefined): Promise<LiveFigures | null> {
  const live = await runtime.look('live', { sample: true, known });
  return live && { ...live, wrote: live.wrote && { ...live.wrote, path: nameOf(live.wrote.path) } };
}

/** Of the last request that had a generation of its own. */
function timeView(tally: Tally): TimeView | null {
  const last = tally.recent.findLast(({ tokens, stages, ms }) => tokens !== null && stages !== null && ms.decode + ms.prefill > 0);
  if (!last?.tokens || !last.stages) return null;
  const { pause, waiting, prefill, decode, total } = last.ms;
  return { pause, waiting, ...last.stages, reading: prefill, writing: decode, total, computed: last.tokens.computed, written: last.tokens.generated };
}

/** In the column where the file is shown already, else in the first one, or beside the panel where that stands there: never over it. */
async function reveal(address: string, line: number, panel: ViewColumn | undefined): Promise<void> {
  const uri = Uri.parse(address);
  const shown = window.visibleTextEditors.find(({ document }) => document.uri.toString() === address);
  const document = await workspace.openTextDocument(uri);
  const at = Math.min(line, document.lineCount - 1);
  await window.showTextDocument(document, { viewColumn: shown?.viewColumn ?? (panel === ViewColumn.One ? ViewColumn.Beside : ViewColumn.One), selection: new Range(at, 0, at, 0) });
}

async function save(name: string, extension: string, bytes: Uint8Array): Promise<void> {
  const folder = workspace.workspaceFolders?.[0]?.uri;
  const target = await window.showSaveDialog({ defaultUri: folder ? Uri.joinPath(folder, name) : undefined, filters: { [extension.toUpperCase()]: [extension] } });
  if (target) await workspace.fs.writeFile(target, bytes);
}
