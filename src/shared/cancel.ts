// One word of shared memory that says "stop": read between segments and between tiles of attention, for messages are not read during a run.

export class CancelFlag {
  constructor(readonly word: Int32Array = new Int32Array(new SharedArrayBuffer(4))) {}

  get isSet(): boolean {
    return Atomics.load(this.word, 0) !== 0;
  }

  set(): void {
    Atomics.store(this.word, 0, 1);
  }
}
