// A text as tokens, linked so that every earlier place of its last token is found without a search: what the locality mix and prompt lookup ask.

/** Stands between texts that are not one: no match reaches over it, and nothing follows from it. */
export const BOUNDARY = -1;

/** A longer match says nothing more. */
export const LONGEST_MATCH = 32;
/** Places looked at for one question, the nearest first: bounds the time where a file consists of one token. */
const MOST_PLACES = 2048;

/** An earlier place where the text stood as it stands at its end. */
export interface Match {
  /** Index of the token that followed there. */
  next: number;
  /** Tokens before it that agree with the end of the text, at most LONGEST_MATCH. */
  length: number;
}

export class TokenIndex {
  private tokens = new Int32Array(1024);
  /** Per token: the nearest place before it that holds the same one, -1 without any. */
  private earlier = new Int32Array(1024);
  private readonly latest = new Map<number, number>();
  private count = 0;

  get length(): number {
    return this.count;
  }

  at(index: number): number {
    return this.tokens[index];
  }

  push(id: number): void {
    if (this.count === this.tokens.length) this.grow();
    this.tokens[this.count] = id;
    this.earlier[this.count] = this.latest.get(id) ?? -1;
    this.latest.set(id, this.count++);
  }

  /** Takes off what lies beyond `length`. */
  truncate(length: number): void {
    while (this.count > length) {
      const before = this.earlier[--this.count];
      if (before < 0) this.latest.delete(this.tokens[this.count]);
      else this.latest.set(this.tokens[this.count], before);
    }
  }

  /** Becomes the index of `tokens`; the work is in what differs, from the first difference on. */
  become(tokens: ArrayLike<number>): void {
    let same = 0;
    const most = Math.min(this.count, tokens.length);
    while (same < most && this.tokens[same] === tokens[same]) same++;
    this.truncate(same);
    for (let i = same; i < tokens.length; i++) this.push(tokens[i]);
  }

  /** The places that something follows and that end as a text does at its end, this one or another: the nearest to this one's end first, of `most` that are looked at. */
  matches(text: TokenIndex = this, most = MOST_PLACES): Match[] {
    const tip = text.count - 1;
    const found: Match[] = [];
    if (tip < 0 || text.tokens[tip] === BOUNDARY) return found;
    const nearest = text === this ? this.earlier[tip] : (this.latest.get(text.tokens[tip]) ?? -1);
    for (let place = nearest, n = 0; place >= 0 && n < most; place = this.earlier[place], n++) {
      if (place + 1 === this.count || this.tokens[place + 1] === BOUNDARY) continue;
      let length = 1;
      while (length < LONGEST_MATCH && length <= place && length <= tip && this.tokens[place - length] === text.tokens[tip - length] && text.tokens[tip - length] !== BOUNDARY) length++;
      found.push({ next: place + 1, length });
    }
    return found;
  }

  private grow(): void {
    const wider = (old: Int32Array): Int32Array<ArrayBuffer> => {
      const array = new Int32Array(old.length * 2);
      array.set(old);
      return array;
    };
    this.tokens = wider(this.tokens);
    this.earlier = wider(this.earlier);
  }
}
