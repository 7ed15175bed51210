// A pass: the unit of work that nobody interrupts, a chunk read or a token written. Whoever makes passes is handed the way to run them.

/** Runs one pass when it is its turn; nothing else runs meanwhile. What it leaves behind must be settled when it fulfils. */
export type RunPass = <T>(pass: () => Promise<T>) => Promise<T>;

/** For whoever has the model to himself: tests, benchmarks, studies. A pass is synchronous work: signals are heard behind it. */
export const atOnce: RunPass = async (pass) => {
  const result = await pass();
  await new Promise(setImmediate);
  return result;
};
