// Work under one name is done one after the other, in the order in which it came; under different names at the same time.

export class InOrder {
  private readonly last = new Map<string, Promise<unknown>>();

  /** Does `work` when all that came before it under this name is over, however it ended. */
  run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const mine = (this.last.get(name) ?? Promise.resolve()).then(work, work);
    this.last.set(name, mine);
    const over = () => {
      if (this.last.get(name) === mine) this.last.delete(name);
    };
    mine.then(over, over);
    return mine;
  }

  /** Fulfils when what came so far under a name, or under all of them, is over. */
  async over(name?: string): Promise<void> {
    await Promise.allSettled(name === undefined ? this.last.values() : [this.last.get(name)]);
  }
}
