// The chat model in VS Code's own list of language models: its chat and other extensions can ask it. It answers with text alone and calls no tools.
import {
  EventEmitter, l10n, LanguageModelChatMessageRole, LanguageModelTextPart, lm,
  type CancellationToken, type Disposable, type LanguageModelChatInformation, type LanguageModelChatProvider, type LanguageModelChatRequestMessage,
  type LanguageModelResponsePart, type LogOutputChannel, type Progress, type ProvideLanguageModelChatResponseOptions,
} from 'vscode';
import type { AnswerSource, ChatMessage } from '../../chat/answerSource.ts';
import { ReasoningSplitter, type SplitPiece } from '../../chat/reasoning.ts';
import { asDeltaError } from '../../shared/errors.ts';
import { flagOf } from './flagOf.ts';
import { localise } from '../messages.ts';

const VENDOR = 'deltallm';
/** All of these requests share what they computed before: one begins as another did. */
const CONVERSATION = 'vscode-language-model';
/** Of a model that was never loaded; VS Code asks again when it was. */
const UNKNOWN_CONTEXT = 4096;
const MOST_WRITTEN = 2048;
/** Where no tokenizer is loaded: what code and English come to. */
const CHARACTERS_A_TOKEN = 3.5;

type Source = Pick<AnswerSource, 'chatModel' | 'onChatModel' | 'answer' | 'count'>;

export class OurLanguageModel implements LanguageModelChatProvider, Disposable {
  private readonly changed = new EventEmitter<void>();
  readonly onDidChangeLanguageModelChatInformation = this.changed.event;
  private readonly subscription: { dispose(): void };
  private told = '';

  constructor(
    private readonly source: Source,
    private readonly version: string,
    private readonly log: Pick<LogOutputChannel, 'error'>,
  ) {
    this.told = JSON.stringify(this.information());
    this.subscription = source.onChatModel(() => {
      const now = JSON.stringify(this.information());
      if (now === this.told) return;
      this.told = now;
      this.changed.fire();
    });
  }

  provideLanguageModelChatInformation(): LanguageModelChatInformation[] {
    return this.information();
  }

  async provideLanguageModelChatResponse(
    _model: LanguageModelChatInformation, messages: readonly LanguageModelChatRequestMessage[], _options: ProvideLanguageModelChatResponseOptions,
    progress: Progress<LanguageModelResponsePart>, token: CancellationToken,
  ): Promise<void> {
    const { flag, release } = flagOf(token);
    // Whoever asked wants the answer, and what a model thinks before it is none.
    const splitter = new ReasoningSplitter();
    const say = ({ text }: SplitPiece) => text !== '' && !flag.isSet && progress.report(new LanguageModelTextPart(text));
    try {
      await this.source.answer({ conversation: CONVERSATION, messages: messages.map(asMessage), max: MOST_WRITTEN }, (event) => {
        if (event.event === 'text') say(splitter.push(event.text));
      }, flag);
      say(splitter.end());
    } catch (thrown) {
      const error = asDeltaError(thrown);
      if (error.code === 'cancelled') return;
      this.log.error(error.message);
      throw new Error(localise(error));
    } finally {
      release();
    }
  }

  async provideTokenCount(_model: LanguageModelChatInformation, text: string | LanguageModelChatRequestMessage): Promise<number> {
    const counted = typeof text === 'string' ? text : textOf(text);
    const counts = await this.source.count([counted]).catch(() => null);
    return counts ? counts[0] : Math.ceil(counted.length / CHARACTERS_A_TOKEN);
  }

  dispose(): void {
    this.subscription.dispose();
    this.changed.dispose();
  }

  private information(): LanguageModelChatInformation[] {
    const { chatModel } = this.source;
    if (chatModel.state === 'none' || chatModel.state === 'failed') return [];
    const context = chatModel.state === 'ready' ? chatModel.context : UNKNOWN_CONTEXT;
    const most = Math.min(MOST_WRITTEN, context >> 1);
    return [{
      id: 'chat', name: chatModel.name, family: VENDOR, version: this.version, detail: 'DeltaLLM', tooltip: l10n.t('Runs on this computer, inside the editor'),
      maxInputTokens: context - most, maxOutputTokens: most, capabilities: {},
    }];
  }
}

/** Undefined where this VS Code has no such list. */
export function registerLanguageModel(source: Source, version: string, log: Pick<LogOutputChannel, 'error'>): Disposable | undefined {
  if (typeof (lm as Partial<typeof lm> | undefined)?.registerLanguageModelChatProvider !== 'function') return undefined;
  const model = new OurLanguageModel(source, version, log);
  const registration = lm.registerLanguageModelChatProvider(VENDOR, model);
  return { dispose: () => (registration.dispose(), model.dispose()) };
}

function asMessage(message: LanguageModelChatRequestMessage): ChatMessage {
  const { Assistant, User } = LanguageModelChatMessageRole;
  return { role: message.role === Assistant ? 'assistant' : message.role === User ? 'user' : 'system', content: textOf(message) };
}

/** Pictures and calls of tools are nothing to a model that reads text. */
function textOf({ content }: LanguageModelChatRequestMessage): string {
  return content.flatMap((part) => (part instanceof LanguageModelTextPart ? [part.value] : [])).join('');
}
