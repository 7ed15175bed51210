// The conversation of this window: what the view and the commands ask for, one answer at a time, and what became of it when the window comes back.
import { randomUUID } from 'node:crypto';
import { l10n, window, type LogOutputChannel } from 'vscode';
import type { AnswerResult, AnswerSource } from '../../chat/answerSource.ts';
import { dropOldest, messagesOf } from '../../chat/turnMessages.ts';
import { ask, changeAnswer, edit, finish, newConversation, regenerate, rename, truncate, type Conversation } from '../../chat/turns.ts';
import { asDeltaError } from '../../shared/errors.ts';
import { CHAT_PROTOCOL, type ChatSurroundings, type FromChatView } from '../../shared/chatProtocol.ts';
import { localise } from '../messages.ts';
import { Answering } from './answering.ts';
import type { Attached } from './attach.ts';
import { chooseConversation, entryOf } from './history.ts';
import { modelView } from './modelView.ts';
import { NextQuestion } from './nextQuestion.ts';
import type { ModelChoice } from './offers.ts';
import { ShownConversation, type ShownNeeds } from './shownConversation.ts';

/** The models that this is for do best with their own. */
const SYSTEM = '';

export interface ChatHostNeeds extends Omit<ShownNeeds, 'surroundings' | 'reading'> {
  source: AnswerSource;
  choice: ModelChoice;
  log: Pick<LogOutputChannel, 'warn' | 'error'>;
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
  private readonly shown: ShownConversation;
  private readonly next: NextQuestion;
  private running: { answering: Answering; done: Promise<void> } | undefined;
  private note: string | null = null;
  /** The answer that waits for a model to be chosen. */
  private kept: string | null = null;
  /** By their names the models that could not answer it: it waits for another one, or for the user. */
  private refusedBy: readonly (string | null)[] = [];
  /** The conversation that was shown last is there: before that nothing is done. */
  private restored: Promise<void> | undefined;
  /** What was asked for is done in order. */
  private last: Promise<void> = Promise.resolve();
  /** By question: how often it was answered. */
  private readonly attempts = new Map<string, number>();
  private readonly subscriptions: { dispose(): void }[];

  constructor(private readonly needs: ChatHostNeeds) {
    const { source, log, outside } = needs;
    const reading = (id: string) => (this.running?.answering.id === id ? this.running.answering.reading : null);
    this.shown = new ShownConversation({ ...needs, surroundings: () => this.surroundings(), reading });
    this.next = new NextQuestion({
      source, conversation: () => this.shown.current.id, before: () => messagesOf(this.shown.current, SYSTEM),
      // As it will be asked.
      messages: (text, attachments) => messagesOf(ask(this.shown.current, { question: 'next', answer: 'next answer', text, attachments }, 0), SYSTEM),
      refresh: outside.refresh, isBusy: () => this.running !== undefined, changed: () => this.shown.tellSurroundings(), warn: (sentence) => log.warn(sentence),
    });
    this.subscriptions = [
      source.onChatModel(() => this.modelChanged()),
      source.onUnloaded((sentence) => {
        this.note = sentence;
        this.shown.tellSurroundings();
      }),
    ];
  }

