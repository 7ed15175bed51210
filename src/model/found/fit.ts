// Whether a model fits the memory that is free, judged before anything of its weights is read.
import os from 'node:os';
import { DeltaError } from '../../shared/errors.ts';
import type { Shape } from '../manifest.ts';

/** Weights in memory lie in tiles, which round a little up: Q4_K grows by 3 %. */
const GROWTH = 1.05;
/** Node, activations and the heap; and of the vocabulary's texts and merges, for each token. `test/addon/fitPeak.test.ts` holds both against the peak of a process. */
const BESIDES_BYTES = 95e6;
const TOKEN_BYTES = 500;
/** Tokens whose keys and values must fit besides, where nobody has chosen. */
const CONTEXT = 8192;
/** Of a key or a value: in blocks of the delta form, the exact ones in the window included (README, Speed), and of all of them exact. */
const BYTES_PER_ELEMENT = { delta: 1, compact: 1, dense: 4 };
/** macOS counts what it keeps of files as taken, and gives it back when somebody asks: half of all memory can be had. */
const HAD_ON_MACOS = 0.5;

/** How a model is to be run. */
export interface Plan {
  /** Tokens whose keys and values are to be kept. */
  context: number;
  attention: 'delta' | 'compact' | 'dense';
  /** Bytes that the cache may take at most. */
  cacheBytes: number;
}

const USUAL: Plan = { context: CONTEXT, attention: 'delta', cacheBytes: Infinity };

/** Bytes that a model takes in memory, by what for. */
export interface Needs {
  weights: number;
  /** Keys and values of the context that was chosen. */
  cache: number;
  besides: number;
}

export function needsOf(weights: number, { layers, kvHeads, keyLength, valueLength, context, vocabulary }: Shape, plan: Plan = USUAL): Needs {
  const cache = layers * kvHeads * (keyLength + valueLength) * Math.min(context, plan.context) * BYTES_PER_ELEMENT[plan.attention];
  return { weights: weights * GROWTH, cache: Math.min(cache, plan.cacheBytes), besides: BESIDES_BYTES + vocabulary * TOKEN_BYTES };
}

/** Bytes that a model takes in memory. */
export const memoryNeeded = (weights: number, shape: Shape, plan?: Plan): number => sumOf(needsOf(weights, shape, plan));

const sumOf = ({ weights, cache, besides }: Needs): number => weights + cache + besides;

/** Throws modelTooLarge. */
export function checkFit(name: string, needs: Needs, available: number): void {
  if (sumOf(needs) > available) throw new DeltaError('modelTooLarge', name, gigabytes(sumOf(needs)), gigabytes(available));
}

/** Bytes of memory that are free for a model on this computer. */
// Node 22 knows of the limits of a container.
export function availableMemory(): number {
  const free = (process as { availableMemory?: () => number }).availableMemory?.() ?? os.freemem();
  return process.platform === 'darwin' ? Math.max(free, os.totalmem() * HAD_ON_MACOS) : free;
}

/** With enough places that the two numbers of a refusal differ. */
const gigabytes = (bytes: number): string => (bytes < 1e7 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`);
