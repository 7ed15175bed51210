// How close a completed line is to what the author wrote, and what a list of measurements comes to.

/** Characters that are compared at most; of a longer line the rest does not matter. */
const MOST = 500;

/** The first line that is not blank, without blanks around it. */
export const firstLine = (text: string): string => text.split('\n').find((line) => line.trim() !== '')?.trim() ?? '';

/** 1 − edit distance / length of the longer, over characters: 1 for equal texts, 0 where nothing can be kept. */
export function editSimilarity(a: string, b: string): number {
  const [from, to] = [[...a].slice(0, MOST), [...b].slice(0, MOST)];
  const longer = Math.max(from.length, to.length);
  return longer === 0 ? 1 : 1 - editDistance(from, to) / longer;
}

/** Insertions, deletions and replacements that make one of the other (Levenshtein), row by row. */
export function editDistance(from: readonly string[], to: readonly string[]): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[to.length];
}

/** The smallest value that at least the share `q` of all values do not exceed; NaN of none. */
export function percentile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? NaN;
}

/** NaN of none. */
export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** 95 % interval of a share that was seen in `count` trials (Wilson). */
export function wilson(share: number, count: number): [low: number, high: number] {
  const z2 = 1.96 ** 2 / count;
  const middle = (share + z2 / 2) / (1 + z2);
  const half = (1.96 * Math.sqrt((share * (1 - share)) / count + z2 / count / 4)) / (1 + z2);
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}
