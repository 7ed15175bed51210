// A conversation as plain data that is never changed: every operation gives another one. The editor's host keeps it and shows it.
import type { AnswerFigures, AnswerState, AnswerView, AttachmentView, TurnView } from '../shared/chatProtocol.ts';

export interface Attachment {
  id: string;
  kind: AttachmentView['kind'];
  label: string;
  detail: string;
  /** As it stands in the prompt (`attachmentText`). */
  text: string;
  tokens: number | null;
  /** Why it does not take part, one sentence; null: it does. */
  refused: string | null;
}

export interface Question {
  readonly role: 'user';
  readonly id: string;
  /** As the user reads it. */
  readonly text: string;
  /** What the model reads in its place: the text of a prompt file. Null: the same. */
  readonly prompt: string | null;
  readonly attachments: readonly Attachment[];
  readonly dropped: boolean;
}

export interface Answer {
  readonly role: 'assistant';
  readonly id: string;
  readonly text: string;
  readonly reasoning: string;
  readonly state: AnswerState;
  readonly note: string | null;
  readonly figures: AnswerFigures | null;
  readonly dropped: boolean;
}

export type Turn = Question | Answer;

export interface Conversation {
  readonly id: string;
  /** As the user named it; null: it is called by its first question. */
  readonly name: string | null;
  /** Milliseconds since 1970, of the last change. */
  readonly changed: number;
  readonly turns: readonly Turn[];
}

export const newConversation = (id: string, now: number): Conversation => ({ id, name: null, changed: now, turns: [] });

/** What is asked: the ids are those of the new question and of its answer. */
export interface Asked {
  question: string;
  answer: string;
  text: string;
  prompt?: string;
  attachments?: readonly Attachment[];
}

/** Under way: it waits, reads or writes. */
export const isUnderWay = (state: AnswerState): boolean => state === 'waiting' || state === 'reading' || state === 'writing';

const waiting = (id: string): Answer => ({ role: 'assistant', id, text: '', reasoning: '', state: 'waiting', note: null, figures: null, dropped: false });

/** The question and an answer that waits, behind the last turn. */
export function ask(conversation: Conversation, asked: Asked, now: number): Conversation {
  const question: Question = { role: 'user', id: asked.question, text: asked.text, prompt: asked.prompt ?? null, attachments: asked.attachments ?? [], dropped: false };
  return { ...conversation, changed: now, turns: [...conversation.turns, question, waiting(asked.answer)] };
}

/** Another state of an answer, or a note or figures to it. An answer that is not there stays away: it was truncated meanwhile. */
export function changeAnswer(conversation: Conversation, id: string, change: Partial<Pick<Answer, 'text' | 'reasoning' | 'state' | 'note' | 'figures'>>): Conversation {
  return { ...conversation, turns: conversation.turns.map((turn) => (turn.id === id && turn.role === 'assistant' ? { ...turn, ...change } : turn)) };
}

/** More at the end of an answer that is being written. */
export function append(conversation: Conversation, id: string, added: { text: string; reasoning: string }): Conversation {
  const answer = answerOf(conversation, id);
  if (answer === undefined) return conversation;
  return changeAnswer(conversation, id, { text: answer.text + added.text, reasoning: answer.reasoning + added.reasoning, state: 'writing', note: null });
}

/** How an answer ended. */
export function finish(conversation: Conversation, id: string, end: { state: 'done' | 'stopped' | 'cut' | 'failed'; note?: string; figures?: AnswerFigures }, now: number): Conversation {
  return { ...changeAnswer(conversation, id, { state: end.state, note: end.note ?? null, ...(end.figures === undefined ? {} : { figures: end.figures }) }), changed: now };
}

/** The last answer, if it can go on: it was stopped, cut, or failed with something written. */
export function continuable(conversation: Conversation): Answer | null {
  const last = conversation.turns.at(-1);
  return last?.role === 'assistant' && !last.dropped && last.text !== '' && ['stopped', 'cut', 'failed'].includes(last.state) ? last : null;
}

/** The last answer waits again, with what it has. Null: it cannot go on. */
export function goOn(conversation: Conversation, now: number): Conversation | null {
  const last = continuable(conversation);
  return last && { ...changeAnswer(conversation, last.id, { state: 'waiting', note: null }), changed: now };
}

/** The question of this answer is answered anew; what followed goes. Null: there is no such answer, or it is too old. */
export function regenerate(conversation: Conversation, id: string, answer: string, now: number): Conversation | null {
  const at = conversation.turns.findIndex((turn) => turn.id === id);
  const question = conversation.turns[at - 1];
  if (conversation.turns[at]?.role !== 'assistant' || question?.role !== 'user' || question.dropped) return null;
  return { ...conversation, changed: now, turns: [...conversation.turns.slice(0, at), waiting(answer)] };
}

/** The question is asked anew with another text and its attachments; it and what followed go. Null: there is no such question, or it is too old. */
export function edit(conversation: Conversation, id: string, asked: Pick<Asked, 'question' | 'answer' | 'text'>, now: number): Conversation | null {
  const turn = conversation.turns.find((each) => each.id === id);
  if (turn?.role !== 'user' || turn.dropped) return null;
  return ask(truncate(conversation, id, now), { ...asked, attachments: turn.attachments }, now);
}

/** This turn and all behind it go. */
export function truncate(conversation: Conversation, id: string, now: number): Conversation {
  const at = conversation.turns.findIndex((turn) => turn.id === id);
  return at < 0 ? conversation : { ...conversation, changed: now, turns: conversation.turns.slice(0, at) };
}

export const rename = (conversation: Conversation, name: string, now: number): Conversation => ({ ...conversation, name: name.trim() || null, changed: now });

export function answerOf(conversation: Conversation, id: string): Answer | undefined {
  const turn = conversation.turns.find((each) => each.id === id);
  return turn?.role === 'assistant' ? turn : undefined;
}

const longestTitle = 60;

/** The name, else the beginning of the first question; empty: nothing was asked. */
export function titleOf(conversation: Conversation): string {
  if (conversation.name !== null) return conversation.name;
  const first = conversation.turns.find((turn): turn is Question => turn.role === 'user');
  const text = (first?.text ?? '').replace(/`{3,}[^\n]*|^\s*[#>]+/gm, ' ').replace(/[`*]/g, '').replace(/\s+/g, ' ').trim() || (first?.attachments[0]?.label ?? '');
  const letters = [...text];
  if (letters.length <= longestTitle) return text;
  const cut = letters.slice(0, longestTitle).join('');
  const space = cut.lastIndexOf(' ');
  return `${(space > longestTitle / 2 ? cut.slice(0, space) : cut).replace(/[,.;:–—-]$/, '')}…`;
}

/** The turn as the view shows it. */
export function turnView(turn: Turn, reading: AnswerView['reading'] = null): TurnView {
  if (turn.role === 'user') {
    const attachments = turn.attachments.map(({ id, kind, label, detail, tokens, refused }) => ({ id, kind, label, detail, tokens, refused }));
    return { role: 'user', id: turn.id, text: turn.text, attachments, dropped: turn.dropped };
  }
  const { id, text, reasoning, state, note, figures, dropped } = turn;
  return { role: 'assistant', id, text, reasoning, state, reading: state === 'reading' ? reading : null, note, figures, dropped };
}
