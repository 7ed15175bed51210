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

/** The tokens of a prediction that are worth a name, and how likely all the others are together: a hundredth of the memory of all its logits. */
export interface Likely {
  tokens: Int32Array;
  logProbabilities: Float32Array;
  rest: number;
}

/** Probability of a token that is worth a name. */
const NAMED = 1e-4;
/** Probability of all others below which nothing is made of it. */
const LEAST_REST = 1e-5;

export function likely(logits: Float32Array): Likely {
  const normal = logSumExp(logits);
  const least = normal + Math.log(NAMED);
  const tokens: number[] = [];
  for (let v = 0; v < logits.length; v++) if (logits[v] > least) tokens.push(v);
  const logProbabilities = Float32Array.from(tokens, (v) => logits[v] - normal);
  return { tokens: Int32Array.from(tokens), logProbabilities, rest: logProbabilities.reduce((rest, logP) => rest - Math.exp(logP), 1) };
}

/** KL(p ‖ q), nats, where all tokens of p without a name count as one. */
export function divergenceFrom({ tokens, logProbabilities, rest }: Likely, q: Float32Array): number {
  const normal = logSumExp(q);
  let kl = 0;
  let restQ = 1;
  for (let i = 0; i < tokens.length; i++) {
    const [logP, logQ] = [logProbabilities[i], q[tokens[i]] - normal];
    kl += Math.exp(logP) * (logP - logQ);
    restQ -= Math.exp(logQ);
  }
  if (rest > LEAST_REST) kl += rest * Math.log(rest / Math.max(restQ, LEAST_REST));
  return Math.max(0, kl);
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
