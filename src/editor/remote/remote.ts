// A team's own server in the editor: its key, its commands, and the two sources that ask it first where one is named. Registered always, because its command must be
// there; what asks it, and the way to the network, are bundles of their own that the first request loads after a server was named.
import { commands, l10n, window, workspace, type Disposable, type LogOutputChannel, type SecretStorage } from 'vscode';
import type { AnswerSource } from '../../chat/answerSource.ts';
import type { Clock, TextSource } from '../../completion/source.ts';
import type { ConnectServer } from '../../shared/remoteServer.ts';
import { localise } from '../messages.ts';
import type { SettingsReader } from '../settings.ts';
import { addressIn } from './serverAddress.ts';
import type { Served, startServed } from './served.ts';
import { keptKey, KEY, TeamServer } from './teamServer.ts';

export interface RemoteNeeds {
  local: TextSource;
  localAnswers: AnswerSource;
  settings: SettingsReader;
  secrets: SecretStorage;
  /** Loads the bundle that has the network, and the one that asks. */
  load: () => ConnectServer;
  loadServed: () => typeof startServed;
  clock: Clock;
  log: LogOutputChannel;
}

export interface Remote extends Disposable {
  readonly source: TextSource;
  readonly answers: AnswerSource;
  /** Those of the model here alone. */
  readonly localAnswers: AnswerSource;
  readonly team: TeamServer;
  forgetKey(): Promise<void>;
}

/** How long a word about an outage stays in the status bar. */
const WORD_MS = 8000;

export function startRemote({ local, localAnswers, settings, secrets, load, loadServed, clock, log }: RemoteNeeds): Remote {
  const current = () => settings.current;
  const team = new TeamServer({ settings: current, isTrusted: () => workspace.isTrusted, secrets, load, clock, log });
  let made: Served | undefined;
  const served = (): Served => (made ??= loadServed()({ local, localAnswers, team, settings: current, clock }));
  const [completing, answering] = [(): TextSource => (team.serves('completions') ? served().source : local), (): AnswerSource => (team.isFor('chat') ? served().answers : localAnswers)];
  let means = team.settingsKey;
  const look = (): void => {
    const { 'remote.url': url } = current();
    if (url.trim() !== '' && addressIn(url) === null) log.warn('The setting deltallm.remote.url is ignored: it is no address of a server that begins with http:// or https://, without a password in it.');
  };
  look();
  settings.onChange(() => {
    if (means === (means = team.settingsKey)) return;
    team.forget();
    look();
  });
  const subscriptions = [
    team,
    team.onOutage((error) => void window.setStatusBarMessage(l10n.t('{0} The model on this computer goes on.', localise(error)), WORD_MS)),
    secrets.onDidChange(({ key }) => key === KEY && team.forget()),
    workspace.onDidGrantWorkspaceTrust(() => {
      look();
      team.forget();
    }),
    commands.registerCommand('deltallm.remote.setKey', () => setKey(settings, secrets)),
    commands.registerCommand('deltallm.remote.tryAgain', () => team.forget()),
  ];
  return {
    team, localAnswers,
    forgetKey: async () => secrets.delete(KEY),
    source: {
      generate: (...request) => completing().generate(...request),
      // Of the model here, which writes where the server does not.
      get speed() {
        return local.speed;
      },
      get confidence() {
        return local.confidence;
      },
    },
    answers: {
      get chatModel() {
        return answering().chatModel;
      },
      get chatSpeed() {
        return answering().chatSpeed;
      },
      answer: (...question) => answering().answer(...question),
      readAhead: (...question) => answering().readAhead(...question),
      count: (texts) => answering().count(texts),
      loadChatModel: () => answering().loadChatModel(),
      onUnloaded: (listener) => localAnswers.onUnloaded(listener),
      onChatModel: (listener) => both(localAnswers.onChatModel(listener), team.onDidChange(listener)),
    },
    dispose() {
      for (const subscription of subscriptions) subscription.dispose();
    },
  };
}

const both = (...subscriptions: readonly { dispose(): unknown }[]): Disposable => ({ dispose: () => subscriptions.forEach((subscription) => subscription.dispose()) });

/** The key goes into the system's store of secrets, for the address of now; nothing typed takes it away. */
async function setKey(settings: SettingsReader, secrets: SecretStorage): Promise<void> {
  const address = addressIn(settings.current['remote.url']);
  if (address === null) {
    const open = l10n.t('Open Setting');
    const chosen = await window.showInformationMessage(l10n.t('Name the server first, in the setting deltallm.remote.url.'), open);
    if (chosen === open) await commands.executeCommand('workbench.action.openSettings', 'deltallm.remote');
    return;
  }
  const key = await window.showInputBox({ title: l10n.t('Key for {0}', new URL(address).host), prompt: l10n.t('It is kept in the secret storage of VS Code and sent to this server alone. Leave it empty to remove the key.'), password: true, ignoreFocusOut: true });
  if (key === undefined) return;
  if (key.trim() === '') await secrets.delete(KEY);
  else await secrets.store(KEY, keptKey(address, key.trim()));
}
