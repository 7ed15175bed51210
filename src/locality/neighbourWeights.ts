// How much the neighbours' answer counts beside the mixture of model and file, where they hold a longer match than the file: λ by the same classes as the
// file's own. Printed by `npm run eval:locality -- --fit --neighbours 8`; docs/locality.md says on which text.
import { weightIn, type Weights } from './weights.ts';

/** The length is that of the neighbours' longest match. */
const WEIGHTS: Weights = [
  [[1, 1, 2, 3], [1, 1, 4, 4], [1, 5, 9, 8]],
  [[1, 1, 4, 10], [2, 15, 20, 23], [15, 31, 42, 32]],
  [[2, 4, 10, 16], [5, 17, 36, 36], [25, 38, 52, 62]],
  [[2, 8, 14, 26], [4, 26, 44, 43], [31, 60, 70, 70]],
  [[11, 20, 22, 27], [11, 24, 42, 49], [37, 59, 76, 72]],
  [[35, 40, 39, 51], [44, 60, 53, 62], [49, 68, 80, 71]],
  [[40, 56, 56, 64], [76, 82, 80, 77], [76, 90, 90, 88]],
];

/** λ, within (0, 1). */
export const neighbourWeightOf = (longest: number, top: number, entropy: number): number => weightIn(WEIGHTS, longest, top, entropy);
