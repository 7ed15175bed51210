// A source that writes what a test says, piece by piece, and ends a text by the same rules as the runtime. It refuses a second generation while one is alive.
import type { Snapshot } from '../../src/prompt/snapshot.ts';
import type { Clock, Speed, TextSource } from '../../src/completion/source.ts';
import type { ConfidenceCurve, Event, GenerateOptions, GenerateResult } from '../../src/session/protocol.ts';
import type { Score } from '../../src/session/firstLine.ts';
import { completionText } from '../../src/session/textEnd.ts';
import type { CancelFlag } from '../../src/shared/cancel.ts';
import type { DeltaError } from '../../src/shared/errors.ts';

export interface Script {
  /** One a step. */
  pieces: readonly string[];
  /** Milliseconds before the first piece, in steps of `step`. */
  prefill?: number;
  step?: number;
  /** Log-probability of every piece, or of each (the last holds on). */
  confidence?: number | readonly number[];
  /** Instead of an end. */
  fail?: DeltaError;
}

/** What one call came to. */
export interface Call {
  readonly options: GenerateOptions;
  readonly snapshot: Snapshot;
  readonly cancel: CancelFlag;
  /** Heard so far, as the model wrote it. */
  raw: string;
  result: GenerateResult | null;
  isOver: boolean;
}

export const SURE = -0.01;
export const UNSURE = -30;

export class FakeSource implements TextSource {
  speed: Speed | undefined = { prefill: 1000, decode: 50 };
  confidence: ConfidenceCurve | null = { samples: 100, points: [{ threshold: -0.1, coverage: 0.2, precision: 0.9 }, { threshold: -0.5, coverage: 0.5, precision: 0.6 }, { threshold: -2, coverage: 0.9, precision: 0.3 }] };
  readonly calls: Call[] = [];
  /** After every piece was heard. */
  onStep: (call: Call) => void = () => {};

  constructor(
    private readonly clock: Clock,
    public script: (snapshot: Snapshot) => Script,
  ) {}

  get alive(): Call | undefined {
    return this.calls.find(({ isOver }) => !isOver);
  }

  get last(): Call {
    return this.calls[this.calls.length - 1];
  }

  async generate(options: GenerateOptions, hear: (event: Event) => void, cancel: CancelFlag): Promise<GenerateResult> {
    if (this.alive) throw new Error('two generations alive');
    if (!('snapshot' in options.prompt)) throw new Error('no snapshot');
    const { snapshot } = options.prompt;
    const { pieces, prefill = 40, step = 20, confidence = SURE, fail } = this.script(snapshot);
    const sure = [confidence].flat();
    const call: Call = { options, snapshot, cancel, raw: '', result: null, isOver: false };
    this.calls.push(call);
    const end = completionText(snapshot);
    const wait = (ms: number) => new Promise<void>((resolve) => void this.clock.wait(ms, resolve));
    for (let left = prefill; left > 0 && !cancel.isSet; left -= step) await wait(Math.min(step, left));
    let generated = 0;
    const scores: Score[] = [];
    for (const piece of pieces.slice(0, options.max)) {
      if (cancel.isSet) break;
      generated++;
      call.raw += piece;
      const text = end.push(piece);
      const score = { text: piece.replaceAll('\r', ''), sum: sure[Math.min(generated, sure.length) - 1], count: 1 };
      scores.push(score);
      hear({ id: 1, event: 'text', text, scores: [score] });
      this.onStep(call);
      if (end.done) break;
      await wait(step);
    }
    call.isOver = true;
    if (fail && !cancel.isSet) throw fail;
    const isCutOff = generated === options.max && !end.done;
    end.finish(isCutOff);
    call.result = {
      text: end.result(call.raw), reason: cancel.isSet ? 'cancelled' : end.done ? 'stop' : isCutOff ? 'length' : 'end', rule: null,
      tokens: { prompt: 100, reused: 60, computed: 40 + generated, generated }, ms: { prefill, decode: generated * step, queued: 0 }, stages: { tokenize: 1, queue: 0, attention: 20, products: 60, head: 10, sampling: 5 },
      lookup: { passes: 0, drafted: 0, accepted: 0 }, locality: false, sparsity: { key: 0, attention: 0 }, approximate: false, reuse: { strict: 0, approximate: 0, moved: 0 }, meanLogProbability: sure[0], firstLineLogProbability: generated > 0 ? sure[0] : 0, scores,
      prompt: { text: `${snapshot.before.slice(-80)}<cursor>${snapshot.after.slice(0, 80)}`, spans: [], neighbours: [] },
    };
    return call.result;
  }
}
