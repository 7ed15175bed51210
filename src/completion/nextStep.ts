// While a text is shown, the one that would follow it is written ahead, so that it is there at once when the first is taken (and Enter pressed, where a
// statement ends). One step, and no further; the
// first key that disagrees ends it. It changes no text: it is written as a cold request at that place would be, and found there like anything asked before.
import type { CompletionRequest } from './request.ts';
import type { Snapshot } from '../prompt/snapshot.ts';
import { Generation } from './generation.ts';
import type { Clock } from './source.ts';
import type { Change } from './typedRun.ts';
import { pointless } from './worth.ts';

/** Milliseconds that a text must have been shown: whoever types on has another one soon. */
const SHOWN_MS = 250;

export class NextStep {
  /** What is being written ahead, until its promise is settled, also when it is cancelled. */
  running: Generation | null = null;
  private unwait: () => void = () => {};

  /** @param start begins to write at a place, and tells when it is over */
  constructor(
    private readonly clock: Clock,
    private readonly start: (generation: Generation) => Promise<void>,
    private readonly id: () => number,
  ) {}

  /** The rest of a text is shown, whole. `isKnown`: what follows a place is remembered. */
  shown(request: CompletionRequest, text: string, isKnown: (snapshot: Snapshot) => boolean): void {
    this.unwait();
    // Where an item of the list is selected, the document is not what the snapshot says.
    if (request.cursor !== undefined) return;
    const snapshot = nextPlace(request.snapshot, text);
    if (!snapshot) return;
    if (this.running && !this.running.cancel.isSet && isSame(this.running.snapshot, snapshot)) return;
    this.running?.cancel.set();
    this.unwait = this.clock.wait(SHOWN_MS, () => {
      if (this.running || isKnown(snapshot)) return;
      const generation = new Generation(this.id(), { ...request, snapshot, manual: false, existing: undefined });
      this.running = generation;
      void this.start(generation).finally(() => {
        if (this.running === generation) this.running = null;
      });
    });
  }

  /** A document changed. What is written for a text that is now another one ends. */
  edited(document: string, { offset, removed, inserted }: Change): void {
    this.unwait();
    const { running } = this;
    if (running?.document !== document) return;
    const { before } = running.snapshot;
    const end = offset + inserted.length;
    // The document before the change is a beginning of `before`, up to the cursor.
    const agrees = inserted.length >= removed && end <= before.length && before.startsWith(inserted, offset);
    if (!agrees) running.cancel.set();
  }

  /** What is written ahead, if it is for this very place and has begun: it is the request's from now on. */
  take(request: CompletionRequest): Generation | null {
    const { running } = this;
    if (!running || running.cancel.isSet || !running.hasBegun || running.document !== request.document || !isSame(running.snapshot, request.snapshot)) return null;
    this.running = null;
    return running;
  }

  /** Nobody needs it any more. */
  drop(): void {
    this.unwait();
    this.running?.cancel.set();
  }
}

/** The document once a text was taken at its cursor, and Enter was pressed where that ends a statement; undefined where nobody would ask there. */
function nextPlace(snapshot: Snapshot, text: string): Snapshot | undefined {
  const { before, after } = snapshot;
  const lineEnd = before.includes('\r\n') || after.includes('\r\n') ? '\r\n' : '\n';
  const taken = { ...snapshot, before: before + text.replaceAll('\n', lineEnd) };
  const reason = pointless(taken);
  if (reason === null) return taken;
  if (reason !== 'afterStatement') return undefined;
  const line = taken.before.slice(taken.before.lastIndexOf('\n') + 1);
  const entered = { ...taken, before: taken.before + lineEnd + /^[ \t]*/.exec(line)![0] };
  return pointless(entered) === null ? entered : undefined;
}

const isSame = (a: Snapshot, b: Snapshot): boolean => a.languageId === b.languageId && a.path === b.path && a.after === b.after && a.before === b.before;
