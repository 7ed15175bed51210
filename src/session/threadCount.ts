// How many threads suit this machine.
import { availableParallelism } from 'node:os';

/** More threads than this do not help decode, and each costs memory in every session. */
const MOST_THREADS = 6;

/** Threads for the dense mathematics and attention together: all of two cores, else one less than there are. */
export const defaultThreads = (cores = availableParallelism()): number => Math.min(MOST_THREADS, cores <= 2 ? cores : cores - 1);
