// The commands, each with what it does.
import { commands, env, l10n, window, workspace, type Disposable, type LogOutputChannel, type Uri } from 'vscode';
import { triggerCompletion, type Completions } from './completions.ts';
import { toggleCopilot } from './copilot.ts';
import { diagnostics } from './diagnostics.ts';
import type { Documents } from './documents.ts';
import type { FirstRun } from './firstRun.ts';
import { showMenu } from './menu.ts';
import type { TeamServer } from './remote/teamServer.ts';
import type { EditorRuntime } from './runtime.ts';
import type { SettingsReader } from './settings.ts';
import { activeLanguage, toggleCompletions, toggleLanguage } from './switches.ts';
import { reasonWords } from './words.ts';

export interface CommandNeeds {
  runtime: EditorRuntime;
  completions: Completions;
  documents: Documents;
  firstRun: FirstRun;
  settings: SettingsReader;
  /** The folder of what is kept for the next start. */
  kept: Uri;
  log: LogOutputChannel;
  extensionVersion: string;
  team: TeamServer;
}

/** How long a message stays in the status bar. */
const MESSAGE_MS = 4000;

export const LAST_PROMPT = '/last-prompt.txt';
export const LAST_REQUEST = '/last-request.txt';
export const CACHE = '/cache.txt';

export function registerCommands({ runtime, completions, documents, firstRun, settings, kept, log, extensionVersion, team }: CommandNeeds): Disposable[] {
  const actions: Record<string, (argument?: unknown) => unknown> = {
    'deltallm.menu': (from) => showMenu(settings.current, runtime, (from as { fromStatusBar?: boolean } | undefined)?.fromStatusBar === true, team),
    'deltallm.completions.toggle': () => toggleCompletions(settings),
    'deltallm.completions.toggleLanguage': () => toggleLanguage(settings),
    'deltallm.completions.trigger': () => trigger(settings, completions),
    'deltallm.getStarted': () => firstRun.getStarted(),
    'deltallm.tryIt': () => firstRun.tryIt(),
    'deltallm.copilot.toggle': (language) => (typeof language === 'string' ? toggleCopilot(language) : undefined),
    'deltallm.restart': () => runtime.restart(),
    'deltallm.clearCaches': () => clearCaches(runtime, kept),
    'deltallm.showLog': () => log.show(true),
    'deltallm.showLastPrompt': () => documents.show(LAST_PROMPT),
    'deltallm.showLastRequest': () => documents.show(LAST_REQUEST),
    'deltallm.showCache': () => documents.show(CACHE),
    'deltallm.copyDiagnostics': async () => {
      await env.clipboard.writeText(await diagnostics({ runtime, settings: settings.current, extensionVersion, counts: completions.tally.counts() }));
      window.setStatusBarMessage(l10n.t('The diagnostics are in the clipboard.'), MESSAGE_MS);
    },
  };
  return Object.entries(actions).map(([id, act]) => commands.registerCommand(id, act));
}

/** What was read goes, from memory and from the disk: the worker's, so that it writes nothing after that, and what no worker is there for. */
async function clearCaches(runtime: EditorRuntime, kept: Uri): Promise<void> {
  await runtime.callQuietly('completion', 'clearCaches', {});
  await workspace.fs.delete(kept, { recursive: true }).then(() => {}, () => {});
  window.setStatusBarMessage(l10n.t('What the models had read is forgotten.'), MESSAGE_MS);
}

/** As VS Code's own command, but it says why nothing came of it. */
async function trigger(settings: SettingsReader, completions: Completions): Promise<void> {
  const on = l10n.t('Switch On');
  if (!settings.current['completions.enabled']) {
    if ((await window.showInformationMessage(l10n.t('Completions are switched off.'), on)) === on) await settings.set('completions.enabled', true);
    return;
  }
  const language = activeLanguage();
  if (language !== undefined && completions.refusedHere === 'disabled') {
    if ((await window.showInformationMessage(l10n.t('Completions are switched off for {0}.', language), on)) === on) await toggleLanguage(settings);
    return;
  }
  const { tally } = completions;
  const before = tally.last;
  await triggerCompletion();
  const { last } = tally;
  if (last && last !== before && last.manual && last.answer === 'suppressed' && last.reason) window.setStatusBarMessage(l10n.t('No suggestion: {0}.', reasonWords(last.reason)), MESSAGE_MS);
}
