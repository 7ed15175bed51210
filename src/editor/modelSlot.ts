// The model of one role as the editor's runtime knows it: what it was loaded from, how far it is, what went wrong with it, how fast it is.
import { CancelFlag } from '../shared/cancel.ts';
import type { DeltaError } from '../shared/errors.ts';
import type { LoadedModel, Role } from '../session/protocol.ts';
import type { Trial } from './crashMarker.ts';
import { SpeedMeter } from './speed.ts';

/** Tokens written until a model with its kernels counts as proven in this session. */
const PROVING_TOKENS = 64;

export type SlotState = 'off' | 'loading' | 'ready' | 'reading' | 'writing' | 'failed';

export class ModelSlot {
  state: SlotState = 'off';
  model: LoadedModel | null = null;
  /** 0…1 while loading. */
  progress = 0;
  /** Why it is not tried again until the user or another setting says so. */
  error: DeltaError | null = null;
  /** Why the chosen model is not used, by the plan that names it: the embedded one stands in. */
  standIn: { for: string; error: DeltaError } | null = null;
  /** The load that the next request waits for, and the plan that it was made from. */
  loading: Promise<void> | undefined;
  loadedFrom = '';
  /** Ends the load under way. */
  ending = new CancelFlag();
  trial: Trial = { model: '', kernels: 'auto' };
  /** Tokens that are still to be written under the crash marker. */
  unproven = PROVING_TOKENS;
  /** Requests that wait for it or run on it. */
  active = 0;
  readonly meter = new SpeedMeter();

  constructor(readonly role: Role) {}

  /** The embedded model is used, or will be, in the place of the chosen one. */
  get standsIn(): boolean {
    return this.standIn?.for === this.loadedFrom;
  }

  /** Why it does. */
  get refused(): DeltaError | null {
    return this.standIn && this.standsIn ? this.standIn.error : null;
  }

  /** A load begins. */
  begin(trial: Trial): void {
    this.trial = trial;
    this.model = null;
    this.progress = 0;
    this.unproven = PROVING_TOKENS;
    this.meter.clear();
    this.ending = new CancelFlag();
  }

  /** It is not loaded any more, nor is it being loaded. */
  clear(): void {
    this.ending.set();
    this.model = null;
    this.loading = undefined;
  }

  get isLoaded(): boolean {
    return this.model !== null;
  }
}
