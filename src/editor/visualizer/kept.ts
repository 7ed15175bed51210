// The last measurement between two lives of a window: figures and the file's address, never its text.
import type { Memento } from 'vscode';
import { INSPECT_SCHEMA, type InspectReport } from '../../shared/inspectReport.ts';
import type { ComparisonView } from '../../shared/panelProtocol.ts';

export interface KeptMeasurement {
  uri: string;
  /** Tells the text that was measured from another one. */
  sum: string;
  report: InspectReport;
  mode: 'balanced' | 'compact';
  at: number;
  version: string;
  comparison: ComparisonView | null;
}

const KEY = 'deltallm.visualizer';

export const keep = (state: Memento, kept: KeptMeasurement | undefined): Thenable<void> => state.update(KEY, kept);

/** Undefined where there is none, or where another version made it. */
export function keptIn(state: Memento): KeptMeasurement | undefined {
  const kept = state.get<KeptMeasurement>(KEY);
  return kept?.report?.schema === INSPECT_SCHEMA && typeof kept.uri === 'string' ? kept : undefined;
}
