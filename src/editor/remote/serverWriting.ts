// A text at a cursor, written by a server: the same events, stop rules and scores as of a model here.
import type { CancelFlag } from '../../shared/cancel.ts';
import { DeltaError, asDeltaError } from '../../shared/errors.ts';
import type { RemoteServer, ServerEnd, ServerPiece } from '../../shared/remoteServer.ts';
import { firstLineLogProbability, type Score } from '../../session/firstLine.ts';
import type { CursorRequest, Event, GenerateResult } from '../../session/protocol.ts';
import type { ServerPrompt } from '../../session/serverPrompt.ts';
import { completionText } from '../../session/textEnd.ts';
import { nothing } from '../nothing.ts';

export interface ServerWriting {
  server: Pick<RemoteServer, 'code'>;
  host: string;
  prompt: ServerPrompt;
  cursor: Pick<CursorRequest, 'snapshot' | 'maxLines'>;
  /** Called with what went wrong in the middle of a text: what was written before it stays. */
  broken: (error: DeltaError) => void;
}

/** Setting `cancel` ends the HTTP request, and fulfils with reason "cancelled". Rejects with a DeltaError where nothing was written. */
export async function writeByServer({ server, host, prompt, cursor, broken }: ServerWriting, hear: (event: Event) => void, cancel: CancelFlag): Promise<GenerateResult> {
  const end = completionText(cursor.snapshot, cursor.maxLines);
  const scores: Score[] = [];
  const enough = new AbortController();
  const unlisten = cancel.onSet(() => enough.abort());
  const started = performance.now();
  let [text, first] = ['', 0];
  const take = (piece: ServerPiece): void => {
    if (end.done || cancel.isSet) return;
    first ||= performance.now();
    const added = scoresOf(piece);
    scores.push(...added);
    text += end.push(piece.text);
    hear({ id: 0, event: 'text', text: piece.text, scores: added });
    if (end.done) enough.abort();
  };
  let ended: ServerEnd = { reason: 'end', tokens: null };
  let cutOff = false;
  try {
    ended = await server.code(prompt.request, take, enough.signal);
    cutOff = ended.reason === 'length';
  } catch (thrown) {
    const error = asDeltaError(thrown);
    if (error.code !== 'cancelled') {
      if (text === '') throw error;
      broken(error);
      cutOff = true;
    }
  } finally {
    unlisten();
  }
  const now = performance.now();
  if (!end.done) end.finish(cutOff);
  const kept = end.result(text);
  const counted = scores.reduce((sum, { count }) => sum + count, 0);
  const { prompt: read, reused, generated } = ended.tokens ?? { prompt: prompt.described.spans.reduce((sum, { tokens }) => sum + tokens, 0), reused: 0, generated: counted };
  return {
    ...nothing(), text: kept, reason: cancel.isSet ? 'cancelled' : end.rule ? 'stop' : ended.reason, rule: end.rule, scores,
    tokens: { prompt: read, reused, computed: Math.max(0, read - reused) + generated, generated },
    ms: { prefill: (first || now) - started, decode: first ? now - first : 0, queued: 0 },
    meanLogProbability: counted > 0 ? scores.reduce((sum, score) => sum + score.sum, 0) / counted : 0,
    firstLineLogProbability: firstLineLogProbability(scores, kept),
    prompt: { ...prompt.described, server: host },
  };
}

/** Where a server says nothing of how sure it is, what it wrote counts as certain. */
function scoresOf({ text, tokens }: ServerPiece): Score[] {
  const sum = (tokens ?? []).reduce((total, { logProbability }) => total + logProbability, 0);
  const isWhole = tokens !== null && tokens.map((token) => token.text).join('') === text;
  const scores = isWhole ? tokens.map((token) => ({ text: token.text, sum: token.logProbability, count: 1 })) : [{ text, sum, count: tokens?.length ?? 0 }];
  return scores.map((score) => ({ ...score, text: score.text.replaceAll('\r', ''), elsewhere: true as const })).filter((score) => score.text !== '');
}
