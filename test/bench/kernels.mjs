// npm run bench:kernels [-- --set avx2 --rounds 15 --instructions]: where one decode step of attention spends its time, kernel by kernel, beside a plain read of
// the same bytes. One thread, no Node in between: test/bench/kernels.cc. --instructions: counted by valgrind instead of timed, for each tile of 64 tokens.
// A set that this CPU does not run ends in SIGILL; valgrind knows AVX2 but not AVX-512.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { X86_FLAGS } from '../support/kernelFlags.mjs';

const SETS = { scalar: [], neon: [], ...X86_FLAGS };
const TILES = 8;

const { values } = parseArgs({ options: { set: { type: 'string', default: 'avx2' }, rounds: { type: 'string', default: '15' }, instructions: { type: 'boolean', default: false } } });
const { set } = values;
if (!Object.hasOwn(SETS, set)) throw new Error(`--set is one of ${Object.keys(SETS).join(', ')}`);

function run(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (error || status !== 0) throw new Error(`${command} failed: ${error?.message ?? stderr}`);
  return stdout;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'deltallm-kernels-'));
try {
  const compile = (source, flags) => {
    const object = join(folder, `${source.replace(/\W/g, '-')}.o`);
    run(process.env.CXX ?? 'c++', ['-std=c++17', '-O3', '-ffp-contract=off', '-fno-math-errno', '-fno-trapping-math', '-I', join(root, 'native'), ...flags, '-c', join(root, source), '-o', object]);
    return object;
  };
  const binary = join(folder, 'kernels');
  run(process.env.CXX ?? 'c++', [compile(`native/kernels/${set}.cc`, SETS[set]), compile('test/bench/kernels.cc', [`-DSET=dl_kernels_${set}`]), '-o', binary]);

  console.log(`${cpus()[0].model} · kernel set ${set} · one decode step: 16 layers, 32/8 heads, D = 64, 8 192 tokens, one thread`);
  if (values.instructions) {
    const file = join(folder, 'counts');
    run('valgrind', ['--tool=callgrind', `--callgrind-out-file=${file}`, binary, 'once']);
    const lines = run('callgrind_annotate', ['--inclusive=yes', '--threshold=100', file]).split('\n');
    const count = (part) => {
      const line = lines.find((text) => new RegExp(`:${part}\\(\\)`).test(text));
      if (!line) throw new Error(`valgrind saw no ${part}`);
      return Number(line.trim().split(' ')[0].replaceAll(',', ''));
    };
    console.log('| part | instructions a tile |\n|---|---|');
    for (const part of ['scores_delta', 'scan', 'scores_int8', 'scores_half', 'rounding', 'values_int8', 'values_half']) console.log(`| ${part} | ${Math.round(count(part) / TILES)} |`);
    console.log(`| softmax | ${Math.round(count('softmax') / TILES / 2)} |`);
  } else {
    console.log('| part | ms of processor a step | bytes read a token and layer | MiB read | plain read of as many, ms |\n|---|---|---|---|---|');
    for (const line of run(binary, [values.rounds]).trim().split('\n')) {
      const [part, ...numbers] = line.split(' ');
      const [ms, tokens, bytes, read] = numbers.map(Number);
      console.log(`| ${part} | ${ms.toFixed(2)} | ${bytes ? `${Math.round(bytes / tokens)} | ${(bytes / 2 ** 20).toFixed(1)} | ${read.toFixed(2)}` : '– | – | –'} |`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
