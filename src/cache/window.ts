// Which blocks a query reads exactly, and how long blocks therefore keep their exact form.
import { BLOCK } from '../binding/addon.ts';

export interface WindowRule {
  windowMin: number;
  windowMax: number;
  windowDivisor: number;
}

/** Tokens behind a tip that can be rewound without losing exactness. */
export const REWIND_RESERVE = 512;

/** w(b): blocks of exact keys before block b. It grows by at most one a block, so b − w(b) never falls. */
export function windowBlocks(rule: WindowRule, b: number): number {
  return Math.min(rule.windowMax, Math.max(rule.windowMin, Math.ceil(b / rule.windowDivisor)));
}

/** The first block that a tip at `length` tokens (its next token has that position) must find in exact form. */
export function firstExactBlock(rule: WindowRule, length: number): number {
  const b = Math.floor(length / BLOCK);
  return Math.max(0, b - windowBlocks(rule, b));
}

/** The first block that keeps its exact form behind a tip at `length`: the window of any tip within the reserve, and one block more. */
export function firstKeptBlock(rule: WindowRule, length: number): number {
  return Math.max(0, firstExactBlock(rule, Math.max(0, length - REWIND_RESERVE)) - 1);
}
