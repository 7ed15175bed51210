// The chat by a team's server, with the chat model here behind it: whichever answers, the chat view names it.
import type { AnswerEvent, AnswerOptions, AnswerResult, AnswerSource, ChatMessage, ChatModelState } from '../../chat/answerSource.ts';
import { withoutSteering } from '../../prompt/steering.ts';
import { holdsSecret } from '../../completion/secretText.ts';
import type { CancelFlag } from '../../shared/cancel.ts';
import { DeltaError } from '../../shared/errors.ts';
import type { ServerEnd, ServerPiece } from '../../shared/remoteServer.ts';
import { CHARACTERS_A_TOKEN } from '../../session/serverPrompt.ts';
import { localise } from '../messages.ts';
import type { TeamServer } from './teamServer.ts';

/** Of another attempt than the first. */
const TEMPERATURE = 0.8;
/** Tokens, where a server does not say how many its model reads. */
const UNKNOWN_CONTEXT = 16_384;
/** The share of the context that an answer may take. */
const ANSWER_SHARE = 1 / 4;

export interface ServerAnswersNeeds {
  local: AnswerSource;
  team: Pick<TeamServer, 'isFor' | 'serves' | 'connect' | 'answered' | 'failed' | 'away' | 'host' | 'nameOf' | 'contextOf' | 'onDidChange'>;
}

export class ServerAnswers implements AnswerSource {
  constructor(private readonly needs: ServerAnswersNeeds) {}

  get chatSpeed(): AnswerSource['chatSpeed'] {
    return this.isServers ? undefined : this.needs.local.chatSpeed;
  }

  get chatModel(): ChatModelState {
    const { local, team } = this.needs;
    if (!team.isFor('chat')) return local.chatModel;
    const host = team.host ?? '';
    const name = team.nameOf('chat');
    if (team.serves('chat')) return { state: 'ready', name, context: this.context, server: host };
    if (local.chatModel.state !== 'none') return local.chatModel;
    return team.away ? { state: 'failed', name, sentence: localise(team.away) } : { state: 'unloaded', name, server: host };
  }

  onChatModel(listener: () => void): { dispose(): void } {
    const subscriptions = [this.needs.local.onChatModel(listener), this.needs.team.onDidChange(listener)];
    return { dispose: () => subscriptions.forEach((subscription) => subscription.dispose()) };
  }

  onUnloaded(listener: (sentence: string) => void): { dispose(): void } {
    return this.needs.local.onUnloaded(listener);
  }

  async answer(options: AnswerOptions, hear: (event: AnswerEvent) => void, cancel: CancelFlag): Promise<AnswerResult> {
    const { local, team } = this.needs;
    const answersHere = local.chatModel.state !== 'none';
    // Whoever asks may wait, and may know that the server is back: it is left alone only where another model answers.
    if (!team.isFor('chat') || (!team.serves('chat') && answersHere)) return local.answer(options, hear, cancel);
    if (options.messages.some(({ content }) => holdsSecret(content))) {
      if (!answersHere) throw new DeltaError('mayNotGo', team.host ?? '');
      return local.answer(options, hear, cancel);
    }
    let written = false;
    try {
      return await this.ask(options, (event) => {
        written = true;
        hear(event);
      }, cancel);
    } catch (thrown) {
      if (written || !answersHere || cancel.isSet) throw thrown;
      return local.answer(options, hear, cancel);
    }
  }

  async readAhead(options: Pick<AnswerOptions, 'conversation' | 'messages'>, cancel: CancelFlag): Promise<void> {
    if (!this.isServers) await this.needs.local.readAhead(options, cancel);
  }

  /** A server's tokens are not counted here: what its texts come to, about. */
  async count(texts: readonly string[]): Promise<number[] | null> {
    return this.isServers ? texts.map(tokensIn) : this.needs.local.count(texts);
  }

  async loadChatModel(): Promise<void> {
    const { local, team } = this.needs;
    if (!team.isFor('chat')) return local.loadChatModel();
    await team.connect('chat', true).then(() => team.answered(), () => local.loadChatModel());
  }

