// What was inserted at the cursor between two snapshots of a document.
import type { Snapshot } from '../prompt/snapshot.ts';

export interface Insertion {
  /** Typed left of the cursor, in the document's own line ends. */
  readonly left: string;
  /** What the editor put right of the cursor by itself: closing brackets, a closing quote, the line end of an Enter between brackets. */
  readonly right: string;
  /** Deleted left of where the cursor was; `left` and `right` are empty then. */
  readonly deleted: string;
}

/** Of `right`, characters: a line end, its indentation and what closes. */
const LONGEST_RIGHT = 64;
/** Characters at the cursor that are compared first: documents that differ mostly differ there. */
const GLANCE = 64;

/** Null when anything else changed. Deletions may reach back to the offset `floor`. Nothing is copied; at most one pass over the document. */
export function insertionBetween(from: Snapshot, to: Snapshot, floor = Infinity): Insertion | null {
  if (from.path !== to.path || from.languageId !== to.languageId) return null;
  const grown = to.before.length - from.before.length;
  const grownRight = to.after.length - from.after.length;
  if (grownRight < 0 || grownRight > LONGEST_RIGHT) return null;
  if (grown < 0) {
    if (grownRight > 0 || to.before.length < floor || !startsWith(from.before, to.before) || to.after !== from.after) return null;
    return { left: '', right: '', deleted: from.before.slice(to.before.length) };
  }
  if (!startsWith(to.before, from.before)) return null;
  if (grownRight === 0 ? to.after !== from.after : !to.after.endsWith(from.after)) return null;
  return { left: to.before.slice(from.before.length), right: to.after.slice(0, grownRight), deleted: '' };
}

function startsWith(whole: string, part: string): boolean {
  const glance = Math.max(0, part.length - GLANCE);
  return whole.startsWith(part.slice(glance), glance) && whole.startsWith(part);
}
