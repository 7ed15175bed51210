// deltallm replay: a recorded editing session against the real prompt and cache code. Needs no editor and no worker: it is its own process.
import { dirname, join, resolve } from 'node:path';
import { loadAddon } from '../binding/load.ts';
import { MOVES } from '../cache/known.ts';
import { parseSession } from '../eval/recordedSession.ts';
import { replay as play, summarise, type ReplayStep } from '../eval/replay.ts';
import { Engine } from '../session/engine.ts';
import { packageRoot } from '../shared/packageRoot.ts';
import type { Command } from '../cli.ts';
import { readText } from './input.ts';
import { existing, loadOptions, MODEL_OPTIONS, number, parse, required } from './options.ts';
import { print } from './output.ts';
import { clearProgress, showProgress, tell } from './terminal.ts';

const HELP = `deltallm replay: plays a recorded editing session and says of each key what was known of its prompt, and how

  deltallm replay --session S.jsonl [--model M] [--prompt-tokens N] [--most-tokens N] [--max N] [--fresh N | --still] [--drift] [--cache-mb N] [--threads N] [--json]

--prompt-tokens   tokens that are read in time; default 512
--most-tokens     tokens of a prompt at most, where the others are known; default 8192
--max             tokens to write at each place; default 4
--fresh           tokens before the cursor that are read where they stand, whatever else moves; default ${MOVES.fresh}
--still           nothing moves
--drift           compares what is not read strictly with a cold run, every fifth key: KL of the next token, whether the likeliest is the same, whether the first line is
The actions of a session are listed in src/eval/recordedSession.ts; test/fixtures/sessions has some.
`;

const COLUMNS = ['prompt', 'strict', 'approximate', 'moved', 'computed'] as const;

export const replay: Command = async (args, cancel) => {
  const { values } = parse(args, {
    ...MODEL_OPTIONS, session: { type: 'string' }, 'prompt-tokens': { type: 'string' }, 'most-tokens': { type: 'string' }, max: { type: 'string' }, fresh: { type: 'string' }, still: { type: 'boolean' },
    drift: { type: 'boolean' }, help: { type: 'boolean' },
  });
  if (values.help) return void print(HELP);
  const path = resolve(existing(required(values, 'session')));
  const actions = parseSession(await readText(path, cancel), path);
  const options = {
    promptTokens: number(values, 'prompt-tokens', 512, 16, 1e6), mostTokens: number(values, 'most-tokens', 8192, 16, 1e6), max: number(values, 'max', 4, 1, 1000),
    moves: values.still ? undefined : { fresh: number(values, 'fresh', MOVES.fresh, 0, 1e6) },
  };
  const load = loadOptions(values);
  process.env.ORT_DISABLE_TELEMETRY = '1';
  const engine = await Engine.load(loadAddon(join(packageRoot(), 'dist')), load, (stage, share) => showProgress(stage, share), { notice: tell });
  clearProgress();
  try {
    const row = (text: string) => void (values.json || print(`${text}\n`));
    row(`${'what'.padEnd(14)}${COLUMNS.map((name) => name.padStart(12)).join('')}${'KV MB'.padStart(9)}${'ms'.padStart(9)}`);
    const steps = await play(engine, actions, (file) => readText(join(dirname(path), file), cancel), { ...options, drift: values.drift ? load.attention : undefined, cancel, heard: (step) => row(line(step)) });
    const summary = summarise(steps);
    if (values.json) print(`${JSON.stringify({ model: engine.describe().name, ...options, summary, steps })}\n`);
    else row(Object.entries(summary).map(([name, value]) => `${name} ${Number.isInteger(value) ? value : value.toPrecision(3)}`).join(', '));
  } finally {
    await engine.close();
  }
};

function line(step: ReplayStep): string {
  const drift = step.drift ? `  KL ${step.drift.kl.toFixed(5)}${step.drift.agree ? '' : ', another token'}${step.drift.sameLine ? '' : ', another line'}` : '';
  return `${`${step.do} ${step.key + 1}`.padEnd(14)}${COLUMNS.map((name) => String(step[name]).padStart(12)).join('')}${(step.bytes / 1e6).toFixed(1).padStart(9)}${step.ms.toFixed(1).padStart(9)}${drift}`;
}
