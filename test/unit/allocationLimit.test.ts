import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { allocationLimit, compile } from '../support/allocationLimit.ts';
import { describeUnless, unlessOn } from '../support/where.ts';

const linux = process.platform === 'linux';
const limit = linux ? allocationLimit() : undefined;
const control = limit ? compile('allocationControl.c', dirname(limit.env.LD_PRELOAD)) : '';
afterAll(() => limit?.dispose());

const GiB = 2 ** 30;

function check(command: string, args: string[], caught: boolean) {
  const { status, signal, stderr } = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, ...limit?.env } });
  if (caught) {
    expect(stderr).toMatch(/^allocationLimit: .* of \d+ bytes$/m);
    expect(signal).toBe('SIGABRT');
  } else expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
}

describeUnless(unlessOn('linux'), 'the allocation limit', () => {
  const counted = ['malloc', 'calloc', 'realloc', 'aligned_alloc', 'memalign', 'posix_memalign', 'mmap', 'mprotect'];
  it.each(counted)('catches 1 GiB by %s', (way) => check(control, [way, String(GiB)], true));
  it.each(counted)('lets a page less pass by %s', (way) => check(control, [way, String(GiB - 4096)], false));
  it.each(['reserve', 'noreserve'])('lets address space without memory pass (%s)', (way) => check(control, [way, String(8 * GiB)], false));
  it('lets Node start', () => check(process.execPath, ['-e', '0'], false));
  it('catches a 1 GiB buffer in Node', () => check(process.execPath, ['-e', 'Buffer.alloc(2 ** 30)'], true));
});
