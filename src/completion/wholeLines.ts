// What of a text that is still being written can be shown already: whole lines that its end does not take back.
import type { Snapshot } from '../prompt/snapshot.ts';
import { completionText } from '../session/textEnd.ts';

/** Lines below the cursor that the end of a text is compared with. */
const LINES_BELOW = 24;
/** Lines of a turn when a text goes in circles; see session/loops. */
const LONGEST_LOOP = 3;

/** '' while there is nothing to show. What is returned begins `raw` and (as far as the rules of session/stop go) the final text. */
export function wholeLines(raw: string, snapshot: Snapshot): string {
  const end = completionText(snapshot);
  end.push(raw);
  if (end.done) return ended(raw, raw, snapshot);
  const below = snapshot.after.split('\n', LINES_BELOW + 1).map((line) => line.trim());
  // Before something on the cursor's own line the last line depends on how the text ends.
  if (below[0] !== '') return '';
  const newline = raw.lastIndexOf('\n');
  if (newline < 0) return '';
  const lines = raw.slice(0, newline).split('\n');
  const linePrefix = snapshot.before.slice(snapshot.before.lastIndexOf('\n') + 1);
  const trimmed = lines.map((line, i) => (i === 0 ? linePrefix + line : line).trim());
  let kept = Math.min(beforeLinesBelow(trimmed, below.filter((line) => line !== '')), beforeLoop(trimmed));
  // A limit may end the text before what these leave open is closed.
  while (kept > 0 && !end.canEndWith(lines.slice(0, kept))) kept--;
  return ended(lines.slice(0, kept).join('\n'), raw, snapshot);
}

/** The text as the runtime would give it, if it ended here. */
function ended(text: string, raw: string, snapshot: Snapshot): string {
  const end = completionText(snapshot);
  end.push(text);
  end.finish(false);
  const result = end.result(text);
  return result.trim() !== '' && raw.startsWith(result) ? result : '';
}

/** How many lines stand before those that may turn out to be the beginning of what stands below. */
function beforeLinesBelow(lines: readonly string[], below: readonly string[]): number {
  for (let count = Math.min(lines.length, below.length); count > 0; count--) {
    const from = lines.length - count;
    if (below.slice(0, count).every((line, i) => line === lines[from + i])) return from;
  }
  return lines.length;
}

/** How many lines stand before those that may turn out to be another turn of a loop. */
function beforeLoop(lines: readonly string[]): number {
  const filled = lines.flatMap((line, at) => (line === '' ? [] : [{ line, at }]));
  let kept = lines.length;
  for (let length = 1; length <= LONGEST_LOOP; length++) {
    let from = filled.length;
    while (from - 1 >= length && filled[from - 1].line === filled[from - 1 - length].line) from--;
    if (from < filled.length) kept = Math.min(kept, filled[from].at);
  }
  return kept;
}
