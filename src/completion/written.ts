// What one generation wrote, and what is left of it.
import { scoresBehind, type Score } from '../session/firstLine.ts';
import type { GenerateResult } from '../session/protocol.ts';
import type { Insertion } from './insertion.ts';
import type { RequestRecord } from './request.ts';
import { agreement, sameLineEnds } from './typedThrough.ts';

export interface Written {
  /** Of the generation, and of every suggestion that comes from it. */
  readonly id: number;
  /** As it should be inserted at the cursor of its snapshot; line ends are \n. */
  readonly text: string;
  /** Of the tokens that it consists of. */
  readonly scores: readonly Score[];
  /** Must not be shown, whatever its confidence. */
  readonly degenerate: boolean;
  /** For the record; null while the generation runs. */
  readonly facts: Facts | null;
}

export interface Facts extends Pick<RequestRecord, 'tokens' | 'prompt' | 'stages'> {
  readonly prefill: number;
  readonly decode: number;
}

export const factsOf = ({ tokens, prompt, ms, stages, approximate, reuse }: GenerateResult): Facts => ({ tokens: approximate ? { ...tokens, reuse } : tokens, prompt: prompt ?? null, stages, prefill: ms.prefill, decode: ms.decode });

/** What is left of it behind what the user typed: of that he is sure himself. */
export function leftOf(written: Written, whole: boolean, inserted: Insertion, languageId: string): Written | 'open' | 'no' {
  const agreed = agreement(written.text, whole, inserted, languageId);
  if (typeof agreed === 'string') return agreed;
  const scores = inserted.deleted === '' ? written.scores : [{ text: sameLineEnds(inserted.deleted), sum: 0, count: 0 }, ...written.scores];
  return { ...written, text: agreed.rest, scores: scoresBehind(scores, sameLineEnds(inserted.left).length) };
}
