// The shares of attention of one query, in double precision: what attention/reference.ts weighs values with.

import type { AttentionRule } from '../model/attentionRule.ts';

/**
 * Softmax over the tokens [0, visible) into `out`, as the layer's rule has it; a token whose key is not a number gets nothing.
 * @param keysOf the keys `[tokens, length]` that token t is read from
 */
export function weights(query: Float64Array, at: number, length: number, { scale, softcap, slidingWindow }: Pick<AttentionRule, 'scale' | 'softcap' | 'slidingWindow'>, visible: number, keysOf: (token: number) => Float64Array, out: Float64Array): void {
  const first = slidingWindow > 0 ? Math.max(0, visible - slidingWindow) : 0;
  let most = -Infinity;
  out.fill(0, 0, first);
  for (let t = first; t < visible; t++) {
    const keys = keysOf(t);
    let score = 0;
    for (let j = 0, k = t * length; j < length; j++, k++) score += query[at + j] * keys[k];
    score *= scale;
    if (softcap > 0) score = softcap * Math.tanh(score / softcap);
    out[t] = score;
    if (score > most) most = score;
  }
  let sum = 0;
  for (let t = first; t < visible; t++) {
    const weight = Math.exp(out[t] - most);
    out[t] = Number.isNaN(weight) ? 0 : weight;
    sum += out[t];
  }
  for (let t = first; t < visible; t++) out[t] /= sum;
}
