// How much the file's answer counts beside the model's: λ by the length of the match, by how much the file agrees with itself, and by the model's entropy.
// Printed by `npm run eval:locality -- --fit`; docs/locality.md says on which text.

/** Lower ends of the classes: tokens of the longest match, largest share, entropy in nats. */
const LENGTHS = [1, 2, 3, 4, 6, 9, 16];
const SHARES = [0, 0.5, 0.85];
const ENTROPIES = [0, 0.7, 2, 3.5];

/** `[length][share][entropy]`, per cent. */
const WEIGHTS: readonly (readonly (readonly number[])[])[] = [
  [[1, 3, 7, 10], [1, 5, 11, 14], [2, 9, 19, 20]],
  [[1, 6, 12, 19], [3, 12, 26, 30], [9, 29, 46, 46]],
  [[3, 11, 18, 17], [4, 13, 31, 39], [13, 30, 50, 54]],
  [[3, 7, 16, 22], [5, 15, 29, 38], [11, 34, 53, 55]],
  [[7, 8, 23, 16], [10, 19, 35, 38], [13, 38, 55, 57]],
  [[17, 17, 26, 29], [25, 33, 33, 36], [21, 49, 61, 64]],
  [[20, 19, 17, 29], [37, 47, 53, 60], [55, 74, 83, 81]],
];

/** Which of the classes a match, a share and an entropy belong to, each as an index. */
export const classOf = (longest: number, top: number, entropy: number): [length: number, share: number, entropy: number] =>
  [at(LENGTHS, longest), at(SHARES, top), at(ENTROPIES, entropy)];

export const CLASSES = [LENGTHS.length, SHARES.length, ENTROPIES.length] as const;

const at = (ends: readonly number[], value: number): number => Math.max(0, ends.findLastIndex((end) => value >= end));

/** λ, within (0, 1). */
export function weightOf(longest: number, top: number, entropy: number): number {
  const [l, s, e] = classOf(longest, top, entropy);
  return WEIGHTS[l][s][e] / 100;
}
