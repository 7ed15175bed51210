// The user's typing rhythm → the pause before a generation is begun.
import type { Speed } from './source.ts';

/** Milliseconds. Nobody feels less, and VS Code waits about as long before it asks at all. */
const SHORTEST = 30;
/** Milliseconds. Whoever stops this long waits for something. */
const LONGEST = 300;
/** Milliseconds. Slower typists look between two keys: there is no burst to wait out. */
const LONGEST_GAP = 200;
/** Milliseconds between two keys of a burst at most; what is longer was a pause to think and says nothing about the next key. */
const BURST = 1000;
/** Milliseconds. One key can be several changes (a bracket and the one that closes it). */
const SAME_KEY = 5;
/** Gaps remembered: a few words. */
const GAPS = 16;
/** Of all gaps, the share that the pause outlasts: the next key of a burst comes within it four times of five. */
const QUANTILE = 0.8;
/** Milliseconds, before there is any rhythm. */
const UNKNOWN = 100;
/** Behind a real pause the next text is awaited, and the key may well be the only one. */
const AFTER_PAUSE = 0.5;

export class Rhythm {
  private last = -Infinity;
  private gap = Infinity;
  private readonly gaps: number[] = [];

  /** Any change of a document, at `now` in milliseconds of a clock that never goes back. */
  key(now: number): void {
    const gap = now - this.last;
    if (gap < SAME_KEY) return;
    this.last = now;
    this.gap = gap;
    if (gap > BURST) return;
    this.gaps.push(gap);
    if (this.gaps.length > GAPS) this.gaps.shift();
  }

  /**
   * Milliseconds. A generation that is begun too early is cancelled by the next key, and that costs up to one step: a slow machine waits that much
   * longer. One that is begun too late costs the user the same time at every place, so the pause is never longer than it takes to see a burst's end.
   */
  pause(speed: Speed | undefined): number {
    const typical = Math.min(this.typicalGap(), LONGEST_GAP) * (this.gap > BURST ? AFTER_PAUSE : 1);
    const step = speed && speed.decode > 0 ? 1000 / speed.decode : 0;
    return Math.round(Math.min(LONGEST, Math.max(SHORTEST, typical + step)));
  }

  private typicalGap(): number {
    if (this.gaps.length === 0) return UNKNOWN;
    const sorted = [...this.gaps].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(QUANTILE * sorted.length))];
  }
}
