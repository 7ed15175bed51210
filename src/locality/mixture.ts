// The model's next-token distribution mixed with the file's: (1 − λ)·model + λ·file, with λ from what both know of themselves. Where the neighbours hold a
// longer match than the file, theirs is mixed into that in the same way: longest-suffix back-off from the file to what lies beside it.
import { continuations, type Continuations } from './continuations.ts';
import { neighbourWeightOf } from './neighbourWeights.ts';
import type { TokenIndex } from './tokenIndex.ts';
import { weightOf } from './weights.ts';

/** Tokens of a match in the file from which its neighbours are not asked: they know hardly better. */
const LONG_ENOUGH = 16;

/**
 * Changes logits so that their softmax is the mixture; nothing where neither the file nor its neighbours have an answer. Only the ids that they know
 * change: the softmax gives the others the factor (1 − λ)·(1 − λ′) by itself.
 */
export function mix(logits: Float32Array, index: TokenIndex, neighbours?: TokenIndex): void {
  const found = continuations(index);
  const beside = neighbours && besides(found, neighbours, index);
  if (!found && !beside) return;
  const { top, total, entropy } = spread(logits);
  if (!Number.isFinite(top)) return;
  const unit = top + Math.log(total);
  const add = ({ shares }: Continuations, odds: number): void => {
    for (const [id, share] of shares) {
      if (id < logits.length) logits[id] = unit + Math.log(Math.exp(logits[id] - unit) + odds * share);
    }
  };
  const weight = found ? weightOf(found.longest, found.top, entropy) : 0;
  if (found) add(found, weight / (1 - weight));
  if (!beside) return;
  const weightBeside = neighbourWeightOf(beside.longest, beside.top, entropy);
  add(beside, weightBeside / ((1 - weight) * (1 - weightBeside)));
}

/** What the neighbours say, where they hold a longer match than the file. */
export function besides(found: Continuations | null, neighbours: TokenIndex, index: TokenIndex): Continuations | null {
  const own = found?.longest ?? 0;
  const beside = own < LONG_ENOUGH ? continuations(neighbours, index) : null;
  return beside && beside.longest > own ? beside : null;
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