  hear(message: FromChatView): void {
    // Neither waits for what was asked for before.
    if (message.type === 'hello' && message.protocol !== CHAT_PROTOCOL) return;
    if (message.type === 'hello') void this.beRestored().then(() => this.shown.hello(message.epoch, message.seq));
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
      this.begin(ask(this.shown.current, asked, Date.now()), asked.answer);
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

  /** No conversation is kept any longer, this one included. */
  forgetAll(): Promise<void> {
    return this.do(async () => {
      const { files } = this.needs;
      await this.show(newConversation(randomUUID(), Date.now()));
      for (const { id } of await files.list()) await files.remove(id);
      await files.settled();
    });
  }

  /** It is loaded, and what waits for it is sent. */
  async modelChosen(): Promise<void> {
    await this.beRestored();
    await this.needs.source.loadChatModel();
    this.sendKept(true);
  }

  /** The choice looks different: it is searched, something was found. */
  choiceChanged(): void {
    this.shown.tellSurroundings();
  }

  /** Ends what runs; everything is saved when this fulfils. */
  async close(): Promise<void> {
    for (const subscription of this.subscriptions) subscription.dispose();
    this.next.stopReading();
    this.running?.answering.cancel.set();
    this.needs.choice.dispose();
    await this.shown.close();
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
    this.begin(ask(this.shown.current, asked, Date.now()), asked.answer);
  }

  /** The same texts go with the other question. Those of a prompt are in it: it stays, with the user's words behind it. */
  private async edit(id: string, text: string): Promise<void> {
    const question = this.shown.turns.find((turn) => turn.id === id);
    if (text.trim() === '' || question?.role !== 'user' || question.dropped) return;
    await this.stop();
    const asked = { question: randomUUID(), answer: randomUUID(), text };
    const { prompt, attachments } = question;
    const edited = prompt === null ? edit(this.shown.current, id, asked, Date.now()) : ask(truncate(this.shown.current, id, Date.now()), { ...asked, prompt: `${prompt}\n\n${text}`, attachments }, Date.now());
    if (!edited) return;
    // It stood in the input.
    this.next.typed('');
    this.begin(edited, asked.answer);
  }

  private async regenerate(id: string): Promise<void> {
    const answer = randomUUID();
    if (regenerate(this.shown.current, id, answer, 0) === null) return;
    await this.stop();
    const had = this.shown.answer(id);
    const again = regenerate(this.shown.current, id, answer, Date.now());
    if (!again) return;
    // Another answer than the one that was had; where there was none, the surest.
    const question = again.turns.at(-2)!.id;
    if (had && had.text !== '' && had.state !== 'failed') this.attempts.set(question, (this.attempts.get(question) ?? 0) + 1);
    this.begin(again, answer);
  }

  private goOn(): void {
    const last = this.shown.turns.at(-1);
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
      if (this.shown.answer(kept)?.state === 'waiting') this.shown.become(finish(this.shown.current, kept, { state: 'stopped' }, Date.now()));
      this.shown.tellSurroundings();
    }
  }

  /** What followed what is asked now is gone, and the cache knows less. */
  private begin(conversation: Conversation, answer: string): void {
    if (this.shown.turns.some((turn) => !conversation.turns.includes(turn))) this.next.cacheKnows(0);
    this.shown.become(conversation);
    this.start(answer);
  }

  private start(id: string): void {
    this.next.stopReading();
    this.note = null;
    const { source, clock } = this.needs;
    const { shown } = this;
    const lacksModel = source.chatModel.state === 'none';
    this.keep(lacksModel ? id : null);
    if (lacksModel) shown.become(changeAnswer(shown.current, id, { state: 'waiting', note: null }));
    else {
      const answering = new Answering(id, { source, clock, shown });
      const done = this.run(answering).finally(() => {
        this.running = undefined;
        shown.tellSurroundings();
      });
      this.running = { answering, done };
    }
    shown.tellSurroundings();
  }

  private async run(answering: Answering): Promise<void> {
    const { id, continues } = answering;
    const { shown } = this;
    const messages = messagesOf(shown.current, SYSTEM, { continues });
    const question = shown.turns[shown.turns.findIndex((turn) => turn.id === id) - 1].id;
    const asked = this.modelName;
    try {
      const result = await answering.run(messages, this.attempts.get(question) ?? 0);
      this.next.cacheKnows(result.tokens.prompt + result.tokens.generated);
      this.noteWhat(result, messages.length);
    } catch (thrown) {
      const error = asDeltaError(thrown);
      // The runtime was stopped or started anew: nobody's failure.
      const isFailure = error.code !== 'cancelled';
      if (isFailure) this.needs.log.error(`An answer failed: ${error.message}`);
      const { state } = this.needs.source.chatModel;
      // A model for completions may turn out to be none for this when it is loaded.
      if (isFailure && state === 'none') shown.become(changeAnswer(shown.current, id, { state: 'waiting', note: null }));
      else shown.become(finish(shown.current, id, isFailure ? { state: 'failed', note: localise(error) } : { state: 'stopped' }, Date.now()));
      if (isFailure && (state === 'none' || state === 'failed')) {
        this.keep(id);
        this.refusedBy = [asked, this.modelName];
      }
    }
    await shown.saving.rest();
  }