  private get isServers(): boolean {
    return this.needs.team.serves('chat');
  }

  private get context(): number {
    return this.needs.team.contextOf('chat') ?? UNKNOWN_CONTEXT;
  }

  private async ask({ messages, continues = false, attempt = 0, max }: AnswerOptions, hear: (event: AnswerEvent) => void, cancel: CancelFlag): Promise<AnswerResult> {
    const { team } = this.needs;
    const stop = new AbortController();
    const unlisten = cancel.onSet(() => stop.abort());
    const started = performance.now();
    const text = new AnswerText(hear);
    const { kept, dropped } = withinContext(messages, this.context, max);
    let first = 0;
    let end: ServerEnd = { reason: 'end', tokens: null };
    try {
      const { server, model, kind } = await unlessStopped(team.connect('chat', true), stop.signal);
      const request = { model: model.id, kind, messages: kept.map(steeringNothing), continues, max, temperature: attempt === 0 ? 0 : TEMPERATURE, ...(attempt > 0 && { seed: attempt }) };
      end = await server.answer(request, (piece) => {
        first ||= performance.now();
        text.take(piece);
      }, stop.signal).catch((thrown: unknown) => {
        team.failed(thrown);
        throw thrown;
      });
      team.answered();
    } catch (thrown) {
      if (!cancel.isSet) throw thrown;
    } finally {
      unlisten();
    }
    const now = performance.now();
    const { prompt, reused, generated } = end.tokens ?? { prompt: kept.reduce((sum, { content }) => sum + tokensIn(content), 0), reused: 0, generated: tokensIn(text.whole) };
    return {
      text: text.end(), reason: cancel.isSet ? 'cancelled' : end.reason, dropped, template: 'file',
      tokens: { prompt, reused, computed: Math.max(0, prompt - reused), generated }, ms: { prefill: (first || now) - started, decode: first ? now - first : 0 },
    };
  }
}

/** What a server tells apart as thought stands between think tags, as models write it. */
class AnswerText {
  whole = '';
  private isThinking = false;

  constructor(private readonly hear: (event: AnswerEvent) => void) {}

  take({ text, reasoning }: ServerPiece): void {
    if (reasoning !== '') {
      this.give(`${this.isThinking ? '' : '<think>'}${reasoning}`);
      this.isThinking = true;
    }
    if (text === '') return;
    this.give(`${this.isThinking ? '</think>\n' : ''}${text}`);
    this.isThinking = false;
  }

  end(): string {
    if (this.isThinking) this.give('</think>\n');
    return this.whole;
  }

  private give(text: string): void {
    this.whole += text;
    this.hear({ event: 'text', text });
  }
}

const tokensIn = (text: string): number => Math.ceil(text.length / CHARACTERS_A_TOKEN);

/** The oldest exchanges make room, the system's message and the last question stay. */
function withinContext(messages: readonly ChatMessage[], context: number, max: number): { kept: readonly ChatMessage[]; dropped: number } {
  const room = context - Math.min(max, Math.floor(context * ANSWER_SHARE));
  const system = messages[0]?.role === 'system' ? 1 : 0;
  const sum = (all: readonly ChatMessage[]): number => all.reduce((total, { content }) => total + tokensIn(content), 0);
  let from = system;
  while (sum(messages.slice(0, system)) + sum(messages.slice(from)) > room) {
    const next = messages.findIndex(({ role }, i) => i > from && role === 'user');
    if (next < 0) break;
    from = next;
  }
  return { kept: [...messages.slice(0, system), ...messages.slice(from)], dropped: from - system };
}

/** A server makes the prompt: what somebody typed or attached must not become a token that begins another turn. */
const steeringNothing = ({ role, content }: ChatMessage): ChatMessage => ({ role, content: withoutSteering(content) });

/** Rejects at once where `stop` is aborted, whatever becomes of the work. */
function unlessStopped<T>(work: Promise<T>, stop: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stopped = (): void => reject(new DeltaError('cancelled'));
    if (stop.aborted) stopped();
    stop.addEventListener('abort', stopped, { once: true });
    work.then(resolve, reject);
  });
}
