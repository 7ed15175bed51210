// A conversation as it is kept: questions with their texts, answers as the model wrote them. Plain data, and what can be done with it.
import { randomUUID } from 'node:crypto';
import type { ChatMessage } from '../../chat/answerSource.ts';
import { questionText, type Attachment } from '../../chat/attachments.ts';
import { withoutReasoning } from '../../chat/reasoning.ts';
import type { AnswerFigures, AnswerState, AnswerView, TurnView } from '../../shared/chatProtocol.ts';

export interface QuestionTurn {
  role: 'user';
  id: string;
  text: string;
  attachments: Attachment[];
  /** Of each attachment, where they were counted. */
  tokens: (number | null)[];
  dropped: boolean;
}

export interface AnswerTurn {
  role: 'assistant';
  id: string;
  /** With what the model thought. */
  raw: string;
  state: AnswerState;
  note: string | null;
  figures: AnswerFigures | null;
  dropped: boolean;
}

export type Turn = QuestionTurn | AnswerTurn;

export interface Conversation {
  format: 1;
  id: string;
  title: string;
  /** Milliseconds since the epoch. */
  changed: number;
  turns: Turn[];
  /** The answer that waits for a model to be chosen. */
  kept: string | null;
}

const MOST_IN_TITLE = 60;
const MOST_IN_GIST = 300;

export const newConversation = (now: number): Conversation => ({ format: 1, id: randomUUID(), title: '', changed: now, turns: [], kept: null });

/** Question and empty answer, at the end. */
export function ask(conversation: Conversation, text: string, attachments: readonly Attachment[], tokens: readonly (number | null)[]): [QuestionTurn, AnswerTurn] {
  const question: QuestionTurn = { role: 'user', id: randomUUID(), text, attachments: [...attachments], tokens: [...tokens], dropped: false };
  if (conversation.title === '') conversation.title = titleOf(text, attachments);
  const answer = emptyAnswer();
  conversation.turns.push(question, answer);
  return [question, answer];
}

export const emptyAnswer = (): AnswerTurn => ({ role: 'assistant', id: randomUUID(), raw: '', state: 'waiting', note: null, figures: null, dropped: false });

function titleOf(text: string, attachments: readonly Attachment[]): string {
  const [line = ''] = text.trim().split('\n');
  const title = line === '' ? (attachments[0]?.label ?? '') : line;
  return title.length > MOST_IN_TITLE ? `${title.slice(0, MOST_IN_TITLE - 1).trimEnd()}…` : title;
}

/** How it begins, to search in. */
export function gistOf({ turns }: Conversation): string {
  const text = turns.map((turn) => (turn.role === 'user' ? turn.text : withoutReasoning(turn.raw).text)).join(' · ').replace(/\s+/g, ' ');
  return text.length > MOST_IN_GIST ? `${text.slice(0, MOST_IN_GIST)}…` : text;
}

/** Messages with the turns that they are of. */
export interface Told {
  messages: ChatMessage[];
  turns: Turn[];
}

/** Everything before a turn, or all of it. Questions that got no answer are left out, and so is what no longer fits. */
export function toldBefore({ turns }: Conversation, until: string | null): Told {
  const told: Told = { messages: [], turns: [] };
  const end = until === null ? turns.length : turns.findIndex(({ id }) => id === until);
  for (let at = 0; at + 1 < end; at += 2) {
    const [question, answer] = [turns[at] as QuestionTurn, turns[at + 1] as AnswerTurn];
    if (answer.raw === '') continue;
    if (!question.dropped) add(told, question, { role: 'user', content: questionText(question.text, question.attachments) });
    if (!answer.dropped) add(told, answer, { role: 'assistant', content: withoutReasoning(answer.raw).text });
  }
  return told;
}

/** What is asked for an answer: everything before it, its question, and what it says already. */
export function toldFor(conversation: Conversation, answer: AnswerTurn): Told {
  const at = conversation.turns.indexOf(answer);
  const question = conversation.turns[at - 1] as QuestionTurn;
  const told = toldBefore(conversation, question.id);
  add(told, question, { role: 'user', content: questionText(question.text, question.attachments) });
  if (answer.raw !== '') add(told, answer, { role: 'assistant', content: answer.raw });
  return told;
}

function add(told: Told, turn: Turn, message: ChatMessage): void {
  told.messages.push(message);
  told.turns.push(turn);
}

export function viewOf(turn: Turn, reading: AnswerView['reading'] = null): TurnView {
  if (turn.role === 'user') {
    const { role, id, text, attachments, tokens, dropped } = turn;
    return { role, id, text, attachments: attachments.map(({ id, kind, label, detail }, index) => ({ id, kind, label, detail, tokens: tokens[index] ?? null, refused: null })), dropped };
  }
  const { role, id, raw, state, note, figures, dropped } = turn;
  return { role, id, ...withoutReasoning(raw), state, reading, note, figures, dropped };
}

/** As it was written; an answer that was under way has stopped. Null for what is none. */
export function parseConversation(value: unknown): Conversation | null {
  const conversation = value as Conversation;
  if (!isRecord(value) || conversation.format !== 1 || !isText(conversation.id) || !isText(conversation.title) || !Number.isFinite(conversation.changed)) return null;
  if (!Array.isArray(conversation.turns) || conversation.turns.length % 2 !== 0 || !(conversation.kept === null || isText(conversation.kept))) return null;
  if (!conversation.turns.every((turn, index) => (index % 2 === 0 ? isQuestion(turn) : isAnswer(turn)))) return null;
  for (const turn of conversation.turns) {
    if (turn.role === 'assistant' && ['waiting', 'reading', 'writing'].includes(turn.state) && turn.id !== conversation.kept) turn.state = 'stopped';
  }
  return conversation;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const states: readonly unknown[] = ['waiting', 'reading', 'writing', 'done', 'stopped', 'cut', 'failed'] satisfies AnswerState[];
const kinds: readonly unknown[] = ['selection', 'file', 'problems', 'symbol'] satisfies Attachment['kind'][];

function isQuestion(turn: unknown): turn is QuestionTurn {
  if (!isRecord(turn) || turn.role !== 'user' || !isText(turn.id) || !isText(turn.text) || typeof turn.dropped !== 'boolean') return false;
  if (!Array.isArray(turn.tokens) || !turn.tokens.every((tokens) => tokens === null || Number.isFinite(tokens))) return false;
  return Array.isArray(turn.attachments) && turn.attachments.every((one: unknown) => isRecord(one) && kinds.includes(one.kind) && ['id', 'label', 'detail', 'text', 'language', 'uri'].every((name) => isText(one[name])));
}

function isAnswer(turn: unknown): turn is AnswerTurn {
  if (!isRecord(turn) || turn.role !== 'assistant' || !isText(turn.id) || !isText(turn.raw) || !states.includes(turn.state) || typeof turn.dropped !== 'boolean') return false;
  if (!(turn.note === null || isText(turn.note))) return false;
  const { figures } = turn;
  return figures === null || (isRecord(figures) && ['reused', 'computed', 'written', 'firstWord', 'rate'].every((name) => Number.isFinite(figures[name])));
}
