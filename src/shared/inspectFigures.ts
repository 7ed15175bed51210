// Figures that are drawn from a report: the same sentence and the same verdict in the panel, in its exports and on the command line.
import type { InspectReport } from './inspectReport.ts';

/** Below this share of dense attention on the sinks, a head has none that could be lost. */
export const SINK_HEAD = 0.05;

export type SinkVerdict =
  /** The text is too short for far keys: nothing was measured. */
  | { kind: 'unmeasured' }
  /** No head puts much attention on the first tokens: this model has no sinks. */
  | { kind: 'none'; largest: number }
  /** 1 − Σ|delta − dense| / Σ dense over all heads; the worst of those that have sinks, by the same formula. */
  | { kind: 'kept'; share: number; worst: { layer: number; head: number; share: number } };

export function sinkVerdict({ layers }: Pick<InspectReport, 'layers'>): SinkVerdict {
  let [moved, total, largest] = [0, 0, 0];
  let worst: { layer: number; head: number; share: number } | null = null;
  let measured = false;
  for (const { layer, heads } of layers) {
    for (const { head, sinkMass } of heads) {
      if (!sinkMass) continue;
      measured = true;
      const { dense, delta } = sinkMass;
      moved += Math.abs(delta - dense);
      total += dense;
      largest = Math.max(largest, dense);
      if (dense < SINK_HEAD) continue;
      const share = 1 - Math.abs(delta - dense) / dense;
      if (!worst || share < worst.share) worst = { layer, head, share };
    }
  }
  if (!measured) return { kind: 'unmeasured' };
  return worst ? { kind: 'kept', share: 1 - moved / total, worst } : { kind: 'none', largest };
}

/** Share of the multiply-adds of queries with keys that the stored form does without; those of the values are all done. */
export function keyWorkSkipped({ whole: { multiplyAdds }, shape: { keyLength, valueLength } }: Pick<InspectReport, 'whole' | 'shape'>): number {
  const keys = (multiplyAdds.dense * keyLength) / (keyLength + valueLength);
  return keys > 0 ? (multiplyAdds.dense - multiplyAdds.required) / keys : 0;
}

/** Output error over all layers; null where nothing was far. */
export function meanOutputError({ layers }: Pick<InspectReport, 'layers'>): number | null {
  const errors = layers.flatMap(({ outputError }) => outputError ?? []);
  return errors.length > 0 ? errors.reduce((a, b) => a + b, 0) / errors.length : null;
}

/** Lines (from 0) in which a sink token begins, and the first line of the window of the last row. */
export function regionsOfLines({ looked: { lines, window }, sinks }: Pick<InspectReport, 'looked' | 'sinks'>): { sinkLines: number[]; windowLine: number } {
  const sinkLines: number[] = [];
  let windowLine = 0;
  let token = 0;
  lines.tokens.forEach((count, line) => {
    if (count > 0 && token < sinks) sinkLines.push(line);
    // The line that the window begins in, or the first one behind it.
    if (token + count <= window) windowLine = line + 1;
    token += count;
  });
  return { sinkLines, windowLine: Math.min(windowLine, lines.tokens.length - 1) };
}

/** What each line got of the attention that was not on the sinks: together 1, or all 0. */
export function withoutSinks(masses: readonly number[], sinks: number): number[] {
  const rest = 1 - sinks;
  return masses.map((mass) => (rest > 0 ? mass / rest : 0));
}
