// Looks at what the runtime does while it works and the panel is in sight: four times a second at most, once more when the work is over, and never else.
import type { Clock } from '../../completion/source.ts';

/** Milliseconds from the end of one look to the next. */
export const LOOK_MS = 250;

export interface LookingNeeds {
  clock: Clock;
  /** Somebody sees it. */
  inSight: () => boolean;
  /** Something is read or written. */
  works: () => boolean;
  look: () => Promise<void>;
  /** The work is over. */
  rested: () => void;
}

export class Looking {
  private isWaiting = false;
  private endWait: (() => void) | undefined;
  /** The last look was at work. */
  private worked = false;

  constructor(private readonly needs: LookingNeeds) {}

  /** Something may have changed. */
  wake(): void {
    if (!this.isWaiting && this.needs.inSight() && (this.worked || this.needs.works())) void this.round();
  }

  dispose(): void {
    this.endWait?.();
  }

  private async round(): Promise<void> {
    const { clock, works, look, rested } = this.needs;
    this.isWaiting = true;
    const isLast = !works();
    await look().catch(() => {});
    if (isLast && this.worked) rested();
    this.worked = !isLast;
    this.endWait = clock.wait(LOOK_MS, () => {
      this.isWaiting = false;
      this.wake();
    });
  }
}
