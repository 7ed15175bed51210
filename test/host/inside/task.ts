// What the outside asks of the inside (the variable DELTALLM_HOST), and the file in which the inside answers, one line of JSON a fact.

import { appendFileSync } from 'node:fs';
import type { GenerateResult } from '../../../src/session/protocol.ts';

export interface Task {
  /** The file of answers. */
  report: string;
  /** Where the extension must be installed. */
  extensions: string;
  /** Where to complete: a file, and a line and a column that count from 1. */
  sample: string;
  line: number;
  column: number;
  /** Tokens to write, compute threads, megabytes of the cache. */
  max: number;
  threads: number;
  cacheMb: number;
  /** Of the tests outside that drive a window; without it the probe only waits to be called. */
  socket?: string;
}

export type Fact =
  | { check: string; ok: boolean; details: string[] }
  /** Without the work of attention: it counts what was guessed ahead too, and how much that is depends on the time. */
  | { completion: Pick<GenerateResult, 'text' | 'reason' | 'tokens' | 'meanLogProbability'> & { keySparsity: number } }
  | { host: { node: string; vscode: string; electron: string | undefined; kernels: string } }
  | { working: true }
  /** Milliseconds in which the worker ended after `deactivate`. */
  | { drained: number };

export const task = JSON.parse(process.env.DELTALLM_HOST ?? '{}') as Task;

/** Written at once: the host may end at any time. */
export const say = (fact: Fact): void => appendFileSync(task.report, `${JSON.stringify(fact)}\n`);
