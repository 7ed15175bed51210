// What was deleted from the document lately: much of it is written again, in another place or with another name in it. Guesses alone may come from here.
import { joined } from './continuations.ts';
import { TokenIndex } from './tokenIndex.ts';

/** Characters: less is a slip of the finger, more is another text. */
const LEAST = 8;
const MOST = 2000;
/** Characters before and after it that are remembered with it, so that its place is recognised. */
const CONTEXT = 40;
/** Deletions that are remembered, the last ones. */
const KEPT = 8;

export class Deletions {
  /** Of what was deleted, the last at the end. */
  readonly index = new TokenIndex();
  private document: { uri: string; text: string } | undefined;
  private deleted: (readonly number[])[] = [];

  constructor(private readonly encode: (text: string) => number[]) {}

  /** The text of a document as it is now. What stood between what stayed the same before and after it was deleted; another document forgets everything. */
  become(uri: string, text: string): void {
    if (this.document?.uri !== uri) this.forget();
    const old = this.document?.text ?? '';
    this.document = { uri, text };
    if (old === text) return;
    const shorter = Math.min(old.length, text.length);
    let before = 0;
    while (before < shorter && old.charCodeAt(before) === text.charCodeAt(before)) before++;
    let after = 0;
    while (after < shorter - before && old.charCodeAt(old.length - 1 - after) === text.charCodeAt(text.length - 1 - after)) after++;
    const count = old.length - after - before;
    if (count < LEAST) return;
    if (count > MOST) {
      this.deleted = [];
      return this.index.truncate(0);
    }
    this.deleted = [...this.deleted, this.encode(old.slice(Math.max(0, before - CONTEXT), old.length - after + CONTEXT))].slice(-KEPT);
    this.index.become(joined(this.deleted));
  }

  forget(): void {
    this.document = undefined;
    this.deleted = [];
    this.index.truncate(0);
  }
}
