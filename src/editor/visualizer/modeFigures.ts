// What a mode comes to on a file: from a report, or for the mode exact by definition.
import type { InspectReport } from '../../shared/inspectReport.ts';
import { keyWorkSkipped, meanOutputError, sinkVerdict } from '../../shared/inspectFigures.ts';
import type { ModeFigures } from '../../shared/panelProtocol.ts';

export function figuresOf(report: InspectReport): ModeFigures {
  const verdict = sinkVerdict(report);
  return {
    keySparsity: report.whole.keySparsity, keyWork: keyWorkSkipped(report), sinksKept: verdict.kind === 'kept' ? verdict.share : null, outputError: meanOutputError(report),
    top1: report.next.top1, positions: report.next.positions, kl: report.next.kl.mean, bytes: report.whole.bytes.allocated,
  };
}

/** The reference leaves nothing out and changes nothing; its keys and values are float32, twice the bytes of float16. */
export function exactFigures(report: InspectReport): ModeFigures {
  const { sinksKept, outputError } = figuresOf(report);
  return {
    keySparsity: 0, keyWork: 0, sinksKept: sinksKept === null ? null : 1, outputError: outputError === null ? null : 0,
    top1: 1, positions: report.next.positions, kl: 0, bytes: 2 * report.whole.bytes.float16,
  };
}
