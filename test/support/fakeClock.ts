// Time that moves only when a test says so.
import type { Clock } from '../../src/completion/source.ts';

interface Timer {
  at: number;
  order: number;
  then: () => void;
}

export class FakeClock implements Clock {
  private time = 1000;
  private order = 0;
  private timers: Timer[] = [];

  now(): number {
    return this.time;
  }

  wait(ms: number, then: () => void): () => void {
    const timer = { at: this.time + Math.max(0, ms), order: this.order++, then };
    this.timers.push(timer);
    return () => void (this.timers = this.timers.filter((other) => other !== timer));
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.timers.length;
  }

  /** Lets `ms` pass: timers fire in their order, and after each everything that waits for a promise goes on. */
  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    await settled();
    for (;;) {
      const next = this.timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (!next) break;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.time = Math.max(this.time, next.at);
      next.then();
      await settled();
    }
    this.time = end;
  }
}

/** Every promise that can go on has gone on. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
