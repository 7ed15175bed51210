// Whether something lies at a path.
import { promises as fs } from 'node:fs';

/** Whatever it is, and whether or not it may be read. */
export const isThere = (path: string): Promise<boolean> => fs.stat(path).then(() => true, () => false);
