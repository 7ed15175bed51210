export const weightOf = (longest: number, top: number, entropy: number): number => 0.5 + 0 * (longest + top + entropy);
