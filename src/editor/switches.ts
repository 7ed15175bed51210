// Completions on and off: everywhere, or for the language of the active editor.
import { l10n, window } from 'vscode';
import type { SettingsReader } from './settings.ts';
import { ANY, type Settings } from './settingsTable.ts';

/** Is this language completed, by the list alone? */
export const languageOn = (languages: Settings['completions.languages'], languageId: string): boolean => languages[languageId] ?? languages[ANY] ?? true;

export const activeLanguage = (): string | undefined => window.activeTextEditor?.document.languageId;

export async function toggleCompletions(settings: SettingsReader): Promise<void> {
  await settings.set('completions.enabled', !settings.current['completions.enabled']);
}

/** Of the active editor; says so when there is none. */
export async function toggleLanguage(settings: SettingsReader): Promise<void> {
  const language = activeLanguage();
  if (language === undefined) return void window.showInformationMessage(l10n.t('Open a file first: its language is what is switched.'));
  const languages = settings.current['completions.languages'];
  await settings.set('completions.languages', { ...languages, [language]: !languageOn(languages, language) });
}
