// Each kernel set by itself: kernelSet.cc compares it with double precision, and what must have the same bits everywhere with the bits that are right. The set for
// arm64 is cross-compiled and run by an emulator. The scalar set shows that the comparison itself holds, and that it fails where it must.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { addon } from './stage.ts';
// @ts-expect-error plain JavaScript
import { X86_FLAGS } from '../support/kernelFlags.mjs';

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

for (const [set, flags] of Object.entries<string[]>(X86_FLAGS)) {
  it(`${set} equals double precision`, (context) => {
    context.skip(!addon.cpu().usable.includes(set) || !works('g++'), `${set} cannot be tried here: the processor does not run it, or g++ is not installed`);
    expect(run('g++', set, [], flags)).toEqual({ status: 0, last: expect.stringMatching(new RegExp(`^${set}: [1-9]\\d{3} checks, 0 failed$`)) });
  });
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
