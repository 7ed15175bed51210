// Waiting for what comes in its own time, however slow the machine is.
import { vi } from 'vitest';

/** Resolves as soon as the check holds; rejects with what it last threw when it has not held for so long that it never will. */
export const until = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, { timeout: 120_000, interval: 10 });
