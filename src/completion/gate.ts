// The confidence gate: how sure of its first line a model must be for the text to be shown.
import type { ConfidenceCurve } from '../session/protocol.ts';

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
