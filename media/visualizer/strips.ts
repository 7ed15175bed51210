// What the strip of code shows: lines of a text, each with its share of the attention. Of a measurement the end of the file looked, of a suggestion what was written.
import { FAR_LINE, NEAR_LINE, UNREAD_LINE } from '../../src/shared/liveFigures.ts';
import { regionsOfLines, withoutSinks } from '../../src/shared/inspectFigures.ts';
import type { FromPanel, LookView, MeasurementView, SuggestionView } from '../../src/shared/panelProtocol.ts';
import type { PanelContext } from './context.ts';

/** What tints most: one line, that of the cursor, often has far more than all others. */
export const MOST_TINT = 0.1;

export interface Strip {
  /** Equal for strips of one text: what was scrolled to stays. */
  of: string;
  /** To whom a click goes. */
  source: Extract<FromPanel, { type: 'reveal' }>['of'];
  title: string;
  about: string;
  lines: readonly string[];
  /** By line, sinks aside: with what is no line together 1. */
  shares: ArrayLike<number>;
  /** The same by dense attention; null where nobody measured it. */
  dense: ArrayLike<number> | null;
  /** UNREAD_LINE, FAR_LINE or NEAR_LINE by line. */
  regions: ArrayLike<number>;
  sinkLines: readonly number[];
  /** Attention on the sinks. */
  sinks: number;
  /** What is written goes there; null: nothing is. */
  cursor: number | null;
  /** The line that is in sight at first. */
  focus: number;
  /** The share that has the full tint. */
  most: number;
}

type Speaking = Pick<PanelContext, 'say' | 'figures'>;

export function stripOfMeasurement({ report, lines, at }: MeasurementView, { say, figures }: Speaking): Strip {
  const { looked } = report;
  const { sinkLines, windowLine } = regionsOfLines(report);
  const shares = withoutSinks(looked.lines.delta, looked.sinks.delta);
  const count = Math.max(lines.length, shares.length);
  return {
    of: `measurement ${at} ${report.text.name}`, source: 'measurement', title: say('What the last {0} tokens looked at', figures.whole(looked.rows)),
    about: say('Share of the attention by line, mean of all layers and heads, delta attention. The sinks’ {0} are left out, the rest is made 100 % again.', figures.share(looked.sinks.delta)),
    lines, shares, dense: withoutSinks(looked.lines.dense, looked.sinks.dense), sinkLines, sinks: looked.sinks.delta, cursor: null, focus: windowLine, most: Math.min(MOST_TINT, shares.reduce((most, share) => Math.max(most, share), 0)),
    regions: Array.from({ length: count }, (_, line) => (line >= shares.length ? UNREAD_LINE : line >= windowLine ? NEAR_LINE : FAR_LINE)),
  };
}

export function stripOfSuggestion({ request, lines }: SuggestionView, { rows, sinks, rest, own, lines: masses, regions, sinkLines, cursor }: LookView, { say, figures }: Speaking): Strip {
  const [onRest, onItself, ...shares] = withoutSinks([rest, own, ...masses], sinks);
  return {
    of: `suggestion ${request}`, source: 'suggestion', title: say('What the last suggestion looked at'),
    about: say('Share of the attention by line, mean of all layers and heads and of the tokens that were sampled ({0}). The sinks’ {1} are left out, the rest is made 100 % again; {2} of it is on the suggestion itself, {3} on the marks of the prompt and on other files.', figures.whole(rows), figures.share(sinks), figures.share(onItself), figures.share(onRest)),
    lines, shares, dense: null, regions, sinkLines, sinks, cursor, focus: cursor,
    // It goes on: its axis stays where it is.
    most: MOST_TINT,
  };
}
