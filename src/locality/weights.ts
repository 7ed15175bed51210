// How much the file's answer counts beside the model's: λ by the length of the match, by how much the file agrees with itself, and by the model's entropy.
// Printed by `npm run eval:locality -- --fit`; docs/locality.md says on which text.

/** Lower ends of the classes: tokens of the longest match, largest share, entropy in nats. */
const LENGTHS = [1, 2, 3, 4, 6, 9, 16];
const SHARES = [0, 0.5, 0.85];
const ENTROPIES = [0, 0.7, 2, 3.5];

/** `[length][share][entropy]`, per cent. */
const WEIGHTS: readonly (readonly (readonly number[])[])[] = [
  [[4, 7, 17, 29], [3, 8, 22, 34], [14, 20, 23, 41]],
  [[11, 12, 27, 46], [20, 21, 43, 57], [54, 55, 52, 76]],
  [[16, 28, 37, 52], [23, 32, 51, 65], [51, 58, 64, 79]],
  [[40, 47, 40, 51], [21, 55, 61, 72], [45, 62, 70, 83]],
  [[55, 56, 48, 54], [65, 63, 60, 66], [58, 73, 80, 85]],
  [[46, 54, 47, 51], [71, 72, 83, 83], [61, 82, 84, 88]],
  [[62, 65, 62, 63], [88, 89, 88, 88], [96, 94, 93, 94]],
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
