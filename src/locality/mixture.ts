// The model's next-token distribution mixed with the file's: (1 − λ)·model + λ·file, with λ from what both know of themselves.
import { continuations } from './continuations.ts';
import type { TokenIndex } from './tokenIndex.ts';
import { weightOf } from './weights.ts';

/**
 * Changes logits so that their softmax is the mixture; nothing where the file has no answer. Only the ids that the file knows change: the softmax gives
 * the others the factor 1 − λ by itself.
 */
export function mix(logits: Float32Array, index: TokenIndex): void {
  const found = continuations(index);
  if (!found) return;
  const { top, total, entropy } = spread(logits);
  if (!Number.isFinite(top)) return;
  const weight = weightOf(found.longest, found.top, entropy);
  const odds = weight / (1 - weight);
  const unit = top + Math.log(total);
  for (const [id, share] of found.shares) {
    if (id < logits.length) logits[id] = unit + Math.log(Math.exp(logits[id] - unit) + odds * share);
  }
}

/** The largest logit, Σ e^(logit − top), and the entropy of the softmax in nats. */
export function spread(logits: Float32Array): { top: number; total: number; entropy: number } {
  let top = -Infinity;
  for (let i = 0; i < logits.length; i++) if (logits[i] > top) top = logits[i];
  let [total, moment] = [0, 0];
  for (let i = 0; i < logits.length; i++) {
    const below = logits[i] - top;
    if (!(below > -30)) continue; // adds nothing to ten digits; NaN counts as impossible
    const e = Math.exp(below);
    total += e;
    moment += e * below;
  }
  return { top, total, entropy: Math.log(total) - moment / total };
}
