// The conversation of this window: what the view and the commands ask for, one answer at a time, and what became of it when the window comes back.
import { randomUUID } from 'node:crypto';
import { l10n, window, type LogOutputChannel, type Memento } from 'vscode';
import type { AnswerResult, AnswerSource } from '../../chat/answerSource.ts';
import { dropOldest, messagesOf } from '../../chat/turnMessages.ts';
import { answerOf, ask, changeAnswer, edit, finish, newConversation, regenerate, rename, titleOf, truncate, turnView, type Conversation } from '../../chat/turns.ts';
import type { Clock } from '../../completion/source.ts';
import { chatTexts } from '../../shared/chatWords.ts';
import { asDeltaError } from '../../shared/errors.ts';
import { CHAT_PROTOCOL, type ChatChange, type ChatState, type ChatSurroundings, type FromChatView, type ToChatView } from '../../shared/chatProtocol.ts';
import { localise } from '../messages.ts';
import { Answering } from './answering.ts';
import type { Attached } from './attach.ts';
import { ChangeLog } from './changeLog.ts';
import type { ConversationFiles } from './conversationFiles.ts';
import { chooseConversation, entryOf } from './history.ts';
import { modelView } from './modelView.ts';
import { NextQuestion } from './nextQuestion.ts';
import type { ModelChoice } from './offers.ts';
import { Saving } from './saving.ts';

/** The models that this is for do best with their own. */
const SYSTEM = '';

export interface ChatHostNeeds {
  source: AnswerSource;
  choice: ModelChoice;
  files: ConversationFiles;
  state: Pick<Memento, 'get' | 'update'>;
  clock: Clock;
  log: Pick<LogOutputChannel, 'warn' | 'error'>;
  words: (texts: readonly string[]) => Record<string, string>;
  post: (message: ToChatView) => void;
  /** Besides the conversation: what is done with code, links and attachments. */
  outside: {
    attach: () => Promise<Attached[]>;
    refresh: (attached: Attached) => string | null;
    copy: (text: string) => Promise<void>;
    insert: (text: string) => Promise<void>;
    apply: (text: string) => Promise<void>;
    open: (href: string) => Promise<unknown>;
  };
}

/** What a model reads, and the texts in it by name. */
export interface Prompt {
  prompt: string;
  named: readonly Attached[];
}

export class ChatHost {
  private conversation: Conversation;
  private readonly changes: ChangeLog;
  private readonly next: NextQuestion;
  private running: { answering: Answering; done: Promise<void> } | undefined;
  private note: string | null = null;
  /** The answer that waits for a model to be chosen. */
  private kept: string | null = null;
  private told = '';
  /** The conversation that was shown last is there: before that nothing is done. */
  private restored: Promise<void> | undefined;
  /** What was asked for is done in order. */
  private last: Promise<void> = Promise.resolve();
  /** By question: how often it was answered. */
  private readonly attempts = new Map<string, number>();
  private readonly saving: Saving;
  private readonly subscriptions: { dispose(): void }[];

  constructor(private readonly needs: ChatHostNeeds) {
    const { clock, source, words, post, log, outside } = needs;
    this.conversation = newConversation(randomUUID(), Date.now());
    this.saving = new Saving({ files: needs.files, state: needs.state, clock, conversation: () => this.conversation });
    this.changes = new ChangeLog({ clock, post, whole: () => this.whole(), words: () => words(chatTexts) });
    this.next = new NextQuestion({
      source, conversation: () => this.conversation.id, before: () => messagesOf(this.conversation, SYSTEM),
      // As it will be asked.
      messages: (text, attachments) => messagesOf(ask(this.conversation, { question: 'next', answer: 'next answer', text, attachments }, 0), SYSTEM),
      refresh: outside.refresh, isBusy: () => this.running !== undefined, changed: () => this.tellSurroundings(), warn: (sentence) => log.warn(sentence),
    });
    this.subscriptions = [
      source.onChatModel(() => this.modelChanged()),
      source.onUnloaded((sentence) => {
        this.note = sentence;
        this.tellSurroundings();
      }),
    ];
  }

  hear(message: FromChatView): void {
    // Neither waits for what was asked for before.
    if (message.type === 'hello' && message.protocol !== CHAT_PROTOCOL) return;
    if (message.type === 'hello') void this.beRestored().then(() => this.changes.hello(message.epoch, message.seq));
    else if (message.type === 'retry') void this.modelChosen();
    else {
      if (message.type === 'stop') this.running?.answering.cancel.set();
      void this.do(() => this.act(message));
    }
  }

