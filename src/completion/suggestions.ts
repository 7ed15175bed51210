// A small memory of what was written where: going back to a place costs nothing. Documents are remembered by a hash, not kept.
import type { Snapshot } from '../prompt/snapshot.ts';
import { leftOf, type Written } from './written.ts';

const MOST = 50;
/** Characters of all texts together. */
const MOST_CHARACTERS = 100_000;
/** The newest keep what the model saw, which is as long as the document. */
const WITH_PROMPT = 3;
/** Characters at the cursor that are compared before a hash is made. */
const GLANCE = 64;
/** Characters on each side of the cursor that the hash covers: several times what fits into a prompt. Of the rest only the length is compared. */
const NEAR = 32_768;
/** A line end may be one character longer in the document than in the text. */
const LINE_ENDS = 200;

interface Side {
  readonly length: number;
  readonly glance: string;
  readonly hash: number;
}

interface Entry {
  readonly document: string;
  readonly languageId: string;
  readonly before: Side;
  readonly after: Side;
  written: Written;
}

export interface Found {
  /** What is left of it. */
  readonly written: Written;
  /** Nothing was typed since. */
  readonly exact: boolean;
}

export class Suggestions {
  /** Oldest first. */
  private entries: Entry[] = [];

  /** What was written for this place, else the newest text that was typed since from a place before it and whose rest is `usable`. */
  find(document: string, snapshot: Snapshot, usable: (written: Written) => boolean): Found | null {
    const hashes = new Map<number, number>();
    const sameBefore = ({ length, glance, hash }: Side): boolean => {
      if (!snapshot.before.startsWith(glance, length - glance.length)) return false;
      if (!hashes.has(length)) hashes.set(length, hashBefore(snapshot.before, length));
      return hashes.get(length) === hash;
    };
    let afterHash: number | undefined;
    const sameAfter = ({ length, glance, hash }: Side): boolean =>
      snapshot.after.length === length && snapshot.after.startsWith(glance) && (afterHash ??= hashAfter(snapshot.after)) === hash;

    let best: { entry: Entry; found: Found } | null = null;
    for (const entry of this.entries) {
      const { before, after, written } = entry;
      const typed = snapshot.before.length - before.length;
      if (entry.document !== document || entry.languageId !== snapshot.languageId || typed < 0 || typed > written.text.length + LINE_ENDS) continue;
      const inserted = { left: snapshot.before.slice(before.length), right: '', deleted: '' };
      const left = leftOf(written, true, inserted, snapshot.languageId);
      if (typeof left === 'string' || (typed > 0 && (best?.found.exact || left.text.trim() === '' || !usable(left)))) continue;
      if (sameBefore(before) && sameAfter(after)) best = { entry, found: { written: left, exact: typed === 0 } };
    }
    if (!best) return null;
    this.entries = [...this.entries.filter((entry) => entry !== best.entry), best.entry];
    return best.found;
  }

  put(document: string, snapshot: Snapshot, written: Written): void {
    const { length } = snapshot.before;
    const before = { length, glance: detached(snapshot.before.slice(-GLANCE)), hash: hashBefore(snapshot.before, length) };
    const after = { length: snapshot.after.length, glance: detached(snapshot.after.slice(0, GLANCE)), hash: hashAfter(snapshot.after) };
    const same = (entry: Entry): boolean =>
      entry.document === document && entry.languageId === snapshot.languageId && equal(entry.before, before) && equal(entry.after, after);
    this.entries = [...this.entries.filter((entry) => !same(entry)), { document, languageId: snapshot.languageId, before, after, written }];
    while (this.entries.length > MOST || this.characters > MOST_CHARACTERS) this.entries.shift();
    const old = this.entries.at(-1 - WITH_PROMPT);
    if (old?.written.facts) old.written = { ...old.written, facts: { ...old.written.facts, prompt: null } };
  }

  clear(): void {
    this.entries = [];
  }

  get size(): number {
    return this.entries.length;
  }

  get characters(): number {
    return this.entries.reduce((sum, { written }) => sum + written.text.length, 0);
  }
}

const equal = (a: Side, b: Side): boolean => a.length === b.length && a.hash === b.hash;

/** A copy that does not keep the document alive: a slice of a long string is a reference into it. */
const detached = (text: string): string => Buffer.from(text, 'utf16le').toString('utf16le');

const hashBefore = (before: string, length: number): number => hashOf(before, Math.max(0, length - NEAR), length);
const hashAfter = (after: string): number => hashOf(after, 0, Math.min(after.length, NEAR));

/** 52 bits of the characters from `start` to `end`. */
function hashOf(text: string, start: number, end: number): number {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b) + i;
  }
  return (a >>> 0) * 2 ** 20 + ((b ^ (b >>> 13)) >>> 12);
}
