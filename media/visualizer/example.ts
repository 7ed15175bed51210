// What is shown, dimmed, before anything was measured: a recording of `deltallm inspect --json` on src/session/queue.ts, four digits of each figure kept.
import type { MeasurementView } from '../../src/shared/panelProtocol.ts';
import recording from './example.json';

export const recordedExample = recording as unknown as MeasurementView;
