// Runs VS Code's server under strace and follows, in what that wrote, the extension hosts and all that they start.
//
// The server itself listens and answers on the loopback address: that is how its window works. So everything is traced, and only the extension hosts are judged.

import { createReadStream } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';

/** Set for a run whose servers are traced. */
export const tracing = () => Boolean(process.env.DELTALLM_TRACE);

let traces = 0;

/** Where the next server's calls go. @param {string} folder */
export const nextTrace = (folder) => join(folder, `server-${process.pid}-${traces++}.strace`);

/** All that opens, makes, changes or removes a file; not what only looks, which a VS Code does a hundred times more often. `?`: where the system has it. */
const fileCalls =
  'open openat openat2 creat mkdir mkdirat mknod mknodat rename renameat renameat2 link linkat symlink symlinkat unlink unlinkat rmdir truncate chmod fchmodat fchmodat2 chown lchown fchownat ' +
  'utime utimes utimensat futimesat setxattr lsetxattr removexattr lremovexattr mount umount2 pivot_root chroot swapon quotactl';
export const tracedInHost = ['network', 'io_uring_setup', ...`execve execveat clone clone3 fork vfork ${fileCalls}`.split(' ').map((name) => `?${name}`)].join(',');

/**
 * What the server is started with. The tracer stands aside in a process group of its own (-DD), so that signals reach the server, and only the traced calls
 * stop a process (--seccomp-bpf).
 * @param {string} log
 */
export const traceFlags = (log) => ['strace', '-DD', '-f', '--seccomp-bpf', '-y', '-q', '-s', '300', '-e', `trace=${tracedInHost}`, '-e', 'signal=none', '-o', log];

/** For the traced processes: no ring of libuv's for files. */
export const traceEnv = { UV_USE_IO_URING: '0' };

const birth = /^(?:<\.\.\. )?(?:clone3?|v?fork)(?: resumed>|\().*= (\d+)$/;
const execution = /^execve\("((?:[^"\\]|\\.)*)", \[(.*?)\]/;

/** What a process is, in words: "extension host", "node tsserver.js", "sh -c …". @param {string} program @param {string} words */
function describe(program, words) {
  const args = [...words.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word]) => word);
  if (args.includes('--type=extensionHost')) return HOST;
  const name = basename(program);
  if (name === 'node') return `node ${args.slice(1).find((word) => word.startsWith('/')) ?? ''}`;
  return name === 'sh' ? `sh ${args.slice(1).join(' ')}` : program;
}

export const HOST = 'extension host';

/**
 * Reads a trace and gives every call of an extension host, of its threads, and of what it started: in order, with what made it. Numbers of processes come again in a
 * long run, so births and ends are followed; a process may be heard before its birth is reported.
 * @param {string} file
 * @param {(who: string, call: string, thread: string) => void} hear call: as strace wrote it, without the thread's number
 * @returns {Promise<number>} how many extension hosts there were
 */
export async function followHosts(file, hear) {
  /** Living threads → what they are; undefined for those that have nothing to do with an extension host. @type {Map<string, string | undefined>} */
  const living = new Map();
  /** @type {Map<string, string[]>} */
  const unborn = new Map();
  let hosts = 0;

  const read = (/** @type {string} */ thread, /** @type {string} */ call) => {
    const started = execution.exec(call);
    if (started && !call.endsWith('ENOENT (No such file or directory)')) {
      const what = describe(started[1], started[2]);
      if (what === HOST) hosts++;
      if (what === HOST || living.get(thread) !== undefined) {
        const by = living.get(thread);
        living.set(thread, what);
        if (by !== undefined) hear(by, call, thread);
        return;
      }
    }
    const who = living.get(thread);
    if (who !== undefined) hear(who, call, thread);
    const child = birth.exec(call)?.[1];
    if (child) {
      living.set(child, who);
      const early = unborn.get(child) ?? [];
      unborn.delete(child);
      for (const line of early) read(child, line);
    }
    if (call.startsWith('+++ ')) living.delete(thread);
  };

  for await (const line of createInterface({ input: createReadStream(file) })) {
    const [, thread, call] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (!thread) continue;
    if (living.size === 0) living.set(thread, undefined); // the server
    if (living.has(thread)) read(thread, call);
    else unborn.set(thread, [...(unborn.get(thread) ?? []), call]);
  }
  for (const [thread, calls] of unborn) for (const call of calls) hear('a process of unknown birth', call, thread);
  return hosts;
}
