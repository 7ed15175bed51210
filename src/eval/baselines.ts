// What a model must beat: completions that need no model, from the lines above the cursor alone.
import { pointless } from '../completion/worth.ts';
import type { Snapshot } from '../prompt/snapshot.ts';
import type { Cursor } from './cursors.ts';
import { editSimilarity, firstLine, mean, wilson } from './similarity.ts';

/** Lines above the cursor that are looked at. */
const MOST_LINES = 400;
/** Characters before the cursor that are looked for, at least and at most. */
const CONTEXT = { least: 2, most: 64 } as const;

/**
 * The most similar earlier line again. Behind a line's beginning: the rest of the last earlier line that begins so. At a line's start: what followed the
 * earlier line that is most like the line above.
 */
export function repeatLine({ before }: Snapshot): string {
  const lines = before.split('\n').slice(-MOST_LINES).map((line) => line.trim());
  const begun = lines.pop()!;
  if (begun !== '') return lines.findLast((line) => line.startsWith(begun) && line.length > begun.length)?.slice(begun.length) ?? '';
  const above = lines.findLast((line) => line !== '');
  let best = { similarity: 0, next: '' };
  for (const [i, line] of lines.slice(0, -1).entries()) {
    if (line === '' || lines[i + 1] === '') continue;
    const similarity = editSimilarity(line, above!);
    if (similarity >= best.similarity) best = { similarity, next: lines[i + 1] };
  }
  return best.next;
}

/** An n-gram model of the file, of the highest order that applies: what followed the last earlier occurrence of the longest text before the cursor that occurred. */
export function continueOccurrence({ before }: Snapshot): string {
  for (let n = Math.min(CONTEXT.most, before.length); n >= CONTEXT.least; n--) {
    const at = before.lastIndexOf(before.slice(-n), before.length - n - 1);
    if (at >= 0 && at + n < before.length) return firstLine(before.slice(at + n, before.length));
  }
  return '';
}

const BASELINES: Readonly<Record<string, (snapshot: Snapshot) => string>> = { 'the most similar earlier line again': repeatLine, 'n-gram model of the file': continueOccurrence };

export function baselineReport(cursors: readonly Cursor[]): string {
  const asked = cursors.filter(({ snapshot }) => pointless(snapshot) === null);
  const rows = Object.entries(BASELINES).map(([name, complete]) => {
    const pairs = asked.map(({ snapshot, expected }) => [firstLine(complete(snapshot)), firstLine(expected)]);
    const exact = pairs.filter(([written, wanted]) => written === wanted).length;
    return `| ${name} | ${wilson(exact, pairs.length)} | ${mean(pairs.map(([a, b]) => editSimilarity(a, b))).toFixed(3)} |`;
  });
  return ['## Without a model', ['| | exact match (95 % interval) | edit similarity |', '|---|---|---|', ...rows].join('\n')].join('\n\n');
}
