// What one event of a stream says, of each protocol. Events come from outside: every field is looked at before it is used, and what is not as it should be is
// the same as absent.
import { isRecord } from '../shared/record.ts';
import type { ServerEnd, ServerPiece } from '../shared/remoteServer.ts';

export interface Read {
  piece: ServerPiece | null;
  /** Why the text ended, where this event says so. */
  reason: ServerEnd['reason'] | null;
  tokens: ServerEnd['tokens'];
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const countOf = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) && value > 0 ? Math.floor(value) : 0);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const reasonOf = (value: unknown): ServerEnd['reason'] | null => (typeof value !== 'string' || value === '' ? null : value === 'length' || value === 'limit' ? 'length' : 'end');

/** `choices[0].text` with `logprobs.tokens` and `logprobs.token_logprobs`; llama-server writes those of its chat (`logprobs.content`) here, too. */
export function readCompletion(event: unknown): Read {
  const choice = choiceIn(event);
  const text = textOf(choice?.text);
  const logprobs = isRecord(choice?.logprobs) ? choice.logprobs : {};
  const values = listOf(logprobs.token_logprobs);
  const named = listOf(logprobs.tokens).map((token, i) => [token, values[i]] as const);
  const tokens = named.length > 0 ? scored(named) : scored(listOf(logprobs.content).map((one) => (isRecord(one) ? [one.token, one.logprob] : [undefined, undefined])));
  return { piece: piece(text, '', tokens), reason: reasonOf(choice?.finish_reason), tokens: usageIn(event) };
}

/** `choices[0].delta.content`; what is thought is `reasoning_content` (llama-server, SGLang, vLLM before 0.11) or `reasoning` (Ollama, vLLM since). */
export function readAnswer(event: unknown): Read {
  const choice = choiceIn(event);
  const delta = isRecord(choice?.delta) ? choice.delta : {};
  return { piece: piece(textOf(delta.content), textOf(delta.reasoning_content) || textOf(delta.reasoning), null), reason: reasonOf(choice?.finish_reason), tokens: usageIn(event) };
}

/** llama-server's own events: `content`, `completion_probabilities`, and in the last one `stop`, `stop_type` and counts. */
export function readInfill(event: unknown): Read {
  const { content, completion_probabilities: probabilities, stop, stop_type: type, tokens_evaluated: prompt, tokens_predicted: generated, timings } = isRecord(event) ? event : {};
  const tokens = scored(listOf(probabilities).map((one) => (isRecord(one) ? [one.token, one.logprob] : [undefined, undefined])));
  const isOver = stop === true;
  const read = isRecord(timings) ? countOf(timings.prompt_n) : countOf(prompt);
  return {
    piece: piece(textOf(content), '', tokens), reason: isOver ? (reasonOf(type) ?? 'end') : null,
    tokens: isOver ? { prompt: countOf(prompt), reused: Math.max(0, countOf(prompt) - read), generated: countOf(generated) } : null,
  };
}

function choiceIn(event: unknown): Record<string, unknown> | null {
  const [choice] = listOf(isRecord(event) ? event.choices : null);
  return isRecord(choice) ? choice : null;
}

function usageIn(event: unknown): ServerEnd['tokens'] {
  const usage = isRecord(event) && isRecord(event.usage) ? event.usage : null;
  if (!usage) return null;
  const details = isRecord(usage.prompt_tokens_details) ? usage.prompt_tokens_details : {};
  return { prompt: countOf(usage.prompt_tokens), reused: countOf(details.cached_tokens), generated: countOf(usage.completion_tokens) };
}

const piece = (text: string, reasoning: string, tokens: ServerPiece['tokens']): ServerPiece | null => (text === '' && reasoning === '' ? null : { text, reasoning, tokens });

/** Null where one of them lacks its text or its number. */
function scored(tokens: readonly (readonly [unknown, unknown])[]): ServerPiece['tokens'] {
  const known = tokens.flatMap(([text, logProbability]) => (typeof text === 'string' && typeof logProbability === 'number' && logProbability <= 0 ? [{ text, logProbability }] : []));
  return known.length > 0 && known.length === tokens.length ? known : null;
}
