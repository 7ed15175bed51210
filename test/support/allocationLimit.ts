// Builds the LD_PRELOAD shim of allocationLimit.c, so that a child process dies at its first single allocation of 1 GiB or more.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export interface AllocationLimit {
  /** Add to a child's environment. The child dies by SIGABRT after a line that begins with `allocationLimit:` on stderr. */
  env: { LD_PRELOAD: string; DELTALLM_ALLOCATION_LIMIT: string };
  dispose(): void;
}

/** Compiles a C file of test/support into `folder` and returns its path. */
export function compile(source: string, folder: string, ...flags: string[]): string {
  const out = join(folder, source.replace(/\.c$/, flags.includes('-shared') ? '.so' : ''));
  execFileSync(process.env.CC ?? 'cc', ['-O1', '-Wall', '-fno-builtin', ...flags, '-o', out, resolve('test/support', source)], { stdio: ['ignore', 'ignore', 'inherit'] });
  return out;
}

/** Linux with glibc only: elsewhere there is no LD_PRELOAD, or no `__libc_malloc`. */
export function allocationLimit(bytes = 2 ** 30): AllocationLimit {
  const folder = mkdtempSync(join(tmpdir(), 'deltallm-allocationLimit-'));
  const shim = compile('allocationLimit.c', folder, '-shared', '-fPIC');
  return {
    env: { LD_PRELOAD: shim, DELTALLM_ALLOCATION_LIMIT: String(bytes) },
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}
