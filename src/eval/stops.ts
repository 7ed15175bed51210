// What the rules that end a completion make of authors' own text: at many places of their files, what they wrote there goes through the rules as if a model wrote it.
import type { Snapshot } from '../prompt/snapshot.ts';
import { completionText } from '../session/textEnd.ts';
import { DEFAULT_MOST_LINES, type StopReason } from '../session/stop.ts';
import { cursorsOf, type HeldOutFile } from './cursors.ts';
import { random } from '../shared/random.ts';

/**
 * `rest`: within a line, whose rest is written. `last`: the same where nothing stands below. `brackets`: what stands between two brackets of a line.
 * `lines`: some whole lines. `body`: what stands in a block.
 */
export const PLACES = ['rest', 'last', 'brackets', 'lines', 'body'] as const;
export type PlaceKind = (typeof PLACES)[number];
/** Of these the line must come out whole; of the others nothing may end within a line. */
const SINGLE: ReadonlySet<PlaceKind> = new Set(['rest', 'last', 'brackets']);

/** One place where something else came out than should. */
export interface Miss {
  path: string;
  /** 1-based. */
  line: number;
  kind: PlaceKind;
  rule: StopReason | null;
  prefix: string;
  wanted: string;
  got: string;
}

export interface StopCounts {
  languageId: string;
  files: number;
  /** Places where one line is to come out, and those where it does not come out whole. */
  single: number;
  cut: number;
  /** Places where several lines may come out, and those where the text ends within a line. */
  multi: number;
  midLine: number;
  /** Bodies of blocks that are short enough to be written whole, and those of which the text ends before their end, or behind it. */
  bodies: number;
  early: number;
  late: number;
}

/** What a limit left open is closed; the author goes on there. */
const CLOSERS = /(?:\n[ \t]*[)\]}]+)+$/;
/** Lines that are written at most: more than one text has. */
const MOST_LINES = 24;
/** Characters; the editor does not ask in longer lines. */
const LONGEST_LINE = 500;

/** Counts by language, and every miss. At most `perFile` lines of each file are looked at, each with a place of each kind. */
export function measureStops(files: readonly HeldOutFile[], perFile: number, seed: number): { counts: StopCounts[]; misses: Miss[] } {
  const counts = new Map<string, StopCounts>();
  const misses: Miss[] = [];
  for (const file of files) {
    const { languageId } = file;
    const count = counts.get(languageId) ?? { languageId, files: 0, single: 0, cut: 0, multi: 0, midLine: 0, bodies: 0, early: 0, late: 0 };
    counts.set(languageId, count);
    count.files++;
    for (const { kind, snapshot, written, line } of placesOf(file, perFile, seed)) {
      const isSingle = SINGLE.has(kind);
      count[isSingle ? 'single' : 'multi']++;
      const { text, rule } = through(snapshot, written.text);
      const wanted = written.text.slice(0, written.end);
      if (kind === 'body' && wanted.split('\n').length < DEFAULT_MOST_LINES) {
        count.bodies++;
        if (text.trimEnd().length < wanted.trimEnd().length) count.early++;
        if (text.trimEnd().length > wanted.trimEnd().length) count.late++;
      }
      // Blanks at an end are nobody's wish; several lines may end at any of their ends.
      const isRight = isSingle ? (text.split('\n')[0].trimEnd() === wanted.split('\n')[0].trimEnd() || isNothingToSay(wanted, snapshot)) : endsLine(text, written.text) || endsLine(text.replace(CLOSERS, ''), written.text);
      if (isRight) continue;
      count[isSingle ? 'cut' : 'midLine']++;
      misses.push({ path: file.path, line, kind, rule, prefix: snapshot.before.slice(snapshot.before.lastIndexOf('\n') + 1), wanted: wanted.slice(0, 200), got: text.slice(-200) });
    }
  }
  return { counts: [...counts.values()], misses };
}

interface Trial {
  kind: PlaceKind;
  line: number;
  snapshot: Snapshot;
  /** What is written; the author's part of it ends at `end`. */
  written: { text: string; end: number };
}

