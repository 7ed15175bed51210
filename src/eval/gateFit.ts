// The gate's weights: logistic regression with a quadratic penalty, by Newton's method.
import { solvePositive } from '../attention/matrix.ts';

/** Of the squared weights, beside the sum over all samples. */
const PENALTY = 1;
const ROUNDS = 30;

export interface Example {
  signals: readonly number[];
  right: boolean;
  /** Log-odds that are not to be fitted, for they are known. Default 0. */
  known?: number;
}

/** The bias and a weight a signal. */
export function fitGate(examples: readonly Example[]): { bias: number; weights: number[] } {
  const size = examples[0].signals.length + 1;
  let weights = new Array<number>(size).fill(0);
  for (let round = 0; round < ROUNDS; round++) {
    const gradient = weights.map((weight, i) => (i === 0 ? 0 : -PENALTY * weight));
    const curvature = weights.map((_, i) => weights.map((__, j) => (i === j ? (i === 0 ? 1e-9 : PENALTY) : 0)));
    for (const { signals, right, known = 0 } of examples) {
      const x = [1, ...signals];
      const p = 1 / (1 + Math.exp(-x.reduce((sum, value, i) => sum + value * weights[i], known)));
      for (let i = 0; i < size; i++) {
        gradient[i] += (Number(right) - p) * x[i];
        for (let j = 0; j < size; j++) curvature[i][j] += p * (1 - p) * x[i] * x[j];
      }
    }
    const step = [...solvePositive(curvature.flat(), gradient, size)];
    weights = weights.map((weight, i) => weight + step[i]);
    if (Math.max(...step.map(Math.abs)) < 1e-6) break;
  }
  return { bias: weights[0], weights: weights.slice(1) };
}

/** Some of the weights of a gate and its bias; the others stay. `only`: which, by their place. */
export function fitSome(examples: readonly Example[], gate: { bias: number; weights: readonly number[] }, only: readonly number[]): { bias: number; weights: number[] } {
  const held = gate.weights.map((weight, i) => (only.includes(i) ? 0 : weight));
  const known = (signals: readonly number[]): number => signals.reduce((sum, x, i) => sum + x * held[i], gate.bias);
  const { bias, weights } = fitGate(examples.map(({ signals, right }) => ({ signals: only.map((i) => signals[i]), right, known: known(signals) })));
  return { bias: gate.bias + bias, weights: held.map((weight, i) => (only.includes(i) ? weights[only.indexOf(i)] : weight)) };
}
