// A conversation as the tokens that the model reads: rendered by its template, the oldest messages left out where the context is full.
import { promptTokens, type ChatTemplate } from '../chat/template.ts';
import type { ChatMessage } from '../chat/answerSource.ts';
import { DeltaError } from '../shared/errors.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { ChatRequest } from './protocol.ts';
import type { Transcript } from './transcript.ts';

/** The share of the context that is kept for the answer at most. */
const ANSWER_SHARE = 1 / 4;
/** The share of the room that is filled again once messages must be left out: otherwise the next question would have to read everything anew as well. */
const REFILLED = 3 / 4;

export interface ChatPrompt {
  tokens: Int32Array;
  /** What they are the tokens of. */
  text: string;
  /** Messages left out, the oldest first; the system's stays. */
  dropped: number;
}

/** Throws contextFull where the last question alone is too long, and what the template throws. */
export function chatPrompt({ messages, continues }: ChatRequest, { template, tokenizer, transcript, context, max }: { template: ChatTemplate; tokenizer: Tokenizer; transcript: Transcript; context: number; max: number }): ChatPrompt {
  const room = context - 1 - Math.min(max, Math.floor(context * ANSWER_SHARE));
  const whole = (kept: readonly ChatMessage[]): Omit<ChatPrompt, 'dropped'> => {
    const text = template.render(kept, { continues });
    return { text, tokens: Int32Array.from(transcript.tokens(text, (all) => promptTokens(tokenizer, all, template))) };
  };
  const system = messages[0]?.role === 'system' ? 1 : 0;
  let prompt = whole(messages);
  let dropped = 0;
  const aim = prompt.tokens.length > room ? Math.floor(room * REFILLED) : room;
  while (prompt.tokens.length > (dropped === 0 ? room : aim)) {
    const next = nextQuestion(messages, system + dropped);
    // The last exchange stays whole: better a prompt that fills the room than an answer to nothing.
    if (next === undefined) {
      if (prompt.tokens.length <= room) break;
      throw new DeltaError('contextFull', prompt.tokens.length, room);
    }
    dropped = next - system;
    prompt = whole([...messages.slice(0, system), ...messages.slice(next)]);
  }
  return { ...prompt, dropped };
}

/** Where the next question behind `from` begins; undefined where that is the last exchange. */
function nextQuestion(messages: readonly ChatMessage[], from: number): number | undefined {
  const at = messages.findIndex(({ role }, i) => i > from && role === 'user');
  return at < 0 ? undefined : at;
}
