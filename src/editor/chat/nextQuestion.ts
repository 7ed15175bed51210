// The question that is being written: what goes with it, what all that comes to in tokens and seconds, and the reading of it before it is asked.
import { l10n } from 'vscode';
import type { AnswerSource, ChatMessage } from '../../chat/answerSource.ts';
import { fit, type Refusal } from '../../chat/attachments.ts';
import type { Attachment } from '../../chat/turns.ts';
import { CancelFlag } from '../../shared/cancel.ts';
import type { AttachmentView, ChatSurroundings } from '../../shared/chatProtocol.ts';
import type { Attached } from './attach.ts';

/** Kept free for the answer, but never more than a quarter of the context. */
const ANSWER_TOKENS = 1024;
/** What a template puts around a message. */
const AROUND_MESSAGE = 8;
/** More would be no question any more. */
export const MOST_ATTACHMENTS = 32;

export interface NextQuestionNeeds {
  source: Pick<AnswerSource, 'chatModel' | 'chatSpeed' | 'count' | 'readAhead'>;
  conversation: () => string;
  /** What goes before the question. */
  before: () => ChatMessage[];
  /** The same, with the question behind it. */
  messages: (text: string, attachments: readonly Attachment[]) => ChatMessage[];
  /** The text of a file as it is now; null: as it was. */
  refresh: (attached: Attached) => string | null;
  /** Nobody reads ahead while an answer is under way. */
  isBusy: () => boolean;
  changed: () => void;
  warn: (sentence: string) => void;
}

interface Entry {
  attached: Attached;
  text: string;
  tokens: number | null;
  /** Why it does not fit. */
  tooMuch: string | null;
}

const takesPart = ({ attached, tooMuch }: Entry): boolean => attached.refused === null && tooMuch === null;
const attachmentOf = ({ attached: { id, kind, label, detail, refused }, text, tokens, tooMuch }: Entry): Attachment => ({ id, kind, label, detail, text, tokens, refused: refused ?? tooMuch });

const reserveOf = (context: number): number => Math.min(ANSWER_TOKENS, context >> 2);

function tooMuch(refusal: Refusal | null): string | null {
  switch (refusal?.reason) {
    case undefined: return null;
    case 'empty': return l10n.t('It is empty.');
    case 'tooLong': return l10n.t('It has {0} tokens, more than the {1} that the model can read.', refusal.tokens, refusal.most);
    case 'noRoom': return l10n.t('It has {0} tokens, and there is room for {1} beside the rest.', refusal.tokens, refusal.free);
  }
}

export class NextQuestion {
  private entries: Entry[] = [];
  private text = '';
  private textTokens = 0;
  private beforeTokens = { key: '', tokens: 0 };
  private counted = false;
  /** Tokens of this conversation that the cache knows. */
  private warm = 0;
  private round = 0;
  private reading: CancelFlag | undefined;
  /** What was added last is counted and judged. */
  private counting: Promise<unknown> = Promise.resolve();

  constructor(private readonly needs: NextQuestionNeeds) {}

  get attachments(): AttachmentView[] {
    return this.entries.map((entry) => {
      const { text: _, ...view } = attachmentOf(entry);
      return view;
    });
  }

  /** Null without a loaded model, and where nothing is asked. */
  get estimate(): ChatSurroundings['estimate'] {
    const { most } = this;
    if (most === null || !this.counted || (this.text.trim() === '' && this.entries.length === 0)) return null;
    const tokens = this.tokens;
    const speed = this.needs.source.chatSpeed;
    return { tokens, most, secondsToFirstWord: speed ? Math.max(0, tokens - this.warm) / speed.prefill : null };
  }

  /** With a reason it is shown and does not take part. False where there are too many. The same text twice is once. */
  add(attached: Attached): boolean {
    const same = this.entries.find((entry) => entry.attached.label === attached.label && entry.attached.detail === attached.detail && entry.text === attached.text);
    if (same && same.attached.refused === attached.refused) return true;
    // What was refused for another reason may be another thing by now.
    this.entries = this.entries.filter((entry) => entry !== same);
    if (this.entries.length >= MOST_ATTACHMENTS) return false;
    this.entries.push({ attached, text: attached.text, tokens: null, tooMuch: null });
    this.needs.changed();
    void this.work();
    return true;
  }

  remove(id: string): void {
    this.entries = this.entries.filter(({ attached }) => attached.id !== id);
    this.needs.changed();
    void this.work();
  }

  typed(text: string): void {
    this.text = text;
    void this.work();
  }

