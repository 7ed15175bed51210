// The tests' own extension, and the entry that VS Code's test run calls: both in one file, so that they share the worker.

import { sep } from 'node:path';
import { link } from './link.ts';
import { observe, seen } from './observe.ts';
import { task } from './task.ts';
import { countTimers, ticks } from './timers.ts';
import { endWork } from './work.ts';

export { run } from './suite.ts';

const isPackages = (file: string) => file.startsWith(`${task.extensions}${sep}deltallm.deltallm-`);

let hangUp = () => {};

export function activate(): void {
  if (!task.socket) return;
  observe(isPackages);
  countTimers(isPackages);
  seen.ticks = ticks;
  const socket = link(task.socket, seen);
  hangUp = () => void socket.destroy();
}

/** As the extension does: the worker drains, whatever it is doing. */
export async function deactivate(): Promise<void> {
  await endWork();
  hangUp();
}
