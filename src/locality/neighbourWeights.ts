// How much the neighbours' answer counts beside the mixture of model and file, where they hold a longer match than the file: λ by the same classes as the
// file's own. Printed by `npm run eval:locality -- --fit --neighbours 8`; docs/locality.md says on which text.
import { classOf } from './weights.ts';

/** `[length][share][entropy]`, per cent; the length is that of the neighbours' longest match. */
const WEIGHTS: readonly (readonly (readonly number[])[])[] = [
  [[1, 1, 1, 3], [1, 1, 3, 3], [1, 4, 7, 5]],
  [[1, 1, 2, 7], [1, 10, 13, 17], [18, 24, 32, 21]],
  [[2, 4, 10, 13], [3, 10, 20, 22], [27, 33, 49, 46]],
  [[2, 7, 11, 22], [5, 22, 38, 41], [34, 60, 63, 60]],
  [[12, 15, 19, 28], [17, 21, 35, 47], [46, 49, 76, 68]],
  [[41, 47, 40, 51], [36, 49, 35, 49], [58, 58, 67, 60]],
  [[46, 49, 44, 48], [49, 45, 45, 43], [73, 74, 65, 71]],
];

/** λ, within (0, 1). */
export function neighbourWeightOf(longest: number, top: number, entropy: number): number {
  const [l, s, e] = classOf(longest, top, entropy);
  return WEIGHTS[l][s][e] / 100;
}
