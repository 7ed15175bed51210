// The gate's weights: logistic regression with a quadratic penalty, by Newton's method.

/** Of the squared weights, beside the sum over all samples. */
const PENALTY = 1;
const ROUNDS = 30;

export interface Example {
  signals: readonly number[];
  right: boolean;
}

/** The bias and a weight a signal. */
export function fitGate(examples: readonly Example[]): { bias: number; weights: number[] } {
  const size = examples[0].signals.length + 1;
  let weights = new Array<number>(size).fill(0);
  for (let round = 0; round < ROUNDS; round++) {
    const gradient = weights.map((weight, i) => (i === 0 ? 0 : -PENALTY * weight));
    const curvature = weights.map((_, i) => weights.map((__, j) => (i === j ? (i === 0 ? 1e-9 : PENALTY) : 0)));
    for (const { signals, right } of examples) {
      const x = [1, ...signals];
      const p = 1 / (1 + Math.exp(-x.reduce((sum, value, i) => sum + value * weights[i], 0)));
      for (let i = 0; i < size; i++) {
        gradient[i] += (Number(right) - p) * x[i];
        for (let j = 0; j < size; j++) curvature[i][j] += p * (1 - p) * x[i] * x[j];
      }
    }
    const step = solve(curvature, gradient);
    weights = weights.map((weight, i) => weight + step[i]);
    if (Math.max(...step.map(Math.abs)) < 1e-6) break;
  }
  return { bias: weights[0], weights: weights.slice(1) };
}

/** Gaussian elimination with pivots; `a` is positive definite. */
function solve(a: readonly (readonly number[])[], b: readonly number[]): number[] {
  const rows = a.map((row, i) => [...row, b[i]]);
  const size = b.length;
  for (let i = 0; i < size; i++) {
    const pivot = rows.reduce((best, row, at) => (at >= i && Math.abs(row[i]) > Math.abs(rows[best][i]) ? at : best), i);
    [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
    for (let at = i + 1; at < size; at++) {
      const factor = rows[at][i] / rows[i][i];
      for (let j = i; j <= size; j++) rows[at][j] -= factor * rows[i][j];
    }
  }
  const x = new Array<number>(size).fill(0);
  for (let i = size - 1; i >= 0; i--) x[i] = (rows[i][size] - rows[i].slice(i + 1, size).reduce((sum, value, j) => sum + value * x[i + 1 + j], 0)) / rows[i][i];
  return x;
}
