// "Copy as Markdown": the sentence, what was measured, and a table by layer. Without source text.
import { l10n } from 'vscode';
import { keyWorkSkipped, sinkVerdict } from '../../shared/inspectFigures.ts';
import type { MeasurementView } from '../../shared/panelProtocol.ts';
import { modeWord } from '../words.ts';

const share = (value: number | null): string => (value === null ? '–' : `${(100 * value).toFixed(1)} %`);
/** A name cannot leave its cell, nor its line. */
const cell = (text: string): string => text.replace(/[\r\n]+/g, ' ').replace(/[\\`*_[\]<>|~#]/g, '\\$&');

export function asMarkdown({ report, mode, at, version }: MeasurementView): string {
  const { text, layers, model, kernels, next } = report;
  const verdict = sinkVerdict(report);
  const sinks = verdict.kind === 'kept' ? l10n.t('Sinks kept: {0}.', share(verdict.share)) : verdict.kind === 'none' ? l10n.t('This model has no sinks.') : l10n.t('The text is too short for far keys.');
  const name = cell(text.name.split(/[\\/]/).at(-1)!);
  const head = [l10n.t('Layer'), l10n.t('Zeros in the far keys'), l10n.t('Attention work left out'), l10n.t('Sinks, dense'), l10n.t('Sinks, delta'), l10n.t('Error of the output')];
  const rows = layers.map(({ layer, keySparsity, attentionSparsity, sinkMass, outputError }) => [layer, share(keySparsity), share(attentionSparsity), share(sinkMass?.dense ?? null), share(sinkMass?.delta ?? null), share(outputError)]);
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [
    `**${l10n.t('Skipped {0} of the key work.', share(keyWorkSkipped(report)))} ${sinks}**`,
    '',
    l10n.t('{0}, {1}: {2}, {3} of {4} tokens, {5} kernels, {6}, DeltaLLM {7}. Same next token at {8} of {9} positions.', cell(model), modeWord(mode), name, text.tokens, text.total, kernels, new Date(at).toISOString().slice(0, 16).replace('T', ' '), version, share(next.top1), next.positions),
    '',
    line(head),
    `|${' --: |'.repeat(head.length)}`,
    ...rows.map(line),
    '',
  ].join('\n');
}
