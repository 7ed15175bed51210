// How much memory a cache may take where nobody says: several windows, and other programs, share the machine.
import { totalmem } from 'node:os';

const SHARE = 1 / 16;
const [LEAST, MOST] = [256e6, 4096e6];

/** Bytes, in whole megabytes. `memory`: bytes of the machine. */
export const defaultCacheBytes = (memory = totalmem()): number => Math.round(Math.min(MOST, Math.max(LEAST, memory * SHARE)) / 1e6) * 1e6;
