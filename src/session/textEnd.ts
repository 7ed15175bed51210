// When a generated text ends and what of it is kept: by stop strings for plain text, by the rules of code completion at a cursor.
import type { Snapshot } from '../prompt/snapshot.ts';
import { CompletionStop, StopStrings, type StopReason } from './stop.ts';

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

/** Lines below the cursor that the rules look at. */
const LINES_BELOW = 24;

/** Plain text that ends before any of the stop strings. */
export function plainText(stops: string[]): TextEnd {
  const strings = new StopStrings(stops);
  let done = false;
  const take = ({ text, stopped }: { text: string; stopped: boolean }): string => {
    done = stopped;
    return text;
  };
  return {
    push: (piece) => take(strings.push(piece)),
    get done() {
      return done;
    },
    rule: null,
    finish: () => (done ? '' : take(strings.end())),
    result: (shown) => shown,
  };
}

/** Code at a cursor. What is shown while it runs may be cut at the end. */
export function completionText({ before, after, languageId }: Snapshot, maxLines?: number): TextEnd {
  const linesAfter = after.split('\n', LINES_BELOW + 1);
  const stop = new CompletionStop({
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
  };
}
