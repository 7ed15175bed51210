// Moments of a person who types: places in small projects of our own, with what would be right there and what would be harmful.
import { posix } from 'node:path';
import type { Existing } from '../completion/existing.ts';
import { unknownNames } from '../completion/names.ts';
import type { Snapshot } from '../prompt/snapshot.ts';
import { placeOf } from '../session/textEnd.ts';
import { languageOf } from '../shared/languages.ts';
import { firstLine } from './similarity.ts';

/** A file of a project, with its marks or without. */
export interface MomentFile {
  path: string;
  text: string;
}

export interface Moment {
  path: string;
  /** 1-based, of the cursor. */
  line: number;
  column: number;
  snapshot: Snapshot;
  /** What would be right, the author's own first. */
  right: readonly string[];
  /** Beginnings that would harm. */
  harmful: readonly string[];
  /** The other files of the project, without marks. */
  beside: readonly MomentFile[];
}

const MARK = /⟦([^⟦⟧]*)⟧/g;

/** A mark is `⟦typed¦right¦also right¦!harmful⟧`: the cursor stands behind what is typed. */
function fieldsOf(inner: string): { typed: string; right: string[]; harmful: string[] } {
  const [typed, author, ...others] = inner.split('¦');
  if (author === undefined) throw new Error(`A mark without a right text: ${inner}`);
  return { typed, right: [author, ...others.filter((other) => !other.startsWith('!'))], harmful: others.filter((other) => other.startsWith('!')).map((other) => other.slice(1)) };
}

/** The text as its author left it. */
export const withoutMarks = (text: string): string => text.replace(MARK, (_, inner: string) => fieldsOf(inner).typed + fieldsOf(inner).right[0]);

/** Every marked place of a project's files; everything else in them is written already. */
export function momentsOf(files: readonly MomentFile[]): Moment[] {
  const whole = files.map(({ path, text }) => ({ path, text: withoutMarks(text) }));
  return files.flatMap(({ path, text }) => [...text.matchAll(MARK)].map(({ 0: mark, 1: inner, index }) => {
    const { typed, right, harmful } = fieldsOf(inner);
    const before = withoutMarks(text.slice(0, index)) + typed;
    const after = withoutMarks(text.slice(index + mark.length));
    const lines = before.split('\n');
    return { path, line: lines.length, column: lines.at(-1)!.length + 1, snapshot: { path, languageId: languageOf(path, text), before, after }, right, harmful, beside: whole.filter((other) => other.path !== path) };
  }));
}

export const FAULTS = ['open', 'unfinished', 'indentation', 'doubled', 'repeated', 'unknown name', 'invented path', 'marked'] as const;
export type Fault = (typeof FAULTS)[number];

export interface Verdict {
  /** Its first line is one that would be right. */
  right: boolean;
  /** It begins rightly: a person takes the first words of it. */
  part: boolean;
  /** Not right, and word for word a line that stands elsewhere in the project. */
  copy: boolean;
  /** What would harm whoever takes it. */
  faults: Fault[];
}

/** Letters and digits of the end of a line from which it is a sibling's. */
const SIBLING = 12;

