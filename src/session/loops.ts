// Text that goes in circles, as small models write it when they have nothing to say.

/** A loop is the same lines three times over; longer loops are left to the limit on lines. */
const longestLoop = 3;
/** Characters of a unit that comes again and again within a line. */
const longestUnit = 40;
/** "foo, foo, foo, foo, foo, " is a loop; "0, 0, 0, 0, 0, " may well be meant and needs more. */
const repeatsOfWords = 5;
const repeatsOfOther = 16;

/** Blanks in a row, of which no table and no indentation has more; lines without anything, of which no text has more. */
const longestBlank = 120;
const mostBlankLines = 3;
/** Also what is no width wide. */
const blank = /[\s\u200b\u2060\ufeff]/;

const word = /\p{L}{2}/u;
const letterOrDigit = /[\p{L}\p{N}]/u;

/** The length in lines of a loop that has come three times at the end, 0 if there is none. */
export function lineLoop(lines: readonly string[]): number {
  const n = lines.length;
  for (let length = 1; length <= longestLoop && length * 3 <= n; length++) {
    const last = lines.slice(n - length);
    const again = (times: number): boolean => last.every((line, i) => line.trim() === lines[n - length * times + i].trim());
    if (last.some((line) => letterOrDigit.test(line)) && again(2) && again(3)) return length;
  }
  return 0;
}

/** The end of the first turn of a loop within a line: the loop that is complete first, -1 if there is none. */
export function wordLoop(line: string): number {
  const same = new Array<number>(longestUnit + 1).fill(0); // per unit length: characters up to here that equal those one unit back
  for (let i = 0; i < line.length; i++) {
    for (let length = 2; length <= longestUnit && length <= i; length++) {
      same[length] = line[i] === line[i - length] ? same[length] + 1 : 0;
      if (same[length] < length * (repeatsOfWords - 1)) continue;
      const unit = line.slice(i + 1 - length, i + 1);
      if (!letterOrDigit.test(unit)) continue;
      const repeats = word.test(unit) ? repeatsOfWords : repeatsOfOther;
      if (same[length] >= length * (repeats - 1)) return afterUnit(line, i + 1 - length * (repeats - 1), length);
    }
  }
  return -1;
}

/** The first good place to end within one unit after `at`: behind a separator, else before a space, else right there. */
function afterUnit(line: string, at: number, length: number): number {
  if (/[;,)\]}\s]/.test(line[at - 1])) return at;
  const unit = line.slice(at, at + length);
  const separator = unit.search(/[;,)\]}]/);
  if (separator >= 0) return at + separator + 1;
  const space = unit.search(/\s/);
  return space >= 0 ? at + space : at;
}

/** Where a run of blanks begins that says nothing, those at the end of `before` counted, and where that is certain; null if there is none. */
export function blankRun(text: string, before = ''): { start: number; at: number } | null {
  let blanks = 0;
  for (let at = before.length - 1; at >= 0 && blank.test(before[at]); at--) blanks++;
  let start = 0;
  let lines = 0;
  for (let i = 0; i < text.length; i++) {
    if (!blank.test(text[i])) {
      start = i + 1;
      blanks = lines = 0;
    } else if (text[i] === '\n') {
      // The first one ends the line with the text.
      if (++lines > mostBlankLines + 1) return { start, at: i };
      blanks = 0;
    } else if (++blanks > longestBlank) return { start, at: i };
  }
  return null;
}
