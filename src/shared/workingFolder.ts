// A process may outlive the folder that it stands in: then a thread cannot be started, and no relative path means anything.
import { realpathSync } from 'node:fs';
import { isAbsolute } from 'node:path';

let lost = false;

/** Steps into `folder`, which exists, where the own one was deleted. */
export function leaveDeletedFolder(folder: string): void {
  try {
    realpathSync.native('.'); // process.cwd() remembers
  } catch {
    lost = true;
    process.chdir(folder);
  }
}

/** Whether a path that a user gave leads nowhere because it counts from a folder that is no more. */
export const leadsNowhere = (path: string): boolean => lost && !isAbsolute(path);
