// The commands, each with what it does.
import { commands, env, l10n, window, type Disposable, type LogOutputChannel } from 'vscode';
import { triggerCompletion, type Completions } from './completions.ts';
import { diagnostics } from './diagnostics.ts';
import type { Documents } from './documents.ts';
import { showMenu } from './menu.ts';
import type { EditorRuntime } from './runtime.ts';
import type { SettingsReader } from './settings.ts';
import { toggleCompletions, toggleLanguage } from './switches.ts';

export interface CommandNeeds {
  runtime: EditorRuntime;
  completions: Completions;
  documents: Documents;
  settings: SettingsReader;
  log: LogOutputChannel;
  extensionVersion: string;
}

export const LAST_PROMPT = '/last-prompt.txt';
export const LAST_REQUEST = '/last-request.txt';

export function registerCommands({ runtime, completions, documents, settings, log, extensionVersion }: CommandNeeds): Disposable[] {
  const actions: Record<string, () => unknown> = {
    'deltallm.menu': () => showMenu(settings.current, runtime),
    'deltallm.completions.toggle': () => toggleCompletions(settings),
    'deltallm.completions.toggleLanguage': () => toggleLanguage(settings),
    'deltallm.completions.trigger': () => trigger(settings),
    'deltallm.restart': () => {
      completions.forget();
      return runtime.restart();
    },
    'deltallm.showLog': () => log.show(true),
    'deltallm.showLastPrompt': () => documents.show(LAST_PROMPT),
    'deltallm.showLastRequest': () => documents.show(LAST_REQUEST),
    'deltallm.copyDiagnostics': async () => {
      await env.clipboard.writeText(await diagnostics({ runtime, settings: settings.current, extensionVersion, counts: completions.tally.counts() }));
      window.setStatusBarMessage(l10n.t('The diagnostics are in the clipboard.'), 4000);
    },
  };
  return Object.entries(actions).map(([id, act]) => commands.registerCommand(id, act));
}

async function trigger(settings: SettingsReader): Promise<void> {
  if (settings.current['completions.enabled']) return void (await triggerCompletion());
  const on = l10n.t('Switch On');
  if ((await window.showInformationMessage(l10n.t('Completions are switched off.'), on)) === on) await settings.set('completions.enabled', true);
}
