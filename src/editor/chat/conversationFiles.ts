// Conversations of a workspace as files of our own, one each.
import type { LogOutputChannel } from 'vscode';
import { maxHistoryFile, parseConversation, serialise } from '../../chat/historyFile.ts';
import type { Conversation } from '../../chat/turns.ts';
import type { OwnFolder } from './ownFolder.ts';

/** Names the conversation that was shown last. Beside the files, for what is told to VS Code while its window reloads may be lost. */
const CURRENT = 'current';

/** The oldest go when there are more. */
export const MOST_CONVERSATIONS = 100;

export class ConversationFiles {
  /** Writes and deletions, one after the other. */
  private last: Promise<void> = Promise.resolve();
  private readonly complained = new Set<string>();

  constructor(
    private readonly folder: OwnFolder,
    private readonly log: Pick<LogOutputChannel, 'warn'>,
  ) {}

  /** Newest first. What is damaged is left where it is and said once. */
  async list(): Promise<Conversation[]> {
    await this.last;
    return this.all();
  }

  async read(id: string): Promise<Conversation | null> {
    await this.last;
    return isId(id) ? this.readFile(`${id}.json`) : null;
  }

  write(conversation: Conversation): Promise<void> {
    // As it is now, not as it is when its turn comes.
    const text = serialise(conversation);
    return this.next(async () => {
      const name = `${conversation.id}.json`;
      const isNew = !(await this.names()).includes(name);
      await this.folder.write(name, text);
      if (isNew) await this.dropOldest(conversation.id);
    });
  }

  /** The conversation that was shown last; null: an empty one. */
  async current(): Promise<string | null> {
    await this.last;
    const id = (await this.folder.read(CURRENT, 100)) ?? '';
    return isId(id) ? id : null;
  }

  shows(id: string | null): Promise<void> {
    return this.next(() => (id === null ? this.folder.remove(CURRENT) : this.folder.write(CURRENT, id)));
  }

  remove(id: string): Promise<void> {
    return this.next(() => this.folder.remove(`${id}.json`));
  }

  /** When everything is written. */
  settled(): Promise<void> {
    return this.last;
  }

  private next(action: () => Promise<void>): Promise<void> {
    return (this.last = this.last.then(action).catch((thrown: unknown) => this.complain(`A conversation could not be saved: ${String(thrown)}`)));
  }

  private async dropOldest(written: string): Promise<void> {
    if ((await this.names()).length <= MOST_CONVERSATIONS) return;
    const others = (await this.all()).filter(({ id }) => id !== written);
    for (const { id } of others.slice(MOST_CONVERSATIONS - 1)) await this.folder.remove(`${id}.json`);
  }

  private async all(): Promise<Conversation[]> {
    const found = await Promise.all((await this.names()).map((name) => this.readFile(name)));
    return found.filter((conversation) => conversation !== null).sort((a, b) => b.changed - a.changed);
  }

  private async names(): Promise<string[]> {
    return (await this.folder.names()).filter((name) => name.endsWith('.json') && isId(name.slice(0, -5)));
  }

  private async readFile(name: string): Promise<Conversation | null> {
    const text = await this.folder.read(name, maxHistoryFile);
    const parsed = text === null ? null : parseConversation(text);
    if (parsed && `${parsed.id}.json` === name) return parsed;
    this.complain(`A conversation is damaged and is left out: ${name}`);
    return null;
  }

  private complain(sentence: string): void {
    if (!this.complained.has(sentence)) this.log.warn(sentence);
    this.complained.add(sentence);
  }
}

const isId = (id: string): boolean => /^[\w-]{1,64}$/.test(id);
