// Whether a model fits the memory that is free, judged before anything of its weights is read.
import os from 'node:os';
import { DeltaError } from '../../shared/errors.ts';
import type { Shape } from '../manifest.ts';

/** Weights in memory lie in tiles, which round a little up: Q4_K grows by 3 %. */
const GROWTH = 1.05;
/** Activations, the tokenizer, the heap. */
const BESIDES_BYTES = 300e6;
/** Tokens whose keys and values must fit besides. */
const CONTEXT = 8192;
/** Of a key or a value, in blocks of the delta form; the exact ones in the window included (README, Speed). */
const BYTES_PER_ELEMENT = 1;
/** macOS counts what it keeps of files as taken, and gives it back when somebody asks: half of all memory can be had. */
const HAD_ON_MACOS = 0.5;

/** Bytes that a model takes in memory. */
export function memoryNeeded(weights: number, { layers, kvHeads, keyLength, valueLength, context }: Shape): number {
  return weights * GROWTH + layers * kvHeads * (keyLength + valueLength) * Math.min(context, CONTEXT) * BYTES_PER_ELEMENT + BESIDES_BYTES;
}

/** Throws modelTooLarge. */
export function checkFit(name: string, weights: number, shape: Shape, available: number): void {
  const needed = memoryNeeded(weights, shape);
  if (needed > available) throw new DeltaError('modelTooLarge', name, gigabytes(needed), gigabytes(available));
}

/** Bytes of memory that are free for a model on this computer. */
// Node 22 knows of the limits of a container.
export function availableMemory(): number {
  const free = (process as { availableMemory?: () => number }).availableMemory?.() ?? os.freemem();
  return process.platform === 'darwin' ? Math.max(free, os.totalmem() * HAD_ON_MACOS) : free;
}

/** With enough places that the two numbers of a refusal differ. */
const gigabytes = (bytes: number): string => (bytes < 1e7 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`);
