// What is open at a cursor, and what of it the text behind the cursor closes: that must not be closed once more.
import { rulesOf } from './languages.ts';
import { lex, type Closing, type LexState, type Open } from './lexer.ts';
import type { Rule } from './rule.ts';

/** Of the document, as far as they are known. */
export interface PlaceText {
  /** The lines above the cursor's; undefined: not known. */
  above: string | undefined;
  linePrefix: string;
  lineSuffix: string;
  below: string;
  languageId: string;
}

/** How a text at the cursor opens and closes. */
export interface TextScan {
  /** Where something closes that must not: it is closed behind the cursor, or was never open. -1: nowhere. */
  excess: number;
  /** For each newline of the text: how many brackets of the text and of the cursor's line are open; -1 within a string or a comment of the text. */
  openAtNewline: readonly number[];
  /** The same at its end. */
  open: number;
}

/** Characters above the cursor that are read; what was open before them is not known then. */
const MOST_ABOVE = 120_000;
/** Characters below it. */
const MOST_BELOW = 60_000;

export class Place {
  /** What is open at the cursor, outermost first. */
  readonly open: readonly Open[];
  /** How much of it must stay open on the cursor's line: what is closed right of the cursor or where the next line begins. */
  private readonly floor: number;
  /** How much of it must stay open on the lines that are written below: what is closed anywhere behind the cursor. */
  private readonly floorBelow: number;
  /** How much was open where the cursor's line begins. */
  readonly lineHeight: number;
  /** The cursor's line opened this many brackets that nothing behind the cursor closes. */
  readonly needed: number;
  private readonly linePrefix: string;
  private readonly lineStart: LexState;
  /** The document was understood as far as the cursor: what closes nothing there is an error. */
  private readonly isSure: boolean;

  constructor({ above, linePrefix, lineSuffix, below, languageId }: PlaceText) {
    this.linePrefix = linePrefix;
    const from = above === undefined ? 0 : lineAfter(above, above.length - MOST_ABOVE);
    const isWhole = above !== undefined && from === 0;
    const start = lex(above ?? '', { root: rulesOf(languageId), open: [], branches: [] }, { from });
    const known = below.length > MOST_BELOW ? below.slice(0, below.lastIndexOf('\n', MOST_BELOW) + 1) : below;
    this.lineStart = isWhole ? { root: start.root, open: start.open, branches: start.branches } : { root: start.root, branches: start.branches, open: [...openedAbove(start, linePrefix, lineSuffix, known), ...start.open] };
    this.lineHeight = this.lineStart.open.length;
    const line = lex(linePrefix, this.lineStart);
    this.open = line.open;
    this.isSure = isWhole && start.doubts + line.doubts === 0 && start.root.code;
    const { right, next, later } = this.closedBehind(lineSuffix, known, isWhole);
    // What is opened on one line may change places: `f(g(|)` still needs one.
    const [onLine, onNext] = [right, next].map(({ closed, low }) => floorOf(this.open, closed, Math.min(low, this.lineHeight)));
    const anywhere = floorOf(this.open, later.closed);
    this.floor = right.closed.length > 0 ? Math.max(onLine, anywhere) : Math.min(onNext, anywhere);
    this.floorBelow = Math.max(onLine, anywhere);
    const isCode = !this.open.some(({ wall, soft }, at) => at >= this.lineHeight && (wall || soft));
    this.needed = isCode ? Math.max(0, this.open.length - Math.max(this.floorBelow, this.lineHeight)) : 0;
  }

  /** The string or the comment that the cursor stands in; null in code. */
  get within(): Rule | null {
    const rule = this.open.at(-1)?.rule ?? this.lineStart.root;
    return rule.code ? null : rule;
  }

  /** How a text that is written at the cursor opens and closes. */
  scan(text: string): TextScan {
    const { open, linePrefix } = this;
    const newline = text.indexOf('\n') < 0 ? Infinity : linePrefix.length + text.indexOf('\n');
    const { closings, newlines, marked, open: last } = lex(linePrefix + text, this.lineStart, { mark: linePrefix.length });
    const at = linePrefix.length;
    // Where the text changes how the line before it is read, nothing is certain.
    const isSame = marked.length === open.length && marked.every(({ kind }, i) => kind === open[i].kind);
    let low = open.length;
    const isWrong = (one: Closing): boolean => {
      if (one.at < at) return false;
      if (!one.closed) return this.isSure;
      if (one.height >= low) return false;
      low = one.height;
      return low < (one.at < newline ? this.floor : this.floorBelow);
    };
    const wrong = isSame ? closings.find(isWrong) : undefined;
    const base = marked.length - this.needed;
    const depth = (height: number): number => Math.max(0, height - base);
    const own = newlines.slice(newlines.length - text.split('\n').length + 1);
    return {
      excess: wrong ? wrong.at - at : -1,
      openAtNewline: own.map(({ height, text: within }) => (within >= marked.length ? -1 : depth(height))),
      open: depth(last.length),
    };
  }

