// The conversation that the view shows, with all that follows when it changes: the view is told, the file is written.
import { randomUUID } from 'node:crypto';
import type { Memento } from 'vscode';
import { answerOf, newConversation, titleOf, turnView, type Answer, type Conversation, type Turn } from '../../chat/turns.ts';
import type { Clock } from '../../completion/source.ts';
import type { AnswerView, ChatChange, ChatSurroundings, ToChatView } from '../../shared/chatProtocol.ts';
import { chatTexts } from '../../shared/chatWords.ts';
import { ChangeLog } from './changeLog.ts';
import type { ConversationFiles } from './conversationFiles.ts';
import { Saving } from './saving.ts';

export interface ShownNeeds {
  files: ConversationFiles;
  state: Pick<Memento, 'get' | 'update'>;
  clock: Clock;
  words: (texts: readonly string[]) => Record<string, string>;
  post: (message: ToChatView) => void;
  /** Everything that is shown besides the turns and the title. */
  surroundings: () => Omit<ChatSurroundings, 'title'>;
  /** How far the answer under way has read. */
  reading: (answer: string) => AnswerView['reading'];
}

export class ShownConversation {
  readonly saving: Saving;
  private conversation = newConversation(randomUUID(), Date.now());
  private readonly changes: ChangeLog;
  /** The surroundings as they were told last. */
  private told = '';

  constructor(private readonly needs: ShownNeeds) {
    const { clock, post, words, files, state } = needs;
    this.saving = new Saving({ files, state, clock, conversation: () => this.conversation });
    this.changes = new ChangeLog({ clock, post, whole: () => ({ ...this.surroundings(), turns: this.conversation.turns.map((turn) => this.viewOf(turn)) }), words: () => words(chatTexts) });
  }

  get current(): Conversation {
    return this.conversation;
  }

  get turns(): readonly Turn[] {
    return this.conversation.turns;
  }

  answer(id: string): Answer | undefined {
    return answerOf(this.conversation, id);
  }

  /** What went is told, and what came or is another. */
  become(conversation: Conversation): void {
    const before = this.conversation.turns;
    this.conversation = conversation;
    const { turns } = conversation;
    const gone = before.findIndex((turn, index) => turns[index]?.id !== turn.id);
    if (gone >= 0) this.changes.add({ kind: 'truncate', turn: before[gone].id });
    turns.forEach((turn, index) => {
      if (turn !== before[index]) this.changes.add({ kind: 'turn', turn: this.viewOf(turn) });
    });
    void this.saving.now();
  }

  /** More of the answer under way: `change` is all that the view has to know. */
  grow(conversation: Conversation, change: ChatChange | null): void {
    this.conversation = conversation;
    if (change) this.changes.add(change);
    this.saving.soon();
  }

  /** An answer as a change for the view. */
  turnChange(id: string): ChatChange {
    return { kind: 'turn', turn: this.viewOf(this.answer(id)!) };
  }

  tellSurroundings(): void {
    const surroundings = this.surroundings();
    const now = JSON.stringify(surroundings);
    if (now === this.told) return;
    this.told = now;
    this.changes.add({ kind: 'surroundings', surroundings });
  }

  hello(epoch: string | null, seq: number): void {
    this.changes.hello(epoch, seq);
  }

  /** Another one takes its place; its file keeps what is not saved yet. */
  async show(conversation: Conversation): Promise<void> {
    await this.saving.rest();
    this.conversation = conversation;
    this.changes.restart();
    this.told = JSON.stringify(this.surroundings());
    await this.saving.shows(conversation);
  }

  /** It has another name. */
  renamed(conversation: Conversation): void {
    this.conversation = conversation;
    this.tellSurroundings();
  }

  /** What was shown last, before a view asks for it; the answer in it that waits for a model. */
  async restore(): Promise<string | null> {
    const restored = await this.saving.restored();
    if (restored) this.conversation = restored.conversation;
    return restored?.kept ?? null;
  }

  /** Nothing is told any more; everything is saved when this fulfils. */
  async close(): Promise<void> {
    this.changes.dispose();
    await this.saving.rest();
    await this.needs.files.settled();
  }

  private surroundings(): ChatSurroundings {
    return { title: titleOf(this.conversation), ...this.needs.surroundings() };
  }

  private viewOf(turn: Turn) {
    return turnView(turn, this.needs.reading(turn.id));
  }
}
