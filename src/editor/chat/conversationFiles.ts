// Conversations of a workspace as files of our own, one each. A file is written whole and then takes its name, so that none is ever half a conversation;
// between the two steps VS Code may take the old one away, so that what is written but has no name yet counts as well.
import { maxHistoryFile, parseConversation, serialise } from '../../chat/historyFile.ts';
import type { Conversation } from '../../chat/turns.ts';
import { Uri, workspace, type LogOutputChannel } from 'vscode';

/** The oldest go when there are more. */
export const MOST_CONVERSATIONS = 100;

/** Behind the name of a file that is being written. */
const UNNAMED = '.new';

export class ConversationFiles {
  /** Writes and deletions, one after the other. */
  private last: Promise<void> = Promise.resolve();
  private readonly complained = new Set<string>();

  constructor(
    private readonly folder: Uri,
    private readonly log: Pick<LogOutputChannel, 'warn'>,
  ) {}

  /** Newest first. What is damaged is left where it is and said once. */
  async list(): Promise<Conversation[]> {
    const found = await Promise.all((await this.names()).map((name) => this.readFile(name)));
    return found.filter((conversation) => conversation !== null).sort((a, b) => b.changed - a.changed);
  }

  async read(id: string): Promise<Conversation | null> {
    await this.last;
    return isId(id) ? this.readFile(`${id}.json`) : null;
  }

  write(conversation: Conversation): Promise<void> {
    // As it is now, not as it is when its turn comes.
    const bytes = new TextEncoder().encode(serialise(conversation));
    return this.next(async () => {
      const name = `${conversation.id}.json`;
      await workspace.fs.createDirectory(this.folder);
      const isNew = !(await this.names()).includes(name);
      const beside = Uri.joinPath(this.folder, name + UNNAMED);
      await workspace.fs.writeFile(beside, bytes);
      await workspace.fs.rename(beside, Uri.joinPath(this.folder, name), { overwrite: true });
      if (isNew) await this.dropOldest(conversation.id);
    });
  }

  remove(id: string): Promise<void> {
    return this.next(() => this.delete(`${id}.json`));
  }

  /** When everything is written. */
  settled(): Promise<void> {
    return this.last;
  }

  private next(action: () => Promise<void>): Promise<void> {
    const done = this.last.then(action).catch((thrown: unknown) => this.complain(`A conversation could not be saved: ${String(thrown)}`));
    this.last = done;
    return done;
  }

  private async dropOldest(written: string): Promise<void> {
    const names = await this.names();
    if (names.length <= MOST_CONVERSATIONS) return;
    const others = (await this.list()).filter(({ id }) => id !== written);
    for (const { id } of others.slice(MOST_CONVERSATIONS - 1)) await this.delete(`${id}.json`);
  }

  private async delete(name: string): Promise<void> {
    for (const gone of [name, name + UNNAMED]) {
      try {
        await workspace.fs.delete(Uri.joinPath(this.folder, gone));
      } catch {
        // It is not there.
      }
    }
  }

  private async names(): Promise<string[]> {
    try {
      const names = (await workspace.fs.readDirectory(this.folder)).map(([name]) => (name.endsWith(UNNAMED) ? name.slice(0, -UNNAMED.length) : name));
      return [...new Set(names)].filter((name) => name.endsWith('.json') && isId(name.slice(0, -5)));
    } catch {
      return []; // nothing was ever written
    }
  }

  private async readFile(name: string): Promise<Conversation | null> {
    for (const file of [name, name + UNNAMED]) {
      try {
        const uri = Uri.joinPath(this.folder, file);
        const { size } = await workspace.fs.stat(uri);
        const parsed = size <= maxHistoryFile ? parseConversation(new TextDecoder().decode(await workspace.fs.readFile(uri))) : null;
        if (parsed && `${parsed.id}.json` === name) return parsed;
      } catch {
        // It is not there, or said below.
      }
    }
    this.complain(`A conversation is damaged and is left out: ${name}`);
    return null;
  }

  private complain(sentence: string): void {
    if (!this.complained.has(sentence)) this.log.warn(sentence);
    this.complained.add(sentence);
  }
}

const isId = (id: string): boolean => /^[\w-]{1,64}$/.test(id);
