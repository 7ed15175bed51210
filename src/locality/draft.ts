// What the text probably goes on with: token by token what followed most of the earlier places that agree with it so far. One pass of the decoder verifies
// a whole guess.
import { vote } from './continuations.ts';
import { BOUNDARY, type TokenIndex } from './tokenIndex.ts';

/** Places of each text that are looked at, the nearest: what they say is hardly less sure than what all say, and guessing takes no time beside a pass. */
const PLACES = 128;

export interface Guess {
  id: number;
  /** Tokens of the longest match that says it, guesses before it included. */
  matched: number;
  /** Share of the places that say it, longer matches counting more: `vote`. */
  share: number;
  /** Places that have a say. */
  places: number;
}

/**
 * At most `most` guesses of what follows `text`, from what followed in it and in `others`, each made when it is asked for. Where a match reaches the end of the
 * text, the guess repeats itself. A place that disagrees with a guess has no say in those behind it.
 */
export function* draft(text: TokenIndex, others: readonly TokenIndex[], most: number): Generator<Guess, void, void> {
  const guesses: Guess[] = [];
  let places = [text, ...others].flatMap((source) => source.matches(text, PLACES).map((match) => ({ source, ...match })));
  while (guesses.length < most) {
    const said = places.flatMap(({ source, next, length }) => {
      const id = next < source.length ? source.at(next) : source === text ? guesses[next - source.length].id : BOUNDARY;
      return id === BOUNDARY ? [] : [{ source, next, length, id }];
    });
    const found = vote(said);
    if (!found) return;
    const guess = { id: found.likeliest, matched: found.longest, share: found.top, places: said.length };
    guesses.push(guess);
    yield guess;
    places = said.filter(({ id }) => id === found.likeliest).map(({ source, next, length }) => ({ source, next: next + 1, length: length + 1 }));
  }
}