  /** What takes part; afterwards there is nothing of it left here. */
  async take(): Promise<Attachment[]> {
    if (this.refresh()) void this.work();
    await this.counting;
    const taken = this.entries.filter(takesPart).map(attachmentOf);
    this.clear();
    return taken;
  }

  clear(): void {
    this.stopReading();
    this.entries = [];
    this.text = '';
    this.textTokens = 0;
    this.needs.changed();
  }

  /** Whether a text fits beside nothing else; true where that is not known. */
  async fits(text: string): Promise<boolean> {
    const { most } = this;
    const [tokens] = (most === null ? null : await this.needs.source.count([text]).catch(() => null)) ?? [0];
    return most === null || tokens + AROUND_MESSAGE <= most;
  }

  /** Another model, another conversation, or one that was cut: what is known of the cache. */
  cacheKnows(tokens: number): void {
    this.warm = tokens;
  }

  /** Another model counts in another way. */
  modelChanged(): void {
    this.warm = 0;
    this.counted = false;
    this.beforeTokens = { key: '', tokens: 0 };
    for (const entry of this.entries) entry.tokens = null;
    if (this.entries.length > 0 || this.text !== '') void this.work();
  }

  stopReading(): void {
    this.round++;
    this.reading?.set();
    this.reading = undefined;
  }

  private get most(): number | null {
    const { chatModel } = this.needs.source;
    return chatModel.state === 'ready' ? chatModel.context - reserveOf(chatModel.context) : null;
  }

  private get tokens(): number {
    const texts = this.entries.filter(takesPart).reduce((sum, { tokens }) => sum + (tokens ?? 0), 0);
    return Math.min(this.beforeTokens.tokens + texts + this.textTokens + AROUND_MESSAGE, this.most ?? Infinity);
  }

  /** Counts what was not counted, judges what fits, and reads ahead; what comes later takes the place of what runs. */
  private async work(): Promise<void> {
    this.stopReading();
    const { round } = this;
    if (this.most === null) return;
    this.refresh();
    try {
      const counting = this.count(round);
      this.counting = counting.catch(() => {});
      if (!(await counting)) return;
      this.needs.changed();
      await this.readAhead();
    } catch (thrown) {
      this.needs.warn(`A question could not be read ahead: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
  }

  /** False where something newer took its place, or the model is gone. */
  private async count(round: number): Promise<boolean> {
    const uncounted = this.entries.filter(({ tokens, attached }) => tokens === null && attached.refused === null);
    const before = this.needs.before();
    const key = `${this.needs.conversation()} ${before.length} ${before.at(-1)?.content.length ?? 0}`;
    const texts = key === this.beforeTokens.key ? [] : before.map(({ content }) => content);
    const counts = await this.needs.source.count([this.text, ...uncounted.map((entry) => entry.text), ...texts]);
    if (!counts || round !== this.round) return false;
    this.textTokens = counts[0];
    uncounted.forEach((entry, index) => (entry.tokens = counts[1 + index]));
    if (key !== this.beforeTokens.key) this.beforeTokens = { key, tokens: counts.slice(1 + uncounted.length).reduce((sum, tokens) => sum + tokens + AROUND_MESSAGE, 0) };
    this.counted = true;
    this.judge();
    return true;
  }

  /** The oldest turns make room, attachments do not. */
  private judge(): void {
    const { chatModel } = this.needs.source;
    if (chatModel.state !== 'ready') return;
    const counted = this.entries.flatMap(({ attached: { id, kind, refused }, tokens }) => (refused === null && tokens !== null ? [{ id, kind, tokens }] : []));
    const fates = fit(counted, { context: chatModel.context, reserve: reserveOf(chatModel.context), needed: this.textTokens + AROUND_MESSAGE });
    for (const entry of this.entries) entry.tooMuch = tooMuch(fates.get(entry.attached.id) ?? null);
  }

  private async readAhead(): Promise<void> {
    const { source, conversation, messages, isBusy } = this.needs;
    if (isBusy() || (this.text.trim() === '' && this.entries.length === 0)) return;
    const taking = this.entries.filter(takesPart).map(attachmentOf);
    const cancel = (this.reading = new CancelFlag());
    const { tokens } = this;
    await source.readAhead({ conversation: conversation(), messages: messages(this.text, taking) }, cancel);
    if (cancel.isSet) return;
    this.warm = Math.max(this.warm, tokens);
    this.reading = undefined;
    this.needs.changed();
  }

  /** Files say what they say now. True where that is something else. */
  private refresh(): boolean {
    let isOther = false;
    for (const entry of this.entries) {
      const now = this.needs.refresh(entry.attached);
      if (now === null || now === entry.text) continue;
      entry.text = now;
      entry.tokens = null;
      isOther = true;
    }
    return isOther;
  }
}
