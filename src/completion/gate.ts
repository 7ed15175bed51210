// The gate: how likely its first line must be right for a text to be shown. Where the text around takes part, that is judged by several signals (a logistic
// model, fitted by `npm run eval:gate -- --fit`); elsewhere by the mean log-probability of the line alone, and by what was measured of the model.
import type { Snapshot } from '../prompt/snapshot.ts';
import { firstLineLogProbability, type Score } from '../session/firstLine.ts';
import type { ConfidenceCurve } from '../session/protocol.ts';
import { BIAS, WEIGHTS } from './gateWeights.ts';
import { signalsOf } from './signals.ts';

export type Eagerness = 'low' | 'auto' | 'high';

/**
 * A right line is worth 1 to the user; a wrong one costs him `cost`. Of all places, at least the share `coverage` gets a text however bad the
 * model is: whoever installs it wants to see something.
 */
const policies: Readonly<Record<Eagerness, { cost: number; coverage: number }>> = {
  low: { cost: 1, coverage: 0.05 },
  auto: { cost: 1 / 3, coverage: 0.125 },
  high: { cost: 0, coverage: 1 },
};

/** For a model that was never measured, as mean natural log-probabilities: e^−0.2 is four tokens of five, e^−0.7 every other one. */
const unmeasured: Readonly<Record<Eagerness, number>> = { low: -0.2, auto: -0.7, high: -Infinity };

/** The least mean natural log-probability of the first line with which a text is shown. */
export function threshold(curve: ConfidenceCurve | null, eagerness: Eagerness): number {
  const { cost, coverage } = policies[eagerness];
  if (coverage >= 1) return -Infinity;
  if (!curve || curve.points.length === 0) return unmeasured[eagerness];
  const allowed = curve.points.filter((point) => point.coverage >= coverage);
  const points = allowed.length > 0 ? allowed : curve.points.slice(-1);
  const worth = (point: { coverage: number; precision: number }): number => point.coverage * (point.precision - cost * (1 - point.precision));
  // Of equals the strictest, which comes first.
  return points.reduce((best, point) => (worth(point) > worth(best) ? point : best)).threshold;
}

/** The least chance with which a text is shown where its signals are known. */
export const CHANCES: Readonly<Record<Eagerness, number>> = { low: 0.55, auto: 0.25, high: 0 };

/** How likely a line with these signals is right. `habit`: what the user's own way with such lines adds, in log-odds. */
export function chanceOf(signals: readonly number[], habit = 0): number {
  const odds = signals.reduce((sum, signal, i) => sum + WEIGHTS[i] * signal, BIAS + habit);
  return 1 / (1 + Math.exp(-odds));
}

/** How sure a text is, as a natural logarithm, and how sure it must be. */
export interface Judgement {
  value: number;
  threshold: number;
}

/** Of a text at a place, by the scores of its tokens and the texts beside its document; null where nothing was written. */
export function judge({ scores, text }: { scores: readonly Score[]; text: string }, snapshot: Snapshot, curve: ConfidenceCurve | null, eagerness: Eagerness, habit = 0, beside: readonly string[] = []): Judgement | null {
  if (scores.length === 0) return null;
  const signals = signalsOf(scores, text, snapshot, beside);
  if (!signals) return { value: firstLineLogProbability(scores, text), threshold: threshold(scores[0].elsewhere ? null : curve, eagerness) };
  return { value: Math.log(chanceOf(signals, habit)), threshold: Math.log(CHANCES[eagerness]) };
}
