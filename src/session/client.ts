// The thin client of the worker: sends calls, hears events, and ends the worker without ever tearing it out of a native call.
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { CancelFlag } from '../shared/cancel.ts';
import { DeltaError, type ErrorCode } from '../shared/errors.ts';
import { leaveDeletedFolder } from '../shared/workingFolder.ts';
import type { CallName, Calls, Event, Reply, Request, WorkerData } from './protocol.ts';

/** The worker holds no model in its heap: what grows beyond this is a mistake. */
const MAX_OLD_GENERATION_MB = 512;

/**
 * A worker that gives no sign for so long after a cancel is given up: in times that it was watched, so that the sleep of a whole machine counts as one of them.
 * Between two signs is a segment of one layer, which with a large model takes seconds while a compiler has the processor.
 */
const TIMES = 15;
const WATCH_MS = 2000;

interface Pending {
  resolve: (result: never) => void;
  reject: (error: DeltaError) => void;
  hear: (event: Event) => void;
  cancel: CancelFlag;
  /** Ends the watch over its cancellation. */
  endWatch: () => void;
}

export class RuntimeClient {
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  private closing: Promise<void> | undefined;
  /** Why the worker is no more. */
  private died: string | undefined;
  private readonly ended: Promise<unknown>;
  /** Messages of the worker so far. */
  private heard = 0;
  /** It does not answer, and nothing more is expected of it. */
  private hangs = false;
  private letGo: () => void = () => {};
  private readonly givenUp = new Promise<void>((resolve) => (this.letGo = resolve));

  private constructor(private readonly worker: Worker, private readonly notice: (text: string) => void) {
    worker.on('message', (reply: Reply) => this.receive(reply));
    worker.on('error', (error) => this.failAll(error.message.split('\nRequire stack:')[0]));
    // `on`, not `once(…)`: an error before the end would reject that.
    this.ended = new Promise((resolve) => worker.on('exit', resolve));
    worker.on('exit', () => this.failAll('it has ended'));
  }

  /** Starts the worker from `dist` of the package; `notice` hears what belongs to no call. ORT_DISABLE_TELEMETRY must be in the real environment before: a worker gets a copy. */
  static start(dist: string, workerData: WorkerData = {}, notice: (text: string) => void = () => {}): RuntimeClient {
    process.env.ORT_DISABLE_TELEMETRY = '1';
    leaveDeletedFolder(dist);
    return new RuntimeClient(new Worker(join(dist, 'worker.js'), { name: 'deltallm', workerData, resourceLimits: { maxOldGenerationSizeMb: MAX_OLD_GENERATION_MB } }), notice);
  }

  /** Makes a call; `cancel` may be set at any time from then on. */
  call<N extends CallName>(name: N, options: Calls[N]['options'], hear: (event: Event) => void = () => {}, cancel = new CancelFlag()): Promise<Calls[N]['result']> {
    if (this.closing || this.died !== undefined) return Promise.reject(new DeltaError('workerDied', this.died ?? 'it is closing'));
    if (this.hangs) return Promise.reject(new DeltaError('workerHangs'));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve: resolve as (result: never) => void, reject, hear, cancel, endWatch: cancel.onSet(() => this.watch(id)) });
      this.worker.postMessage({ id, call: name, options, cancel: cancel.word } as Request);
    });
  }

  /** A call was cancelled: the worker has to show from now on that it lives, be it by another call. */
  private watch(id: number): void {
    let [signs, times] = [this.signs, 0];
    const timer = setInterval(() => {
      if (!this.pending.has(id)) return clearInterval(timer);
      const now = this.signs;
      if (signs !== now) [signs, times] = [now, 0];
      else if (++times === TIMES) {
        clearInterval(timer);
        this.giveUp();
      }
    }, WATCH_MS).unref();
  }

  /** Another number where the worker has said something, or looked whether a call is still wanted. */
  private get signs(): number {
    return [...this.pending.values()].reduce((sum, { cancel }) => sum + cancel.looks, this.heard);
  }

  /** A thread is never torn out of a native call: what hangs stays until the process ends. */
  private giveUp(): void {
    this.hangs = true;
    for (const call of this.pending.values()) call.reject(new DeltaError('workerHangs'));
    this.pending.clear();
    this.worker.unref();
    this.letGo();
  }

  /** Cancels what runs, waits for the step under way, and lets the worker end by itself. */
  close(): Promise<void> {
    this.closing ??= (async () => {
      for (const { cancel } of this.pending.values()) cancel.set();
      this.worker.postMessage({ call: 'close' } satisfies Request);
      await Promise.race([this.ended, this.givenUp]);
    })();
    return this.closing;
  }

  private receive(reply: Reply): void {
    this.heard++;
    if (reply.id === 0 && reply.event === 'notice') return this.notice(reply.text);
    const call = this.pending.get(reply.id);
    if (!call) return;
    if (reply.event === 'done' || reply.event === 'failed') call.endWatch();
    if (reply.event === 'done') {
      this.pending.delete(reply.id);
      call.resolve(reply.result as never);
    } else if (reply.event === 'failed') {
      this.pending.delete(reply.id);
      call.reject(new DeltaError(reply.code as ErrorCode, ...(reply.args as never)));
    } else {
      call.hear(reply);
    }
  }

  private failAll(reason: string): void {
    this.died ??= reason;
    for (const call of this.pending.values()) call.reject(new DeltaError('workerDied', reason));
    this.pending.clear();
  }
}
