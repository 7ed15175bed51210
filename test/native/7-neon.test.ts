// The arm64 kernel set, cross-compiled and run by an emulator: kernelSet.cc compares it with double precision. The scalar set shows that the
// comparison itself holds, and that it fails where it must.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'deltallm-kernels-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const works = (command: string) => spawnSync(command, ['--version']).status === 0;

/** Compiles kernelSet.cc with one set and runs it: its last line and exit code. */
function run(compiler: string, set: string, emulator: string[], flags: string[] = []): { status: number | null; last: string } {
  const output = join(folder, set);
  const always = ['-std=gnu++17', '-O2', '-fno-tree-vectorize', '-ffp-contract=off', '-fno-math-errno', '-fno-rtti', '-fno-exceptions', '-static', `-I${join(root, 'native')}`];
  const sources = [join(root, 'test', 'native', 'kernelSet.cc'), join(root, 'native', 'kernels', `${set}.cc`)];
  const built = spawnSync(compiler, [...always, ...flags, `-DSET=dl_kernels_${set}`, ...sources, '-o', output], { encoding: 'utf8' });
  expect(built.status, built.stderr).toBe(0);
  const [program, ...args] = [...emulator, output];
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8' });
  return { status, last: stdout.trimEnd().split('\n').at(-1)! };
}

it('neon equals double precision, run by qemu-user', (context) => {
  context.skip(!works('aarch64-linux-gnu-g++') || !works('qemu-aarch64'), 'the arm64 kernels cannot be tried here: g++-aarch64-linux-gnu or qemu-user is not installed');
  expect(run('aarch64-linux-gnu-g++', 'neon', ['qemu-aarch64'])).toEqual({ status: 0, last: expect.stringMatching(/^neon: [1-9]\d{3} checks, 0 failed$/) });
});

it('the same comparison holds for the scalar set, and notices a chain that is one token short', (context) => {
  context.skip(!works('g++'), 'g++ is not installed');
  expect(run('g++', 'scalar', [])).toEqual({ status: 0, last: expect.stringMatching(/^scalar: [1-9]\d{3} checks, 0 failed$/) });
  expect(run('g++', 'scalar', [], ['-DSHORT_CHAIN']).status).not.toBe(0);
});
