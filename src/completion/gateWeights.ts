// How much each signal says for a line (log-odds), in the order of `SIGNALS`. Printed by `npm run eval:gate -- --fit`; docs/locality.md says on which text.
// `repeats` is set by hand (fitted: -0.32), and so is `sibling`: what is a sibling's, word for word, harms more, where it is wrong, than another wrong line.
export const BIAS = 2.778;
export const WEIGHTS: readonly number[] = [1.178, 2.268, 0.114, 3.819, 0.769, 0.062, -1.649, 0.773, -0.676, 0.089, 1.192, 0.484, 0.243, -2.500, -1.591, -0.112, -0.402, -0.071, -0.040, -0.304, 0.236, 0.217, -0.709, -0.745, -0.144, -2.500];
