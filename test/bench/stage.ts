// npm run bench:prefill | bench:decode [-- --model GGUF|PRESET --contexts 64,512,2048,8192 --rounds 3 --tokens 16 --threads 2 --attention delta]
// One stage of our engine beside node-llama-cpp on the same file, alternating in one run; medians of the rounds. Prefill reads the context from nothing
// every time. Every context has processes of its own, so that their peak memory is that context's.
import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { machine } from '../../src/cli/bench.ts';
import { defaultThreads } from '../../src/cli/options.ts';
import type { LoadOptions } from '../../src/session/protocol.ts';
import { randomModel } from '../support/models.ts';
import { ensurePeer, peerUnsupported } from '../support/peer.ts';
import type { Memory } from '../support/processMemory.ts';
import type { Measured } from './engineSide.ts';
import { median, megabytes, NAMES, progress, Side, WARM_UP, type Preset } from './sides.ts';

const SHAPES: Preset[] = ['llama32_1b', 'qwen05b'];

const { values, positionals: [stage] } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string' }, contexts: { type: 'string', default: '64,512,2048,8192' }, rounds: { type: 'string', default: '3' }, tokens: { type: 'string', default: '16' },
    threads: { type: 'string', default: String(defaultThreads()) }, attention: { type: 'string', default: 'delta' },
  },
});
const [threads, rounds, tokens] = [values.threads, values.rounds, values.tokens].map(Number);

/** Tokens a second of one answer. */
const rate = ({ decode, prefill }: Measured) => (stage === 'prefill' ? prefill.tokens / prefill.seconds : 1000 / decode);

/** A row of the table: both engines at one context. */
async function row(model: string, path: string, context: number): Promise<string> {
  const options = { model: path, threads, attention: values.attention as LoadOptions['attention'], contextSize: context + tokens + 8 };
  const sides: Side[] = [];
  try {
    for (const side of ['ours', 'peer'] as const) sides.push(await Side.start({ side, ...options }));
    for (const side of sides) await side.measure({ context: WARM_UP, tokens: 1 });
    const rates: number[][] = [];
    // After the first round: later cold readings stay in our cache beside it.
    let peaks: Memory[] = [];
    for (let round = 0; round < rounds; round++) {
      progress(`${model}, ${context} tokens: round ${round + 1} of ${rounds}`);
      const measured: number[] = [];
      for (const side of sides) measured.push(rate(await side.measure({ context, tokens: stage === 'prefill' ? 0 : tokens })));
      rates.push(measured);
      if (round === 0) peaks = sides.map(({ peak }) => ({ ...peak }));
    }
    if (context === Number(values.contexts.split(',')[0])) console.log(`\n${model}, attention ${values.attention}; ${machine(threads, sides[0].ready.kernels)}\n\n${HEADING}`);
    const memory = peaks.flatMap(({ anonymous, fileBacked }) => [megabytes(anonymous), megabytes(fileBacked)]);
    const [ours, theirs] = [0, 1].map((i) => median(rates.map((r) => r[i])).toFixed(1));
    return `| ${context} | ${ours} | ${theirs} | ${median(rates.map(([a, b]) => a / b)).toFixed(2)} × | ${memory.join(' | ')} |`;
  } finally {
    for (const side of sides) await side.close();
  }
}

const HEADING = `| context | ${stage}, tokens/s | llama.cpp, tokens/s | | anonymous, MB | file-backed, MB | llama.cpp: anonymous, MB | file-backed, MB |\n|---|---|---|---|---|---|---|---|`;

export async function run(): Promise<void> {
  if (stage !== 'prefill' && stage !== 'decode') throw new Error('the stage must be prefill or decode');
  process.env.ORT_DISABLE_TELEMETRY = '1';
  process.env.DELTALLM_CACHE ??= resolve('.cache');
  const absent = peerUnsupported();
  if (absent) throw new Error(absent);
  ensurePeer();
  for (const model of values.model ? [values.model] : SHAPES) {
    const path = existsSync(model) ? model : randomModel(model as Preset);
    for (const context of values.contexts.split(',').map(Number)) console.log(await row(NAMES[model as Preset] ?? basename(model), path, context));
  }
}