function placesOf({ path, languageId, text: original }: HeldOutFile, perFile: number, seed: number): Trial[] {
  const text = original.replaceAll('\r', '');
  const lines = text.split('\n');
  const starts = [0];
  for (const line of lines) starts.push(starts.at(-1)! + line.length + 1);
  const draw = random(seed + text.length);
  const below = (from: number, count = MOST_LINES): string => lines.slice(from, from + count).join('\n');
  const trials: Trial[] = [];
  const add = (kind: PlaceKind, index: number, before: string, after: string, written: string, further: string): void => {
    if (written.trim() !== '') trials.push({ kind, line: index + 1, snapshot: { path, languageId, before, after }, written: { text: `${written}${further}`, end: written.length } });
  };
  const eligible = lines.flatMap((line, i) => (line.trim() !== '' && line.length <= LONGEST_LINE ? [i] : []));
  const chosen = new Set(Array.from({ length: perFile }, () => eligible[Math.floor(draw() * eligible.length)]).filter((i) => i !== undefined));
  for (const i of chosen) {
    const line = lines[i];
    const edges = [...line.matchAll(/(?<=[^\s\w])(?=\S)|(?<=\S)(?=[^\s\w])|(?<=\s)(?=\S)/gu)].map(({ index }) => index).filter((at) => line.slice(0, at).trim() !== '');
    const at = edges[Math.floor(draw() * edges.length)];
    if (at !== undefined) {
      const before = text.slice(0, starts[i] + at);
      add('rest', i, before, i + 1 < lines.length ? `\n${text.slice(starts[i + 1])}` : '', line.slice(at), `\n${below(i + 1, 2)}`);
      add('last', i, before, '', line.slice(at), `\n${below(i + 1, 2)}`);
    }
    const depth = line.length - line.trimStart().length;
    const count = Math.min(1 + Math.floor(draw() * 8), lines.length - i);
    add('lines', i, text.slice(0, starts[i] + depth), i + count < lines.length ? `\n${text.slice(starts[i + count])}` : '', below(i, count).slice(depth), `\n${below(i + count)}`);
  }
  for (const { rule, line, snapshot, expected } of cursorsOf({ path, languageId, text })) {
    if (!chosen.has(line - 1) || lines[line - 1].length > LONGEST_LINE) continue;
    if (rule === 'bracket' && !hasHalfString(expected)) {
      const right = text.slice(snapshot.before.length + expected.length);
      add('brackets', line - 1, snapshot.before, right, expected, right.slice(0, 400));
    }
    if (rule === 'block') {
      const body = text.slice(snapshot.before.length, text.length - snapshot.after.length);
      add('body', line - 1, snapshot.before, snapshot.after, body.split('\n').slice(0, MOST_LINES).join('\n'), snapshot.after.slice(0, 400));
    }
  }
  return trials;
}

/** What the rules let through of a text that comes line by line; that the pieces make no difference is tested elsewhere. */
function through(snapshot: Snapshot, text: string): { text: string; rule: StopReason | null } {
  const end = completionText(snapshot);
  for (const [piece] of text.matchAll(/[^\n]+|\n/g)) {
    end.push(piece);
    if (end.done) break;
  }
  if (!end.done) end.finish(true);
  return { text: end.result(text), rule: end.rule };
}

/** The brackets stand in strings then, each in another. */
const hasHalfString = (text: string): boolean => ['"', "'", '`'].some((quote) => text.split(quote).length % 2 === 0);

/** Whether a text is nothing or ends where one of the author's lines does. */
function endsLine(text: string, author: string): boolean {
  const kept = text.trimEnd();
  if (kept === '') return true;
  return author.startsWith(kept) && /^[ \t]*(?:\n|$)/.test(author.slice(kept.length));
}

/** Where the author repeats the next line, or what stands right, silence is right. */
function isNothingToSay(wanted: string, { before, after }: Snapshot): boolean {
  const [right, ...below] = after.split('\n', 24);
  const whole = before.slice(before.lastIndexOf('\n') + 1) + wanted;
  return right.trim() === '' && below.find((line) => line.trim() !== '')?.trim() === whole.trim();
}
