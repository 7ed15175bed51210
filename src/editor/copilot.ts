// GitHub Copilot beside us: who suggests in a language is the user's choice, written into Copilot's own setting, where it can be seen and taken back.
import { ConfigurationTarget, extensions, l10n, window, workspace } from 'vscode';

const SECTION = 'github.copilot';
const NAME = 'enable';
/** The second one has taken the first one's place. */
const IDS = ['GitHub.copilot', 'GitHub.copilot-chat'];
const MESSAGE_MS = 6000;

type Languages = Readonly<Record<string, boolean>>;

/** Whether Copilot suggests in this language; null where it is not installed. */
export function copilotCompletes(language: string): boolean | null {
  if (!IDS.some((id) => extensions.getExtension(id))) return null;
  const languages = workspace.getConfiguration(SECTION).get<Languages>(NAME) ?? {};
  return languages[language] ?? languages['*'] ?? true;
}

/** Copilot stops suggesting in this language, or does so again. */
export async function toggleCopilot(language: string): Promise<void> {
  const completes = copilotCompletes(language);
  if (completes === null) return;
  const configuration = workspace.getConfiguration(SECTION);
  const own = configuration.inspect<Languages>(NAME)?.globalValue;
  await configuration.update(NAME, { ...own, [language]: !completes }, ConfigurationTarget.Global);
  const said = completes ? l10n.t('GitHub Copilot is off for {0} by its setting "{1}"; the menu switches it on again.', language, `${SECTION}.${NAME}`) : l10n.t('GitHub Copilot is on for {0} by its setting "{1}".', language, `${SECTION}.${NAME}`);
  window.setStatusBarMessage(said, MESSAGE_MS);
}
