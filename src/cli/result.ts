// The JSON of `complete` and `generate`: one line, documented in the README.
import type { GenerateResult } from '../session/protocol.ts';
import type { Loaded } from './withRuntime.ts';

const round = (ms: number): number => Math.round(ms * 10) / 10;

/** @param started when the command began, for the total */
export function resultJson(result: GenerateResult, { model, loadMs }: Loaded, started: number): string {
  const { text, reason, meanLogProbability, tokens, lookup, locality, sparsity } = result;
  const ms = { load: round(loadMs), prefill: round(result.ms.prefill), decode: round(result.ms.decode), total: round(performance.now() - started) };
  return JSON.stringify({ text, model: model.name, reason, meanLogProbability, tokens, ms, lookup, locality, sparsity });
}
