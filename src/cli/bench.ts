// deltallm bench engine: a budget per stage. `npm run bench:engine` prints the same beside node-llama-cpp.
import { cpus } from 'node:os';
import { DeltaError } from '../shared/errors.ts';
import type { BenchResult } from '../session/protocol.ts';
import type { Command } from '../cli.ts';
import { loadOptions, MODEL_OPTIONS, number, parse } from './options.ts';
import { print } from './output.ts';
import { withRuntime, type Loaded } from './withRuntime.ts';

const HELP = `deltallm bench engine [--model M] [--contexts 64,2048,8192] [--tokens N] [--attention delta|compact|dense] [--threads N] [--json]

Milliseconds of each stage of a decoded token (median), and the rate of prefill. Beside node-llama-cpp: npm run bench:engine
`;

/** One row of the table: the engine's own figures, and what the client waited beyond them. */
export interface BenchRow extends BenchResult {
  context: number;
  /** Milliseconds of the call that passed outside the worker: messages and queue. */
  waiting: number;
}

/** Measures one context length through the worker. */
export async function measureRow({ client }: Pick<Loaded, 'client'>, context: number, tokens: number): Promise<BenchRow> {
  const started = performance.now();
  const result = await client.call('bench', { context, tokens });
  return { context, ...result, waiting: performance.now() - started - result.total };
}

export const COLUMNS = ['embedding', 'segments', 'attention', 'head', 'sampler', 'hops'] as const;

export function formatRow(row: BenchRow): string {
  const stages = COLUMNS.map((stage) => row.decode[stage].toFixed(2).padStart(10)).join('');
  return `${String(row.context).padStart(8)}${row.decode.step.toFixed(2).padStart(10)}${stages}${row.waiting.toFixed(2).padStart(10)}${row.prefill.perSecond.toFixed(0).padStart(10)}${(row.cacheBytes / 1e6).toFixed(1).padStart(10)}`;
}

export const heading = (): string => `${['context', 'decode ms', ...COLUMNS, 'waiting', 'prefill/s', 'KV MB'].map((name, i) => name.padStart(i === 0 ? 8 : 10)).join('')}`;

export const machine = (threads: number, kernels: string): string => `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${cpus().length} cores, kernels ${kernels}, ${threads} threads, Node ${process.version}`;

export const bench: Command = async (args, cancel) => {
  const { values, positionals } = parse(args, { ...MODEL_OPTIONS, contexts: { type: 'string' }, tokens: { type: 'string' }, help: { type: 'boolean' } }, true);
  if (values.help) return void print(HELP);
  if (positionals.length !== 1 || positionals[0] !== 'engine') throw new DeltaError('usage', 'There is one benchmark: bench engine');
  const contexts = String(values.contexts ?? '64,2048,8192').split(',').map(Number);
  if (!contexts.every((c) => Number.isInteger(c) && c > 0)) throw new DeltaError('usage', '--contexts must be whole numbers separated by commas');
  const tokens = number(values, 'tokens', 16, 1, 1000);
  await withRuntime(values, cancel, async (loaded) => {
    const { model } = loaded;
    const row = (line: string) => {
      if (!values.json) print(`${line}\n`);
    };
    row(`${model.name}, ${(model.parameters / 1e6).toFixed(1)} M parameters; ${machine(loadOptions(values).threads, model.kernels)}`);
    row(heading());
    const rows: BenchRow[] = [];
    for (const context of contexts) {
      if (context + tokens + 2 > model.context) {
        row(`${String(context).padStart(8)}  skipped: the model reads at most ${model.context} tokens`);
        continue;
      }
      rows.push(await measureRow(loaded, context, tokens));
      row(formatRow(rows.at(-1)!));
    }
    const longest = Math.max(0, ...rows.map((row) => row.longestCall));
    row(`longest stage of one layer: ${longest.toFixed(0)} ms`);
    if (values.json) print(`${JSON.stringify({ model: model.name, longestCall: longest, rows })}\n`);
  });
};
