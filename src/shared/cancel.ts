// Two words of shared memory, for messages are not read during a run. The first says "stop": it is read between segments and between tiles of attention. The second
// says that somebody waits for what was begun for nobody: from the next pass on it is as urgent as anything.

export class CancelFlag {
  private readonly listeners = new Set<() => void>();

  constructor(readonly word: Int32Array = new Int32Array(new SharedArrayBuffer(8))) {}

  get isSet(): boolean {
    return Atomics.load(this.word, 0) !== 0;
  }

  set(): void {
    const before = Atomics.exchange(this.word, 0, 1);
    if (before === 0) for (const listener of this.listeners) listener();
    this.listeners.clear();
  }

  get isUrgent(): boolean {
    return this.word.length > 1 && Atomics.load(this.word, 1) !== 0;
  }

  /** Somebody waits for it from now on. */
  urge(): void {
    Atomics.store(this.word, 1, 1);
  }

  /** `listener` is called when this thread sets it, at once where it is set already; what comes back takes that back. */
  onSet(listener: () => void): () => void {
    if (this.isSet) listener();
    else this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}
