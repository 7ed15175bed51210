// How many guessed tokens are worth verifying: from how often guesses came true, and from what a pass over more rows costs here.
// Whatever it answers, the text stays the same: only the time changes.

/** Lengths that are tried: with the token that is due they fill 4, 8 and 11 rows of a pass. */
const LENGTHS = [3, 7, 10] as const;
export const LONGEST_DRAFT = 10;
/** Expected gain from which a guess is worth its risk. */
const WORTHWHILE = 1.15;
/** By the length of the match (1, 2–3, 4–7, more): how often the next token is right, before anything was seen; and how many tokens that belief weighs. */
const PRIOR = [0.2, 0.4, 0.65, 0.85];
const PRIOR_TOKENS = 6;
/** What was seen fades: the last few hundred tokens count. */
const FADE = 0.99;
/** Share of a new time in the running mean of a pass's cost. */
const NEW = 0.25;
/** Passes that a full chunk is taken to cost before one was timed: low enough that a long match is tried once, and then the clock decides. */
const UNTIMED_CHUNK = 16;

const classOf = (matched: number): number => (matched < 2 ? 0 : matched < 4 ? 1 : matched < 8 ? 2 : 3);
/** Passes of alike cost. */
const sizeOf = (rows: number): number => (rows <= 1 ? 1 : rows <= 4 ? 4 : rows <= 8 ? 8 : rows <= 11 ? 11 : 64);

export class DraftLength {
  private readonly right = PRIOR.map((share) => share * PRIOR_TOKENS);
  private readonly seen = PRIOR.map(() => PRIOR_TOKENS);
  private readonly ms = new Map<number, number>();

  /** Tokens to guess behind a match of `matched` tokens; 0: none. */
  choose(matched: number): number {
    const one = this.ms.get(1);
    if (matched === 0 || one === undefined) return 0;
    const share = this.right[classOf(matched)] / this.seen[classOf(matched)];
    let [best, gain] = [0, WORTHWHILE];
    for (const length of LENGTHS) {
      const expected = (1 - share ** (length + 1)) / (1 - share);
      const value = (expected * one) / this.cost(length + 1);
      if (value > gain) [best, gain] = [length, value];
    }
    return best;
  }

  /** A guess was verified: `accepted` of `drafted` tokens came true. */
  verified(matched: number, drafted: number, accepted: number): void {
    const at = classOf(matched);
    const tried = Math.min(drafted, accepted + 1);
    this.right[at] = this.right[at] * FADE ** tried + accepted;
    this.seen[at] = this.seen[at] * FADE ** tried + tried;
  }

  /** A pass over `rows` rows took `ms`. */
  timed(rows: number, ms: number): void {
    const size = sizeOf(rows);
    if (size === 64 && rows !== 64) return; // one of the prompt's end, or of the prefill lane: a guess is verified precisely
    const known = this.ms.get(size);
    this.ms.set(size, known === undefined ? ms : known + NEW * (ms - known));
  }

  /** Before such a pass was timed: on the line between one row and a full chunk of the prompt. */
  private cost(rows: number): number {
    const known = this.ms.get(sizeOf(rows));
    if (known !== undefined) return known;
    const one = this.ms.get(1)!;
    const chunk = Math.max(one, this.ms.get(64) ?? one * UNTIMED_CHUNK);
    return one + ((chunk - one) * (rows - 1)) / 63;
  }
}
