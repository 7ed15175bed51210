// The conversations of this workspace: a list to search in, with a pencil and a bin for each.
import { titleOf, type Conversation } from '../../chat/turns.ts';
import { l10n, ThemeIcon, window, type QuickInputButton, type QuickPickItem } from 'vscode';

export interface Entry {
  id: string;
  title: string;
  changed: number;
  /** How it begins and ends, to search in. */
  gist: string;
}

const MOST_IN_GIST = 300;

export function entryOf(conversation: Conversation): Entry {
  const gist = conversation.turns.map(({ text }) => text).join(' · ').replace(/\s+/g, ' ');
  return { id: conversation.id, title: titleOf(conversation), changed: conversation.changed, gist: gist.length > MOST_IN_GIST ? `${gist.slice(0, MOST_IN_GIST)}…` : gist };
}

export interface HistoryNeeds {
  list: () => Promise<Entry[]>;
  rename: (id: string, title: string) => Promise<void>;
  remove: (id: string) => Promise<void>;
  /** The one that is shown. */
  current: string;
}

interface Row extends QuickPickItem {
  id: string;
}

/** The identifier of the conversation that was chosen. */
export function chooseConversation({ list, rename, remove, current }: HistoryNeeds): Promise<string | undefined> {
  const pencil: QuickInputButton = { iconPath: new ThemeIcon('edit'), tooltip: l10n.t('Rename') };
  const bin: QuickInputButton = { iconPath: new ThemeIcon('trash'), tooltip: l10n.t('Delete') };
  const pick = window.createQuickPick<Row>();
  pick.title = l10n.t('Conversations');
  pick.placeholder = l10n.t('Search in titles and texts');
  pick.matchOnDetail = true;
  let isAsking = false;

  const fill = async (): Promise<void> => {
    pick.busy = true;
    const entries = await list();
    pick.items = entries.map(({ id, title, changed, gist }) => ({
      id, label: title, description: id === current ? l10n.t('shown now') : new Date(changed).toLocaleString(), detail: gist, buttons: [pencil, bin],
    }));
    pick.busy = false;
  };
  const renameRow = async ({ id, label }: Row): Promise<void> => {
    // An input takes the place of the list; afterwards it comes back.
    isAsking = true;
    const title = (await window.showInputBox({ title: l10n.t('Rename'), value: label }))?.trim();
    isAsking = false;
    if (title) await rename(id, title);
    pick.show();
    await fill();
  };

  return new Promise((resolve) => {
    const finish = (id?: string): void => {
      resolve(id);
      pick.dispose();
    };
    pick.onDidAccept(() => finish(pick.selectedItems[0]?.id));
    pick.onDidHide(() => {
      if (!isAsking) finish();
    });
    pick.onDidTriggerItemButton(({ item, button }) => {
      if (button === pencil) void renameRow(item);
      else void remove(item.id).then(fill);
    });
    pick.show();
    void fill();
  });
}
