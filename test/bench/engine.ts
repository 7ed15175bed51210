// npm run bench:engine [-- --part N | --model GGUF|PRESET --contexts 64,2048] [--longest --rounds 7 --tokens 8 --threads 2 --attention delta --no-peer | --beside GGUF|PRESET]
// The budget of every stage of our engine, beside node-llama-cpp on the same file, alternating in one run; medians of the rounds, then the tables of the README.
// Each side is a process of its own; a context extends the one before it. A plain read of as many bytes as the file has says what memory gives at most. Without options all of PARTS run. With --beside the other side is ours too, on that file.
import { existsSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { formatRow, heading, machine } from '../../src/cli/bench.ts';
import { defaultThreads } from '../../src/cli/options.ts';
import type { LoadOptions } from '../../src/session/protocol.ts';
import { randomModel } from '../support/models.ts';
import { ensurePeer, peerUnsupported } from '../support/peer.ts';
import type { Measured } from './engineSide.ts';
import { PlainRead } from './plainRead.ts';
import { median, megabytes, NAMES, progress, Side, WARM_UP, type Preset } from './sides.ts';

/** What is read and decoded, piece by piece, each in at most four minutes on two cores. Long contexts have fewer layers where reading them with all would take ten. */
const PARTS: { model: Preset; contexts: number[] }[] = [
  { model: 'llama32_1b', contexts: [64, 512, 2048] },
  { model: 'llama32_1b', contexts: [8192] },
  { model: 'llama32_1b_4layers', contexts: [8192, 16_384] },
  { model: 'qwen05b', contexts: [64, 512, 2048] },
  { model: 'qwen05b_6layers', contexts: [8192, 16_384] },
  { model: 'llama32_1b_q4km', contexts: [64, 512, 2048] },
  { model: 'qwen05b_q4km', contexts: [64, 512, 2048] },
];
const LONGEST = 32_768;

const { values } = parseArgs({
  options: {
    part: { type: 'string' }, model: { type: 'string' }, contexts: { type: 'string' }, longest: { type: 'boolean', default: false }, rounds: { type: 'string', default: '7' },
    tokens: { type: 'string', default: '8' }, threads: { type: 'string', default: String(defaultThreads()) }, attention: { type: 'string', default: 'delta' },
    'no-peer': { type: 'boolean', default: false }, beside: { type: 'string' },
  },
});
const [threads, rounds, tokens] = [values.threads, values.rounds, values.tokens].map(Number);

/** Tokens per second of everything read so far, after the warm-up. */
class Reading {
  private tokens = 0;
  private seconds = 0;

  add({ prefill }: Measured): number {
    this.tokens += prefill.tokens;
    this.seconds += prefill.seconds;
    return this.tokens / this.seconds;
  }
}

interface Tables {
  speed: string[];
  memory: string[];
}

const pathOf = (model: string): string => (existsSync(model) ? model : randomModel(model as Preset));
const nameOf = (model: string): string => NAMES[model as Preset] ?? basename(model);

async function runPart(model: string, contexts: number[], peerAbsent: string | undefined, tables: Tables): Promise<void> {
  const name = nameOf(model);
  progress(`${name}: loading`);
  const options = { threads, attention: values.attention as LoadOptions['attention'], contextSize: Math.max(...contexts) + tokens + 8 };
  const sides: Side[] = [];
  const plain = new PlainRead(statSync(pathOf(model)).size, threads);
  try {
    await plain.ready();
    const own = { side: 'ours', model: pathOf(model) } as const;
    const other = values.beside ? [{ side: 'ours', model: pathOf(values.beside) } as const] : peerAbsent ? [] : [{ ...own, side: 'peer' } as const];
    for (const side of [own, ...other]) sides.push(await Side.start({ ...side, ...options }));
    const peerName = values.beside ? nameOf(values.beside) : 'peer';
    for (const side of sides) await side.measure({ context: WARM_UP, tokens: 1 });
    const { parameters, kernels } = sides[0].ready;
    console.log(`\n${name}, ${(parameters / 1e6).toFixed(0)} M parameters, attention ${values.attention}; ${machine(threads, kernels)}`);
    console.log(`${heading()}${other.length === 0 ? '' : ['peer ms', 'decode ×', 'peer pre/s', 'prefill ×', 'peer KV MB'].map((column) => column.padStart(11)).join('')}${values.beside ? `   (peer: ours on ${peerName})` : ''}`);
    const read = sides.map(() => new Reading());
    let longest = 0;
    for (const context of contexts) {
      const all: Measured[][] = [];
      const reads: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const measured: Measured[] = [];
        for (const [i, side] of sides.entries()) {
          if (round === 0) progress(`  ${context} tokens: ${i === 0 ? 'we read' : 'node-llama-cpp reads'}`);
          measured.push(await side.measure({ context, tokens }));
        }
        all.push(measured);
        const started = performance.now();
        plain.run();
        reads.push(performance.now() - started);
      }
      // The context is read in the first round only; later rounds find it in the cache.
      const rates = all[0].map((measured, i) => read[i].add(measured));
      const own = all.map(([ours]) => ours).toSorted((a, b) => a.decode - b.decode)[rounds >> 1];
      longest = Math.max(longest, ...all.map(([{ row }]) => row!.longestCall));
      const figures = other.length === 0 ? [] : [
        median(all.map(([, peer]) => peer.decode)).toFixed(1), `${median(all.map(([ours, peer]) => peer.decode / ours.decode)).toFixed(2)} ×`,
        rates[1].toFixed(0), `${(rates[0] / rates[1]).toFixed(2)} ×`, megabytes(all[0][1].cacheBytes),
      ];
      console.log(`${formatRow({ ...own.row!, prefill: { ...own.row!.prefill, perSecond: rates[0] } })}${figures.map((text) => text.padStart(11)).join('')}`);
      const [decode, ratio, rate, faster, kept] = figures.length > 0 ? figures : new Array<string>(5).fill('');
      tables.speed.push(`| ${name} | ${context} | ${own.decode.toFixed(1)} | ${decode} | ${ratio} | ${rates[0].toFixed(0)} | ${rate} | ${faster} | ${megabytes(own.cacheBytes)} | ${kept} | ${median(reads).toFixed(1)} |`);
    }
    console.log(`longest stage of one layer: ${longest.toFixed(0)} ms`);
    const cells = [0, 1].flatMap((i) => (sides[i] ? [megabytes(sides[i].peak.anonymous), megabytes(sides[i].peak.fileBacked)] : ['', '']));
    tables.memory.push(`| ${name} | ${Math.max(...contexts)} | ${cells.join(' | ')} |`);
  } finally {
    for (const side of sides) await side.close();
    await plain.close();
  }
}

