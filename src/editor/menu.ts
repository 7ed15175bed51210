// The menu behind the status-bar item.
import { commands, l10n, window, type QuickPickItem } from 'vscode';
import { copilotCompletes } from './copilot.ts';
import type { EditorRuntime } from './runtime.ts';
import { whereTextGoes } from './remote/whereTextGoes.ts';
import type { TeamServer } from './remote/teamServer.ts';
import type { Settings } from './settingsTable.ts';
import { activeLanguage, languageOn } from './switches.ts';
import { stateWord } from './words.ts';

interface Entry extends QuickPickItem {
  command: string;
  args?: unknown[];
}

/** `fromStatusBar`: the keyboard is there, and goes back into the editor with the choice, or without one. */
export async function showMenu(settings: Settings, runtime: Pick<EditorRuntime, 'state'>, fromStatusBar = false, team?: TeamServer): Promise<void> {
  const language = activeLanguage();
  const toggle = settings['completions.enabled'] ? `$(circle-slash) ${l10n.t('Switch completions off')}` : `$(check) ${l10n.t('Switch completions on')}`;
  const toggleHere = language !== undefined && (languageOn(settings['completions.languages'], language) ? l10n.t('Switch completions off for {0}', language) : l10n.t('Switch completions on for {0}', language));
  const entries: Entry[] = [
    // The first is what one more Enter chooses: it switches nothing.
    ...(language === undefined ? [] : [{ label: `$(sparkle) ${l10n.t('Complete at the cursor')}`, command: 'deltallm.completions.trigger' }]),
    { label: `$(comment-discussion) ${l10n.t('Open the chat')}`, command: 'deltallm.chat.open' },
    { label: toggle, command: 'deltallm.completions.toggle' },
    ...(toggleHere ? [{ label: `$(code) ${toggleHere}`, command: 'deltallm.completions.toggleLanguage' }] : []),
    ...serverLines(team),
    ...copilotLine(language),
    ...(language === undefined ? [] : [{ label: `$(bell-slash) ${l10n.t('Snooze suggestions…')}`, command: 'editor.action.inlineSuggest.snooze' }]),
    { label: `$(package) ${l10n.t('Manage models')}`, command: 'deltallm.models.manage' },
    { label: `$(graph) ${l10n.t('Open Sparsity Visualizer')}`, command: 'deltallm.visualizer.open' },
    { label: `$(list-unordered) ${l10n.t('Show last request')}`, command: 'deltallm.showLastRequest' },
    { label: `$(file-code) ${l10n.t('Show last prompt')}`, command: 'deltallm.showLastPrompt' },
    { label: `$(database) ${l10n.t('Show cache')}`, command: 'deltallm.showCache' },
    { label: `$(debug-restart) ${l10n.t('Restart the runtime')}`, command: 'deltallm.restart' },
    { label: `$(output) ${l10n.t('Show log')}`, command: 'deltallm.showLog' },
    { label: `$(clippy) ${l10n.t('Copy diagnostics')}`, command: 'deltallm.copyDiagnostics' },
    { label: `$(mortar-board) ${l10n.t('Get started')}`, command: 'deltallm.getStarted' },
    { label: `$(gear) ${l10n.t('Settings')}`, command: 'workbench.action.openSettings', args: ['@ext:deltallm.deltallm'] },
  ];
  const chosen = await window.showQuickPick(entries, { title: `DeltaLLM: ${stateWord(runtime.state)}`, placeHolder: l10n.t('What would you like to do?') });
  if (fromStatusBar && language !== undefined) await commands.executeCommand('workbench.action.focusActiveEditorGroup');
  if (chosen) await commands.executeCommand(chosen.command, ...(chosen.args ?? []));
}

/** Where text goes, where it does not stay here, and what can be done about it. */
function serverLines(team: TeamServer | undefined): Entry[] {
  const where = team ? whereTextGoes(team) : null;
  if (!where) return [];
  const settings = { command: 'workbench.action.openSettings', args: ['deltallm.remote'] };
  return [
    where.isAway ? { label: `$(debug-disconnect) ${l10n.t('{0} does not answer: try it again', where.host)}`, command: 'deltallm.remote.tryAgain' } : { label: `$(cloud) ${l10n.t('Text goes to {0}', where.host)}`, detail: where.sentences[0], ...settings },
  ];
}

/** Where Copilot is installed too: who suggests in this language. */
function copilotLine(language: string | undefined): Entry[] {
  const completes = language === undefined ? null : copilotCompletes(language);
  if (language === undefined || completes === null) return [];
  const label = completes ? l10n.t('Let DeltaLLM complete {0} here, not GitHub Copilot', language) : l10n.t('Let GitHub Copilot complete {0} again', language);
  return [{ label: `$(arrow-swap) ${label}`, command: 'deltallm.copilot.toggle', args: [language] }];
}