  /** What was left out stays out, and is marked. */
  private noteWhat({ dropped, template }: AnswerResult, sent: number): void {
    if (template === 'fallback') this.note = l10n.t('This model file has no chat template: a plain one is used, and its answers may suffer.');
    if (dropped <= 0) return;
    // The answer that has come since is none of the messages that were sent.
    this.shown.become(dropOldest(this.shown.current, Math.min(dropped, sent - 1)));
    this.note = l10n.t('The oldest turns no longer fit into what the model can read: they were left out.');
  }

  private keep(id: string | null): void {
    this.refusedBy = [];
    if (id === this.kept) return;
    this.kept = id;
    this.shown.saving.keeps(id);
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
    this.shown.tellSurroundings();
    if (this.restored) this.sendKept(false);
  }

  private get modelName(): string | null {
    const { chatModel } = this.needs.source;
    return chatModel.state === 'none' ? null : chatModel.name;
  }

  /** A question that failed with its model is sent again where that is another one, or where the user says so. */
  private sendKept(byUser: boolean): void {
    const { state } = this.needs.source.chatModel;
    const answer = this.kept === null ? undefined : this.shown.answer(this.kept);
    if (!answer || this.running || (state !== 'ready' && state !== 'unloaded')) return;
    if (byUser || !this.refusedBy.includes(this.modelName)) this.start(answer.id);
  }

  private async copyAnswer(id: string): Promise<void> {
    const answer = this.shown.answer(id);
    if (answer) await this.needs.outside.copy(answer.text);
  }

  private async chooseOther(): Promise<void> {
    const { files } = this.needs;
    await this.shown.saving.rest();
    const id = await chooseConversation({
      current: this.shown.current.id,
      list: async () => (await files.list()).map(entryOf),
      rename: (other, title) => this.rename(other, title),
      remove: (other) => this.do(() => this.remove(other)),
    });
    const chosen = id === undefined || id === this.shown.current.id ? null : await files.read(id);
    if (chosen) await this.do(() => this.show(chosen));
  }

  private async rename(id: string, name: string): Promise<void> {
    const { files } = this.needs;
    const isShown = id === this.shown.current.id;
    const conversation = isShown ? this.shown.current : await files.read(id);
    if (!conversation) return;
    const renamed = rename(conversation, name, conversation.changed);
    if (isShown) this.shown.renamed(renamed);
    await files.write(renamed);
  }

  private async remove(id: string): Promise<void> {
    if (id === this.shown.current.id) await this.show(newConversation(randomUUID(), Date.now()));
    await this.needs.files.remove(id);
  }

  /** Another conversation takes the place of this one, which stays in the history. */
  private async show(conversation: Conversation): Promise<void> {
    await this.stop();
    this.keep(null);
    this.note = null;
    await this.shown.show(conversation);
    this.next.cacheKnows(0);
    this.next.clear();
  }

  private async restore(): Promise<void> {
    this.kept = await this.shown.restore();
    // It is not tried anew with every window.
    if (this.kept !== null && this.shown.answer(this.kept)?.state === 'failed') this.refusedBy = [this.modelName];
    this.sendKept(false);
  }

  private surroundings(): Omit<ChatSurroundings, 'title'> {
    const { source, choice } = this.needs;
    return { model: modelView(source.chatModel, choice), attachments: this.next.attachments, estimate: this.next.estimate, kept: this.kept !== null, note: this.note };
  }
}