  /**
   * Of a command: what the user sees of the question, and what the model reads, which holds the texts that are only named beside it. Of several
   * prompts the first that fits, or the last. What the user has attached to his own next question stays there.
   */
  askWith(text: string, prompts: readonly Prompt[]): Promise<void> {
    return this.do(async () => {
      await this.stop();
      let { prompt, named } = prompts[0];
      for (const other of prompts) {
        ({ prompt, named } = other);
        if (await this.next.fits(prompt)) break;
      }
      const attachments = named.map(({ id, kind, label, detail, refused }) => ({ id, kind, label, detail, text: '', tokens: null, refused }));
      const asked = { question: randomUUID(), answer: randomUUID(), text, prompt, attachments };
      this.begin(ask(this.conversation, asked, Date.now()), asked.answer);
    });
  }

  attach(attachments: readonly Attached[]): Promise<void> {
    return this.do(() => {
      for (const attached of attachments) if (!this.next.add(attached)) void window.showWarningMessage(l10n.t('No more fits beside one question.'));
    });
  }

  newConversation(): Promise<void> {
    return this.do(() => this.show(newConversation(randomUUID(), Date.now())));
  }

  /** Nothing waits while the user looks at the list. */
  async history(): Promise<void> {
    await this.beRestored();
    await this.chooseOther();
  }

  /** It is loaded, and what waits for it is sent. */
  async modelChosen(): Promise<void> {
    await this.beRestored();
    await this.needs.source.loadChatModel();
    this.sendKept(true);
  }

  /** The choice looks different: it is searched, something was found. */
  choiceChanged(): void {
    this.tellSurroundings();
  }

  /** Ends what runs; everything is saved when this fulfils. */
  async close(): Promise<void> {
    for (const subscription of this.subscriptions) subscription.dispose();
    this.next.stopReading();
    this.running?.answering.cancel.set();
    this.changes.dispose();
    this.needs.choice.dispose();
    await this.saving.rest();
    await this.needs.files.settled();
  }

  private do(action: () => Promise<unknown> | unknown): Promise<void> {
    const before = Promise.all([this.beRestored(), this.last]);
    return (this.last = before.then(action).then(() => {}, (thrown: unknown) => this.needs.log.error(`The chat failed: ${asDeltaError(thrown).message}`)));
  }

  private beRestored(): Promise<void> {
    return (this.restored ??= this.restore());
  }

  private act(message: Exclude<FromChatView, { type: 'hello' | 'retry' }>): Promise<unknown> | unknown {
    const { outside, choice } = this.needs;
    switch (message.type) {
      case 'ask': return this.ask(message.text);
      case 'edit': return this.edit(message.turn, message.text);
      case 'stop': return this.stop();
      case 'continue': return this.goOn();
      case 'regenerate': return this.regenerate(message.turn);
      case 'typing': return this.next.typed(message.text);
      case 'detach': return this.next.remove(message.id);
      case 'copyAnswer': return this.copyAnswer(message.turn);
      case 'newConversation': return this.show(newConversation(randomUUID(), Date.now()));
      // What waits for the user or for a disk holds up nothing else.
      case 'attach': return void outside.attach().then((attached) => this.attach(attached)).catch((thrown: unknown) => this.complain(thrown));
      case 'history': return void this.chooseOther().catch((thrown: unknown) => this.complain(thrown));
      case 'findModels': return void choice.find();
      case 'useModel': return void this.chosen(choice.use(message.offer));
      case 'chooseFile': return void this.chosen(choice.chooseFile());
      case 'open': return void Promise.resolve(outside.open(message.href)).catch((thrown: unknown) => this.complain(thrown));
      case 'code': return void outside[message.action](message.text).catch((thrown: unknown) => this.complain(thrown));
    }
  }

  private complain(thrown: unknown): void {
    this.needs.log.warn(asDeltaError(thrown).message);
  }

  private async ask(text: string): Promise<void> {
    await this.stop();
    const attachments = await this.next.take();
    if (text.trim() === '' && attachments.length === 0) return;
    const asked = { question: randomUUID(), answer: randomUUID(), text, attachments };
    this.begin(ask(this.conversation, asked, Date.now()), asked.answer);
  }

