// Tests that not every machine can run: what is skipped says why, in the list that `npm test` ends with.
import { describe, it } from 'vitest';

const named = (name: string, reason: string | undefined): string => (reason === undefined ? name : `${name} (${reason})`);

/** A group of tests that is skipped where there is a reason to. */
export const describeUnless = (reason: string | undefined, name: string, tests: () => void): void => void describe.skipIf(reason !== undefined)(named(name, reason), tests);

/** One test that is skipped where there is a reason to. */
export const itUnless = (reason: string | undefined, name: string, test: () => void | Promise<void>): void => void it.skipIf(reason !== undefined)(named(name, reason), test);

/** The reason of what is for one system alone. */
export const unlessOn = (system: NodeJS.Platform): string | undefined => (process.platform === system ? undefined : `${system} only`);
