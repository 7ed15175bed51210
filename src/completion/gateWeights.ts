// How much each signal says for a line (log-odds), in the order of `SIGNALS`. Printed by `npm run eval:gate -- --fit`; docs/locality.md says on which text.
export const BIAS = 2.747;
export const WEIGHTS: readonly number[] = [1.467, 2.022, 0.214, 3.300, 0.689, 0.300, -1.634, 0.575, -0.922, 0.192, 0.000, 0.482, 0.573, -2.5, -1.746, -0.001, -0.341, -0.074, 0.140, -0.215, 0.301, 0.106, -0.586, -0.395, 0.052];
