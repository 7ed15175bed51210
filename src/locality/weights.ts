// How much the file's answer counts beside the model's: λ by the length of the match, by how much the file agrees with itself, and by the model's entropy.
// Printed by `npm run eval:locality -- --fit`; docs/locality.md says on which text.

/** Lower ends of the classes: tokens of the longest match, largest share, entropy in nats. */
const LENGTHS = [1, 2, 3, 4, 6, 9, 16];
const SHARES = [0, 0.5, 0.85];
const ENTROPIES = [0, 0.7, 2, 3.5];

/** `[length][share][entropy]`, per cent. */
export type Weights = readonly (readonly (readonly number[])[])[];

const WEIGHTS: Weights = [
  [[1, 3, 7, 9], [1, 5, 12, 13], [2, 10, 18, 19]],
  [[1, 6, 11, 18], [3, 12, 26, 28], [8, 32, 42, 45]],
  [[3, 8, 14, 17], [4, 14, 32, 37], [11, 31, 50, 53]],
  [[2, 6, 15, 20], [4, 15, 28, 36], [10, 36, 53, 52]],
  [[7, 13, 13, 20], [8, 20, 29, 38], [13, 37, 56, 54]],
  [[20, 15, 28, 28], [20, 27, 39, 34], [21, 46, 64, 60]],
  [[16, 18, 22, 24], [32, 41, 61, 59], [59, 70, 85, 78]],
];

/** Which of the classes a match, a share and an entropy belong to, each as an index. */
export const classOf = (longest: number, top: number, entropy: number): [length: number, share: number, entropy: number] =>
  [at(LENGTHS, longest), at(SHARES, top), at(ENTROPIES, entropy)];

export const CLASSES = [LENGTHS.length, SHARES.length, ENTROPIES.length] as const;

const at = (ends: readonly number[], value: number): number => Math.max(0, ends.findLastIndex((end) => value >= end));

/** λ of a table, within (0, 1). */
export function weightIn(weights: Weights, longest: number, top: number, entropy: number): number {
  const [l, s, e] = classOf(longest, top, entropy);
  return weights[l][s][e] / 100;
}

export const weightOf = (longest: number, top: number, entropy: number): number => weightIn(WEIGHTS, longest, top, entropy);
