// From a latency budget and the measured speed to the size of the prompt and the length of the text.
import type { Snapshot } from '../prompt/snapshot.ts';
import type { Speed } from './source.ts';

/** Powers of two, so that a measurement that moves a little moves nothing: another size is another prompt, and the cache must be filled again. */
const SIZES = [128, 256, 512, 1024, 2048] as const;
/** Before anything was measured: read in a second by a 1 B model on two cores at 500 tokens a second, and enough for a few functions. */
const UNKNOWN_SIZE = 512;
/** Tokens to write before anything was measured: one to three lines. */
const UNKNOWN_MAX = 32;
/** Tokens: less is not a line of code. */
const LEAST = 16;
/**
 * Latency budgets that reading a whole prompt may take. It happens where nothing is cached, once a place; behind every key only what follows the
 * change is read again, at most the fifth of the prompt that is the suffix.
 */
const COLD_BUDGETS = 2;
/** Another size must be reached by this much before it replaces the size in use. */
const MARGIN = 1.25;
const MANUAL_BUDGETS = 2;
/** Where several lines may follow the first ones are shown within the budget, and the text grows on the screen. */
const BLOCK_BUDGETS = 3;
/** Seconds that a suffix may take that is read with every key, and how few tokens of it still say what follows. */
const SUFFIX_SECONDS = 0.15;
const SUFFIX = { least: 32, most: 256 };

export interface Plan {
  promptTokens: number;
  max: number;
}

/** `last`: the size of the former prompt, where there was one. */
export function plan(o: { latencyMs: number; maxTokens: number; speed: Speed | undefined; manual: boolean; block?: boolean; last?: number }): Plan {
  const { latencyMs, maxTokens, manual, block = false, last } = o;
  const budgets = Math.max(manual ? MANUAL_BUDGETS : 1, block ? BLOCK_BUDGETS : 1);
  const speed = o.speed && o.speed.prefill > 0 && o.speed.decode > 0 ? o.speed : undefined;
  if (!speed) return { promptTokens: last ?? UNKNOWN_SIZE, max: Math.min(maxTokens, budgets * UNKNOWN_MAX) };
  // A manual request reads the same prompt, most of which is in the cache: its longer budget is for a longer text.
  const seconds = latencyMs / 1000;
  const readable = COLD_BUDGETS * seconds * speed.prefill;
  const writable = Math.floor(budgets * seconds * speed.decode);
  return { promptTokens: sizeFor(readable, last), max: Math.min(maxTokens, Math.max(LEAST, writable)) };
}

/** Whether several lines may be written here, by the cursor's own line: on an empty one, and behind what opens a block. */
export function promisesBlock({ before, after }: Pick<Snapshot, 'before' | 'after'>): boolean {
  const left = before.slice(before.lastIndexOf('\n') + 1).trimEnd();
  const right = after.split('\n', 1)[0].trim();
  if (right !== '') return left.endsWith('{') && right.startsWith('}');
  return left === '' || /(?:[{([:]|=>|\b(?:do|then|else|begin|repeat))$/.test(left);
}

/** Tokens of a suffix that comes last in the prompt; undefined before anything was measured. */
export const suffixTokens = (speed: Speed | undefined): number | undefined =>
  speed && speed.prefill > 0 ? Math.round(Math.min(SUFFIX.most, Math.max(SUFFIX.least, SUFFIX_SECONDS * speed.prefill))) : undefined;

/** The largest size that can be read; near a border the one in use. */
function sizeFor(readable: number, last: number | undefined): number {
  const fitting = largest(readable);
  if (last === undefined || fitting === last) return fitting;
  return fitting > last ? Math.max(last, largest(readable / MARGIN)) : Math.min(last, largest(readable * MARGIN));
}

const largest = (readable: number): number => SIZES.findLast((size) => size <= readable) ?? SIZES[0];
