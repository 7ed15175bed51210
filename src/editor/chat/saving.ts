// When the shown conversation is written to its file: soon while it changes, at once at every end; and what the next window finds.
import type { Memento } from 'vscode';
import { answerOf, changeAnswer, type Conversation } from '../../chat/turns.ts';
import type { Clock } from '../../completion/source.ts';
import type { ConversationFiles } from './conversationFiles.ts';

/** The answer in it that waits for a model to be chosen. */
const KEPT = 'deltallm.chat.kept';
/** While an answer is written its text is saved that often. */
const SAVE_MS = 1000;

export interface SavingNeeds {
  files: ConversationFiles;
  state: Pick<Memento, 'get' | 'update'>;
  clock: Pick<Clock, 'wait'>;
  conversation: () => Conversation;
}

export class Saving {
  /** Something was said that no file knows yet. */
  private unsaved = false;
  private endWait: (() => void) | undefined;
  /** What the files say was shown last, as far as it is known. */
  private current: string | null | undefined;

  constructor(private readonly needs: SavingNeeds) {}

  /** It changes and goes on changing. */
  soon(): void {
    this.unsaved = true;
    this.endWait ??= this.needs.clock.wait(SAVE_MS, () => void this.rest());
  }

  /** It has changed. */
  now(): Promise<void> {
    this.unsaved = true;
    return this.rest();
  }

  /** What no file knows yet, if there is anything. */
  async rest(): Promise<void> {
    this.endWait?.();
    this.endWait = undefined;
    const { files } = this.needs;
    const conversation = this.needs.conversation();
    if (!this.unsaved || conversation.turns.length === 0) return;
    this.unsaved = false;
    const written = files.write(conversation);
    await Promise.all([written, this.point(conversation.id)]);
  }

  /** Another conversation is shown, which its file knows or which is empty. */
  async shows({ id, turns }: Conversation): Promise<void> {
    await this.point(turns.length > 0 ? id : null);
  }

  private async point(id: string | null): Promise<void> {
    if (this.current === id) return;
    this.current = id;
    await this.needs.files.shows(id);
  }

  keeps(answer: string | null): void {
    void this.needs.state.update(KEPT, answer ?? undefined);
  }

  /** What was shown last; null: nothing, or it is damaged. An answer that waited for a model waits again. */
  async restored(): Promise<{ conversation: Conversation; kept: string | null } | null> {
    const { files, state } = this.needs;
    const id = await files.current();
    const conversation = id === null ? null : await files.read(id);
    if (!conversation) return null;
    const kept = state.get<string>(KEPT);
    const answer = typeof kept === 'string' ? answerOf(conversation, kept) : undefined;
    if (answer?.text !== '' || (answer.state !== 'stopped' && answer.state !== 'failed')) return { conversation, kept: null };
    return { conversation: answer.state === 'stopped' ? changeAnswer(conversation, answer.id, { state: 'waiting' }) : conversation, kept: answer.id };
  }
}
