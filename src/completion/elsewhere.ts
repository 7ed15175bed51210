// Where a line that is suggested stands in its document already: most wrong lines are a sibling's, word for word. The cursor's own line does not count.
import type { Snapshot } from '../prompt/snapshot.ts';

/** How many lines are this one, whatever their indentation, and how many of them stand behind a line that is the same as the last one above the cursor. */
export function standing(line: string, snapshot: Snapshot): { same: number; behindTheSame: number } {
  const found = { same: 0, behindTheSame: 0 };
  const [above, below] = aroundCursor(snapshot);
  const last = lineBefore(above, above.length);
  for (const text of [above, below]) {
    for (const { start, whole } of linesThatEndWith(line, text)) {
      if (whole !== line) continue;
      found.same++;
      if (lineBefore(text, start) === last) found.behindTheSame++;
    }
  }
  return found;
}

/** Whether a line of the document ends with this text. */
export const endsLine = (written: string, snapshot: Snapshot): boolean => aroundCursor(snapshot).some((text) => !linesThatEndWith(written, text).next().done);

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

/** The last line before `end` that is not blank, without blanks around it. */
function lineBefore(text: string, end: number): string {
  const before = text.slice(0, end).trimEnd();
  return before.slice(before.lastIndexOf('\n') + 1).trim();
}
