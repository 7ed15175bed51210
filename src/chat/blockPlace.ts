// Where in a document a code block of an answer belongs: by the same lines, by the function or class that it is, by its first and last line.
import { hasWord, isElision, normalised } from './elision.ts';
import { indentOf } from './indentation.ts';
import { itemsOf, type Item } from './outline.ts';

/** Lines from `first` up to `last`, that one not included. */
export interface Region {
  first: number;
  last: number;
}

export interface Place {
  region: Region;
  /** A line of the block, and the line of the region that it is: their indentations tell how to fit the rest. */
  anchor: number;
  anchorInRegion: number;
  whole: boolean;
}

/** The lines of the document that the block is for. */
export function findPlace(lines: readonly string[], block: readonly string[], selected: Region | undefined): Place | 'noPlace' | 'severalPlaces' {
  const whole: Place = { region: { first: 0, last: endOfText(lines) }, anchor: 0, anchorInRegion: 0, whole: true };
  const same = findRun(lines, block);
  const exact = same.filter(({ first }) => block.every((line, i) => line === lines[first + i]));
  const [only] = exact.length > 0 ? exact : same;
  if (exact.length > 0 || same.length === 1) return { region: exact.find((each) => touches(each, selected)) ?? only, anchor: 0, anchorInRegion: 0, whole: false };
  if (isWhole(lines, block)) return whole;
  const item = findItems(lines, block, selected);
  if (item !== undefined) return item;
  const anchored = findAnchors(lines, block, selected);
  return anchored === 'noPlace' ? (findShown(lines, block) ?? anchored) : anchored;
}

/** Almost the whole file: it begins and ends alike, and most lines of the document are in it. */
function isWhole(lines: readonly string[], block: readonly string[]): boolean {
  if (block.some(isElision)) return false;
  const [all, given] = [lines, block].map((some) => some.map(normalised).filter((line) => line !== ''));
  const left = new Map<string | null, number>();
  for (const line of given) left.set(line, (left.get(line) ?? 0) + 1);
  const words = all.filter((line) => /\w/.test(line!));
  const shared = words.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count > 0;
  });
  const share = shared.length / Math.max(1, words.length);
  const ends = all[0] === given[0] && all.at(-1) === given.at(-1);
  return ends ? share > 0.5 : share >= 0.8;
}

/** The block is one or more functions, classes…: the document has them, one behind the other, and none between them that would get lost. */
function findItems(lines: readonly string[], block: readonly string[], selected: Region | undefined): Place | 'severalPlaces' | undefined {
  const given = itemsOf(block).filter(({ depth }) => depth === 0);
  // What is left out beside them is of the file around: a question for `findShown`.
  const leavesOut = block.some((line, i) => isElision(line) && !given.some(({ header, last }) => i > header && i < last));
  if (given.length === 0 || leavesOut) return undefined;
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
function findAnchors(lines: readonly string[], block: readonly string[], selected: Region | undefined): Place | 'noPlace' | 'severalPlaces' {
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

/** A block with elisions that shows pieces of the document: it begins and ends with an elision, or with lines that the document has once. */
function findShown(lines: readonly string[], block: readonly string[]): Place | undefined {
  const given = block.map(normalised);
  if (!given.includes(null)) return undefined;
  const all = lines.map(normalised);
  const once = (line: string | null): number => (hasWord(line) && all.indexOf(line) === all.lastIndexOf(line) ? all.indexOf(line) : -1);
  const anchor = given.findIndex((line) => once(line) >= 0);
  if (anchor < 0) {
    // All that is there, and then something new.
    const fresh = given.findIndex((line) => hasWord(line));
    return given.lastIndexOf(null) === 0 && fresh > 0 ? { region: { first: 0, last: endOfText(lines) }, anchor: fresh, anchorInRegion: 0, whole: false } : undefined;
  }
  const lastShown = given.slice(given.lastIndexOf(null) + 1);
  const first = given[0] === null ? 0 : once(given[0]);
  // Lines behind the last elision that the document does not have are new at its end.
  const last = lastShown.some((line) => once(line) >= 0) ? once(given.at(-1)!) + 1 : endOfText(lines);
  const at = once(given[anchor]);
  return first < 0 || last <= first || at < first || at >= last ? undefined : { region: { first, last }, anchor, anchorInRegion: at - first, whole: false };
}

/** Without the empty last "line" behind a final line end. */
const endOfText = (lines: readonly string[]): number => (lines.length > 1 && lines.at(-1) === '' ? lines.length - 1 : lines.length);

const touches = (region: Region, selected: Region | undefined): boolean => selected !== undefined && region.first < selected.last && selected.first < region.last;
