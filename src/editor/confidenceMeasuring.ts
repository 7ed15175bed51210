// What a model's confidence is worth, where it was never measured: asked of the worker in a pause, and ended by the next request.
import type { LogOutputChannel } from 'vscode';
import type { ConfidenceCurve } from '../session/protocol.ts';
import { CancelFlag } from '../shared/cancel.ts';
import { asDeltaError } from '../shared/errors.ts';

/** Of the shipped sample code. */
const TOKENS = 2048;
/** Quiet before the measurement: it would only be cancelled by the next key. */
const PAUSE_MS = 3000;

export interface MeasuringNeeds {
  /** Asks the worker; null when there is none, or when the model is another one by the time of the answer. */
  measure(tokens: number, cancel: CancelFlag): Promise<ConfidenceCurve | null>;
  /** A request ended it. */
  interrupted(): void;
  log: LogOutputChannel;
}

export class ConfidenceMeasuring {
  private timer: NodeJS.Timeout | undefined;
  private running: CancelFlag | undefined;
  private isImpossible = false;

  constructor(private readonly needs: MeasuringNeeds) {}

  /** Another model is loaded: what could not be measured before may be now. */
  begin(): void {
    this.isImpossible = false;
  }

  /** Nobody asks for anything, and the model was never measured. */
  soon(): void {
    if (!this.isImpossible) this.timer = setTimeout(() => void this.run(), PAUSE_MS).unref();
  }

  hold(): void {
    clearTimeout(this.timer);
    this.running?.set();
  }

  private async run(): Promise<void> {
    if (this.running) return;
    const flag = (this.running = new CancelFlag());
    try {
      const curve = await this.needs.measure(TOKENS, flag);
      if (curve) this.needs.log.info(`Measured the model's confidence at ${curve.samples} places of the sample code.`);
    } catch (thrown) {
      const error = asDeltaError(thrown);
      if (error.code === 'cancelled') return;
      this.isImpossible = true;
      this.needs.log.warn(`The model's confidence could not be measured: ${error.message}`);
    } finally {
      this.running = undefined;
      if (flag.isSet) this.needs.interrupted();
    }
  }
}
