// What a text names must exist: files by a relative path, modules, members behind a dot. What is known to exist says which text is not shown, and how a path ends.
import { basename, extname } from 'node:path/posix';
import type { Snapshot } from '../prompt/snapshot.ts';
import { scanBrackets } from '../session/brackets.ts';
import { commonLength } from './beside.ts';
import { endingOf, means, referencesIn, spelled, type Reference } from './references.ts';

/** The names in a folder, those of folders with a slash at their end. null: there is none. 'listing': known in a moment. undefined: not known. */
export type Folder = ReadonlySet<string> | null | 'listing' | undefined;

/** What is known around a place by now. It answers at once, and never from outside the workspace folder. */
export interface Existing {
  /** By its path from the document's own: '' is that, '../lib' one beside it. */
  folder(path: string): Folder;
  /** What the language offers for the member that is begun at the cursor; undefined: not known. */
  members(): ReadonlySet<string> | undefined;
}

/** Letters that another name must begin with as the written one does, to be what was meant. */
const ALIKE = 3;
/** Characters on each side of the cursor in which a member counts as known. */
const NEAR = 60_000;
/** A member that is begun: the line as far as its dot, and its first letters. */
const MEMBER = /(?:[\p{L}\p{N}_$)\]"'`]\??\.|->)([\p{L}_$][\p{L}\p{N}_$]*)?$/u;

/** Where in the line before the cursor the name of a member begins; -1: none is begun. */
export function memberStart(linePrefix: string): number {
  const found = MEMBER.exec(linePrefix);
  return !found || /\d\.$/.test(linePrefix) ? -1 : linePrefix.length - (found[1]?.length ?? 0);
}

/** Whether a text at a place names a path or a member that is known not to exist, or of whose folder that is not known yet: another key asks again. */
export function isInvented(text: string, snapshot: Snapshot, existing: Existing): boolean {
  return among(text, snapshot, existing) === null || pathsIn(text, snapshot).some(({ reference }) => isThere(reference, existing) === 'listing') || isUnknownMember(text, snapshot, existing);
}

/** A text with its paths as there are files for them; null where its first line names one that there is none for. Later lines that do are left out. */
export function among(text: string, snapshot: Snapshot, existing: Existing): string | null {
  const lines = text.split('\n');
  for (const { reference, line, row, left, right } of pathsIn(text, snapshot)) {
    if (isThere(reference, existing) !== false) continue;
    const other = row === 0 && reference.end <= line.length - right.length ? meant(reference, line.slice(reference.start, reference.end), left.length - reference.start, snapshot, existing) : null;
    if (other === null) return withoutRest(lines.slice(0, row), snapshot.languageId);
    const changed = line.slice(0, reference.start) + other + line.slice(reference.end);
    return [changed.slice(left.length, changed.length - right.length), ...lines.slice(1)].join('\n');
  }
  return text;
}

/** A path that a text writes, or goes on with. */
interface WrittenPath {
  reference: Reference;
  /** The whole line with what the document has of it on either side, and which of the text's lines it is. */
  line: string;
  row: number;
  left: string;
  right: string;
}

function pathsIn(text: string, { before, after, languageId, path }: Snapshot): WrittenPath[] {
  const prefix = before.slice(before.lastIndexOf('\n') + 1);
  const suffix = after.split('\n', 1)[0].replace(/\r$/, '');
  const stem = basename(path, extname(path));
  return text.split('\n').flatMap((own, row, lines) => {
    const left = row === 0 ? prefix : '';
    const right = row === lines.length - 1 ? suffix : '';
    const line = left + own + right;
    const isWritten = ({ start, end }: Reference): boolean => end > left.length && start < left.length + own.length;
    return referencesIn(line, languageId, stem).filter(isWritten).map((reference) => ({ reference, line, row, left, right }));
  });
}

