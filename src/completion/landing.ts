// The cursor comes to rest somewhere: what a request there would read is read ahead, while nobody waits for anything, until somebody types or asks.
import type { GenerateOptions } from '../session/protocol.ts';
import { CancelFlag } from '../shared/cancel.ts';
import type { Clock } from './source.ts';

/** Milliseconds: whoever walks through a file rests less. */
const REST_MS = 300;
/** Beside the completions, which never wait for it. */
const CONVERSATION = 'landing';

/** Runs a request of which nobody hears; whatever becomes of it. */
export type ReadAhead = (options: GenerateOptions, cancel: CancelFlag) => Promise<unknown>;

export class Landing {
  private unwait: () => void = () => {};
  private cancel = new CancelFlag();

  constructor(
    private readonly clock: Clock,
    private readonly read: ReadAhead,
  ) {}

  /** The cursor moved. `request` is asked once it rests, for what would be read there; null: nothing. */
  at(request: () => Pick<GenerateOptions, 'prompt' | 'neighbours'> | null): void {
    this.leave();
    this.unwait = this.clock.wait(REST_MS, () => {
      const asked = request();
      if (!asked) return;
      this.cancel = new CancelFlag();
      void this.read({ ...asked, max: 0, sampling: {}, conversation: CONVERSATION, priority: 'background' }, this.cancel);
    });
  }

  /** Somebody types or asks, or is gone: what is read is over within a pass, and what was read stays known. */
  leave(): void {
    this.unwait();
    this.cancel.set();
  }
}
