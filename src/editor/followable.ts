// The runtime's state as a person can follow it: reading and writing come and go with every key, and are shown where they last.
import type { Clock } from '../completion/source.ts';
import type { RuntimeState } from './runtime.ts';

/** Milliseconds that a change among the states of a loaded model must have lasted. */
const LASTING_MS = 1000;
const LOADED: ReadonlySet<RuntimeState> = new Set(['ready', 'reading', 'writing']);

export class FollowableState {
  shown: RuntimeState;
  private unwait: () => void = () => {};
  /** What will be shown if it lasts. */
  private coming: RuntimeState;

  constructor(
    private readonly state: () => RuntimeState,
    private readonly clock: Pick<Clock, 'wait'>,
    private readonly changed: () => void,
  ) {
    this.shown = this.coming = state();
  }

  /** The state may be another one by now; `changed` is called when one that lasted is to be shown. */
  look(): void {
    const state = this.state();
    if (LOADED.has(state) && LOADED.has(this.shown)) {
      if (state === this.coming) return;
      this.unwait();
      this.coming = state;
      if (state !== this.shown) this.unwait = this.clock.wait(LASTING_MS, () => this.show(state));
      return;
    }
    this.unwait();
    this.shown = this.coming = state;
  }

  dispose(): void {
    this.unwait();
  }

  private show(state: RuntimeState): void {
    this.shown = state;
    this.changed();
  }
}
