// How much of a document fits into a prompt, and where it is cut. Cuts are chosen so that typing does not move them:
// the prefix begins at an anchor of a fixed grid over the file, the suffix ends at the end of a line.

/** In tokens. */
export interface FimBudget {
  /** The whole prompt with its markers. */
  total: number;
  /** At most this much of it for the text after the cursor. */
  suffix: number;
  /** The grid on which the beginning of the prefix moves; default 1,024, never more than a quarter of the prefix. */
  anchor?: number;
}

export interface Part {
  /** Characters of the text it was cut from. */
  start: number;
  end: number;
  tokens: number[];
}

/** A prompt of `total` tokens: the suffix gets a fifth, but not more than 256 tokens, for it is computed again at each keystroke in PSM order. */
export function fimBudget(total: number): FimBudget {
  return { total, suffix: Math.min(256, Math.floor(total / 5)) };
}

/** `atStart`: a text begins there. Some tokenizers write a blank of their own before it, and models are trained with one before a prefix, wherever it is cut. */
type Encode = (text: string, atStart?: boolean) => number[];

/** Characters looked at for each token that fits: even runs of spaces rarely put more into one. */
const windowPerToken = 8;
/** Characters of a grid cell for each token of an anchor: source code has three to four in a token. */
const gridPerToken = 4;
const anchorTokens = 1024;
const smallestGrid = 16;

/**
 * The end of `before`, at most `limit` tokens, beginning at the earliest anchor from which it fits. Anchors are the line starts
 * at or after multiples of the grid, counted from the beginning of the file: text typed at the end does not move them, so the
 * beginning stays for about an anchor's worth of typing and then moves by whole cells.
 */
export function cutPrefix(before: string, limit: number, encode: Encode, anchor = anchorTokens): Part {
  if (limit <= 0) return { start: before.length, end: before.length, tokens: [] };
  const earliest = Math.max(0, before.length - limit * windowPerToken);
  const coarse = Math.max(smallestGrid, Math.min(anchor, Math.floor(limit / 4)) * gridPerToken);
  for (let grid = coarse; grid >= smallestGrid; grid = Math.floor(grid / 4)) {
    const anchors: number[] = [];
    for (let at = Math.ceil(earliest / grid) * grid; at < before.length || at === 0; at += grid) anchors.push(anchorAt(before, at, grid));
    const found = earliestFit(before, anchors, limit, encode);
    // Text with many tokens a character (emoji, CJK) leaves little behind a coarse anchor: look at a finer grid.
    if (found && (found.start === anchors[0] || found.tokens.length * 2 >= limit || grid < smallestGrid * 4)) return found;
  }
  // Text so dense that not even the smallest cell fits.
  const start = wholeCharacter(before, Math.max(0, before.length - limit));
  const tokens = encode(normalise(before.slice(start)), true);
  return { start, end: before.length, tokens: tokens.slice(Math.max(0, tokens.length - limit)) };
}

/** The beginning of `after`, at most `limit` tokens, in whole lines; a line is cut within where those before it are less than half of what fits. */
export function cutSuffix(after: string, limit: number, encode: Encode): Part {
  if (limit <= 0 || after === '') return { start: 0, end: 0, tokens: [] };
  let end = wholeCharacter(after, Math.min(after.length, limit * windowPerToken));
  if (end < after.length) end = suffixEnd(after, end);
  for (;;) {
    const tokens = encode(normalise(after.slice(0, end)));
    if (tokens.length <= limit) return { start: 0, end, tokens };
    // Shrink in proportion, then to a line end.
    end = suffixEnd(after, Math.min(end - 1, Math.floor((end * limit) / tokens.length)));
  }
}

/** Models are trained on "\n" alone. The cursor may stand between "\r" and "\n". */
export function normalise(text: string): string {
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
}

function earliestFit(before: string, anchors: readonly number[], limit: number, encode: Encode): Part | undefined {
  // Count cell by cell from the end; cells joined may differ by a token or two, so the choice is checked on the whole.
  let first = anchors.length;
  let count = 0;
  while (first > 0) {
    count += encode(normalise(before.slice(anchors[first - 1], anchors[first] ?? before.length))).length;
    if (count > limit) break;
    first--;
  }
  for (; first < anchors.length; first++) {
    const tokens = encode(normalise(before.slice(anchors[first])), true);
    if (tokens.length <= limit) return { start: anchors[first], end: before.length, tokens };
  }
  return undefined;
}

/** The line start at or after `at`; in a line longer than a cell, the place itself. */
function anchorAt(text: string, at: number, grid: number): number {
  if (at === 0) return 0;
  const newline = text.slice(at - 1, at - 1 + grid).indexOf('\n');
  return newline >= 0 ? at + newline : wholeCharacter(text, at);
}

/** Where a suffix of at most `most` characters ends. */
function suffixEnd(after: string, most: number): number {
  const lines = lineEndBefore(after, most);
  return 2 * lines >= most ? lines : wholeCharacter(after, most);
}

/** The end of the last whole line before `end`, 0 if there is none. */
function lineEndBefore(text: string, end: number): number {
  return end <= 0 ? 0 : text.lastIndexOf('\n', end - 1) + 1;
}

/** `at`, or one less where it would split a surrogate pair. */
function wholeCharacter(text: string, at: number): number {
  const inside = at > 0 && at < text.length && /[\ud800-\udbff]/.test(text[at - 1]) && /[\udc00-\udfff]/.test(text[at]);
  return inside ? at - 1 : at;
}
