// Work on the page, once a frame: what is asked for between two frames is done together in the next, and no frame does more than its share.

/** Milliseconds of a frame that the view takes, for writing text and for laying out what it wrote; what is left waits for the next one. */
const SHARE = 12;
/** Of them for text, however long the rest took: it must come to its end. */
const LEAST = 2;
/** Steps of a frame, at most, however fast they are. */
const STEPS = 6;

export class Frames {
  readonly #first: () => void;
  readonly #last: () => void;
  /** Each does one bounded step and says whether more is left. */
  readonly #steps = new Set<() => boolean>();
  #pending = false;
  /** What the frame before took besides writing text. */
  #besides = 0;

  /** `first` shows what the store holds, `last` comes after the texts: where the page is scrolled to. */
  constructor(first: () => void, last: () => void) {
    this.#first = first;
    this.#last = last;
  }

  /** Shows what the store holds at once: what the keyboard goes into must be there. */
  show(): void {
    this.#first();
  }

  request(): void {
    if (this.#pending) return;
    this.#pending = true;
    requestAnimationFrame(() => {
      this.#pending = false;
      const begun = performance.now();
      this.#first();
      const shown = performance.now();
      this.#work(shown + Math.max(LEAST, SHARE - this.#besides));
      const written = performance.now();
      this.#last();
      this.#besides = shown - begun + performance.now() - written;
    });
  }

  /** The step is taken in the coming frames until it says that nothing is left. What was asked for last comes first: it is what the user sees. */
  take(step: () => boolean): void {
    this.#steps.delete(step);
    this.#steps.add(step);
    this.request();
  }

  drop(step: () => boolean): void {
    this.#steps.delete(step);
  }

  #work(until: number): void {
    let taken = 0;
    const goesOn = () => taken < STEPS && performance.now() < until;
    for (const step of [...this.#steps].reverse()) {
      let more = true;
      for (; more && goesOn(); taken++) more = step();
      if (!more) this.#steps.delete(step);
      if (!goesOn()) break;
    }
    if (this.#steps.size > 0) this.request();
  }
}
