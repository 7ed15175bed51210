// A code block of an answer → the document with the block in its place, or why no place is sure. Where in doubt it refuses: the block can still be inserted.
import { findPlace, type Region } from './blockPlace.ts';
import { alignSegments, type Kept } from './elision.ts';
import { indentLike, shallowest } from './indentation.ts';

export interface ApplyRequest {
  document: string;
  block: string;
  /** Offsets in the document of what the question was about; undefined: nothing was selected. */
  selection?: { start: number; end: number };
}

/** `whole`: the block is the file. `region`: it is a known part of it. `selection`: it takes the place of what was asked about. Lines count from 0, `lastLine` is the first one behind. */
export type Applied = { how: 'whole' | 'region' | 'selection'; text: string; firstLine: number; lastLine: number } | { how: 'refused'; reason: ApplyRefusal };
/** `empty`: the block has no code. `noPlace`: nothing of it is in the document. `severalPlaces`: too many of them. `unclearRest`: what "…" in it stands for is not clear. */
export type ApplyRefusal = 'empty' | 'noPlace' | 'severalPlaces' | 'unclearRest';

export function applyEdit({ document, block, selection }: ApplyRequest): Applied {
  const lines = document.split(/\r\n|\r|\n/);
  const blockLines = trimBlank(block.split(/\r\n|\r|\n/));
  if (blockLines.length === 0) return { how: 'refused', reason: 'empty' };
  if (document.trim() === '') return result('whole', document, lines, { first: 0, last: lines.length }, blockLines, document === '' || /[\r\n]$/.test(document));
  const selected = selection && linesOf(document, selection);

  const found = findPlace(lines, blockLines, selected);
  if (found !== 'noPlace' && found !== 'severalPlaces') {
    const region = found.region;
    const fitted = indentLike(blockLines, blockLines[found.anchor], lines[region.first + found.anchorInRegion], lines);
    const old = lines.slice(region.first, region.last);
    const merged = alignSegments(old, fitted);
    if (merged === null) return { how: 'refused', reason: 'unclearRest' };
    return result(found.whole ? 'whole' : 'region', document, lines, region, merged);
  }
  if (selected !== undefined && selected.last > selected.first && lines.slice(selected.first, selected.last).some((line) => line.trim() !== '')) {
    const old = lines.slice(selected.first, selected.last);
    const merged = alignSegments(old, indentLike(blockLines, shallowest(blockLines), shallowest(old), lines));
    if (merged === null) return { how: 'refused', reason: 'unclearRest' };
    return result('selection', document, lines, selected, merged);
  }
  return { how: 'refused', reason: found };
}

/** The document with other lines in the region; all line ends outside it stay as they are, and new ones are the document's. */
function result(how: 'whole' | 'region' | 'selection', document: string, lines: readonly string[], { first, last }: Region, replacement: readonly Kept[] | readonly string[], endsLine = false): Applied {
  const ends = [...document.matchAll(/\r\n|\r|\n/g)].map(([end]) => end);
  const usual = ends.filter((end) => end === '\r\n').length > ends.length / 2 ? '\r\n' : '\n';
  const before = lines.slice(0, first).map((line, i) => line + ends[i]).join('');
  const after = lines.slice(last).map((line, i) => line + (ends[last + i] ?? '')).join('');
  const kept = replacement.map((line): Kept => (typeof line === 'string' ? { text: line } : line));
  const inside = kept.map(({ text, from }, i) => {
    const isLast = i === kept.length - 1;
    if (isLast) return text + (last - 1 < ends.length && !endsLine ? ends[last - 1] : endsLine ? usual : '');
    return text + (from === undefined ? usual : (ends[first + from] ?? usual));
  });
  return { how, text: before + inside.join('') + after, firstLine: first, lastLine: last };
}

/** The lines that an offset range touches; an end at the beginning of a line is none of that line. */
function linesOf(document: string, { start, end }: { start: number; end: number }): Region {
  const lineOf = (offset: number) => (document.slice(0, offset).match(/\r\n|\r|\n/g) ?? []).length;
  const first = lineOf(Math.min(start, end));
  const lastOffset = Math.max(start, end);
  const atStart = lastOffset > Math.min(start, end) && /[\r\n]$/.test(document.slice(0, lastOffset));
  return { first, last: lineOf(lastOffset) + (atStart ? 0 : 1) };
}

function trimBlank(lines: readonly string[]): string[] {
  const first = lines.findIndex((line) => line.trim() !== '');
  return first < 0 ? [] : lines.slice(first, lines.findLastIndex((line) => line.trim() !== '') + 1);
}
