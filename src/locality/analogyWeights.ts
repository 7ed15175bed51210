// How much an analogy counts beside the mixture of model, file and neighbours: λ by the same classes as the file's own, the length being that of the words
// from which the analogy was drawn, and what was written since. Smoothed from what is printed by `npm run eval:locality -- --fit --neighbours 8`; docs/locality.md says on which text.
import { weightIn, type Weights } from './weights.ts';

/** Where it says what the file says, or the file says nothing. */
const AGREEING: Weights = [
  [[8, 8, 10, 10], [10, 12, 14, 12], [20, 25, 25, 25]],
  [[8, 8, 10, 10], [8, 12, 16, 12], [25, 33, 30, 32]],
  [[20, 20, 20, 20], [12, 18, 18, 16], [40, 46, 46, 40]],
  [[22, 22, 28, 25], [20, 26, 24, 25], [36, 54, 52, 48]],
  [[25, 25, 28, 28], [33, 33, 35, 38], [42, 42, 46, 40]],
  [[45, 45, 45, 45], [40, 44, 46, 44], [52, 58, 64, 60]],
  [[30, 32, 34, 33], [45, 50, 52, 50], [72, 80, 84, 82]],
];

/** Where the file says something else. */
const DIFFERING: Weights = [
  [[5, 5, 5, 5], [15, 18, 18, 18], [18, 22, 22, 20]],
  [[8, 8, 8, 8], [16, 20, 20, 20], [18, 22, 24, 20]],
  [[10, 10, 10, 12], [25, 30, 30, 28], [36, 40, 38, 38]],
  [[23, 23, 23, 23], [27, 27, 28, 27], [36, 46, 44, 42]],
  [[35, 36, 36, 36], [45, 46, 46, 46], [44, 50, 50, 48]],
  [[30, 30, 30, 30], [38, 40, 40, 40], [48, 54, 54, 54]],
  [[42, 42, 44, 46], [70, 72, 72, 72], [86, 86, 88, 88]],
];

/** λ, within (0, 1). */
export const analogyWeightOf = (longest: number, top: number, entropy: number, differs: boolean): number => weightIn(differs ? DIFFERING : AGREEING, longest, top, entropy);
