// How much an analogy counts beside the mixture of model, file and neighbours: λ by the same classes as the file's own, the length being that of the words
// from which the analogy was drawn. Printed by `npm run eval:locality -- --fit --neighbours 8`; docs/locality.md says on which text.
import { weightIn, type Weights } from './weights.ts';

const WEIGHTS: Weights = [
  [[7, 7, 10, 13], [7, 14, 19, 5], [17, 27, 23, 24]],
  [[7, 7, 10, 13], [7, 14, 19, 5], [17, 27, 23, 24]],
  [[22, 21, 20, 22], [7, 18, 18, 17], [42, 49, 50, 43]],
  [[20, 19, 32, 25], [21, 35, 25, 32], [28, 48, 48, 45]],
  [[18, 20, 26, 23], [22, 23, 26, 33], [48, 40, 46, 34]],
  [[64, 63, 61, 62], [28, 36, 41, 38], [42, 48, 62, 54]],
  [[39, 43, 47, 43], [32, 35, 38, 35], [63, 80, 89, 78]],
];

/** λ, within (0, 1). */
export const analogyWeightOf = (longest: number, top: number, entropy: number): number => weightIn(WEIGHTS, longest, top, entropy);
