// Three words of shared memory, for messages are not read during a run. The first says "stop": it is read between segments and between tiles of attention. The second
// says that somebody waits for what was begun for nobody: from the next pass on it is as urgent as anything. The third counts how often the worker looked at the
// first: on a machine whose processor others use it may take long to its next message, but it lives.
const [STOP, URGENT, LOOKS] = [0, 1, 2];

export class CancelFlag {
  private readonly listeners = new Set<() => void>();

  /** `isWorkers`: whoever looks works for it, and his looks are counted. */
  constructor(readonly word: Int32Array = new Int32Array(new SharedArrayBuffer(12)), private readonly isWorkers = false) {}

  get isSet(): boolean {
    if (this.isWorkers) Atomics.add(this.word, LOOKS, 1);
    return Atomics.load(this.word, STOP) !== 0;
  }

  /** How often the worker has looked. */
  get looks(): number {
    return Atomics.load(this.word, LOOKS);
  }

  set(): void {
    const before = Atomics.exchange(this.word, STOP, 1);
    if (before === 0) for (const listener of this.listeners) listener();
    this.listeners.clear();
  }

  get isUrgent(): boolean {
    return Atomics.load(this.word, URGENT) !== 0;
  }

  /** Somebody waits for it from now on. */
  urge(): void {
    Atomics.store(this.word, URGENT, 1);
  }

  /** `listener` is called when this thread sets it, at once where it is set already; what comes back takes that back. */
  onSet(listener: () => void): () => void {
    if (this.isSet) listener();
    else this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}
