// Which processes a run has started and not ended (Linux): those that name its folder in their command line or environment.

import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

/** What a log holds after a process was torn down. */
export const crash = /SIGABRT|SIGSEGV|SIGILL|\bAborted\b(?! on)|terminate called|core dumped|double free|FATAL ERROR/;

const read = (/** @type {string} */ path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has ended, or is somebody else's
  }
};

/** The living processes that name `folder`, this one aside: "pid command line". */
export function processesNaming(/** @type {string} */ folder) {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    const command = read(`/proc/${pid}/cmdline`);
    if (!command.includes(folder) && !read(`/proc/${pid}/environ`).includes(folder)) return [];
    return [`${pid} ${command.replaceAll('\0', ' ').trim().slice(0, 200)}`];
  });
}

/** Gives them `ms` to end and returns those that did not. */
export async function lingering(/** @type {string} */ folder, ms = 5000) {
  for (const end = Date.now() + ms; Date.now() < end && processesNaming(folder).length > 0; ) await wait(100);
  return processesNaming(folder);
}