  /** The same texts go with the other question. Those of a prompt are in it: it stays, with the user's words behind it. */
  private async edit(id: string, text: string): Promise<void> {
    const question = this.conversation.turns.find((turn) => turn.id === id);
    if (text.trim() === '' || question?.role !== 'user' || question.dropped) return;
    await this.stop();
    const asked = { question: randomUUID(), answer: randomUUID(), text };
    const { prompt, attachments } = question;
    const edited = prompt === null ? edit(this.conversation, id, asked, Date.now()) : ask(truncate(this.conversation, id, Date.now()), { ...asked, prompt: `${prompt}\n\n${text}`, attachments }, Date.now());
    if (!edited) return;
    // It stood in the input.
    this.next.typed('');
    this.begin(edited, asked.answer);
  }

  private async regenerate(id: string): Promise<void> {
    const answer = randomUUID();
    if (regenerate(this.conversation, id, answer, 0) === null) return;
    await this.stop();
    const had = answerOf(this.conversation, id);
    const again = regenerate(this.conversation, id, answer, Date.now());
    if (!again) return;
    // Another answer than the one that was had; where there was none, the surest.
    const question = again.turns.at(-2)!.id;
    if (had && had.text !== '' && had.state !== 'failed') this.attempts.set(question, (this.attempts.get(question) ?? 0) + 1);
    this.begin(again, answer);
  }

  private goOn(): void {
    const last = this.conversation.turns.at(-1);
    if (last?.role === 'assistant' && !this.running && !last.dropped && ['stopped', 'cut', 'failed'].includes(last.state)) this.start(last.id);
  }

  /** Its text stays. A question that waits for a model waits no longer. */
  private async stop(): Promise<void> {
    const { running, kept } = this;
    if (running) {
      running.answering.cancel.set();
      await running.done;
    } else if (kept !== null) {
      this.keep(null);
      if (answerOf(this.conversation, kept)?.state === 'waiting') this.conversation = finish(this.conversation, kept, { state: 'stopped' }, Date.now());
      this.tellAnswer(kept);
      this.tellSurroundings();
      void this.saving.now();
    }
  }

  /** The conversation as it is asked now: what went is told, and what came. */
  private begin(conversation: Conversation, answer: string): void {
    const before = this.conversation.turns;
    const gone = before.find((turn) => !conversation.turns.includes(turn));
    this.conversation = conversation;
    if (gone) {
      this.next.cacheKnows(0);
      this.changes.add({ kind: 'truncate', turn: gone.id });
    }
    for (const turn of conversation.turns) if (!before.includes(turn)) this.changes.add({ kind: 'turn', turn: turnView(turn) });
    this.start(answer);
  }

  private start(id: string): void {
    this.next.stopReading();
    this.note = null;
    const { source, clock } = this.needs;
    if (source.chatModel.state === 'none') {
      this.conversation = changeAnswer(this.conversation, id, { state: 'waiting', note: null });
      this.keep(id);
      this.tellAnswer(id);
      this.tellSurroundings();
      return void this.saving.now();
    }
    this.keep(null);
    const tell = (change: ChatChange): void => {
      this.changes.add(change);
      this.saving.soon();
    };
    const become = (conversation: Conversation): void => void (this.conversation = conversation);
    const answering = new Answering(id, { source, clock, conversation: () => this.conversation, become, tell });
    const done = this.run(answering).finally(() => {
      this.running = undefined;
      this.tellSurroundings();
    });
    this.running = { answering, done };
    this.tellSurroundings();
    void this.saving.now();
  }

  private async run(answering: Answering): Promise<void> {
    const { id, continues } = answering;
    const messages = messagesOf(this.conversation, SYSTEM, { continues });
    try {
      const question = this.conversation.turns[this.conversation.turns.findIndex((turn) => turn.id === id) - 1].id;
      const result = await answering.run(messages, this.attempts.get(question) ?? 0);
      this.next.cacheKnows(result.tokens.prompt + result.tokens.generated);
      this.noteWhat(result, messages.length);
    } catch (thrown) {
      const error = asDeltaError(thrown);
      // The runtime was stopped or started anew: nobody's failure.
      const end = error.code === 'cancelled' ? { state: 'stopped' as const } : { state: 'failed' as const, note: localise(error) };
      this.conversation = finish(this.conversation, id, end, Date.now());
      if (error.code !== 'cancelled') this.needs.log.error(`An answer failed: ${error.message}`);
      // Without its model there is no answer: the question waits for another one.
      if (error.code !== 'cancelled' && this.needs.source.chatModel.state === 'failed') this.keep(id);
    }
    answering.tellTurn();
    await this.saving.now();
  }

