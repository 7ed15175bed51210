// What was deleted from the document lately: much of it is written again, in another place or with another name in it. Guesses alone may come from here.
import { joined } from './continuations.ts';
import { TokenIndex } from './tokenIndex.ts';

/** Tokens: less is a slip of the finger, or how the text at the cursor was cut; more is another text. */
const LEAST = 3;
const MOST = 512;
/** Tokens before and after it that are remembered with it, so that its place is recognised. */
const CONTEXT = 8;
/** Deletions that are remembered, the last ones. */
const KEPT = 8;

export class Deletions {
  /** Of what was deleted, the last at the end. */
  readonly index = new TokenIndex();
  private path = '';
  private document: readonly number[] = [];
  private deleted: (readonly number[])[] = [];

  /** The tokens of the document at `path` as they are now. What stood between what stayed the same before and after it was deleted; another document forgets everything. */
  become(path: string, document: readonly number[]): void {
    const old = path === this.path ? this.document : [];
    if (path !== this.path) this.forget();
    this.path = path;
    this.document = document;
    const shorter = Math.min(old.length, document.length);
    let before = 0;
    while (before < shorter && old[before] === document[before]) before++;
    let after = 0;
    while (after < shorter - before && old[old.length - 1 - after] === document[document.length - 1 - after]) after++;
    const count = old.length - after - before;
    if (count < LEAST) return;
    // So much is another text in the same place.
    if (count > MOST) return this.forget();
    this.deleted = [...this.deleted, old.slice(Math.max(0, before - CONTEXT), old.length - after + CONTEXT)].slice(-KEPT);
    this.index.become(joined(this.deleted));
  }

  private forget(): void {
    this.deleted = [];
    this.index.truncate(0);
  }
}
