// One answer from its question to its end: what the source says becomes what the user sees.
import { l10n } from 'vscode';
import type { AnswerEvent, AnswerResult, AnswerSource } from '../../chat/answerSource.ts';
import type { Clock } from '../../completion/source.ts';
import { withoutReasoning } from '../../chat/reasoning.ts';
import { CancelFlag } from '../../shared/cancel.ts';
import type { AnswerView, ChatChange } from '../../shared/chatProtocol.ts';
import { viewOf, type AnswerTurn, type Told } from './conversation.ts';

/** An answer that is longer goes on when the user says so. */
export const MOST_WRITTEN = 2048;
/** Seconds of reading before its own speed says more than that of former answers. */
const MEASURED_AFTER = 0.5;

export interface AnsweringNeeds {
  source: Pick<AnswerSource, 'answer' | 'chatSpeed'>;
  clock: Pick<Clock, 'now'>;
  tell: (change: ChatChange) => void;
}

export class Answering {
  readonly cancel = new CancelFlag();
  reading: AnswerView['reading'] = null;
  private readonly started: number;
  private readonly before: string;
  private firstWord: number | null = null;
  private firstRead: { at: number; done: number } | undefined;

  constructor(
    readonly answer: AnswerTurn,
    private readonly needs: AnsweringNeeds,
  ) {
    this.started = needs.clock.now();
    this.before = answer.raw;
  }

  /** Fulfils with how it ended; rejects with what the source rejects with, and the text so far stays. */
  async run(conversation: string, { messages }: Told): Promise<AnswerResult> {
    const { answer, needs } = this;
    Object.assign(answer, { state: 'waiting', note: null });
    this.tellTurn();
    const continues = answer.raw !== '';
    try {
      const result = await needs.source.answer({ conversation, messages, max: MOST_WRITTEN, ...(continues ? { continues } : {}) }, (event) => this.hear(event), this.cancel);
      answer.raw = this.before + result.text;
      answer.state = result.reason === 'cancelled' ? 'stopped' : result.reason === 'length' || result.reason === 'context' ? 'cut' : 'done';
      answer.note = result.reason === 'context' ? l10n.t('The context is full.') : null;
      answer.figures = this.figuresOf(result);
      return result;
    } finally {
      this.reading = null;
    }
  }

  tellTurn(): void {
    this.needs.tell({ kind: 'turn', turn: viewOf(this.answer, this.reading) });
  }

  private hear(event: AnswerEvent): void {
    if (event.event === 'reading') this.read(event);
    else if (event.text !== '') this.write(event.text);
  }

  private read({ share, total }: Extract<AnswerEvent, { event: 'reading' }>): void {
    const done = Math.round(share * total);
    if (this.answer.state === 'reading' && this.reading?.done === done) return;
    const now = this.needs.clock.now();
    this.firstRead ??= { at: now, done };
    const seconds = (now - this.firstRead.at) / 1000;
    const rate = seconds >= MEASURED_AFTER && done > this.firstRead.done ? (done - this.firstRead.done) / seconds : this.needs.source.chatSpeed?.prefill;
    this.reading = { done, total, secondsLeft: rate ? (total - done) / rate : null };
    this.answer.state = 'reading';
    this.tellTurn();
  }

  private write(text: string): void {
    const { answer, needs } = this;
    const shown = withoutReasoning(answer.raw);
    answer.raw += text;
    if (answer.state !== 'writing') {
      this.firstWord ??= (needs.clock.now() - this.started) / 1000;
      answer.state = 'writing';
      this.reading = null;
      return this.tellTurn();
    }
    const now = withoutReasoning(answer.raw);
    if (!now.text.startsWith(shown.text) || !now.reasoning.startsWith(shown.reasoning)) return this.tellTurn();
    if (now.reasoning !== shown.reasoning) needs.tell({ kind: 'reasoning', turn: answer.id, text: now.reasoning.slice(shown.reasoning.length) });
    if (now.text !== shown.text) needs.tell({ kind: 'append', turn: answer.id, text: now.text.slice(shown.text.length) });
  }

  /** Of an answer that goes on, what was written before counts, too. */
  private figuresOf({ tokens, ms }: AnswerResult): AnswerTurn['figures'] {
    const { prompt, reused, computed, generated } = tokens;
    if (this.firstWord === null) return this.answer.figures;
    return {
      reused, computed: Math.max(0, Math.min(computed, prompt - reused)), written: generated + (this.before === '' ? 0 : (this.answer.figures?.written ?? 0)),
      firstWord: this.firstWord, rate: ms.decode > 0 ? (1000 * generated) / ms.decode : 0,
    };
  }
}
