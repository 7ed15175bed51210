// The stretch of text that the user has typed without going elsewhere: as far as that, deleting is taking back.

/** At `offset`, `removed` characters were replaced by `inserted`. */
export interface Change {
  readonly offset: number;
  readonly removed: number;
  readonly inserted: string;
}

export class TypedRun {
  private document = '';
  private start = Infinity;
  private end = Infinity;

  edited(document: string, { offset, removed, inserted }: Change): void {
    const within = document === this.document && offset >= this.start && offset + removed <= this.end;
    if (within) {
      this.end += inserted.length - removed;
      return;
    }
    this.document = document;
    this.start = inserted === '' ? Infinity : offset;
    this.end = this.start + inserted.length;
  }

  /** Where it begins; Infinity where nothing was typed. */
  startIn(document: string): number {
    return document === this.document ? this.start : Infinity;
  }
}
