// Conversations as they lie on disk. A file may be damaged, of another version, or made by somebody else: then there is no conversation, and no failure.
import type { AnswerFigures, AnswerState, AttachmentView } from '../shared/chatProtocol.ts';
import type { Answer, Attachment, Conversation, Question, Turn } from './turns.ts';
import { isUnderWay } from './turns.ts';

/** Raised when an older file could not be read as it is. */
const version = 1;
/** A conversation that fills the largest context many times over stays below. */
export const maxHistoryFile = 32 << 20;
const maxTurns = 20_000;

export const serialise = (conversation: Conversation): string => JSON.stringify({ version, ...conversation });

/** The conversation, or null. Answers that were under way when it was written were stopped. */
export function parseConversation(text: string): Conversation | null {
  if (text.length > maxHistoryFile) return null;
  try {
    return readConversation(JSON.parse(text));
  } catch {
    return null; // not JSON, or a field is not what it should be
  }
}

type Fields = Readonly<Record<string, unknown>>;

class Damaged extends Error {}

const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : damaged());
const damaged = (): never => {
  throw new Damaged();
};
const string = (value: unknown): string => (typeof value === 'string' ? value : damaged());
const boolean = (value: unknown): boolean => (typeof value === 'boolean' ? value : damaged());
const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : damaged());
const orNull = <T>(value: unknown, read: (value: unknown) => T): T | null => (value === null ? null : read(value));
const list = <T>(value: unknown, most: number, read: (value: unknown) => T): T[] => (Array.isArray(value) && value.length <= most ? value.map(read) : damaged());
const oneOf = <T extends string>(value: unknown, known: readonly T[]): T => (known.includes(value as T) ? (value as T) : damaged());

const states: readonly AnswerState[] = ['waiting', 'reading', 'writing', 'done', 'stopped', 'cut', 'failed'];
const kinds: readonly AttachmentView['kind'][] = ['selection', 'file', 'problems', 'symbol'];

function readConversation(value: unknown): Conversation {
  const { version: found, id, name, changed, turns } = fields(value);
  if (found !== version) return damaged();
  const read = list(turns, maxTurns, readTurn);
  if (new Set(read.map((turn) => turn.id)).size !== read.length) return damaged();
  return { id: string(id), name: orNull(name, string), changed: number(changed), turns: read };
}

function readTurn(value: unknown): Turn {
  const turn = fields(value);
  return oneOf(turn.role, ['user', 'assistant']) === 'user' ? readQuestion(turn) : readAnswer(turn);
}

function readQuestion({ id, text, prompt, attachments, dropped }: Fields): Question {
  return { role: 'user', id: string(id), text: string(text), prompt: orNull(prompt, string), attachments: list(attachments, maxTurns, readAttachment), dropped: boolean(dropped) };
}

function readAnswer({ id, text, reasoning, state, note, figures, dropped }: Fields): Answer {
  const was = oneOf(state, states);
  return {
    role: 'assistant',
    id: string(id),
    text: string(text),
    reasoning: string(reasoning),
    state: isUnderWay(was) ? 'stopped' : was,
    note: isUnderWay(was) ? null : orNull(note, string),
    figures: orNull(figures, readFigures),
    dropped: boolean(dropped),
  };
}

function readAttachment(value: unknown): Attachment {
  const { id, kind, label, detail, text, tokens, refused } = fields(value);
  return { id: string(id), kind: oneOf(kind, kinds), label: string(label), detail: string(detail), text: string(text), tokens: orNull(tokens, number), refused: orNull(refused, string) };
}

function readFigures(value: unknown): AnswerFigures {
  const { reused, computed, written, firstWord, rate } = fields(value);
  return { reused: number(reused), computed: number(computed), written: number(written), firstWord: number(firstWord), rate: number(rate) };
}