  /** What was left out stays out, and is marked. */
  private noteWhat({ dropped, template }: AnswerResult, sent: number): void {
    if (template === 'fallback') this.note = l10n.t('This model file has no chat template: a plain one is used, and its answers may suffer.');
    if (dropped <= 0) return;
    const before = this.conversation.turns;
    // The answer that has come since is none of the messages that were sent.
    this.conversation = dropOldest(this.conversation, Math.min(dropped, sent - 1));
    this.conversation.turns.forEach((turn, index) => {
      if (turn !== before[index]) this.changes.add({ kind: 'turn', turn: turnView(turn) });
    });
    this.note = l10n.t('The oldest turns no longer fit into what the model can read: they were left out.');
  }

  private tellAnswer(id: string): void {
    const answer = answerOf(this.conversation, id);
    if (answer) this.changes.add({ kind: 'turn', turn: turnView(answer) });
  }

  private keep(id: string | null): void {
    if (id === this.kept) return;
    this.kept = id;
    this.saving.keeps(id);
  }

  private async chosen(choosing: Promise<boolean>): Promise<void> {
    try {
      if (await choosing) await this.modelChosen();
    } catch (thrown) {
      this.complain(thrown);
    }
  }

  private modelChanged(): void {
    if (this.needs.source.chatModel.state === 'ready') this.next.modelChanged();
    this.tellSurroundings();
    if (this.restored) this.sendKept(false);
  }

  /** A question that failed with its model is sent again only where the user has done something about it. */
  private sendKept(byUser: boolean): void {
    const { state } = this.needs.source.chatModel;
    const answer = this.kept === null ? undefined : answerOf(this.conversation, this.kept);
    if (!answer || this.running || (state !== 'ready' && state !== 'unloaded')) return;
    if (answer.state === 'waiting' || byUser) this.start(answer.id);
  }

  private async copyAnswer(id: string): Promise<void> {
    const answer = answerOf(this.conversation, id);
    if (answer) await this.needs.outside.copy(answer.text);
  }

  private async chooseOther(): Promise<void> {
    const { files } = this.needs;
    await this.saving.rest();
    const id = await chooseConversation({
      current: this.conversation.id,
      list: async () => (await files.list()).map(entryOf),
      rename: (other, title) => this.rename(other, title),
      remove: (other) => this.do(() => this.remove(other)),
    });
    const chosen = id === undefined || id === this.conversation.id ? null : await files.read(id);
    if (chosen) await this.do(() => this.show(chosen));
  }

  private async rename(id: string, title: string): Promise<void> {
    const conversation = id === this.conversation.id ? this.conversation : await this.needs.files.read(id);
    if (!conversation) return;
    const renamed = rename(conversation, title, conversation.changed);
    if (id === this.conversation.id) this.conversation = renamed;
    await this.needs.files.write(renamed);
    this.tellSurroundings();
  }

  private async remove(id: string): Promise<void> {
    if (id === this.conversation.id) {
      await this.stop();
      this.conversation = { ...this.conversation, turns: [] };
      await this.show(newConversation(randomUUID(), Date.now()));
    }
    await this.needs.files.remove(id);
  }

  /** Another conversation takes the place of this one, which stays in the history. */
  private async show(conversation: Conversation): Promise<void> {
    await this.stop();
    await this.saving.rest();
    this.keep(null);
    this.conversation = conversation;
    this.note = null;
    this.next.cacheKnows(0);
    this.next.clear();
    this.changes.restart();
    this.told = JSON.stringify(this.surroundings());
    await this.saving.shows(conversation);
    this.sendKept(false);
  }

  private async restore(): Promise<void> {
    const restored = await this.saving.restored();
    if (!restored) return;
    this.conversation = restored.conversation;
    this.kept = restored.kept;
    this.sendKept(false);
  }

  private whole(): ChatState {
    const { running, conversation } = this;
    return { ...this.surroundings(), turns: conversation.turns.map((turn) => turnView(turn, turn.id === running?.answering.id ? running.answering.reading : null)) };
  }

  private surroundings(): ChatSurroundings {
    const { source, choice } = this.needs;
    return { title: titleOf(this.conversation), model: modelView(source.chatModel, choice), attachments: this.next.attachments, estimate: this.next.estimate, kept: this.kept !== null, note: this.note };
  }

  private tellSurroundings(): void {
    const surroundings = this.surroundings();
    const now = JSON.stringify(surroundings);
    if (now === this.told) return;
    this.told = now;
    this.changes.add({ kind: 'surroundings', surroundings });
  }
}
