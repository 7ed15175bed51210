// Runs VS Code's server under strace and finds, in what that wrote, the calls of its extension hosts and of all that they start.
//
// The server itself listens and answers on the loopback address: that is how its window works. So everything is traced, and only the extension hosts are judged.

import { join } from 'node:path';
import { traced } from '../offline/trace.mjs';

/** Set for a run whose servers are traced. */
export const tracing = () => Boolean(process.env.DELTALLM_TRACE);

let traces = 0;

/** Where the next server's calls go. @param {string} folder */
export const nextTrace = (folder) => join(folder, `server-${process.pid}-${traces++}.strace`);

/**
 * What the server is started with. The tracer stands aside in a process group of its own (-DD), so that signals reach the server, and only the traced calls
 * stop a process (--seccomp-bpf).
 * @param {string} log
 */
export const traceFlags = (log) => ['strace', '-DD', '-f', '--seccomp-bpf', '-y', '-q', '-e', `${traced},clone,clone3,fork,vfork`, '-e', 'signal=none', '-o', log];

const birth = /^(\d+)\s+(?:<\.\.\. )?(?:clone3?|v?fork)(?: resumed>|\().*= (\d+)$/;
const host = /^(\d+)\s+execve\(.*"--type=extensionHost"/;

/**
 * The lines of a trace that come from extension hosts: from their own threads, and from the processes that they start.
 * @param {string} trace
 * @returns {{ hosts: number, lines: string[] }} hosts: how many extension hosts there were
 */
export function extensionHostsOf(trace) {
  const lines = trace.split('\n');
  /** @type {Map<string, string[]>} */
  const children = new Map();
  const roots = [];
  for (const line of lines) {
    const born = birth.exec(line);
    if (born) children.set(born[1], [...(children.get(born[1]) ?? []), born[2]]);
    const started = host.exec(line);
    if (started) roots.push(started[1]);
  }
  const tree = new Set(roots);
  for (const member of tree) for (const child of children.get(member) ?? []) tree.add(child);
  return { hosts: roots.length, lines: lines.filter((line) => tree.has(/^\d+/.exec(line)?.[0] ?? '')) };
}
