// How far one prediction of the next token is from another.

export interface Divergence {
  /** KL(p ‖ q), nats. */
  kl: number;
  /** Whether both have the same most likely token. */
  agree: boolean;
}

/** Compares two rows of logits over the same vocabulary; `p` is the reference. */
export function divergence(p: Float32Array, q: Float32Array): Divergence {
  const [normalP, normalQ] = [logSumExp(p), logSumExp(q)];
  let kl = 0;
  let [bestP, bestQ] = [0, 0];
  for (let v = 0; v < p.length; v++) {
    const logP = p[v] - normalP;
    kl += Math.exp(logP) * (logP - (q[v] - normalQ));
    if (p[v] > p[bestP]) bestP = v;
    if (q[v] > q[bestQ]) bestQ = v;
  }
  // Rounding may leave a little less than nothing.
  return { kl: Math.max(0, kl), agree: bestP === bestQ };
}

/** The most likely token, the first of equals. */
export function best(logits: Float32Array): number {
  let best = 0;
  for (let v = 1; v < logits.length; v++) if (logits[v] > logits[best]) best = v;
  return best;
}

/** −log of the probability that `logits` give the token, nats. */
export const surprise = (logits: Float32Array, token: number): number => logSumExp(logits) - logits[token];

function logSumExp(logits: Float32Array): number {
  let most = -Infinity;
  for (let v = 0; v < logits.length; v++) if (logits[v] > most) most = logits[v];
  let sum = 0;
  for (let v = 0; v < logits.length; v++) sum += Math.exp(logits[v] - most);
  return most + Math.log(sum);
}
