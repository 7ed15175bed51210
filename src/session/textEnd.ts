// When a generated text ends and what of it is kept: by stop strings for plain text, by the rules of code completion at a cursor.
import { Place } from '../lexer/place.ts';
import type { Snapshot } from '../prompt/snapshot.ts';
import { CompletionStop, StopStrings, type StopReason } from './stop.ts';
import { WholeCharacters } from './wholeCharacters.ts';

export interface TextEnd {
  /** Takes the next piece; returns what can be shown of it now. */
  push(piece: string): string;
  /** True when generation should stop. */
  readonly done: boolean;
  /** The rule of code completion that ended it. */
  readonly rule: StopReason | null;
  /** Nothing follows; `cutOff` when a limit ended the text. Returns what was held back. */
  finish(cutOff: boolean): string;
  /** What to keep of everything shown. */
  result(shown: string): string;
}

/** The end of code at a cursor. */
export interface CodeEnd extends TextEnd {
  /** Whether the text may be left with these lines: what they leave open can be closed behind them. */
  canEndWith(lines: readonly string[]): boolean;
}

/** Lines below the cursor that the rules look at. */
const LINES_BELOW = 24;

/** Plain text that ends before any of the stop strings. */
export function plainText(stops: string[]): TextEnd {
  const strings = new StopStrings(stops);
  const characters = new WholeCharacters();
  let done = false;
  const take = ({ text, stopped }: { text: string; stopped: boolean }, cutOff = false): string => {
    done = stopped;
    return characters.push(text) + (stopped ? characters.end(cutOff) : '');
  };
  return {
    push: (piece) => take(strings.push(piece)),
    get done() {
      return done;
    },
    rule: null,
    finish: (cutOff) => (done ? '' : take(strings.end(), cutOff) + characters.end(cutOff)),
    result: (shown) => shown,
  };
}

/** One reading of the document for all texts that are written or tried at the same cursor. */
const places = new WeakMap<Snapshot, Place>();

/** What is open at the cursor, and what of it is closed behind it. */
export function placeOf(snapshot: Snapshot): Place {
  let place = places.get(snapshot);
  if (!place) {
    const { before, after, languageId } = snapshot;
    const start = before.lastIndexOf('\n') + 1;
    const newline = after.indexOf('\n');
    const end = newline < 0 ? after.length : newline;
    place = new Place({ above: before.slice(0, start), linePrefix: before.slice(start), lineSuffix: after.slice(0, end).replace(/\r$/, ''), below: after.slice(end + 1), languageId });
    places.set(snapshot, place);
  }
  return place;
}

/** Code at a cursor. What is shown while it runs may be cut at the end. */
export function completionText(snapshot: Snapshot, maxLines?: number): CodeEnd {
  const { before, after, languageId } = snapshot;
  const linesAfter = after.split('\n', LINES_BELOW + 1);
  const stop = new CompletionStop({
    place: placeOf(snapshot),
    linePrefix: before.slice(before.lastIndexOf('\n') + 1),
    lineSuffix: linesAfter[0],
    linesBelow: linesAfter.slice(1).map((line) => line.replace(/\r$/, '')),
    languageId,
    maxLines,
  });
  return {
    push(piece) {
      stop.push(piece);
      return piece;
    },
    get done() {
      return stop.reason !== null;
    },
    get rule() {
      return stop.reason;
    },
    finish(cutOff) {
      stop.end(cutOff);
      return '';
    },
    result: () => stop.trim(),
    canEndWith: (lines) => stop.closersOf(lines) !== null,
  };
}
