// The chat's side of the runtime: which model answers, and its answers.
import { basename } from 'node:path';
import type { Disposable } from 'vscode';
import type { AnswerEvent, AnswerOptions, AnswerResult, AnswerSource, ChatModelState } from '../chat/answerSource.ts';
import type { Speed } from '../completion/source.ts';
import type { CancelFlag } from '../shared/cancel.ts';
import { DeltaError } from '../shared/errors.ts';
import { chatModelPath, modelPath, planKey } from './loadPlan.ts';
import { localise } from './messages.ts';
import type { EditorRuntime } from './runtime.ts';
import type { Settings } from './settingsTable.ts';

/** Of another attempt than the first: the first answer is the one that the model is surest of. */
const TEMPERATURE = 0.8;

export class Answers implements AnswerSource {
  constructor(
    private readonly runtime: EditorRuntime,
    private readonly settings: () => Settings,
  ) {}

  get chatSpeed(): Speed | undefined {
    return this.runtime.slot('chat').meter.current;
  }

  get chatModel(): ChatModelState {
    const [completion, chat, settings] = [this.runtime.slot('completion'), this.runtime.slot('chat'), this.settings()];
    const path = chatModelPath(settings);
    const name = chat.model?.name ?? basename(path.replaceAll('\\', '/'));
    if (path === '') return { state: 'none' };
    // It was chosen for completions alone, and cannot converse.
    const known = chat.model ?? (path === modelPath(settings) && !completion.standsIn ? completion.model : null);
    if (settings['chat.model'].trim() === '' && known && !known.chat) return { state: 'none' };
    if (chat.error) return { state: 'failed', name, sentence: localise(chat.error) };
    if (chat.model && chat.loadedFrom === planKey(settings, 'chat')) return { state: 'ready', name, context: chat.model.context };
    return chat.loading && !chat.model ? { state: 'loading', name, share: chat.progress } : { state: 'unloaded', name };
  }

  onChatModel(listener: () => void): Disposable {
    return this.runtime.onDidChangeChat(listener);
  }

  onUnloaded(listener: (sentence: string) => void): Disposable {
    return this.runtime.onUnloaded(listener);
  }

  async answer(options: AnswerOptions, hear: (event: AnswerEvent) => void, cancel: CancelFlag): Promise<AnswerResult> {
    const { conversation, messages, continues, attempt = 0, max } = options;
    if (this.chatModel.state === 'none') throw new DeltaError('noChatModel');
    // What failed the last time is tried again: the file or the memory may be another one by now.
    if (this.chatModel.state === 'failed') void this.runtime.loadNow('chat');
    const { text, reason, tokens, ms, chat } = await this.runtime.generateAs('chat', {
      prompt: { messages, continues }, conversation, max, sampling: attempt === 0 ? { temperature: 0 } : { temperature: TEMPERATURE, seed: attempt },
    }, (event) => {
      if (event.event === 'text') hear({ event: 'text', text: event.text });
      else if (event.event === 'progress' && event.stage === 'reading') hear({ event: 'reading', share: event.share, total: event.tokens ?? 0 });
    }, cancel);
    return { text, reason, tokens, ms, dropped: chat?.dropped ?? 0, template: chat?.template ?? 'file' };
  }

  async readAhead({ conversation, messages }: Pick<AnswerOptions, 'conversation' | 'messages'>, cancel: CancelFlag): Promise<void> {
    if (this.chatModel.state !== 'ready') return;
    await this.runtime.callQuietly('chat', 'generate', { prompt: { messages }, conversation, max: 0, sampling: {}, priority: 'background' }, cancel);
  }

  async count(texts: readonly string[]): Promise<number[] | null> {
    return this.chatModel.state === 'ready' ? this.runtime.callQuietly('chat', 'count', { role: 'chat', texts }) : null;
  }

  async loadChatModel(): Promise<void> {
    if (this.chatModel.state !== 'none') await this.runtime.loadNow('chat');
  }
}
