// How fast the model reads and writes here: medians of the last few generations, for one long one says little.
import type { Speed } from '../completion/source.ts';
import type { GenerateResult } from '../session/protocol.ts';

/** Generations remembered. */
const WINDOW = 9;
/** Fewer tokens than this measure the cost of a step, not a rate. */
const LEAST_READ = 16;
const LEAST_WRITTEN = 4;

export class SpeedMeter {
  private readonly prefill: number[] = [];
  private readonly decode: number[] = [];

  add({ tokens, ms }: Pick<GenerateResult, 'tokens' | 'ms'>): void {
    // Every written token but the first costs a step; the rest of what was computed is the prompt. Cancelled within it, nothing was written.
    const steps = Math.max(0, tokens.generated - 1);
    const read = Math.max(0, Math.min(tokens.computed, tokens.prompt - tokens.reused));
    if (tokens.generated > 0 && (read >= LEAST_READ || (read > 0 && this.prefill.length === 0))) remember(this.prefill, read, ms.prefill);
    if (tokens.generated >= LEAST_WRITTEN) remember(this.decode, steps, ms.decode);
  }

  /** Tokens per second; undefined before both were measured. */
  get current(): Speed | undefined {
    if (this.prefill.length === 0 || this.decode.length === 0) return undefined;
    return { prefill: median(this.prefill), decode: median(this.decode) };
  }

  /** Another model, other threads: what was measured says nothing any more. */
  clear(): void {
    this.prefill.length = 0;
    this.decode.length = 0;
  }
}

function remember(rates: number[], tokens: number, ms: number): void {
  if (ms <= 0) return;
  rates.push((1000 * tokens) / ms);
  if (rates.length > WINDOW) rates.shift();
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
