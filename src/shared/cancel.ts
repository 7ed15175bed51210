// One word of shared memory that says "stop": read between segments and between tiles of attention, for messages are not read during a run.

export class CancelFlag {
  private readonly listeners = new Set<() => void>();

  constructor(readonly word: Int32Array = new Int32Array(new SharedArrayBuffer(4))) {}

  get isSet(): boolean {
    return Atomics.load(this.word, 0) !== 0;
  }

  set(): void {
    const before = Atomics.exchange(this.word, 0, 1);
    if (before === 0) for (const listener of this.listeners) listener();
    this.listeners.clear();
  }

  /** `listener` is called when this thread sets it, at once where it is set already; what comes back takes that back. */
  onSet(listener: () => void): () => void {
    if (this.isSet) listener();
    else this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}
