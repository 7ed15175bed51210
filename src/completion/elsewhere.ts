// Where a line that is suggested stands already, in its document or beside it: most wrong lines are a sibling's, word for word. The cursor's own line does not count.
import type { Snapshot } from '../prompt/snapshot.ts';
import { indentOf } from '../shared/indent.ts';

/** How many lines of the document and of texts beside it are this one, whatever their indentation, two at most; and whether the only one stands behind the same lines as the cursor: the one above, and what that is in. */
export function standing(line: string, snapshot: Snapshot, beside: readonly string[] = []): { same: number; behindTheSame: boolean } {
  const [above, below] = aroundCursor(snapshot);
  let only: { text: string; start: number } | undefined;
  for (const text of [above, below, ...beside]) {
    for (const { start, whole } of linesThatEndWith(line, text)) {
      if (whole !== line) continue;
      if (only) return { same: 2, behindTheSame: false };
      only = { text, start };
    }
  }
  return { same: only ? 1 : 0, behindTheSame: only !== undefined && linesBefore(only.text, only.start) === linesBefore(above, above.length) };
}

/** Whether a line ends with this text. */
export const endsLine = (written: string, snapshot: Snapshot, beside: readonly string[] = []): boolean => [...aroundCursor(snapshot), ...beside].some((text) => !linesThatEndWith(written, text).next().done);

/** The lines above the cursor's and those below it. */
function aroundCursor({ before, after }: Snapshot): [above: string, below: string] {
  const newline = after.indexOf('\n');
  return [before.slice(0, before.lastIndexOf('\n') + 1), newline < 0 ? '' : after.slice(newline + 1)];
}

/** Blanks at the end of a line do not count; `whole` is the line without blanks around it. */
function* linesThatEndWith(end: string, text: string): Generator<{ start: number; whole: string }> {
  for (let at = end === '' ? -1 : text.indexOf(end); at >= 0; at = text.indexOf(end, at + 1)) {
    const newline = text.indexOf('\n', at);
    if (text.slice(at + end.length, newline < 0 ? undefined : newline).trim() !== '') continue;
    const start = at === 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1;
    yield { start, whole: text.slice(start, at + end.length).trim() };
  }
}

/** Lines above a place that are looked at for what it is in. */
const MOST_ABOVE = 200;

/** The last line before `end` that has a word in it, and above it the next that stands further left, each without blanks around it. */
function linesBefore(text: string, end: number): string {
  let last: string | undefined;
  for (let n = 0, at = end; n < MOST_ABOVE && at > 0; n++) {
    const start = text.lastIndexOf('\n', at - 1) + 1;
    const line = text.slice(start, at).trimEnd();
    at = start - 1;
    if (!/[\p{L}\p{N}]/u.test(line)) continue;
    if (last === undefined) last = line;
    else if (indentOf(line) < indentOf(last)) return `${last.trim()}\n${line.trim()}`;
    if (indentOf(last) === 0) break;
  }
  return last?.trim() ?? '';
}
