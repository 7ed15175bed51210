// One answer from its question to its end: what the source says becomes what the user sees.
import { l10n } from 'vscode';
import type { AnswerEvent, AnswerResult, AnswerSource, ChatMessage } from '../../chat/answerSource.ts';
import { ReasoningSplitter } from '../../chat/reasoning.ts';
import { append, changeAnswer, finish, type Answer, type Conversation } from '../../chat/turns.ts';
import type { Clock } from '../../completion/source.ts';
import { CancelFlag } from '../../shared/cancel.ts';
import type { AnswerView } from '../../shared/chatProtocol.ts';
import type { ShownConversation } from './shownConversation.ts';

/** An answer that is longer goes on when the user says so. */
export const MOST_WRITTEN = 2048;
/** Seconds of reading before its own speed says more than that of former answers. */
const MEASURED_AFTER = 0.5;

export interface AnsweringNeeds {
  source: Pick<AnswerSource, 'answer' | 'chatSpeed'>;
  clock: Pick<Clock, 'now'>;
  /** With this answer in it. */
  shown: Pick<ShownConversation, 'current' | 'answer' | 'become' | 'grow' | 'turnChange'>;
}

export class Answering {
  readonly cancel = new CancelFlag();
  reading: AnswerView['reading'] = null;
  private readonly started: number;
  private readonly before: Answer;
  private readonly splitter = new ReasoningSplitter();
  private firstWord: number | null = null;
  private firstRead: { at: number; done: number } | undefined;

  constructor(
    readonly id: string,
    private readonly needs: AnsweringNeeds,
  ) {
    this.started = needs.clock.now();
    this.before = needs.shown.answer(id)!;
  }

  /** Goes on behind what was written before. */
  get continues(): boolean {
    return this.before.text !== '';
  }

  /** Fulfils with how it ended; rejects with what the source rejects with, and the text so far stays. */
  async run(messages: readonly ChatMessage[], attempt: number): Promise<AnswerResult> {
    const { id, continues } = this;
    const { source, shown } = this.needs;
    shown.become(this.with({ state: 'waiting', note: null, ...(continues ? {} : { reasoning: '' }) }));
    try {
      const options = { conversation: shown.current.id, messages, max: MOST_WRITTEN, attempt, ...(continues ? { continues } : {}) };
      const result = await source.answer(options, (event) => this.hear(event), this.cancel);
      this.reading = null;
      const { text, reasoning } = continues ? { text: this.before.text + result.text, reasoning: this.before.reasoning } : whole(result.text);
      const figures = this.figuresOf(result);
      const state = result.reason === 'cancelled' ? 'stopped' : result.reason === 'length' || result.reason === 'context' ? 'cut' : 'done';
      shown.become(finish(this.with({ text, reasoning }), id, { state, ...(figures && { figures }), ...(result.reason === 'context' ? { note: l10n.t('The context is full.') } : {}) }, Date.now()));
      return result;
    } catch (thrown) {
      this.reading = null;
      shown.grow(append(shown.current, id, this.splitter.end()), null);
      throw thrown;
    }
  }

  private with(change: Parameters<typeof changeAnswer>[2]): Conversation {
    return changeAnswer(this.needs.shown.current, this.id, change);
  }

  private hear(event: AnswerEvent): void {
    if (event.event === 'reading') this.read(event);
    else if (event.text !== '') this.write(event.text);
  }

  private read({ share, total }: Extract<AnswerEvent, { event: 'reading' }>): void {
    const done = Math.round(share * total);
    if (this.reading?.done === done && this.reading.total === total) return;
    const now = this.needs.clock.now();
    this.firstRead ??= { at: now, done };
    const seconds = (now - this.firstRead.at) / 1000;
    const rate = seconds >= MEASURED_AFTER && done > this.firstRead.done ? (done - this.firstRead.done) / seconds : this.needs.source.chatSpeed?.prefill;
    this.reading = { done, total, secondsLeft: rate ? (total - done) / rate : null };
    this.grow(this.with({ state: 'reading' }));
  }

  private write(piece: string): void {
    this.firstWord ??= (this.needs.clock.now() - this.started) / 1000;
    const added = this.continues ? { text: piece, reasoning: '' } : this.splitter.push(piece);
    const { shown } = this.needs;
    const began = shown.answer(this.id)?.state !== 'writing';
    this.reading = null;
    const grown = append(shown.current, this.id, added);
    if (began) return this.grow(grown);
    shown.grow(grown, added.reasoning === '' ? null : { kind: 'reasoning', turn: this.id, text: added.reasoning });
    if (added.text !== '') shown.grow(grown, { kind: 'append', turn: this.id, text: added.text });
  }

  /** The view is told the answer anew: it is in another state. */
  private grow(conversation: Conversation): void {
    const { shown } = this.needs;
    shown.grow(conversation, null);
    shown.grow(conversation, shown.turnChange(this.id));
  }

  /** Of an answer that goes on, what was written before counts, too. */
  private figuresOf({ tokens, ms }: AnswerResult): Answer['figures'] {
    const { prompt, reused, computed, generated } = tokens;
    if (this.firstWord === null) return this.before.figures;
    return {
      reused, computed: Math.max(0, Math.min(computed, prompt - reused)), written: generated + (this.continues ? (this.before.figures?.written ?? 0) : 0),
      firstWord: this.firstWord, rate: ms.decode > 0 ? (1000 * generated) / ms.decode : 0,
    };
  }
}

/** A whole text, without what was held back for a tag that never came. */
export function whole(text: string): { text: string; reasoning: string } {
  const splitter = new ReasoningSplitter();
  const [first, last] = [splitter.push(text), splitter.end()];
  return { text: first.text + last.text, reasoning: first.reasoning + last.reasoning };
}
