// Where text goes, in words: for the status bar and its menu.
import { l10n } from 'vscode';
import { localise } from '../messages.ts';
import type { TeamServer } from './teamServer.ts';

export interface Whereabouts {
  /** True where completions come from the server at the moment. */
  completes: boolean;
  /** True where it is left alone because it does not answer. */
  isAway: boolean;
  host: string;
  sentences: readonly string[];
}

/** Null where no server is named: everything stays on this computer. */
export function whereTextGoes(team: Pick<TeamServer, 'host' | 'isFor' | 'serves' | 'away' | 'nameOf'>): Whereabouts | null {
  const { host, away } = team;
  if (host === null) return null;
  const [completes, chats] = [team.serves('completions'), team.serves('chat')];
  const named = (use: 'completions' | 'chat'): string => (team.nameOf(use) === host ? '' : ` (${team.nameOf(use)})`);
  const sentences: string[] = [];
  if (completes && chats) sentences.push(l10n.t('What you write and what you ask in the chat goes to {0}.', `${host}${named('completions')}`));
  else if (completes) sentences.push(l10n.t('What you write goes to {0}; what you ask in the chat stays on this computer.', `${host}${named('completions')}`));
  else if (chats) sentences.push(l10n.t('What you ask in the chat goes to {0}; what you write stays on this computer.', `${host}${named('chat')}`));
  if (away) sentences.push(localise(away), l10n.t('The model on this computer goes on; the server is asked again after a while.'));
  return { completes, isAway: away !== null && !completes, host, sentences };
}
