// The conversation of this window: what the view and the commands ask for, one answer at a time, and what became of it when the window comes back.
import { l10n, window, type LogOutputChannel, type Memento } from 'vscode';
import type { AnswerResult, AnswerSource } from '../../chat/answerSource.ts';
import { questionText, type Attachment } from '../../chat/attachments.ts';
import { withoutReasoning } from '../../chat/reasoning.ts';
import type { Clock } from '../../completion/source.ts';
import { chatTexts } from '../../shared/chatWords.ts';
import { asDeltaError } from '../../shared/errors.ts';
import { CHAT_PROTOCOL, type ChatChange, type ChatState, type ChatSurroundings, type FromChatView, type ToChatView } from '../../shared/chatProtocol.ts';
import { localise } from '../messages.ts';
import { Answering } from './answering.ts';
import type { Attached } from './attach.ts';
import { ChangeLog } from './changeLog.ts';
import { ask, emptyAnswer, gistOf, newConversation, toldBefore, toldFor, viewOf, type AnswerTurn, type Conversation, type QuestionTurn, type Told } from './conversation.ts';
import type { ConversationFiles } from './conversationFiles.ts';
import { chooseConversation } from './history.ts';
import { modelView } from './modelView.ts';
import { NextQuestion } from './nextQuestion.ts';
import type { ModelChoice } from './offers.ts';

/** The conversation that was shown last in this workspace. */
const CURRENT = 'deltallm.chat.current';
/** While an answer is written its text is saved that often, and at its end. */
const SAVE_MS = 1000;

export interface ChatHostNeeds {
  source: AnswerSource;
  choice: ModelChoice;
  files: ConversationFiles<Conversation>;
  state: Pick<Memento, 'get' | 'update'>;
  clock: Clock;
  log: Pick<LogOutputChannel, 'warn' | 'error'>;
  words: (texts: readonly string[]) => Record<string, string>;
  post: (message: ToChatView) => void;
  /** Besides the conversation: what is done with code, links and attachments. */
  outside: {
    attach: () => Promise<Attached[]>;
    refresh: (attachment: Attachment) => Attachment | null;
    copy: (text: string) => Promise<void>;
    insert: (text: string) => Promise<void>;
    apply: (text: string) => Promise<void>;
    open: (href: string) => Promise<unknown>;
  };
}

export class ChatHost {
  private conversation: Conversation;
  private readonly changes: ChangeLog;
  private readonly next: NextQuestion;
  private running: { answering: Answering; done: Promise<void> } | undefined;
  private note: string | null = null;
  private told = '';
  /** The conversation that was shown last is there: before that nothing is done. */
  private restored: Promise<void> | undefined;
  /** What was asked for is done in order. */
  private last: Promise<void> = Promise.resolve();
  /** Something was said that no file knows yet. */
  private unsaved = false;
  private endSave: (() => void) | undefined;
  private readonly subscriptions: { dispose(): void }[];