/** Whether a text ends a path that was begun, and it is the only one that there is: that needs nobody's confidence. */
export function isOnlyPath(text: string, { before, after, languageId, path }: Snapshot, existing: Existing): boolean {
  const prefix = before.slice(before.lastIndexOf('\n') + 1);
  const line = prefix + text.split('\n', 1)[0] + (text.includes('\n') ? '' : after.split('\n', 1)[0]);
  const reference = referencesIn(line, languageId, basename(path, extname(path))).find(({ start, end }) => start < prefix.length && end > prefix.length);
  const names = reference?.whole ? existing.folder(reference.folder) : null;
  if (!reference || !names || names === 'listing') return false;
  const nameStart = reference.end - reference.name.length;
  const begun = line.slice(nameStart, Math.max(nameStart, prefix.length));
  const possible = [...names].filter((name) => name !== basename(path) && name.startsWith(begun) && (name.endsWith('/') || spelled(reference.kind, name, 'own') !== null));
  return nameStart <= prefix.length && possible.length === 1 && means(reference, possible[0]);
}

/** The lines before one that names what is not there; null where they are nothing, or leave something open. */
function withoutRest(lines: readonly string[], languageId: string): string | null {
  const text = lines.join('\n');
  return text.trim() === '' || scanBrackets(text, languageId).open.length > 0 ? null : text;
}

/** What is not known of a folder may be known by the one above: that there is none. */
function namesIn(folder: string, existing: Existing): Folder {
  const names = existing.folder(folder);
  const name = basename(folder);
  if (names instanceof Set || names === null || name === '' || name === '..') return names;
  const above = namesIn(folder.slice(0, -name.length).replace(/\/$/, ''), existing);
  return above === null || (above instanceof Set && !above.has(`${name}/`) && !above.has(name)) ? null : names;
}

/** undefined: not known. */
function isThere(reference: Reference, existing: Existing): boolean | 'listing' | undefined {
  const names = namesIn(reference.folder, existing);
  if (!names || names === 'listing') return names === null ? false : names;
  return reference.name === '' || [...names].some((name) => means(reference, name));
}

/** The one path to a file that begins as it was typed (the first `typed` characters of `written`), and otherwise most like the written one; null where that is not certain. */
function meant(reference: Reference, written: string, typed: number, { path, before, after }: Snapshot, existing: Existing): string | null {
  const names = existing.folder(reference.folder);
  if (!names || names === 'listing') return null;
  const nameStart = 1 + written.lastIndexOf(reference.kind === 'python' ? '.' : '/');
  const begun = written.slice(nameStart, Math.max(nameStart, typed));
  const ending = endingOf(before.slice(-NEAR) + after.slice(0, NEAR));
  const spellings = new Set([...names].filter((name) => name !== basename(path)).map((name) => spelled(reference.kind, name, ending)));
  const distance = (name: string): [number, number] => [-commonLength(name, reference.name), Math.abs(name.length - reference.name.length)];
  const compare = (a: string, b: string): number => distance(a)[0] - distance(b)[0] || distance(a)[1] - distance(b)[1];
  const [best, second] = [...spellings].filter((name): name is string => name !== null && name.startsWith(begun)).sort(compare);
  if (best === undefined) return null;
  const letters = commonLength(best, reference.name);
  const isCertain = second === undefined ? begun !== '' || letters >= ALIKE : letters >= Math.max(ALIKE, begun.length + 1) && compare(best, second) < 0;
  return isCertain ? written.slice(0, nameStart) + best : null;
}

function isUnknownMember(text: string, { before, after }: Snapshot, existing: Existing): boolean {
  const prefix = before.slice(before.lastIndexOf('\n') + 1);
  const start = memberStart(prefix);
  const rest = /^[\p{L}\p{N}_$]*/u.exec(text)![0];
  if (start < 0 || rest === '') return false;
  const name = prefix.slice(start) + rest;
  const members = existing.members();
  if (!members || members.has(name)) return false;
  // An index signature knows no names: what is used elsewhere is none that was invented here.
  const used = new RegExp(`(?:\\.|->)${name.replaceAll('$', '\\$')}(?![\\p{L}\\p{N}_$])`, 'u');
  return !used.test(before.slice(-NEAR)) && !used.test(after.slice(0, NEAR)) && !/\benv\??\.$/.test(prefix.slice(0, start));
}
