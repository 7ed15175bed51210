// deltallm's completions measured on files that the model has not seen: the editor's own prompt, stop rules, gate and filters, without the editor.
import { CancelFlag } from '../shared/cancel.ts';
import { degenerate } from '../completion/degenerate.ts';
import { CHANCES, judge, threshold, type Eagerness } from '../completion/gate.ts';
import type { Plan } from '../completion/latency.ts';
import { pointless } from '../completion/worth.ts';
import type { Score } from '../session/firstLine.ts';
import type { Engine } from '../session/engine.ts';
import type { NeighbourDocument } from '../session/neighbourSet.ts';
import type { AttentionMode, ConfidenceCurve } from '../session/protocol.ts';
import type { Cursor, Rule } from './cursors.ts';
import { editSimilarity, firstLine, mean, percentile } from './similarity.ts';

export const EAGERNESS = ['low', 'auto', 'high'] as const satisfies readonly Eagerness[];

/** One cursor with what the model wrote there. */
export interface Outcome {
  path: string;
  rule: Rule;
  line: number;
  column: number;
  /** Why the editor would not have asked; nothing was generated then. */
  silent: string | null;
  expected: string;
  /** First lines, without blanks around them. */
  written: string;
  exact: boolean;
  similarity: number;
  degenerate: boolean;
  /** How sure the gate is of the first line, as a natural logarithm; null where nothing was written. */
  confidence: number | null;
  /** Mean log-probability of the first line: what the gate went by before it knew more. */
  mean: number | null;
  /** All that was written, and how sure it was. */
  text: string;
  scores: readonly Score[];
  tokens: { prompt: number; reused: number; computed: number; generated: number };
  /** Reading and writing. */
  ms: number;
}

export interface Summary {
  positions: number;
  asked: number;
  /** Shares of the places that were asked about. */
  empty: number;
  degenerate: number;
  exact: number;
  /** Mean over the same places. */
  similarity: number;
  eagerness: Record<Eagerness, Shown>;
  ms: { p50: number; p95: number };
  /** Means. */
  tokens: { prompt: number; reused: number; computed: number; generated: number };
}

/** What a threshold lets through. */
export interface Shown {
  threshold: number;
  /** Of the places that were asked about. */
  returned: number;
  /** Of the returned ones, the share whose first line is the author's; NaN of none. */
  precision: number;
  similarity: number;
}

export interface Measurement {
  /** What is measured; a mode of attention alone means without the text around, with neighbours that of files beside it too. */
  attention: AttentionMode | `${AttentionMode}, ${'alone' | 'with neighbours'}`;
  curve: ConfidenceCurve;
  outcomes: Outcome[];
  summary: Summary;
}

export interface CompleteOptions {
  cancel?: CancelFlag;
  progress?: (share: number) => void;
  /** Whether the text around is mixed in. Default: as the engine would. */
  locality?: boolean;
  /** Whether what followed like text under other names takes part. Default true. */
  analogy?: boolean;
  /** What lies beside a document, by its path; named by it, and read before it is asked about. */
  beside?: (path: string) => NeighbourDocument[];
}

/** Generates at every cursor. Stops early, with what there is, when `cancel` is set. */
export async function completeAll(engine: Engine, cursors: readonly Cursor[], { promptTokens, max }: Plan, { cancel = new CancelFlag(), progress = () => {}, locality, analogy, beside }: CompleteOptions = {}): Promise<Outcome[]> {
  let read = '';
  let documents: NeighbourDocument[] = [];
  const outcomes: Outcome[] = [];
  for (const [done, { rule, line, column, snapshot, expected }] of cursors.entries()) {
    progress(done / cursors.length);
    const place = { path: snapshot.path, rule, line, column, expected: firstLine(expected) };
    const silent = pointless(snapshot);
    if (silent) {
      outcomes.push({ ...place, silent, written: '', exact: false, similarity: 0, degenerate: false, confidence: null, mean: null, text: '', scores: [], tokens: { prompt: 0, reused: 0, computed: 0, generated: 0 }, ms: 0 });
      continue;
    }
    const { path: name } = snapshot;
    if (beside && read !== name) {
      read = name;
      documents = beside(name);
      engine.take({ name, documents });
      engine.neighbours.of(name);
      while (engine.neighbours.readOn());
    }
    const result = await engine.generate({ prompt: { snapshot, promptTokens }, max, sampling: { temperature: 0 }, locality, analogy, ...(beside && { neighbours: { name } }) }, cancel);
    if (cancel.isSet) break;
    const written = firstLine(result.text);
    outcomes.push({
      ...place, silent, written,
      exact: written === place.expected,
      similarity: editSimilarity(written, place.expected),
      degenerate: degenerate(result.text, snapshot),
      mean: result.tokens.generated > 0 ? result.firstLineLogProbability : null,
      confidence: judge(result, snapshot, null, 'high', 0, documents.map(({ text }) => text))?.value ?? null,
      text: result.text,
      scores: result.scores,
      tokens: result.tokens,
      ms: result.ms.prefill + result.ms.decode,
    });
  }
  return outcomes;
}

