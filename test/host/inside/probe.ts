// The tests' own extension, and the entry that VS Code's test run calls: both in one file, so that they share the worker.

import { endWork, startWork } from './work.ts';
import { task } from './task.ts';

export { run } from './suite.ts';

export const activate = (): Promise<void> | undefined => (task.workAtStart ? startWork() : undefined);

/** As the extension will: the worker drains, whatever it is doing. */
export const deactivate = (): Promise<void> => endWork();
