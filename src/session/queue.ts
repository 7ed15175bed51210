// One queue of passes for everything that computes: the most urgent request gets the next pass, one pass at a time.
import type { CancelFlag } from '../shared/cancel.ts';
import type { RunPass } from '../shared/pass.ts';

/** The most urgent first. `completion`: somebody waits for ghost text. `answer`: somebody reads along. `background`: reading ahead, measuring, loading. */
export const PRIORITIES = ['completion', 'answer', 'background'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** Passes of the more urgent that go ahead of one that waits; then it gets one in between, but never before a request's first. */
export const PATIENCE = 8;

/** What ran between a request's arrival and its first pass: passes of others, the one that was under way included, and the milliseconds until then. */
export interface Waited {
  passes: number;
  ms: number;
}

/** A request's way to its passes; what it waited for is known when its first one begins. */
export type Line = RunPass & { readonly waited: Waited };

interface Waiting {
  /** By the request's priority, or the most urgent since somebody waits for it. */
  readonly rank: number;
  /** No pass of this request has run yet. */
  first: boolean;
  /** More urgent passes that began while it waited. */
  overtaken: number;
  cancel: CancelFlag;
  begin: () => Promise<void>;
}

export class PassQueue {
  private readonly waiting: Waiting[] = [];
  private busy = false;
  private running = false;
  /** Passes that began; those of cancelled requests compute nothing. */
  private begun = 0;

  /** The way for one request to run its passes. A request that is cancelled is let through at once, to find out and end; one that becomes urgent goes first. */
  request(priority: Priority, cancel: CancelFlag): Line {
    const rank = PRIORITIES.indexOf(priority);
    const arrived = { at: performance.now(), begun: this.begun - (this.running ? 1 : 0) };
    const waited: Waited = { passes: 0, ms: 0 };
    let first = true;
    const run: RunPass = (pass) =>
      new Promise((resolve, reject) => {
        const begin = async () => {
          if (first) Object.assign(waited, { passes: this.begun - arrived.begun, ms: performance.now() - arrived.at });
          first = false;
          this.running = !cancel.isSet;
          if (this.running) this.begun++;
          await pass().then(resolve, reject);
          this.running = false;
        };
        this.waiting.push({ get rank() { return cancel.isUrgent ? 0 : rank; }, first, overtaken: 0, cancel, begin });
        if (!this.busy) this.next();
      });
    return Object.assign(run, { waited });
  }

  /** Begins the pass whose turn it is. */
  private next(): void {
    const chosen = this.choose();
    this.busy = chosen !== undefined;
    if (!chosen) return;
    this.waiting.splice(this.waiting.indexOf(chosen), 1);
    for (const other of this.waiting) if (other.rank > chosen.rank) other.overtaken++;
    // A turn of the event loop between two passes: the request whose pass it was asks for its next one, and what arrived meanwhile is heard.
    void chosen.begin().then(() => setImmediate(() => this.next()));
  }

  private choose(): Waiting | undefined {
    const cancelled = this.waiting.find(({ cancel }) => cancel.isSet);
    if (cancelled) return cancelled;
    const [urgent] = this.waiting.toSorted((a, b) => a.rank - b.rank);
    if (!urgent) return undefined;
    const patient = this.waiting.find(({ rank, overtaken }) => rank > urgent.rank && overtaken >= PATIENCE);
    // Before the first pass of somebody more urgent nobody is let in, whoever else of his kind is next.
    const isFirst = patient && this.waiting.some(({ first, rank }) => first && rank < patient.rank);
    return patient && !isFirst ? patient : urgent;
  }
}
