// What memory gives at most: a plain read of as many bytes as the weights take, for what is bound by it.
import { Worker } from 'node:worker_threads';

/** So many threads, each looking through its part of the memory for a byte that is not there. */
export class PlainRead {
  private readonly signal = new Int32Array(new SharedArrayBuffer(8)); // round, parts done
  private readonly workers: Worker[];

  constructor(bytes: number, private readonly threads: number) {
    const memory = new SharedArrayBuffer(bytes);
    const source = `
      const { memory, signal, part, parts } = require('node:worker_threads').workerData;
      const size = Math.floor(memory.byteLength / parts);
      const mine = Buffer.from(memory, part * size, size).fill(1);
      Atomics.add(signal, 1, 1);
      for (let round = 0; ; round++) {
        Atomics.wait(signal, 0, round);
        mine.indexOf(2);
        Atomics.add(signal, 1, 1);
        Atomics.notify(signal, 1);
      }`;
    this.workers = Array.from({ length: threads }, (_, part) => new Worker(source, { eval: true, workerData: { memory, signal: this.signal, part, parts: threads } }));
  }

  async ready(): Promise<void> {
    while (Atomics.load(this.signal, 1) < this.threads) await new Promise((done) => setTimeout(done, 5));
    Atomics.store(this.signal, 1, 0);
  }

  run(): void {
    Atomics.store(this.signal, 1, 0);
    Atomics.add(this.signal, 0, 1);
    Atomics.notify(this.signal, 0);
    for (let done = 0; done < this.threads; done = Atomics.load(this.signal, 1)) Atomics.wait(this.signal, 1, done);
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}