  /** What a text that is written at the cursor leaves open and nothing behind it closes, outermost first; null where the text ends within a string or a comment. */
  leftOpen(text: string): readonly Open[] | null {
    const { open, marked } = lex(this.linePrefix + text, this.lineStart, { mark: this.linePrefix.length });
    const left = open.slice(Math.min(open.length, marked.length - this.needed));
    return left.some(({ wall, soft }) => wall || soft) ? null : left;
  }

  /** How much of the cursor's line is open too much or closed once too often, with a text in its middle. */
  unbalanced(text: string, lineSuffix: string): number {
    const { closings, open, doubts, loose } = lex(this.linePrefix + text + lineSuffix, this.lineStart);
    const least = closings.reduce((low, { height }) => Math.min(low, height), this.lineHeight);
    return open.length - least + this.lineHeight - least + doubts + loose;
  }

  /** The kinds of what the text behind the cursor closes of what is open there, innermost first: right of it, there or where the next line begins, and anywhere. */
  private closedBehind(lineSuffix: string, below: string, isWhole: boolean): { right: Reached; next: Reached; later: Reached } {
    const { linePrefix, lineStart, lineHeight } = this;
    const line = lex(linePrefix + lineSuffix, lineStart, { mark: linePrefix.length });
    const right = reached(line.closings.filter(({ at }) => at >= linePrefix.length), line.marked.length);
    // A bracket in a text counts up to the end of its line; a text that was begun on the cursor's line and is not closed on it is still to be written.
    const open = line.open.filter(({ soft }) => !soft);
    const begun = open.findIndex(({ wall }, at) => wall && at >= lineHeight);
    const lasting = open.findLastIndex(({ wall, rule }) => wall && !rule.code && !rule.line);
    const readings = [begun < 0 ? open : open.slice(0, begun)];
    // But one that may go over several lines may have its end below, and one that was begun above may have none yet.
    if (begun >= 0 ? lasting >= begun : lasting >= 0) readings.push(begun < 0 ? open.slice(0, lasting) : open.slice(0, lasting + 1));
    const read = readings.map((rest) => {
      const lexed = lex(`\n${below}`, { ...lineStart, open: rest }, { byIndent: isWhole ? 'preferred' : 'needed', least: readings.length === 1 ? 1 : -1 });
      const isUnclosed = lexed.open.some(({ wall, rule }, at) => wall && !rule.line && (at >= rest.length || !rule.code));
      return { lexed, rest, doubts: lexed.doubts + (isUnclosed ? 1 : 0) };
    });
    const { lexed, rest } = read.reduce((best, one) => (one.doubts < best.doubts ? one : best));
    const height = Math.min(rest.length, right.low);
    const leading = 1 + /^\s*[)\]}]*/.exec(below)![0].length;
    const next = lineSuffix.trim() === '' ? reached(lexed.closings.filter(({ at }) => at < leading), height) : { closed: [], low: height };
    const later = reached(lexed.closings, height);
    return { right, next: joined(right, next), later: joined(right, later) };
  }
}

interface Reached {
  /** Kinds, innermost first. */
  closed: string[];
  low: number;
}

/**
 * What the places close of the `height` things that were open before them, innermost first; how many of these nothing reaches. Where something closes
 * that is not open, it is still to be opened, and what else closes there may belong to that: nothing is known.
 */
function reached(closings: readonly Closing[], height: number): Reached {
  const closed: string[] = [];
  let low = height;
  for (const one of closings) {
    if (!one.closed) return { closed: [], low: height };
    if (one.height >= low) continue;
    closed.push(one.closed.kind);
    low = one.height;
  }
  return { closed, low };
}

const joined = (first: Reached, second: Reached): Reached => ({ closed: [...first.closed, ...second.closed], low: second.closed.length > 0 ? second.low : first.low });

/** How much of what is open must stay open for `closed`, innermost first, to have something to close; nothing below `from` counts. */
function floorOf(open: readonly Open[], closed: readonly string[], from = 0): number {
  if (closed.length === 0) return 0;
  let height = from;
  for (const kind of closed.toReversed()) {
    const at = open.findIndex((one, i) => i >= height && one.kind === kind);
    if (at < 0) return height;
    height = at + 1;
  }
  return height;
}

/** Where the lines above the cursor are not known: what closes right behind it was opened there. */
function openedAbove(start: LexState, linePrefix: string, lineSuffix: string, below: string): Open[] {
  const next = /^\s*([)\]}]*)/.exec(lineSuffix.trim() === '' ? below : '')![1];
  const { closings } = lex(`${linePrefix}${lineSuffix}\n${next}`, start);
  const text = `${linePrefix}${lineSuffix}\n${next}`;
  return closings
    .filter(({ at, closed }) => closed === null && at >= linePrefix.length)
    .map(({ at }): Open => ({ kind: text[at] === ')' ? '(' : text[at] === ']' ? '[' : '{', rule: start.root, wall: false, soft: false, indent: 0 }))
    .reverse();
}

/** The beginning of the first line at or behind `at`; 0 where everything may be read. */
const lineAfter = (text: string, at: number): number => (at <= 0 ? 0 : text.indexOf('\n', at - 1) + 1 || text.length);
