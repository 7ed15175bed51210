// The model's next-token distribution mixed with the file's: (1 − λ)·model + λ·file, with λ from what both know of themselves. Where the neighbours hold a
// longer match than the file, theirs is mixed into that in the same way: longest-suffix back-off from the file to what lies beside it. What an analogy says comes
// last, over all of these.
import type { AnalogyAnswer, AnalogyIndex } from './analogyIndex.ts';
import { analogyWeightOf } from './analogyWeights.ts';
import { continuations, vote, type Continuations } from './continuations.ts';
import type { Foreign } from './foreign.ts';
import { neighbourWeightOf } from './neighbourWeights.ts';
import type { TokenIndex } from './tokenIndex.ts';
import { weightOf } from './weights.ts';

/** Tokens of a match in the file from which its neighbours are not asked: they know hardly better. */
const LONG_ENOUGH = 16;

/** Tokens by which a match of the neighbours counts as shorter where they go on with a name that the document does not have. */
const FOREIGN = 3;

/** What is known of a document besides its text. */
export interface Beside {
  /** Of the documents beside it. */
  neighbours?: TokenIndex;
  /** Tells which of their names the document does not have. */
  foreign?: Foreign;
  /** What may follow under other names. */
  analogies?: AnalogyIndex;
}

/** What took part, before it was mixed. */
export interface Mixed {
  /** Of the model alone, in nats. */
  entropy: number;
  file: Continuations | null;
  neighbours: Continuations | null;
  analogy: AnalogyAnswer | null;
}

/**
 * Changes logits so that their softmax is the mixture; nothing where nobody but the model has an answer. Only the ids that the others know change: the
 * softmax gives the rest the factor (1 − λ)·(1 − λ′)·(1 − λ″) by itself.
 */
export function mix(logits: Float32Array, index: TokenIndex, { neighbours, foreign, analogies }: Beside = {}): Mixed {
  const found = continuations(index);
  const beside = neighbours ? besides(found, neighbours, index, foreign) : null;
  const analogy = analogies?.continuations(index) ?? null;
  const { top, total, entropy } = spread(logits);
  const mixed = { entropy, file: found, neighbours: beside, analogy };
  if ((!found && !beside && !analogy) || !Number.isFinite(top)) return mixed;
  const unit = top + Math.log(total);
  const add = ({ shares }: Continuations, odds: number): void => {
    for (const [id, share] of shares) {
      if (id < logits.length) logits[id] = unit + Math.log(Math.exp(logits[id] - unit) + odds * share);
    }
  };
  const weight = fileWeight(found, analogy, entropy);
  if (found) add(found, weight / (1 - weight));
  const weightBeside = beside ? neighbourWeightOf(beside.longest, beside.top, entropy) : 0;
  if (beside) add(beside, weightBeside / ((1 - weight) * (1 - weightBeside)));
  if (!analogy) return mixed;
  const weightAnalogy = analogyWeightOf(analogy.longest, analogy.top, entropy, differs(found, analogy));
  add(analogy, weightAnalogy / ((1 - weight) * (1 - weightBeside) * (1 - weightAnalogy)));
  return mixed;
}

/** Share of its weight that the file keeps where an analogy says something else: what it says is the old name, and right at one place of six. */
export const STALE = 0.25;

/** λ of the file. */
function fileWeight(file: Continuations | null, analogy: Continuations | null, entropy: number): number {
  if (!file) return 0;
  return weightOf(file.longest, file.top, entropy) * (analogy && differs(file, analogy) ? STALE : 1);
}

/** Whether the file says something else than an analogy: the old name, most often. */
export const differs = (file: Continuations | null, analogy: Continuations): boolean => file !== null && file.likeliest !== analogy.likeliest;

/** What the neighbours say, where they hold a longer match than the file. A name that the document does not have shortens it. */
export function besides(found: Continuations | null, neighbours: TokenIndex, index: TokenIndex, foreign?: Foreign): Continuations | null {
  const own = found?.longest ?? 0;
  if (own >= LONG_ENOUGH) return null;
  const places = neighbours.matches(index).map(({ next, length }) => ({ next, length, id: neighbours.at(next) }));
  const beside = vote(places);
  if (!beside || beside.longest <= own) return null;
  const said = places.find(({ id }) => id === beside.likeliest)!.next;
  if (!foreign?.isAt(neighbours, said)) return beside;
  const longest = beside.longest - FOREIGN;
  return longest > own ? { ...beside, longest } : null;
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
