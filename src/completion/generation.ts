// One running generation: the text so far, what the user typed meanwhile, and the requests that it will answer.
import type { Snapshot } from '../prompt/snapshot.ts';
import type { Score } from '../session/firstLine.ts';
import { CancelFlag } from '../shared/cancel.ts';
import { cursorsIn } from './closing.ts';
import { insertionBetween, type Insertion } from './insertion.ts';
import type { CompletionRequest, RequestRecord } from './request.ts';
import type { Change } from './typedRun.ts';
import { agreement, type Agreement } from './typedThrough.ts';
import type { Waiting } from './waiting.ts';
import { wholeLines } from './wholeLines.ts';
import { leftOf, type Written } from './written.ts';

export class Generation {
  readonly cancel = new CancelFlag();
  /** The requests that it will answer, oldest first, with what was inserted between its own and theirs. */
  readonly waiting = new Map<Waiting, Insertion>();
  /** Of the requests that it answered before its end. */
  readonly records: RequestRecord[] = [];
  readonly scores: Score[] = [];
  private raw = '';
  private shownable = { of: 0, text: '' };
  /** What was inserted into the document where its request had the cursor. */
  private middle = '';
  /** Where in that the cursor may stand by now. */
  private cursors = [0];
  /** What its snapshot has there already though the document has not. */
  private readonly ahead: string;
  private readonly cursor: number;

  constructor(
    readonly id: number,
    readonly request: CompletionRequest,
  ) {
    const { before } = request.snapshot;
    this.cursor = Math.min(request.cursor ?? before.length, before.length);
    this.ahead = before.slice(this.cursor);
  }

  get document(): string {
    return this.request.document;
  }

  get snapshot(): Snapshot {
    return this.request.snapshot;
  }

  /** As it was written, whole lines or not. */
  get soFar(): string {
    return this.raw;
  }

  /** Whether anything of it was written yet. */
  get hasBegun(): boolean {
    return this.raw !== '';
  }

  get newest(): Waiting | undefined {
    return [...this.waiting.keys()].at(-1);
  }

  hear(piece: string, scores: readonly Score[]): void {
    this.raw += piece.replaceAll('\r', '');
    this.scores.push(...scores);
  }

  /** Takes note of a change of its document; false when it leads elsewhere. */
  edited({ offset, removed, inserted }: Change): boolean {
    const at = offset - this.cursor;
    if (at < 0 || at + removed > this.middle.length) return false;
    const [before, after] = [this.middle.slice(0, at), this.middle.slice(at + removed)];
    this.middle = before + inserted + after;
    this.cursors = cursorsIn(inserted, before, (after || this.snapshot.after)[0], this.snapshot.languageId).map((cursor) => at + cursor);
    return !this.contradicted;
  }

  /** Whether the document went elsewhere than the text. */
  get contradicted(): boolean {
    const text = this.ahead + this.raw;
    return this.insertions.every((inserted) => agreement(text, false, inserted, this.snapshot.languageId) === 'no');
  }

  /** What is left of its whole text in the document as it is now; null when it does not go with it. */
  leftNow(written: Written): Written | null {
    const whole = { ...written, text: this.ahead + written.text, scores: [{ text: this.ahead, sum: 0, count: 0 }, ...written.scores] };
    for (const inserted of this.insertions) {
      const left = leftOf(whole, true, inserted, this.snapshot.languageId);
      if (typeof left === 'object') return left;
    }
    return null;
  }

  /** What was inserted into the document since its request, for each place where the cursor may stand. */
  private get insertions(): Insertion[] {
    return this.cursors.map((cursor) => ({ left: this.middle.slice(0, cursor), right: this.middle.slice(cursor), deleted: '' }));
  }

  /** What was inserted between its request and `request`, where that goes with the text so far. */
  inserted(request: CompletionRequest): Insertion | null {
    if (request.document !== this.document) return null;
    const inserted = insertionBetween(this.snapshot, request.snapshot, this.cursor);
    return inserted && this.agreement(inserted) !== 'no' ? inserted : null;
  }

  agreement(inserted: Insertion): Agreement {
    return agreement(this.raw, false, inserted, this.snapshot.languageId);
  }

  /** The lines that can be shown before it ends. */
  get early(): string {
    if (this.shownable.of !== this.raw.length) this.shownable = { of: this.raw.length, text: wholeLines(this.raw, this.snapshot) };
    return this.shownable.text;
  }
}
