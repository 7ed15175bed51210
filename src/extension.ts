// Wiring only: what the editor sees is registered here, and nothing is started, loaded or read.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Uri, window, type ExtensionContext } from 'vscode';
import { Answers } from './editor/answers.ts';
import { startChat, type Chat } from './editor/chat/chat.ts';
import { foundOffers } from './editor/chat/foundOffers.ts';
import { clock } from './editor/clock.ts';
import { cacheText } from './editor/cacheText.ts';
import { CACHE, registerCommands, LAST_PROMPT, LAST_REQUEST } from './editor/commands.ts';
import { Completions } from './editor/completions.ts';
import { CrashMarker } from './editor/crashMarker.ts';
import { Documents } from './editor/documents.ts';
import { lastPromptText } from './editor/lastPrompt.ts';
import { lastRequestText } from './editor/lastRequest.ts';
import type { startModels } from './editor/models/models.ts';
import { modelsOnDemand, type Models } from './editor/models/onDemand.ts';
import { FirstRun } from './editor/firstRun.ts';
import { showTroubles } from './editor/notices.ts';
import { startRemote } from './editor/remote/remote.ts';
import { whereTextGoes } from './editor/remote/whereTextGoes.ts';
import type { startServed } from './editor/remote/served.ts';
import { EditorRuntime } from './editor/runtime.ts';
import { SettingsReader } from './editor/settings.ts';
import { StatusBar } from './editor/statusBar.ts';
import { startVisualizer } from './editor/visualizer/visualizer.ts';
import { RuntimeClient } from './session/client.ts';
import type { Download } from './shared/downloads.ts';
import type { ConnectServer } from './shared/remoteServer.ts';

let runtime: EditorRuntime | undefined;
let chat: Chat | undefined;
let models: Models | undefined;

export function activate(context: ExtensionContext): void {
  const { extensionUri, globalStorageUri, storageUri, workspaceState, globalState, extension } = context;
  const extensionVersion = String(extension.packageJSON.version);
  const log = window.createOutputChannel('DeltaLLM', { log: true });
  const settings = new SettingsReader(log);
  const marker = new CrashMarker(Uri.joinPath(globalStorageUri, 'runs').fsPath, extensionVersion, (sentence) => log.warn(sentence));
  const kept = Uri.joinPath(globalStorageUri, 'read');
  const dist = join(extensionUri.fsPath, 'dist');
  const started = (runtime = new EditorRuntime({ startWorker: () => RuntimeClient.start(dist, { keptFolder: kept.fsPath }, (sentence) => log.warn(sentence)), settings: () => settings.current, marker, log }));
  // Bundles of their own, loaded when they are needed. From a file of the extension, so that VS Code gives them its own modules, which know the user's proxy and certificates.
  const bundle = (name: string): unknown => createRequire(join(dist, 'extension.cjs'))(`./${name}.cjs`);
  const remote = startRemote({
    local: started, localAnswers: new Answers(started, () => settings.current), settings, secrets: context.secrets, clock, log,
    // A way to the network, for a user who named a server.
    load: () => (bundle('remote') as { connectServer: ConnectServer }).connectServer,
    loadServed: () => (bundle('served') as { startServed: typeof startServed }).startServed,
  });
  const { team } = remote;
  const firstRun = new FirstRun();
  const completions = new Completions({
    source: remote.source, state: globalState, isLoading: () => started.state === 'loading',
    readAhead: (options, cancel) => started.callQuietly('completion', 'generate', options, cancel),
    // A server works for others too: nothing is written there that nobody waits for, and nothing here that would not fit what it writes.
    writeAhead: async (options, hear, cancel) => (team.serves('completions') ? null : started.callQuietly('completion', 'generate', options, cancel, hear)),
    keep: (cancel) => started.callQuietly('completion', 'keep', {}, cancel),
    settings: () => settings.current, extensionId: extension.id, log, onAnswer: () => answered(), whenTaken: (document) => firstRun.whenTaken(document),
  });
  const documents = new Documents({ [LAST_PROMPT]: () => lastPromptText(completions.lastPrompted), [LAST_REQUEST]: () => lastRequestText(completions.tally), [CACHE]: async () => cacheText(await started.look('census', {})) });
  const statusBar = new StatusBar(started, () => settings.current, completions.tally, () => completions.refusedHere, 'deltallm.menu', team);
  chat = startChat({ source: remote.answers, local: remote.localAnswers, offers: foundOffers(started, (sentence) => log.warn(sentence)), settings, clock, log, extensionUri, extensionVersion, storageUri, globalStorageUri, workspaceState });
  const visualizer = startVisualizer({ runtime: started, settings, tally: completions.tally, clock, log, extensionUri, extensionVersion, workspaceState });
  models = modelsOnDemand({
    runtime: started, settings, log, extensionUri, globalStorageUri, storageUri, states: [workspaceState, globalState], forgetConversations: async () => chat?.forgetAll(), forgetKey: () => remote.forgetKey(),
    server: { get sentences() { return whereTextGoes(team)?.sentences ?? []; }, onDidChange: (heard) => team.onDidChange(heard) },
    // The other way to the network, for a click on "Download".
    loadDownload: () => (bundle('download') as { download: Download }).download,
  }, () => (bundle('modelsHost') as { startModels: typeof startModels }).startModels);
  const answered = (): void => {
    statusBar.update();
    visualizer.answered();
  };
  settings.onChange(() => {
    completions.forget();
    started.settingsChanged();
    statusBar.update();
  });
  context.subscriptions.push(
    log, settings, remote, firstRun, completions, documents, statusBar, chat, models, visualizer,
    started.onRestart(() => completions.forget()),
    showTroubles(started, () => log.show(true)),
    ...registerCommands({ runtime: started, completions, documents, firstRun, settings, kept, log, extensionVersion, team }),
  );
}

/** Fulfils when the conversation is saved and the worker has ended: VS Code waits some seconds for it. */
export async function deactivate(): Promise<void> {
  const ending = [chat?.close(), models?.close(), runtime?.dispose()];
  chat = undefined;
  models = undefined;
  runtime = undefined;
  await Promise.all(ending);
}
