// What one generation wrote.
import type { GenerateResult } from '../session/protocol.ts';
import type { RequestRecord } from './request.ts';

export interface Written {
  /** Of the generation, and of every suggestion that comes from it. */
  readonly id: number;
  /** As it should be inserted at the cursor of its snapshot; line ends are \n. */
  readonly text: string;
  /** Mean log-probability of its first line; null when no token was written. */
  readonly confidence: number | null;
  /** Must not be shown, whatever its confidence. */
  readonly degenerate: boolean;
  /** For the record; null while the generation runs. */
  readonly facts: Facts | null;
}

export interface Facts extends Pick<RequestRecord, 'tokens' | 'prompt'> {
  readonly prefill: number;
  readonly decode: number;
}

export const factsOf = ({ tokens, prompt, ms }: GenerateResult): Facts => ({ tokens, prompt: prompt ?? null, prefill: ms.prefill, decode: ms.decode });