const PATH = /(["'])(\.{1,2}\/[^"'\n]*)\1/g;
const letters = (text: string): number => (text.match(/[\p{L}\p{N}]/gu) ?? []).length;

/** What a text is worth that is shown at a moment. */
export function verdictOn({ snapshot, right, harmful, beside, path }: Moment, shown: string): Verdict {
  const first = firstLine(shown);
  const { before, after } = snapshot;
  const left = before.slice(before.lastIndexOf('\n') + 1);
  const isRight = right.some((text) => firstLine(text) === first);
  const common = Math.max(...right.map((text) => commonWords(firstLine(text), first)));
  const whole = `${left.trimStart()}${first}`.trim();
  const files = [{ path, text: before + after }, ...beside];
  const copy = !isRight && letters(first) >= 4 && files.some(({ text }) => text.split('\n').some((line) => line.trim() === whole || (letters(first) >= SIBLING && line.trim().endsWith(first))));
  const faults: Fault[] = isRight ? [] : faultsOf(snapshot, shown, left, files);
  if (!isRight && harmful.some((text) => first.startsWith(firstLine(text)))) faults.push('marked');
  // Several lines may be open at their end even where the first is right.
  if (isRight && opensMore(snapshot, shown)) faults.push('open');
  return { right: isRight, part: !isRight && common >= 2, copy, faults };
}

/** Words and signs with which two lines begin alike. */
function commonWords(a: string, b: string): number {
  const [one, other] = [a, b].map((text) => text.match(/[\p{L}\p{N}_$]+|[^\s\p{L}\p{N}_$]/gu) ?? []);
  const end = one.findIndex((word, i) => word !== other[i]);
  return end < 0 ? one.length : end;
}

function opensMore(snapshot: Snapshot, text: string): boolean {
  const place = placeOf(snapshot);
  return !place.within && snapshot.after.split('\n', 1)[0].trim() !== '' && place.scan(text).open > place.scan('').open;
}

function faultsOf(snapshot: Snapshot, shown: string, left: string, files: readonly MomentFile[]): Fault[] {
  const { before, after } = snapshot;
  const faults: Fault[] = [];
  const place = placeOf(snapshot);
  const last = shown.trimEnd().split('\n').at(-1)!;
  if (opensMore(snapshot, shown)) faults.push('open');
  if (/(?:[,.+*/%&|^=<>!?(\[-]|=>|\b(?:and|or|not|in|if|else|return|new|await|const|let|var))$/.test(last) && !/(?:\+\+|--|=>|\{|\(|\[|->|\*\/|>|,)$/.test(last)) faults.push('unfinished');
  if (!place.within && place.scan(shown).excess >= 0) faults.push('doubled');
  const lines = shown.split('\n').slice(1).filter((line) => line.trim() !== '');
  const indent = /^\s*/.exec(left)![0].length;
  if (lines.some((line) => /^\s*/.exec(line)![0].length < indent && !/^\s*[)\]}]/.test(line))) faults.push('indentation');
  const above = before.split('\n').slice(0, -1).findLast((line) => line.trim() !== '')?.trim() ?? '';
  if (letters(above) >= 6 && (left + shown.split('\n')[0]).trim() === above) faults.push('repeated');
  const known = { ...snapshot, after: [after, ...files.slice(1).map(({ text }) => text)].join('\n') };
  if (!place.within && unknownNames(shown, known).length > 0) faults.push('unknown name');
  const paths = new Set(files.map(({ path }) => path.replace(/\.txt$/, '')));
  const folder = files[0].path.split('/').slice(0, -1);
  for (const [, , found] of `${left}${shown}${after.split('\n', 1)[0]}`.matchAll(PATH)) if (!exists(found, folder, paths)) faults.push('invented path');
  return faults;
}

/** What exists around a file of a project; of members nothing is known. */
export function existingIn(paths: readonly string[], own: string): Existing {
  const folder = (path: string): ReadonlySet<string> | null => {
    const prefix = `${posix.join(posix.dirname(own), path)}/`.replace(/^\.\//, '');
    const names = paths.filter((one) => one.startsWith(prefix)).map((one) => one.slice(prefix.length).replace(/\/.*$/, '/'));
    return names.length > 0 ? new Set(names) : null;
  };
  return { folder, members: () => undefined };
}

/** Whether a relative path leads to a file of the project, whatever its ending is called there. */
function exists(path: string, folder: readonly string[], paths: ReadonlySet<string>): boolean {
  const steps = [...folder];
  for (const step of path.split('/')) {
    if (step === '..') steps.pop();
    else if (step !== '.') steps.push(step);
  }
  const target = steps.join('/').replace(/\.[cm]?jsx?$/, '');
  return [...paths].some((known) => known === steps.join('/') || known.replace(/\.[cm]?[jt]sx?$/, '') === target || known.startsWith(`${steps.join('/')}/`));
}
