// "@deltallm" in VS Code's own chat: the same model, with the texts that VS Code attaches.
import {
  chat, ChatRequestTurn, ChatResponseMarkdownPart, ChatResponseTurn, l10n, Location, Uri, workspace,
  type CancellationToken, type ChatContext, type ChatPromptReference, type ChatRequest, type ChatResponseStream, type ChatResult, type Disposable, type LogOutputChannel,
} from 'vscode';
import type { AnswerSource, ChatMessage } from '../../chat/answerSource.ts';
import { codeText, fenceFor } from '../../chat/attachments.ts';
import { ReasoningSplitter, type SplitPiece } from '../../chat/reasoning.ts';
import { asDeltaError } from '../../shared/errors.ts';
import { localise } from '../messages.ts';
import { nameOf, pathOf, readFile, type Excluded } from './attachable.ts';
import { flagOf } from './flagOf.ts';

export const PARTICIPANT = 'deltallm.participant';
const CONVERSATION = 'vscode-participant';
const MOST_WRITTEN = 2048;

export interface ParticipantNeeds {
  source: Pick<AnswerSource, 'chatModel' | 'answer'>;
  excluded: Excluded;
  log: Pick<LogOutputChannel, 'error'>;
}

/** Undefined where this VS Code has no chat. */
export function registerParticipant(needs: ParticipantNeeds): Disposable | undefined {
  if (typeof (chat as Partial<typeof chat> | undefined)?.createChatParticipant !== 'function') return undefined;
  return chat.createChatParticipant(PARTICIPANT, (request, context, stream, token) => answer(needs, request, context, stream, token));
}

async function answer(needs: ParticipantNeeds, request: ChatRequest, context: ChatContext, stream: ChatResponseStream, token: CancellationToken): Promise<ChatResult> {
  const { source, log, excluded } = needs;
  if (source.chatModel.state === 'none') {
    stream.markdown(l10n.t('No chat model is chosen yet.'));
    stream.button({ command: 'deltallm.chat.chooseModel', title: l10n.t('Choose a Chat Model') });
    return {};
  }
  const { flag, release } = flagOf(token);
  if ('server' in source.chatModel && source.chatModel.server !== undefined) stream.progress(l10n.t('Goes to {0}', source.chatModel.server));
  try {
    const last = { role: 'user' as const, content: await asked(excluded, request.prompt, request.references, stream) };
    const messages: ChatMessage[] = [...historyOf(context), last];
    // VS Code has no place yet for what a model thinks before it answers.
    const splitter = new ReasoningSplitter();
    let hasThought = false;
    const say = ({ text, reasoning }: SplitPiece) => {
      if (reasoning !== '' && !hasThought) stream.progress(l10n.t('Thinking'));
      hasThought ||= reasoning !== '';
      if (text !== '' && !flag.isSet) stream.markdown(text);
    };
    const result = await source.answer({ conversation: CONVERSATION, messages, max: MOST_WRITTEN }, (event) => {
      if (event.event === 'text') say(splitter.push(event.text));
      else if (event.event === 'reading' && event.share === 0 && event.total > 0) stream.progress(l10n.t('Reading {0} tokens', event.total));
    }, flag);
    say(splitter.end());
    return { metadata: { tokens: result.tokens } };
  } catch (thrown) {
    const error = asDeltaError(thrown);
    if (error.code === 'cancelled') return {};
    log.error(error.message);
    return { errorDetails: { message: localise(error) } };
  } finally {
    release();
  }
}

/** Files first, the question last: what was read of them serves the next question too. */
async function asked(excluded: Excluded, prompt: string, references: readonly ChatPromptReference[], stream: ChatResponseStream): Promise<string> {
  const parts: string[] = [];
  for (const { value } of references) {
    const uri = value instanceof Uri ? value : value instanceof Location ? value.uri : undefined;
    if (typeof value === 'string') parts.push(`${fenceFor(value)}\n${value}\n${fenceFor(value)}`);
    if (!uri) continue;
    const read = await readFile(uri, excluded);
    if ('refused' in read) {
      stream.markdown(`${nameOf(uri)}: ${read.refused}\n\n`);
      continue;
    }
    const path = pathOf(uri);
    if (value instanceof Location) {
      const { start, end } = value.range;
      parts.push(codeText({ path, language: read.language, text: (await workspace.openTextDocument(uri)).getText(value.range), lines: { first: start.line + 1, last: end.line + 1 } }));
    } else parts.push(codeText({ path, ...read }));
    stream.reference(value as Uri | Location);
  }
  return [...parts, prompt].join('\n\n');
}

/** What was asked of this participant before, and what it said. */
function historyOf({ history }: ChatContext): ChatMessage[] {
  const messages: ChatMessage[] = [];
  for (const turn of history) {
    if (turn.participant !== PARTICIPANT) continue;
    if (turn instanceof ChatRequestTurn) {
      if (messages.at(-1)?.role === 'user') messages.pop();
      messages.push({ role: 'user', content: turn.prompt });
    } else if (turn instanceof ChatResponseTurn) {
      const content = turn.response.flatMap((part) => (part instanceof ChatResponseMarkdownPart ? [part.value.value] : [])).join('');
      if (content !== '' && messages.at(-1)?.role === 'user') messages.push({ role: 'assistant', content });
    }
  }
  // Questions without an answer: the next one takes their place.
  while (messages.at(-1)?.role === 'user') messages.pop();
  return messages;
}
