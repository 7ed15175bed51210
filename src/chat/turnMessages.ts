// From turns to the messages that a model reads, and back: which turns the messages are that a full context left out.
import type { ChatMessage } from './answerSource.ts';
import type { Conversation, Question, Turn } from './turns.ts';
import { isUnderWay } from './turns.ts';

/** What goes with a question first, the question last: the next question has the same beginning. */
export function questionText({ attachments, prompt, text }: Pick<Question, 'attachments' | 'prompt' | 'text'>): string {
  const parts = attachments.filter(({ refused }) => refused === null).map((attachment) => attachment.text);
  return [...parts, prompt ?? text].filter((part) => part !== '').join('\n\n');
}

/**
 * The messages for the answer that the last turn waits for. Reasoning of earlier answers is not sent back; an answer without a word is left out, and the
 * questions around it become one, so that questions and answers take turns. `continues`: the last answer, which is to go on, is the last message.
 */
export function messagesOf(conversation: Conversation, system: string, options: { continues?: boolean } = {}): ChatMessage[] {
  const messages = groups(conversation, options.continues ?? false).map(({ message }) => message);
  return system.trim() === '' ? messages : [{ role: 'system', content: system }, ...messages];
}

/** The conversation without the oldest messages of `messagesOf`, the system's not counted; their turns are marked. An answer never comes first. */
export function dropOldest(conversation: Conversation, count: number, options: { continues?: boolean } = {}): Conversation {
  if (count <= 0) return conversation;
  const all = groups(conversation, options.continues ?? false);
  const kept = all.findIndex(({ message }, i) => i >= count && message.role === 'user');
  const rest = options.continues ? Math.min(count, all.length - 1) : all.length;
  const gone = new Set(all.slice(0, kept < 0 ? rest : kept).flatMap(({ turns }) => turns.map(({ id }) => id)));
  const last = conversation.turns.findLastIndex((turn) => gone.has(turn.id));
  // What lies between them and gave no message goes, too.
  return { ...conversation, turns: conversation.turns.map((turn, i) => (i <= last && !turn.dropped ? { ...turn, dropped: true } : turn)) };
}

interface Group {
  message: ChatMessage;
  turns: Turn[];
}

function groups(conversation: Conversation, continues: boolean): Group[] {
  const all: Group[] = [];
  conversation.turns.forEach((turn, i) => {
    const isLast = i === conversation.turns.length - 1;
    if (turn.dropped) return;
    if (turn.role === 'assistant' && (turn.text.trim() === '' || (isLast && isUnderWay(turn.state) && !continues))) return;
    const content = turn.role === 'user' ? questionText(turn) : turn.text;
    const before = all.at(-1);
    if (before?.message.role !== turn.role) all.push({ message: { role: turn.role, content }, turns: [turn] });
    else {
      before.message.content += `\n\n${content}`;
      before.turns.push(turn);
    }
  });
  return all;
}
