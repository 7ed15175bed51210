// An InspectReport for people: a head, a line along the file, and a row for each layer (or head) with small bars.
import { basename } from 'node:path';
import type { InspectReport, SinkMass, Work } from '../inspect/report.ts';

const BAR = 12;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
const HEIGHTS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/** Columns of the line along the file at most. */
const ALONG = 64;

const percent = (x: number | null, digits = 1): string => (x === null ? '–' : `${(100 * x).toFixed(digits)} %`);
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`;
const nats = (x: number): string => (x > 0 && x < 1e-5 ? x.toExponential(0) : x.toFixed(5));
/** Thousands apart by a thin space, as no decimal point is. */
const count = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ' ');

/** A bar of BAR columns for a share of 1, in eighths of a column. */
export function bar(share: number | null): string {
  const eighths = Math.round(8 * BAR * Math.min(1, Math.max(0, share ?? 0)));
  return `${'█'.repeat(eighths >> 3)}${EIGHTHS[eighths & 7]}`.padEnd(BAR, '·');
}

/** One character for each of at most ALONG parts, as high as its mean. */
export function along(values: readonly number[]): string {
  const columns = Math.min(ALONG, values.length);
  const parts = Array.from({ length: columns }, (_, i) => {
    const own = values.slice(Math.floor((i * values.length) / columns), Math.floor(((i + 1) * values.length) / columns));
    return own.reduce((a, b) => a + b, 0) / own.length;
  });
  const most = Math.max(...parts);
  return parts.map((x) => HEIGHTS[most > 0 ? Math.min(7, Math.floor((8 * x) / most)) : 0]).join('');
}

const HEADING = ['', 'zeros of the far keys', 'required', 'executed', 'sinks: dense', 'delta', 'error of the output', 'lag-1'];
const WIDTHS = [15, BAR + 9, 10, 10, 13, 8, BAR + 9, 7];

interface Cells {
  name: string;
  work?: Work;
  sinkMass?: SinkMass | null;
  outputError?: number | null;
  lag1?: number;
}

export function inspectTable(report: InspectReport, heads: boolean): string {
  const { text, next, whole, layers, window, attention } = report;
  const largest = Math.max(1e-12, ...layers.flatMap((layer) => [layer.outputError ?? 0, ...(heads ? layer.heads.map(({ outputError }) => outputError ?? 0) : [])]));
  const row = ({ name, work, sinkMass, outputError, lag1 }: Cells): string => line([
    name,
    work ? `${percent(work.keySparsity).padStart(7)}  ${bar(work.keySparsity)}` : '',
    work ? percent(work.multiplyAdds.required / work.multiplyAdds.dense) : '',
    work ? percent(work.multiplyAdds.executed / work.multiplyAdds.dense) : '',
    sinkMass === undefined ? '' : percent(sinkMass?.dense ?? null),
    sinkMass === undefined ? '' : percent(sinkMass?.delta ?? null),
    outputError === undefined ? '' : `${percent(outputError).padStart(7)}  ${bar(outputError === null ? null : outputError / largest)}`,
    lag1 === undefined ? '' : lag1.toFixed(2),
  ]);
  const rows = layers.flatMap((layer) => [
    row({ name: `layer ${layer.layer}`, work: layer, ...layer }),
    ...(heads ? layer.kvHeads.flatMap((kv) => [
      row({ name: `  KV head ${kv.kvHead}`, work: kv, lag1: kv.lag1 }),
      ...layer.heads.filter(({ kvHead }) => kvHead === kv.kvHead).map((head) => row({ name: `    head ${head.head}`, ...head })),
    ]) : []),
  ]);
  return [
    `${basename(text.name)}: ${text.tokens < text.total ? `the first ${count(text.tokens)} of ${count(text.total)} tokens` : `${count(text.tokens)} tokens`}, ${report.model}, ${attention}; ` +
      `${report.sinks} sinks, window ${window.least === window.most ? window.most : `${window.least} to ${window.most}`} blocks, kernels ${report.kernels}`,
    ...(whole.keySparsity === null ? ['The text is too short for far keys: everything is exact, but for the rounding to float16.'] : []),
    '',
    `next token   KL ${nats(next.kl.mean)} nats (median ${nats(next.kl.median)}, 95 % ${nats(next.kl.p95)}, most ${nats(next.kl.most)}), same first choice ${percent(next.top1)}`,
    `             loss ${next.loss.dense.toFixed(4)} dense, ${next.loss.delta.toFixed(4)} delta; ${count(next.positions)} positions from ${count(next.from)} on`,
    `along it     ${along(next.klByBlock)}  KL by block, at most ${nats(Math.max(...next.klByBlock))}`,
    `whole        zeros ${percent(whole.keySparsity)}, attention sparsity ${percent(whole.attentionSparsity)}, executed ${percent(whole.multiplyAdds.executed / whole.multiplyAdds.dense)} of dense`,
    `             cache ${megabytes(whole.bytes.allocated)}, in float16 ${megabytes(whole.bytes.float16)}`,
    '',
    line(HEADING),
    ...rows,
    '',
    `required, executed: multiply-adds, of dense attention's; error: √(Σ‖delta − dense‖² / Σ‖dense‖²), the longest bar is ${percent(largest)}; lag-1: of the keys`,
  ].join('\n');
}

/** The first column stands left, bars too; figures right. */
function line(cells: readonly string[]): string {
  return cells.map((cell, i) => (i === 0 || i === 1 || i === 6 ? `  ${cell}`.padEnd(WIDTHS[i] + 2) : cell.padStart(WIDTHS[i]))).join('').trimEnd();
}