  constructor(private readonly needs: ChatHostNeeds) {
    const { clock, source, words, post, log, outside } = needs;
    this.conversation = newConversation(Date.now());
    this.changes = new ChangeLog({ clock, post, whole: () => this.whole(), words: () => words(chatTexts) });
    this.next = new NextQuestion({
      source, conversation: () => this.conversation.id, before: () => toldBefore(this.conversation, null).messages,
      message: (text, attachments) => ({ role: 'user', content: questionText(text, attachments) }),
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

  /** Of a command: a question with its texts, in the conversation that is shown. */
  askWith(text: string, attachments: readonly Attached[]): Promise<void> {
    return this.do(async () => {
      await this.stop();
      this.next.clear();
      for (const { attachment, refused } of attachments) this.next.add(attachment, refused);
      return this.ask(text);
    });
  }

  attach(attachments: readonly Attached[]): Promise<void> {
    return this.do(() => {
      for (const { attachment, refused } of attachments) if (!this.next.add(attachment, refused)) void window.showWarningMessage(l10n.t('No more fits beside one question.'));
    });
  }

  newConversation(): Promise<void> {
    return this.do(() => this.show(newConversation(Date.now())));
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
    await this.save();
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
      case 'newConversation': return this.show(newConversation(Date.now()));
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
    const { attachments, tokens } = await this.next.take();
    if (text.trim() === '' && attachments.length === 0) return;
    const [question, answer] = ask(this.conversation, text, attachments, attachments.map(({ id }) => tokens.get(id) ?? null));
    this.changes.add({ kind: 'turn', turn: viewOf(question) });
    this.start(answer);
  }

  /** The same texts go with the other question. */
  private async edit(id: string, text: string): Promise<void> {
    const question = this.turnOf(id, 'user');
    if (!question || text.trim() === '') return;
    await this.stop();
    this.truncate(question.id);
    const [asked, answer] = ask(this.conversation, text, question.attachments, question.tokens);
    this.changes.add({ kind: 'turn', turn: viewOf(asked) });
    this.start(answer);
  }

  private async regenerate(id: string): Promise<void> {
    const answer = this.turnOf(id, 'assistant');
    if (!answer) return;
    await this.stop();
    this.truncate(answer.id);
    const again = emptyAnswer();
    this.conversation.turns.push(again);
    this.start(again);
  }

  private goOn(): void {
    const answer = this.conversation.turns.at(-1);
    if (answer?.role === 'assistant' && !this.running && ['stopped', 'cut', 'failed'].includes(answer.state)) this.start(answer);
  }

  /** Its text stays. A question that waits for a model waits no longer. */
  private async stop(): Promise<void> {
    const { running, conversation } = this;
    if (running) {
      running.answering.cancel.set();
      await running.done;
    } else if (conversation.kept !== null) {
      const answer = this.turnOf(conversation.kept, 'assistant');
      conversation.kept = null;
      if (answer?.state === 'waiting') {
        Object.assign(answer, { state: 'stopped', note: null });
        this.changes.add({ kind: 'turn', turn: viewOf(answer) });
      }
      this.tellSurroundings();
      void this.saveNow();
    }
  }

  private start(answer: AnswerTurn): void {
    this.next.stopReading();
    this.note = null;
    this.conversation.kept = null;
    if (this.needs.source.chatModel.state === 'none') return this.keep(answer);
    const { source, clock } = this.needs;
    const tell = (change: ChatChange): void => {
      this.changes.add(change);
      this.saveSoon();
    };
    const answering = new Answering(answer, { source, clock, tell });
    const done = this.run(answering, toldFor(this.conversation, answer)).finally(() => {
      this.running = undefined;
      this.tellSurroundings();
    });
    this.running = { answering, done };
    this.tellSurroundings();
    void this.saveNow();
  }

  /** Until a model is chosen. */
  private keep(answer: AnswerTurn): void {
    this.conversation.kept = answer.id;
    Object.assign(answer, { state: 'waiting', note: null });
    this.changes.add({ kind: 'turn', turn: viewOf(answer) });
    this.tellSurroundings();
    void this.saveNow();
  }

  private async run(answering: Answering, told: Told): Promise<void> {
    const { answer } = answering;
    try {
      const result = await answering.run(this.conversation.id, told);
      this.next.cacheKnows(result.tokens.prompt + result.tokens.generated);
      this.noteWhat(result, told);
    } catch (thrown) {
      const error = asDeltaError(thrown);
      // The runtime was stopped or started anew: nobody's failure.
      answer.state = error.code === 'cancelled' ? 'stopped' : 'failed';
      answer.note = error.code === 'cancelled' ? null : localise(error);
      if (error.code !== 'cancelled') this.needs.log.error(`An answer failed: ${error.message}`);
      // Without its model there is no answer: the question waits for another one.
      if (error.code !== 'cancelled' && this.needs.source.chatModel.state === 'failed') this.conversation.kept = answer.id;
    }
    answering.tellTurn();
    await this.saveNow();
  }

  /** What was left out stays out, and is marked. */
  private noteWhat({ dropped, template }: AnswerResult, { turns }: Told): void {
    for (const turn of turns.slice(0, dropped)) {
      turn.dropped = true;
      this.changes.add({ kind: 'turn', turn: viewOf(turn) });
    }
    if (template === 'fallback') this.note = l10n.t('This model file has no chat template: a plain one is used, and its answers may suffer.');
    if (dropped > 0) this.note = l10n.t('The oldest turns no longer fit into what the model can read: they were left out.');
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
    const { kept } = this.conversation;
    const { state } = this.needs.source.chatModel;
    const answer = kept === null ? undefined : this.turnOf(kept, 'assistant');
    if (!answer || this.running || (state !== 'ready' && state !== 'unloaded')) return;
    if (answer.state === 'waiting' || byUser) this.start(answer);
  }

  private async copyAnswer(id: string): Promise<void> {
    const answer = this.turnOf(id, 'assistant');
    if (answer) await this.needs.outside.copy(withoutReasoning(answer.raw).text);
  }

  private async chooseOther(): Promise<void> {
    const { files } = this.needs;
    await this.save();
    const id = await chooseConversation({
      current: this.conversation.id,
      list: async () => (await files.list()).map((conversation) => ({ id: conversation.id, title: conversation.title, changed: conversation.changed, gist: gistOf(conversation) })),
      rename: (other, title) => this.rename(other, title),
      remove: (other) => this.do(() => this.remove(other)),
    });
    const chosen = id === undefined || id === this.conversation.id ? null : await files.read(id);
    if (chosen) await this.do(() => this.show(chosen));
  }

  private async rename(id: string, title: string): Promise<void> {
    const conversation = id === this.conversation.id ? this.conversation : await this.needs.files.read(id);
    if (!conversation) return;
    conversation.title = title;
    await this.needs.files.write(conversation);
    this.tellSurroundings();
  }

  private async remove(id: string): Promise<void> {
    if (id === this.conversation.id) {
      await this.stop();
      this.conversation.turns = [];
      await this.show(newConversation(Date.now()));
    }
    await this.needs.files.remove(id);
  }

  /** Another conversation takes the place of this one, which stays in the history. */
  private async show(conversation: Conversation): Promise<void> {
    await this.stop();
    await this.save();
    this.conversation = conversation;
    this.note = null;
    this.next.cacheKnows(0);
    this.next.clear();
    this.changes.restart();
    this.told = JSON.stringify(this.surroundings());
    await this.needs.state.update(CURRENT, conversation.turns.length > 0 ? conversation.id : undefined);
    this.sendKept(false);
  }

  private async restore(): Promise<void> {
    const id = this.needs.state.get<string>(CURRENT);
    const found = typeof id === 'string' ? await this.needs.files.read(id) : null;
    if (!found) return;
    this.conversation = found;
    this.sendKept(false);
  }

  private truncate(id: string): void {
    const { turns } = this.conversation;
    turns.splice(turns.findIndex((turn) => turn.id === id));
    this.next.cacheKnows(0);
    this.unsaved = true;
    this.changes.add({ kind: 'truncate', turn: id });
  }

  private turnOf(id: string, role: 'user'): QuestionTurn | undefined;
  private turnOf(id: string, role: 'assistant'): AnswerTurn | undefined;
  private turnOf(id: string, role: 'user' | 'assistant'): QuestionTurn | AnswerTurn | undefined {
    return this.conversation.turns.find((turn) => turn.id === id && turn.role === role);
  }

  private whole(): ChatState {
    const { running, conversation } = this;
    return { ...this.surroundings(), turns: conversation.turns.map((turn) => viewOf(turn, turn === running?.answering.answer ? running.answering.reading : null)) };
  }

  private surroundings(): ChatSurroundings {
    const { source, choice } = this.needs;
    const { title, kept } = this.conversation;
    return { title, model: modelView(source.chatModel, choice), attachments: this.next.attachments, estimate: this.next.estimate, kept: kept !== null, note: this.note };
  }

  private tellSurroundings(): void {
    const surroundings = this.surroundings();
    const now = JSON.stringify(surroundings);
    if (now === this.told) return;
    this.told = now;
    this.changes.add({ kind: 'surroundings', surroundings });
  }

  private saveSoon(): void {
    this.unsaved = true;
    this.endSave ??= this.needs.clock.wait(SAVE_MS, () => void this.save());
  }

  private saveNow(): Promise<void> {
    this.unsaved = true;
    return this.save();
  }

  private async save(): Promise<void> {
    this.endSave?.();
    this.endSave = undefined;
    if (!this.unsaved || this.conversation.turns.length === 0) return;
    this.unsaved = false;
    this.conversation.changed = Date.now();
    const { files, state } = this.needs;
    const written = files.write(this.conversation);
    if (state.get(CURRENT) !== this.conversation.id) await state.update(CURRENT, this.conversation.id);
    await written;
  }
}
