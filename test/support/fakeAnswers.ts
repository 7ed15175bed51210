// A source of answers that does what a test says: every call is answered, told, failed by hand.
import type { AnswerEvent, AnswerOptions, AnswerResult, AnswerSource, ChatModelState } from '../../src/chat/answerSource.ts';
import type { CancelFlag } from '../../src/shared/cancel.ts';
import { DeltaError, type ErrorCode } from '../../src/shared/errors.ts';

export class AnswerCall {
  text = '';
  private resolve!: (result: AnswerResult) => void;
  private reject!: (error: unknown) => void;
  readonly result: Promise<AnswerResult>;
  isOver = false;

  constructor(
    readonly options: AnswerOptions,
    private readonly listener: (event: AnswerEvent) => void,
    readonly cancel: CancelFlag,
  ) {
    this.result = new Promise((resolve, reject) => ([this.resolve, this.reject] = [resolve, reject]));
  }

  get last(): string {
    return this.options.messages.at(-1)!.content;
  }

  read(share: number, total: number): void {
    this.listener({ event: 'reading', share, total });
  }

  write(text: string): void {
    this.text += text;
    this.listener({ event: 'text', text });
  }

  end(result: Partial<AnswerResult> = {}): void {
    this.isOver = true;
    const tokens = { prompt: 100, reused: 60, computed: 40, generated: 10 };
    this.resolve({ text: this.text, reason: this.cancel.isSet ? 'cancelled' : 'end', tokens, ms: { prefill: 400, decode: 1000 }, dropped: 0, template: 'file', ...result });
  }

  fail(code: ErrorCode, ...args: unknown[]): void {
    this.isOver = true;
    this.reject(new DeltaError(code, ...(args as never)));
  }
}

/** One token for every four characters. */
export const tokensOf = (text: string): number => Math.ceil(text.length / 4);

export class FakeAnswers implements AnswerSource {
  chatModel: ChatModelState = { state: 'ready', name: 'tiny', context: 4096 };
  chatSpeed: AnswerSource['chatSpeed'] = { prefill: 100, decode: 10 };
  readonly calls: AnswerCall[] = [];
  readonly aheads: { options: Pick<AnswerOptions, 'conversation' | 'messages'>; cancel: CancelFlag; done: () => void }[] = [];
  /** Every text that was counted. */
  readonly counted: string[] = [];
  loads = 0;
  /** What becomes of the model when it is loaded. */
  onLoad: () => void = () => {};
  private readonly models = new Set<() => void>();
  private readonly unloads = new Set<(sentence: string) => void>();

  become(state: ChatModelState): void {
    this.chatModel = state;
    for (const listener of [...this.models]) listener();
  }

  unloaded(sentence: string): void {
    for (const listener of [...this.unloads]) listener(sentence);
  }

  get listeners(): number {
    return this.models.size + this.unloads.size;
  }

  onChatModel(listener: () => void) {
    this.models.add(listener);
    return { dispose: () => void this.models.delete(listener) };
  }

  onUnloaded(listener: (sentence: string) => void) {
    this.unloads.add(listener);
    return { dispose: () => void this.unloads.delete(listener) };
  }

  answer(options: AnswerOptions, hear: (event: AnswerEvent) => void, cancel: CancelFlag): Promise<AnswerResult> {
    const call = new AnswerCall(structuredClone(options), hear, cancel);
    this.calls.push(call);
    return call.result;
  }

  readAhead(options: Pick<AnswerOptions, 'conversation' | 'messages'>, cancel: CancelFlag): Promise<void> {
    return new Promise((done) => this.aheads.push({ options: structuredClone(options), cancel, done }));
  }

  async count(texts: readonly string[]): Promise<number[] | null> {
    if (this.chatModel.state !== 'ready') return null;
    this.counted.push(...texts);
    return texts.map(tokensOf);
  }

  async loadChatModel(): Promise<void> {
    this.loads++;
    this.onLoad();
  }
}
