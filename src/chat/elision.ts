// "// ... existing code ...": lines of a block that stand for lines of the document, and how block and document are laid beside each other.

/** A line of the result; `from`: the line of the old ones that it is, unchanged. */
export interface Kept {
  text: string;
  from?: number;
}

const comment = /^(?:\/\/+|#+|--+|;+|%+|\/\*+|\*|<!--|\{\/\*|"""|\(\*)\s*(.*?)\s*(?:\*\/\}?|-->|"""|\*\))?$/;
const restWords = /\b(?:existing|rest of|remaining|remainder|unchanged|omitted|same as (?:before|above)|previous code|other (?:code|methods|functions|fields|imports))\b/i;

/** Does the line stand for lines that are not shown? A comment of dots, or one with dots that speaks of the rest. */
export function isElision(line: string): boolean {
  const said = comment.exec(line.trim())?.[1];
  if (said === undefined) return false;
  const dots = /\.\.\.|…/.test(said);
  return dots ? /^[\s.…]*$/.test(said) || restWords.test(said) || /^(?:\.\.\.|…).*(?:\.\.\.|…)$/.test(said) : false;
}

/** The line without its indentation and its runs of blanks: how lines are compared. Null: it stands for others. */
export const normalised = (line: string): string | null => (isElision(line) ? null : line.trim().replace(/\s+/g, ' '));

/** Comparing every line with every other: a block and a region beyond this are not laid beside each other. */
const maxPairs = 4_000_000;

/**
 * The block's lines with those of the old ones in the places of elisions. Null: it is not clear which.
 * Old lines stay where an elision stands between the two lines of the block that are next to it in the old ones.
 */
export function alignSegments(old: readonly string[], block: readonly string[]): Kept[] | null {
  const given = block.map(normalised);
  if (!given.includes(null)) return block.map((text, i) => ({ text, ...(old.length === block.length && old[i] === text ? { from: i } : {}) }));
  const pairs = matched(old.map((line) => normalised(line) ?? line.trim()), given);
  if (pairs === null || !pairs.some(({ equal }) => equal)) return null;
  const result: Kept[] = [];
  for (let i = 0; i < block.length; i++) {
    if (given[i] !== null) {
      result.push({ text: block[i] });
      continue;
    }
    const before = pairs.filter((pair) => pair.given < i).at(-1);
    const after = pairs.find((pair) => pair.given > i);
    const [from, to] = [before === undefined ? 0 : before.old + 1, after === undefined ? old.length : after.old];
    // At the beginning and at the end of the block nothing else says where the rest begins and ends.
    for (let line = from; line < to; line++) result.push({ text: old[line], from: line });
    // An elision right behind another one stands for the same lines.
    while (given[i + 1] === null || (given[i + 1] === '' && given[i + 2] === null)) i++;
  }
  return result;
}

interface Pair {
  old: number;
  given: number;
  equal: boolean;
}

/** The best way to lay the lines beside each other, in order: equal lines count most, similar ones (changed ones) less. Pairs lie on both sides of elisions only where the order allows. */
function matched(old: readonly string[], given: readonly (string | null)[]): Pair[] | null {
  if (old.length * given.length > maxPairs) return null;
  const width = given.length + 1;
  const best = new Float64Array((old.length + 1) * width);
  const words = [old, given].map((lines) => lines.map((line) => wordsOf(line ?? '')));
  const worth = (i: number, j: number): number => {
    const line = given[j];
    if (line === null || line === '' || old[i] === '') return 0;
    // A lone bracket says little: two of them must not outweigh a line of code.
    if (line === old[i]) return /\w/.test(line) ? 4 : 1;
    const alike = similarity(words[0][i], words[1][j]);
    return alike >= 0.5 ? alike : 0;
  };
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = given.length - 1; j >= 0; j--) {
      const at = i * width + j;
      best[at] = Math.max(best[at + width], best[at + 1]);
      const value = worth(i, j);
      if (value > 0) best[at] = Math.max(best[at], best[at + width + 1] + value);
    }
  }
  const pairs: Pair[] = [];
  for (let i = 0, j = 0; i < old.length && j < given.length; ) {
    const at = i * width + j;
    const value = worth(i, j);
    if (value > 0 && best[at] === best[at + width + 1] + value) pairs.push({ old: i, given: j, equal: old[i++] === given[j++] });
    else if (best[at] === best[at + width]) i++;
    else j++;
  }
  return pairs;
}

const wordsOf = (line: string): string[] => line.match(/\w+|[^\s\w]/g) ?? [];

/** Share of the words that both lines have, by Dice. */
function similarity(a: readonly string[], b: readonly string[]): number {
  if (!a.some((word) => /\w/.test(word)) || !b.some((word) => /\w/.test(word))) return 0;
  const left = [...b];
  let shared = 0;
  for (const word of a) {
    const at = left.indexOf(word);
    if (at < 0) continue;
    shared++;
    left.splice(at, 1);
  }
  return (2 * shared) / (a.length + b.length);
}
