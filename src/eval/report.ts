// The study and the engine's accuracy as Markdown tables: what docs/delta-format.md quotes.
import type { AccuracyResult } from './accuracy.ts';
import type { BasisStudyResult, Ratio } from './basisStudy.ts';
import type { StudyResult } from './deltaStudy.ts';
import { variantName } from './grid.ts';
import type { Row } from './study.ts';

const percent = (x: number, digits = 1) => `${(100 * x).toFixed(digits)} %`;
const signed = (x: number) => `${x >= 0 ? '+' : '−'}${Math.abs(x).toFixed(4)}`;
const loss = (row: Row) => `${signed(row.deltaLoss)} (${signed(row.deltaLossInterval[0])} to ${signed(row.deltaLossInterval[1])})`;
/** Rounding may leave a little less than nothing. */
const kl = (x: number) => Math.max(0, x).toFixed(5);

function table(head: string[], rows: string[][]): string {
  return [`| ${head.join(' | ')} |`, `|${head.map(() => '---').join('|')}|`, ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n');
}

export function report(result: StudyResult): string {
  const { grid, windows, winner, contexts } = result;
  const corpora = [...new Set(contexts.map((c) => c.corpus.split(/[\\/]/).at(-1)))].join(', ');
  const lengths = [...new Set(contexts.map((c) => c.tokens))].map((n) => `${contexts.filter((c) => c.tokens === n).length} × ${n}`).join(' + ');
  const zeros = [...new Set(grid.rows.map((r) => r.variant.zeros))].filter((z) => grid.rows.some((r) => r.variant.zeros === z && r.variant.reference !== 'channel'));
  return [
    `Model ${result.model}. Contexts: ${lengths} tokens from ${corpora}; ${grid.dense.positions} positions scored from token ${grid.start} on, ${percent(grid.rows[0]?.farShare ?? 0)} of their keys far ` +
      `(window ${grid.window} blocks, ${grid.sinks} sinks). Dense loss ${grid.dense.denseLoss.toFixed(4)} nats. Thresholds from ${result.calibrationTokens} tokens of sample code. Intervals: 95 %, by context.`,

    '## Formats at equal bytes: KL(dense ‖ coded), nats',
    table(['reference', 'law', 'RoPE', ...zeros.map((z) => `${percent(z, 0)} zeros`), `of previous, uniform, post at ${percent(winner.zeros, 0)} (interval)`], [...grid.equalBytes].sort((a, b) => a.kl.at(-1)! - b.kl.at(-1)!).map((row) => [row.reference, row.law, row.side, ...row.kl.map(kl), `${row.share.toFixed(2)} (${row.shareInterval[0].toFixed(2)} to ${row.shareInterval[1].toFixed(2)})`])),
    `Best after RoPE at ${percent(winner.zeros, 0)}: ${winner.reference}, ${winner.law}.`,

    '## Formats as run',
    table(['format', 'zeros reached', 'bytes a key', 'KL (interval)', 'Δ loss (interval)', 'top-1', 'score error', 'extra keyframes a block'], [
      ...grid.controls.map((row) => [row.name, '', '', interval(row), loss(row), percent(row.top1), row.scoreError.toFixed(3), '']),
      ...grid.rows.map((row) => [variantName(row.variant), percent(row.zeros), row.bytes.toFixed(1), interval(row), loss(row), percent(row.top1), row.scoreError.toFixed(3), row.extraKeyframes.toFixed(3)]),
    ]),

    `## Windows and sinks: ${variantName(winner)}, positions from ${windows.start} on (${windows.dense.positions})`,
    table(['sinks', 'window, blocks', 'far keys', 'KL', 'KL, far keys not read (4 sinks)', 'share', 'Δ loss (interval)', 'top-1'],
      windows.rows.map((row) => [String(row.sinks), row.rule, percent(row.farShare), kl(row.kl), kl(row.maskedKl), percent(row.kl / row.maskedKl), loss(row), percent(row.top1)])),

    '## Controls',
    table(['form', 'bytes a far token', 'of float16', 'KL (interval)', 'Δ loss (interval)', 'top-1'], result.controls.map((row) => [row.name, row.bytes.toFixed(1), row.share.toFixed(2), interval(row), loss(row), percent(row.top1)])),

    '## Lag-1 autocorrelation of the keys, by channel',
    table(['RoPE', 'layer', 'KV head', 'mean', 'least', 'most', 'channels below 0.5'], result.lag1.map((lag) => [lag.side, String(lag.layer), String(lag.head), lag.mean.toFixed(2), lag.least.toFixed(2), lag.most.toFixed(2), percent(lag.below, 0)])),

    '## Attention on the first 4 tokens, by layer',
    table(['form', ...(result.sinkMass[0]?.layers.map((_, l) => `layer ${l}`) ?? [])], result.sinkMass.map(({ form, layers }) => [form, ...layers.map((x) => percent(x, 2))])),
  ].join('\n\n');
}

const interval = (row: Row) => `${kl(row.kl)} (${kl(row.klInterval[0])} to ${kl(row.klInterval[1])})`;

export function basisReport({ model, textTokens, contexts, start, dense, rows }: BasisStudyResult): string {
  const corpora = [...new Set(contexts.map((c) => c.corpus.split(/[\\/]/).at(-1)))].join(', ');
  const ratio = (of: Ratio | undefined) => (of ? `${of.share.toFixed(2)} (${of.interval[0].toFixed(2)} to ${of.interval[1].toFixed(2)})` : '');
  return [
    `Model ${model}. Contexts: ${contexts.length} × ${contexts[0].tokens} tokens from ${corpora}; ${dense.positions} positions scored from token ${start} on, ${percent(rows[0].farShare)} of their keys far. ` +
      `Dense loss ${dense.denseLoss.toFixed(4)} nats. Bases from ${textTokens} tokens of other text. Intervals: 95 %, by context.`,
    table(['far keys', 'zeros reached', 'bytes a key', 'KL (interval)', 'KL, of keys as they are', 'KL, of plain 4 bits', 'Δ loss, % (interval)', 'top-1', 'score error', 'extra keyframes a block'], rows.map((row) => [
      row.name, row.zeros > 0 ? percent(row.zeros) : '', row.bytes.toFixed(1), interval(row), ratio(row.ofAsTheyAre), ratio(row.ofPlain), lossShare(row), percent(row.top1), row.scoreError.toFixed(3), row.extraKeyframes.toFixed(3),
    ])),
  ].join('\n\n');
}

const lossShare = (row: Row) => {
  const [x, low, high] = [row.deltaLoss, ...row.deltaLossInterval].map((nats) => `${nats >= 0 ? '+' : '−'}${Math.abs((100 * nats) / row.denseLoss).toFixed(3)}`);
  return `${x} (${low} to ${high})`;
};

export function accuracyReport({ model, contexts, start, files, dense, rows, comparisons }: AccuracyResult): string {
  const corpora = [...new Set(contexts.map((c) => c.corpus.split(/[\\/]/).at(-1)))].join(', ');
  return [
    `Model ${model}. Contexts: ${contexts.length} × ${contexts[0].tokens} tokens from ${corpora}, no file in two of them; ${dense.positions} positions scored from token ${start} on. ` +
      `Dense loss ${dense.denseLoss.toFixed(4)} nats; Δ loss also in per cent of it. Intervals: 95 %, by file (${files} have scored positions).`,
    table(['keys', 'sinks', 'window, blocks', 'zeros reached', 'bytes a far token', 'of float16', 'KL (interval)', 'Δ loss (interval)', 'Δ loss, %', 'top-1'], rows.map((row) => [
      row.name, String(row.sinks), row.window, ...(row.bytes > 0 ? [percent(row.zeros), row.bytes.toFixed(1), row.share.toFixed(2)] : ['', '', '']),
      interval(row), loss(row), `${row.deltaLoss >= 0 ? '+' : '−'}${Math.abs((100 * row.deltaLoss) / row.denseLoss).toFixed(3)}`, percent(row.top1),
    ])),
    ...(comparisons.length === 0 ? [] : [table(['zeros', 'KL, shared out by measurement, of the same in each layer (interval)', 'reached: same, measured', 'by layer, on the sample'], comparisons.map(({ zeros, share, interval: [least, most], reached, layers }) => [
      percent(zeros, 0), `${share.toFixed(3)} (${least.toFixed(3)} to ${most.toFixed(3)})`, `${percent(reached.even)}, ${percent(reached.measured)}`, layers.map((z) => percent(z, 0)).join(', '),
    ]))]),
  ].join('\n\n');
}
