// Progress on a terminal, silence on a pipe unless DELTALLM_PROGRESS is "lines". Progress goes to standard error: standard output carries results only.
import { say } from './output.ts';

let shown = 0;
let last = 0;
const REDRAW_MS = 80;
const LINE_MS = 250;
const BAR = 24;

/** Shows how far a stage is (0…1); draws nothing when standard error is no terminal, but writes lines for a program that asks for them. */
export function showProgress(stage: string, share: number): void {
  const asLines = process.env.DELTALLM_PROGRESS === 'lines';
  const now = performance.now();
  if (!(process.stderr.isTTY || asLines) || (now - last < (asLines ? LINE_MS : REDRAW_MS) && share < 1)) return;
  last = now;
  if (asLines) return say(`${stage} ${Math.round(Math.min(1, share) * 100)} %\n`);
  const filled = Math.round(Math.min(1, share) * BAR);
  const line = `${stage.padEnd(16)} ${'█'.repeat(filled)}${'░'.repeat(BAR - filled)} ${Math.round(share * 100)} %`;
  say(`\r${line}${' '.repeat(Math.max(0, shown - line.length))}`);
  shown = line.length;
}

/** Removes the progress line. */
export function clearProgress(): void {
  if (shown > 0) say(`\r${' '.repeat(shown)}\r`);
  shown = 0;
}

/** Says one sentence that is no failure. */
export function tell(text: string): void {
  clearProgress();
  say(`deltallm: ${text}\n`);
}
