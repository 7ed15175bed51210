// When what was read is written to the disk: once nobody has typed, moved or asked for some seconds, and never longer than until somebody does.
import { CancelFlag } from '../shared/cancel.ts';
import type { Clock } from './source.ts';

/** Milliseconds: nobody waits for it, and whoever thinks for a moment types on. */
const QUIET_MS = 4000;

export class Keeping {
  private unwait: () => void = () => {};
  private cancel = new CancelFlag();

  /** @param keep writes until it is cancelled; whatever becomes of it */
  constructor(
    private readonly clock: Clock,
    private readonly keep: (cancel: CancelFlag) => Promise<unknown>,
  ) {}

  /** Somebody typed, moved or asked. */
  touched(): void {
    this.stop();
    this.unwait = this.clock.wait(QUIET_MS, () => {
      this.cancel = new CancelFlag();
      void this.keep(this.cancel);
    });
  }

  /** What is written is over behind the block under way. */
  stop(): void {
    this.unwait();
    this.cancel.set();
  }
}