export async function run(): Promise<void> {
  process.env.ORT_DISABLE_TELEMETRY = '1';
  process.env.DELTALLM_CACHE ??= resolve('.cache');
  const contexts = values.contexts?.split(',').map(Number);
  const parts: { model: string; contexts: number[] }[] = values.model
    ? [{ model: values.model, contexts: contexts ?? [64, 2048, 8192] }]
    : PARTS.filter((_, i) => !values.part || i + 1 === Number(values.part));
  if (parts.length === 0) throw new Error(`--part must be 1 to ${PARTS.length}`);
  const peerAbsent = values['no-peer'] || values.beside ? 'not asked for' : peerUnsupported();
  if (peerAbsent) console.log(`node-llama-cpp is left out: ${peerAbsent}`);
  else ensurePeer();

  const tables: Tables = { speed: [], memory: [] };
  for (const [i, { model, contexts: own }] of parts.entries()) {
    progress(`part ${i + 1} of ${parts.length}`);
    await runPart(model, values.longest && own.includes(16_384) ? [...own, LONGEST] : own, peerAbsent, tables);
  }
  console.log('\n| shape | context | a token, ms | llama.cpp, ms | | reading it, tokens/s | llama.cpp, tokens/s | | KV, MB | llama.cpp, MB | a plain read of the file, ms |\n|---|---|---|---|---|---|---|---|---|---|---|');
  console.log(tables.speed.join('\n'));
  console.log('\n| shape | longest context | anonymous, MB | file-backed, MB | llama.cpp: anonymous, MB | file-backed, MB |\n|---|---|---|---|---|---|');
  console.log(tables.memory.join('\n'));
}
