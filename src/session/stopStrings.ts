// Ends a stream of text at the first of some strings, and never shows the beginning of one.

export interface StopResult {
  /** Text that is certain now. */
  text: string;
  /** A stop string was found; what follows is ignored. */
  stopped: boolean;
}

export class StopStrings {
  private readonly stops: readonly string[];
  private held = '';
  private stopped = false;

  /** Empty strings are ignored. Of several stop strings the one that begins first counts, however the text is cut into pieces. */
  constructor(stops: readonly string[]) {
    this.stops = stops.filter((stop) => stop !== '');
  }

  push(text: string): StopResult {
    if (this.stopped) return { text: '', stopped: true };
    this.held += text;
    const found = firstOf(this.held, this.stops);
    const begun = this.firstBegun();
    // A string that is found whole must wait while one that begins before it may still come.
    if (found >= 0 && (begun < 0 || found <= begun)) return this.stop(found);
    return { text: this.take(begun < 0 ? this.held.length : begun), stopped: false };
  }

  /** No more text comes: the text that was held back. */
  end(): StopResult {
    if (this.stopped) return { text: '', stopped: true };
    const found = firstOf(this.held, this.stops);
    return found >= 0 ? this.stop(found) : { text: this.take(this.held.length), stopped: false };
  }

  private stop(at: number): StopResult {
    const text = this.take(at);
    this.held = '';
    this.stopped = true;
    return { text, stopped: true };
  }

  private take(length: number): string {
    const text = this.held.slice(0, length);
    this.held = this.held.slice(length);
    return text;
  }

  /** Where a stop string begins that the text does not yet hold whole, -1 if nowhere. */
  private firstBegun(): number {
    const longest = this.stops.reduce((max, stop) => Math.max(max, stop.length), 0);
    const from = Math.max(0, this.held.length - longest + 1);
    for (let at = from; at < this.held.length; at++) {
      const tail = this.held.slice(at);
      if (this.stops.some((stop) => stop.length > tail.length && stop.startsWith(tail))) return at;
    }
    return -1;
  }
}

function firstOf(text: string, stops: readonly string[]): number {
  return stops.reduce((first, stop) => {
    const at = text.indexOf(stop);
    return at >= 0 && (first < 0 || at < first) ? at : first;
  }, -1);
}
