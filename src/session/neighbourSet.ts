// The documents that take part beside the one at the cursor, as they travel from the editor to the engine.
import type { NeighbourDocument } from '../locality/neighbours.ts';

export type { NeighbourDocument };

/** All of one workspace folder, the one of the document at the cursor. */
export interface NeighbourSet {
  /** Stands for exactly these texts in this order. */
  readonly name: string;
  /** Path of the workspace folder: a model reads the paths of files from there on. Absent: as they are. */
  readonly folder?: string;
  /** Nearest first. Absent: those that came with this name, where no other set came since; else none take part. */
  readonly documents?: readonly NeighbourDocument[];
}

/** A set has no more: what it costs to send, to tokenize and to hold. */
export const MOST_DOCUMENTS = 8;
export const MOST_CHARACTERS = 256_000;

/** The first documents that a set has room for, the last one cut. Asks for no more of them than that. */
export function bounded(documents: Iterable<NeighbourDocument>): NeighbourDocument[] {
  const kept: NeighbourDocument[] = [];
  let room = MOST_CHARACTERS;
  for (const { path, text } of documents) {
    kept.push({ path, text: text.slice(0, room) });
    room -= kept.at(-1)!.text.length;
    if (kept.length === MOST_DOCUMENTS || room === 0) break;
  }
  return kept;
}
