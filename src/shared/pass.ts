// A pass: the unit of work that nobody interrupts, a chunk read or a token written. Whoever makes passes is handed the way to run them.

/** Runs one pass when it is its turn; nothing else runs meanwhile. What it leaves behind must be settled when it fulfils. */
export type RunPass = <T>(pass: () => Promise<T>) => Promise<T>;

/** For whoever has the model to himself: tests, benchmarks, studies. */
export const atOnce: RunPass = (pass) => pass();
