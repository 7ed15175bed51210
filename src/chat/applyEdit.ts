// A code block of an answer → the document with the block in its place, or why no place is sure. Where in doubt it refuses: the block can still be inserted.
import { alignSegments, normalised, type Kept } from './elision.ts';
import { itemsOf, type Item } from './outline.ts';

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

/** Lines from `first` up to `last`, that one not included. */
interface Region {
  first: number;
  last: number;
}

export function applyEdit({ document, block, selection }: ApplyRequest): Applied {
  const lines = document.split(/\r\n|\r|\n/);
  const blockLines = trimBlank(block.split(/\r\n|\r|\n/));
  if (blockLines.length === 0) return { how: 'refused', reason: 'empty' };
  if (document.trim() === '') return result('whole', document, lines, { first: 0, last: lines.length }, blockLines, document === '' || /[\r\n]$/.test(document));
  const selected = selection && linesOf(document, selection);

  const found = findRegion(lines, blockLines, selected);
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

interface Found {
  region: Region;
  /** A line of the block, and the line of the region that it is: their indentations tell how to fit the rest. */
  anchor: number;
  anchorInRegion: number;
  whole: boolean;
}

function findRegion(lines: readonly string[], block: readonly string[], selected: Region | undefined): Found | 'noPlace' | 'severalPlaces' {
  const whole: Found = { region: { first: 0, last: endOfText(lines) }, anchor: 0, anchorInRegion: 0, whole: true };
  if (isWhole(lines, block)) return whole;
  const same = findRun(lines, block);
  if (same.length === 1 || (same.length > 1 && same.every(({ first }) => block.every((line, i) => line === lines[first + i])))) {
    const region = same.find((each) => touches(each, selected)) ?? same[0];
    return { region, anchor: 0, anchorInRegion: 0, whole: false };
  }
  return findItems(lines, block, selected) ?? findAnchors(lines, block, selected);
}

/** Almost the whole file: it begins and ends alike, and most lines of the document are in it. */
function isWhole(lines: readonly string[], block: readonly string[]): boolean {
  const [all, given] = [significant(lines), significant(block)];
  const known = new Set(given);
  const shared = all.filter((line) => known.has(line)).length / all.length;
  const ends = all[0] === given[0] && all.at(-1) === given.at(-1);
  const elided = block.some((line) => normalised(line) === null);
  return (ends && !elided && shared >= 0.5 && given.length >= all.length / 2) || (!elided && shared >= 0.8);
}

/** The block is one or more functions, classes…: the document has them, one behind the other, and none between them that would get lost. */
function findItems(lines: readonly string[], block: readonly string[], selected: Region | undefined): Found | 'severalPlaces' | undefined {
  const given = itemsOf(block).filter(({ depth }) => depth === 0);
  if (given.length === 0) return undefined;
  const all = itemsOf(lines);
  const places = given.map((item) => ({ item, at: placesOf(item, all, selected) }));
  const known = places.filter(({ at }) => at.length > 0);
  if (known.length === 0) return undefined;
  if (known.some(({ at }) => at.length > 1)) return 'severalPlaces';
  const [first, last] = [known[0], known.at(-1)!];
  const [start, end] = [first.at[0], last.at[0]];
  const inside = all.filter((item) => item.depth === start.depth && item.header >= start.header && item.header <= end.header);
  const lost = inside.some((item) => !known.some(({ at }) => at[0] === item));
  if (lost || end.header < start.header || known.some(({ at }) => at[0].depth !== start.depth)) return 'severalPlaces';
  // Comments and decorators before it are replaced only by those of the block.
  const led = first.item.lead < first.item.header;
  const region = { first: led ? start.lead : start.header, last: end.last };
  return { region, anchor: first.item.header, anchorInRegion: start.header - region.first, whole: false };
}

function placesOf(item: Item, all: readonly Item[], selected: Region | undefined): Item[] {
  const named = all.filter(({ kind, name }) => kind === item.kind && name === item.name);
  if (named.length <= 1) return named;
  const exact = named.filter(({ text }) => text === item.text);
  const candidates = exact.length > 0 ? exact : named;
  const touched = candidates.filter((each) => touches({ first: each.lead, last: each.last }, selected));
  return candidates.length > 1 && touched.length === 1 ? touched : candidates;
}

/** The block begins and ends with lines that the document has once, and they hold together about what it holds. */
function findAnchors(lines: readonly string[], block: readonly string[], selected: Region | undefined): Found | 'noPlace' | 'severalPlaces' {
  const given = block.map(normalised);
  const firstText = given.find((line) => line !== null && line !== '');
  const anchor = given.indexOf(firstText!);
  const lastText = given.findLast((line) => line !== null && line !== '');
  if (firstText === undefined || lastText === undefined || anchor === given.lastIndexOf(lastText)) return 'noPlace';
  const all = lines.map(normalised);
  const known = new Set(given);
  const regions: Region[] = [];
  all.forEach((line, first) => {
    if (line !== firstText) return;
    const longest = Math.min(all.length, first + 4 * block.length + (given.includes(null) ? all.length : 0));
    for (let i = longest - 1; i > first; i--) {
      if (all[i] !== lastText || indentOf(lines[i]) !== indentOf(lines[first])) continue;
      const inside = all.slice(first, i + 1).filter((each) => each !== '');
      const shared = inside.filter((each) => known.has(each)).length / inside.length;
      if (given.includes(null) || shared >= 0.5) regions.push({ first, last: i + 1 });
    }
  });
  const touched = regions.filter((region) => touches(region, selected));
  const chosen = regions.length > 1 && touched.length === 1 ? touched : regions;
  if (chosen.length !== 1) return chosen.length === 0 ? 'noPlace' : 'severalPlaces';
  return { region: chosen[0], anchor, anchorInRegion: 0, whole: false };
}

/** Where the block's lines stand one behind the other, apart from blanks. */
function findRun(lines: readonly string[], block: readonly string[]): Region[] {
  const [all, given] = [lines.map(normalised), block.map(normalised)];
  if (given.includes(null)) return [];
  const runs: Region[] = [];
  for (let first = 0; first + given.length <= all.length; first++) {
    if (given.every((line, i) => all[first + i] === line)) runs.push({ first, last: first + given.length });
  }
  return runs;
}

/** The block's lines with the indentation of the document: the anchor's as it stands there, tabs or blanks as there. */
function indentLike(block: readonly string[], anchor: string, there: string, lines: readonly string[]): string[] {
  const fitted = sameUnit(block, lines);
  const [from, to] = [indentOf(sameUnit([anchor], lines, block)[0]), indentOf(there)];
  if (from === to) return fitted;
  return fitted.map((line) => (line.trim() === '' ? line : line.startsWith(from) ? to + line.slice(from.length) : to + line.trimStart()));
}

/** Tabs become blanks or blanks tabs where the document has only the other ones. */
function sameUnit(some: readonly string[], lines: readonly string[], block = some): string[] {
  const uses = (texts: readonly string[], pattern: RegExp) => texts.some((line) => pattern.test(line));
  const [tabsHere, blanksHere] = [uses(lines, /^\t+\S/), uses(lines, /^ {2,}\S/)];
  const [tabsGiven, blanksGiven] = [uses(block, /^\t/), uses(block, /^ {2,}\S/)];
  if (tabsHere && !blanksHere && blanksGiven && !tabsGiven) {
    const unit = unitOf(block);
    return some.map((line) => line.replace(/^ +/, (blanks) => '\t'.repeat(Math.floor(blanks.length / unit)) + ' '.repeat(blanks.length % unit)));
  }
  if (blanksHere && !tabsHere && tabsGiven) return some.map((line) => line.replace(/^\t+/, (tabs) => ' '.repeat(tabs.length * unitOf(lines))));
  return [...some];
}

/** The blanks of one level: the smallest step that occurs. */
function unitOf(lines: readonly string[]): number {
  const widths = lines.filter((line) => /^ +\S/.test(line)).map((line) => indentOf(line).length);
  const least = Math.min(...widths.filter((width) => width > 1));
  return Number.isFinite(least) ? Math.min(least, 8) : 4;
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

const touches = (region: Region, selected: Region | undefined): boolean => selected !== undefined && region.first < selected.last && selected.first < region.last;

export const indentOf = (line: string): string => /^[ \t]*/.exec(line)![0];

const significant = (lines: readonly string[]): (string | null)[] => lines.map(normalised).filter((line) => line !== '');

/** Without the empty last "line" behind a final line end. */
const endOfText = (lines: readonly string[]): number => (lines.length > 1 && lines.at(-1) === '' ? lines.length - 1 : lines.length);

function trimBlank(lines: readonly string[]): string[] {
  const first = lines.findIndex((line) => line.trim() !== '');
  return first < 0 ? [] : lines.slice(first, lines.findLastIndex((line) => line.trim() !== '') + 1);
}

const shallowest = (lines: readonly string[]): string => lines.filter((line) => line.trim() !== '').reduce((least, line) => (indentOf(line).length < indentOf(least).length ? line : least));
