// "// ... existing code ...": lines of a block that stand for lines of the document, and how block and document are laid beside each other.
import { begun } from './outline.ts';

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
const maxPairs = 1_000_000;

/**
 * The block's lines with those of the old ones in the places of elisions. Null: it is not clear which.
 * An elision stands for the old lines between those that the lines before and behind it are.
 */
export function alignSegments(old: readonly string[], block: readonly string[]): Kept[] | null {
  const given = block.map(normalised);
  if (!given.includes(null)) return block.map((text, i) => ({ text, ...(old.length === block.length && old[i] === text ? { from: i } : {}) }));
  const known = old.map((line) => normalised(line) ?? line.trim());
  const pairs = pairLines(known, given);
  const atBorder = given.lastIndexOf(null) === 0 || given.indexOf(null) === given.length - 1;
  if (pairs === null || (pairs.size === 0 && !atBorder)) return null;
  const result: Kept[] = [];
  for (let i = 0; i < block.length; i++) {
    if (given[i] !== null) {
      result.push({ text: block[i], ...(pairs.has(i) && old[pairs.get(i)!] === block[i] ? { from: pairs.get(i)! } : {}) });
      continue;
    }
    let behind = i + 1; // an elision right behind another one stands for the same lines
    while (behind < block.length && (given[behind] === null || (given[behind] === '' && given[behind + 1] === null))) behind++;
    const [from, to] = [endOfShown(known, given, pairs, i), beginOfShown(known, given, pairs, behind)];
    for (let line = from; line < to; line++) result.push({ text: old[line], from: line });
    i = behind - 1;
  }
  return result;
}

/** The old line behind what is shown before the elision at `at`: brackets and blanks between are old ones only if all of them are. */
function endOfShown(old: readonly string[], given: readonly (string | null)[], pairs: ReadonlyMap<number, number>, at: number): number {
  for (let i = at - 1; i >= 0; i--) {
    const pair = pairs.get(i);
    if (pair === undefined) continue;
    const between = at - 1 - i;
    const same = given.slice(i + 1, at).every((line, k) => line === old[pair + 1 + k]);
    return pair + 1 + (same ? between : 0);
  }
  return 0;
}

/** The old line with which what is shown behind the elision begins. */
function beginOfShown(old: readonly string[], given: readonly (string | null)[], pairs: ReadonlyMap<number, number>, at: number): number {
  for (let i = at; i < given.length; i++) {
    const pair = pairs.get(i);
    if (pair === undefined) continue;
    const between = i - at;
    const same = given.slice(at, i).every((line, k) => line === old[pair - between + k]);
    return pair - (same ? between : 0);
  }
  return old.length;
}

export const hasWord = (line: string | null): line is string => line !== null && /\w/.test(line);

/** Line of the block → the old line that it is, or was before it was changed; brackets and blanks say too little. Null: too many lines. */
function pairLines(old: readonly string[], given: readonly (string | null)[]): Map<number, number> | null {
  const [left, right] = [old, given].map((lines) => lines.flatMap((line, i) => (hasWord(line) ? [i] : [])));
  if (left.length * right.length > maxPairs) return null;
  const width = right.length + 1;
  /** The most that pairs from here on are worth; and with these two lines as the first pair. */
  const best = new Float64Array((left.length + 1) * width);
  const paired = new Float64Array((left.length + 1) * width);
  const isNext = (j: number) => j + 1 < right.length && !given.slice(right[j], right[j + 1]).includes(null);
  const follows = right.map((_, j) => isNext(j));
  const value = (i: number, j: number): number => {
    const [a, b] = [old[left[i]], given[right[j]] as string];
    // Block and region were found to begin and to end with the same lines.
    const border = (left[i] === 0 && right[j] === 0) || (left[i] === old.length - 1 && right[j] === given.length - 1);
    return a === b ? (border ? 1000 : 4) : isChanged(a, b) ? 1 : 0;
  };
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      const at = i * width + j;
      const worth = value(i, j);
      if (worth > 0) paired[at] = worth + Math.max(best[at + width + 1], follows[j] && paired[at + width + 1] > 0 ? paired[at + width + 1] + 2 : 0);
      best[at] = Math.max(best[at + width], best[at + 1], paired[at]);
    }
  }
  const pairs = new Map<number, number>();
  let together = false;
  for (let i = 0, j = 0; i < left.length && j < right.length; ) {
    const at = i * width + j;
    if (together || (paired[at] > 0 && best[at] === paired[at])) {
      pairs.set(right[j], left[i]);
      together = follows[j] && paired[at + width + 1] > 0 && paired[at + width + 1] + 2 >= best[at + width + 1];
      i++;
      j++;
    } else if (best[at] === best[at + width]) i++;
    else j++;
  }
  const end = given.length - 1;
  if (!pairs.has(end) && given[end] === old.at(-1)) pairs.set(end, old.length - 1);
  return pairs;
}

/** The same statement with another value: what stands before "=" or "(" is the same, or most words are. A function of another name is another function. */
function isChanged(a: string, b: string): boolean {
  const [left, right] = [begun(a), begun(b)];
  if (left !== undefined || right !== undefined) return left !== undefined && left.name === right?.name;
  const key = (line: string) => /^[^=(]*/.exec(line)![0].trim();
  if (key(a) === key(b) && key(a) !== a && !/^(?:if|for|while|switch|return|else if|elif|catch|\W*)$/.test(key(a))) return true;
  const [words, others] = [a, b].map((line) => line.match(/\w+/g) ?? []);
  if (words.length < 3 || words[0] !== others[0]) return false;
  const rest = [...others];
  const shared = words.filter((word) => rest.includes(word) && rest.splice(rest.indexOf(word), 1)).length;
  return (2 * shared) / (words.length + others.length) >= 0.7;
}