/** Whether the editor would show it. */
const isShown = ({ written, degenerate, confidence }: Outcome, least: number): boolean => written !== '' && !degenerate && confidence !== null && confidence >= least;

/** Whether the gate knew more than log-probabilities. */
export const bySignals = (outcomes: readonly Outcome[]): boolean => outcomes.some(({ scores }) => scores.some(({ signs }) => signs));

/** How sure the gate must be of them. */
const leastOf = (outcomes: readonly Outcome[], curve: ConfidenceCurve, eagerness: Eagerness): number => (bySignals(outcomes) ? Math.log(CHANCES[eagerness]) : threshold(curve, eagerness));

export function shownAt(asked: readonly Outcome[], least: number): Shown {
  const shown = asked.filter((outcome) => isShown(outcome, least));
  return { threshold: least, returned: shown.length / asked.length, precision: share(shown, ({ exact }) => exact), similarity: mean(shown.map(({ similarity }) => similarity)) };
}

export function summarise(outcomes: readonly Outcome[], curve: ConfidenceCurve): Summary {
  const asked = outcomes.filter(({ silent }) => silent === null);
  const tokens = (name: keyof Outcome['tokens']): number => mean(asked.map((outcome) => outcome.tokens[name]));
  const times = asked.map(({ ms }) => ms);
  return {
    positions: outcomes.length,
    asked: asked.length,
    empty: share(asked, ({ written }) => written === ''),
    degenerate: share(asked, (outcome) => outcome.degenerate),
    exact: share(asked, ({ exact }) => exact),
    similarity: mean(asked.map(({ similarity }) => similarity)),
    eagerness: Object.fromEntries(EAGERNESS.map((eagerness) => [eagerness, shownAt(asked, leastOf(asked, curve, eagerness))])) as Summary['eagerness'],
    ms: { p50: percentile(times, 0.5), p95: percentile(times, 0.95) },
    tokens: { prompt: tokens('prompt'), reused: tokens('reused'), computed: tokens('computed'), generated: tokens('generated') },
  };
}

/** What the thresholds let through that show the surest `coverages` of all texts that can be shown. */
export function coverageCurve(outcomes: readonly Outcome[], coverages: readonly number[]): Shown[] {
  const asked = outcomes.filter(({ silent }) => silent === null);
  const confidences = asked.filter((outcome) => isShown(outcome, -Infinity)).map(({ confidence }) => confidence!).sort((a, b) => b - a);
  return coverages.map((coverage) => shownAt(asked, confidences[Math.max(0, Math.ceil(coverage * confidences.length) - 1)] ?? 0));
}

/** The same by the mean log-probability alone. */
export const byMean = (outcomes: readonly Outcome[]): Outcome[] => outcomes.map((outcome) => ({ ...outcome, confidence: outcome.mean }));

/** What teacher forcing on the sample code said of a threshold: the point of the curve that it reaches. */
export function predicted({ points }: ConfidenceCurve, least: number): { coverage: number; precision: number } {
  return points.findLast((point) => point.threshold >= least) ?? { coverage: 0, precision: points[0]?.precision ?? NaN };
}

const share = <T>(values: readonly T[], is: (value: T) => boolean): number => values.filter(is).length / values.length;
