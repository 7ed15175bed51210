// Measured completions as Markdown tables, attention modes side by side.
import { byMean, bySignals, coverageCurve, EAGERNESS, predicted, type Measurement, type Outcome } from './completions.ts';
import { RULES } from './cursors.ts';
import { editSimilarity, mean, wilson } from './similarity.ts';
import type { Typing } from './typing.ts';

const COVERAGES = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.443, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 1];

export interface Measured extends Measurement {
  typing: Typing | null;
}

const percent = (x: number): string => (Number.isNaN(x) ? '–' : `${(100 * x).toFixed(1)} %`);
const fixed = (x: number, digits = 0): string => (Number.isNaN(x) ? '–' : x === -Infinity ? '−∞' : x.toFixed(digits));

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [`| ${head.join(' | ')} |`, `|${head.map(() => '---').join('|')}|`, ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n');
}

export function completionReport(measured: readonly Measured[]): string {
  const modes = measured.map(({ attention }) => attention);
  const row = (name: string, cell: (one: Measured) => string): string[] => [name, ...measured.map(cell)];
  return [
    '## First line',
    table(['', ...modes], [
      row('places, of them asked about', ({ summary }) => `${summary.positions}, ${summary.asked}`),
      row('exact match, 95 % interval', ({ summary }) => interval(summary.exact, summary.asked)),
      row('edit similarity', ({ summary }) => fixed(summary.similarity, 3)),
      row('nothing written', ({ summary }) => percent(summary.empty)),
      row('degenerate', ({ summary }) => percent(summary.degenerate)),
      ...EAGERNESS.flatMap((eagerness) => [
        row(`${eagerness}: threshold`, ({ summary }) => fixed(summary.eagerness[eagerness].threshold, 2)),
        row(`${eagerness}: returned`, ({ summary }) => percent(summary.eagerness[eagerness].returned)),
        row(`${eagerness}: precision among returned`, ({ summary }) => percent(summary.eagerness[eagerness].precision)),
        row(`${eagerness}: edit similarity among returned`, ({ summary }) => fixed(summary.eagerness[eagerness].similarity, 3)),
      ]),
      row('ms: p50, p95', ({ summary }) => `${fixed(summary.ms.p50)}, ${fixed(summary.ms.p95)}`),
      row('tokens: prompt, of them reused', ({ summary }) => `${fixed(summary.tokens.prompt)}, ${fixed(summary.tokens.reused)}`),
      row('tokens: computed, of them written', ({ summary }) => `${fixed(summary.tokens.computed)}, ${fixed(summary.tokens.generated)}`),
      ...(measured.length > 1 ? [row(`first line as ${modes[0]}'s: equal, edit similarity`, (one) => agreement(measured[0].outcomes, one.outcomes))] : []),
    ]),

    '## By rule: exact match, edit similarity',
    table(['rule', 'places', ...modes], RULES.map((rule) => {
      const of = ({ outcomes }: Measured): Outcome[] => outcomes.filter((outcome) => outcome.rule === rule && outcome.silent === null);
      return [rule, String(of(measured[0]).length), ...measured.map((one) => `${percent(mean(of(one).map(({ exact }) => Number(exact))))}, ${fixed(mean(of(one).map(({ similarity }) => similarity)), 3)}`)];
    })),

    ...measured.flatMap(({ attention, outcomes, curve }) => [
      `## Coverage and precision, ${attention}: these files, and what ${bySignals(outcomes) ? 'the gate' : `teacher forcing on ${curve.samples} places of the sample code`} said of the same threshold`,
      table(['of what was written', 'threshold', 'returned', 'precision', 'edit similarity', 'said: precision', 'precision by the mean alone'], coverageCurve(outcomes, COVERAGES).map((shown, i) => {
        const said = bySignals(outcomes) ? Math.exp(shown.threshold) : predicted(curve, shown.threshold).precision;
        return [`surest ${percent(COVERAGES[i])}`, fixed(shown.threshold, 3), percent(shown.returned), percent(shown.precision), fixed(shown.similarity, 3), percent(said), percent(coverageCurve(byMean(outcomes), [COVERAGES[i]])[0].precision)];
      })),
    ]),

    ...(measured.some(({ typing }) => typing) ? [
      '## Lines typed key by key',
      table(['', ...modes], [
        row('lines, keys', ({ typing }) => (typing ? `${typing.lines}, ${typing.keys}` : '–')),
        row('tokens of the prompt, of them reused', ({ typing }) => (typing ? `${fixed(typing.prompt)}, ${fixed(typing.reused)}` : '–')),
        row('tokens computed a key: p50, p95, most', ({ typing }) => (typing ? `${typing.computed.p50}, ${typing.computed.p95}, ${typing.computed.most}` : '–')),
      ]),
    ] : []),
  ].join('\n\n');
}

/** Places of which every baseline or model is asked, side by side: all of them, and the surest. */
export function baselineReport(named: readonly { name: string; outcomes: readonly Outcome[] }[]): string {
  const languages = [...new Set(named[0].outcomes.map(({ path }) => language(path)))].sort();
  const rows = named.map(({ name, outcomes }) => {
    const asked = outcomes.filter(({ silent }) => silent === null);
    const exact = (part: readonly Outcome[]): string => interval(mean(part.map((o) => Number(o.exact))), part.length);
    const surest = coverageCurve(outcomes, [0.05, 0.1, 0.25, 0.5]).map(({ returned, precision }) => `${percent(precision)} of ${percent(returned)}`);
    return [name, exact(asked), ...languages.map((l) => exact(asked.filter(({ path }) => language(path) === l))), fixed(mean(asked.map(({ similarity }) => similarity)), 3), ...surest];
  });
  const asked = named[0].outcomes.filter(({ silent }) => silent === null);
  const counts = languages.map((l) => `${l}, ${asked.filter(({ path }) => language(path) === l).length} places`);
  return `## Exact match of the line, and precision of the surest\n\n${table(['', `all ${asked.length} places`, ...counts, 'edit similarity', 'surest 5 %', '10 %', '25 %', '50 %'], rows)}`;
}

const language = (path: string): string => (/\.py$/.test(path) ? 'Python' : /\.[cm]?tsx?$/.test(path) ? 'TypeScript' : 'other');

const interval = (share: number, count: number): string => {
  if (count === 0) return '–';
  const [low, high] = wilson(share, count);
  return `${percent(share)} (${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)})`;
};

function agreement(reference: readonly Outcome[], other: readonly Outcome[]): string {
  const pairs = other.flatMap((outcome, i) => (reference[i] && outcome.silent === null ? [[reference[i].written, outcome.written]] : []));
  return `${percent(mean(pairs.map(([a, b]) => Number(a === b))))}, ${fixed(mean(pairs.map(([a, b]) => editSimilarity(a, b))), 3)}`;
}
