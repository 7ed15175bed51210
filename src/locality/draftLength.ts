// How many guessed tokens are worth verifying: from how often such guesses came true, and from what a pass over more rows costs here.
// Whatever it answers, the text stays the same: only the time changes.
import type { Guess } from './draft.ts';

export const LONGEST_DRAFT = 10;
/** Expected gain from which a guess is worth its risk. */
const WORTHWHILE = 1.05;
/** Upper ends of the classes of matches, in tokens. */
const MATCHED = [1, 2, 4, 8, Infinity] as const;
/** Upper ends of the classes of shares; what all places say is two classes more: one place, several. */
const SHARES = [0.5, 0.8, 0.98] as const;
const AGREEMENTS = SHARES.length + 2;
/** How often a guess is right before anything was seen, a row for each class of matches: counted over this project's sources, `npm run bench:lookup -- --prior`. */
const PRIOR = [
  0.13, 0.24, 0.47, 0.30, 0.63,
  0.20, 0.35, 0.51, 0.46, 0.85,
  0.22, 0.39, 0.56, 0.52, 0.85,
  0.18, 0.35, 0.54, 0.63, 0.76,
  0.25, 0.46, 0.51, 0.73, 0.81,
];
/** Likelihood of all guesses so far below which none behind them is looked at: a row more costs more than that share of a pass. */
const UNLIKELY = 0.1;
/** Guesses that this belief weighs. */
const PRIOR_WEIGHT = 10;
/** What was seen fades: the last hundred guesses of a class count. */
const FADE = 0.99;
/** Rows of passes that are timed together, by their upper ends. */
const ROWS = [1, 2, 3, 4, 6, 8, LONGEST_DRAFT + 1] as const;
/** What a row more costs, in passes of one row, before it was timed. */
const ROW = 0.25;
/** Share of a new time in the running mean of a pass's cost. */
const NEW = 0.25;
/** A pass that took so many times what such passes take was disturbed by something else: no more of it counts. */
const DISTURBED = 3;
/** Share of its distance to what it was before it was timed that a cost goes with every pass of one row: what looked dear once is tried again some day. */
const FORGOTTEN = 0.002;

/** Which of the classes of guesses, MATCHED by agreement, row by row. */
export function classOf({ matched, share, places }: Omit<Guess, 'id'>): number {
  const split = SHARES.findIndex((most) => share < most);
  const agreement = split >= 0 ? split : places > 1 ? AGREEMENTS - 1 : AGREEMENTS - 2;
  return MATCHED.findIndex((most) => matched <= most) * AGREEMENTS + agreement;
}

const classOfRows = (rows: number): number => ROWS.findIndex((most) => rows <= most);
const untimed = (rows: number): number => 1 + ROW * (rows - 1);

export class DraftLength {
  private readonly right = PRIOR.map((share) => share * PRIOR_WEIGHT);
  private readonly seen = PRIOR.map(() => PRIOR_WEIGHT);
  /** Milliseconds of a pass of one row, as it is now. */
  private one: number | undefined;
  /** What the others cost, in passes of one row, by index into ROWS: these ratios stay when the machine gets slower. */
  private readonly costs = ROWS.map(untimed);

  /** How many of `guesses` to verify (0: none), and those that were looked at for it. */
  choose(guesses: Iterable<Guess>): { length: number; looked: Guess[] } {
    const looked: Guess[] = [];
    let [length, gain] = [0, WORTHWHILE];
    // Tokens that a pass gives: the one behind the last right guess comes for nothing.
    let [likelihood, tokens] = [1, 1];
    for (const guess of guesses) {
      looked.push(guess);
      if (this.one === undefined || looked.length > LONGEST_DRAFT) break;
      const at = classOf(guess);
      likelihood *= this.right[at] / this.seen[at];
      tokens += likelihood;
      const value = tokens / this.costs[classOfRows(looked.length + 1)];
      if (value > gain) [length, gain] = [looked.length, value];
      if (likelihood < UNLIKELY) break;
    }
    return { length, looked };
  }

  /** The first `accepted` guesses came true; the one behind them, verified or not, is judged by the token that came. */
  learn(guesses: readonly Guess[], accepted: number, token: number | undefined): void {
    for (const [i, guess] of guesses.slice(0, accepted + (token === undefined ? 0 : 1)).entries()) {
      const at = classOf(guess);
      this.right[at] = this.right[at] * FADE + (i < accepted || guess.id === token ? 1 : 0);
      this.seen[at] = this.seen[at] * FADE + 1;
    }
  }

  /** A precise pass over `rows` rows, all with logits, took `ms`. */
  timed(rows: number, ms: number): void {
    if (rows === 1) {
      this.one = this.one === undefined ? ms : this.one + NEW * (Math.min(ms, DISTURBED * this.one) - this.one);
      ROWS.forEach((most, at) => (this.costs[at] += FORGOTTEN * (untimed(most) - this.costs[at])));
    } else if (this.one !== undefined) {
      const at = classOfRows(rows);
      this.costs[at] += NEW * (Math.min(ms / this.one, DISTURBED * this.costs[at]) - this.costs[at]);
    }
  }
}
