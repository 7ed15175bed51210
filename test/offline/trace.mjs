// Reads a strace log and says what a program did that an offline program must not do.
//
// Traced: every network call, every call that takes a file name, and io_uring (through which strace could not see either).
// A violation is
//   - a socket of any family but AF_UNIX (so neither IPv4 nor IPv6 nor netlink), or a connection to a name-service socket;
//   - a file opened for writing, created, renamed, removed or changed outside the allowed folders (attempts that failed count too);
//   - another program being started;
//   - io_uring being set up.
// Exceptions: /dev/null (redirections) and the thread names under /proc/self (Node and the workers name their threads).

import { resolve } from 'node:path';

/** What strace must be told to trace for `violationsOf`. */
export const traced = 'trace=network,%file,io_uring_setup';

const opening = /^(open|openat|openat2|creat)$/;
const changing = /^(mkdir|mkdirat|mknod|mknodat|rename|renameat|renameat2|link|linkat|symlink|symlinkat|unlink|unlinkat|rmdir|truncate|chmod|fchmodat|fchmodat2|chown|lchown|fchownat|utime|utimes|utimensat|futimesat|setxattr|lsetxattr|removexattr|lremovexattr|mount|umount2|pivot_root|chroot|swapon|quotactl)$/;
const exceptions = [/^\/dev\/null$/, /^\/proc\/(self|\d+)\/task\/\d+\/comm$/];

/** @typedef {{ allowedFolders: string[], allowedPrograms: string[], cwd: string }} Allowed */
/** @typedef {{ violations: string[], sockets: number, filesWritten: Set<string>, programs: Set<string>, calls: number, syscalls: Map<string, number> }} Findings */

/**
 * The quoted names among a call's arguments, made absolute. With `strace -y` a directory descriptor is followed by its path: AT_FDCWD</work>.
 * @param {string} args
 * @param {string} cwd
 */
function pathsOf(args, cwd) {
  const paths = [];
  let base = cwd;
  for (const match of args.matchAll(/"((?:[^"\\]|\\.)*)"|<([^<>]*)>/g)) {
    if (match[2] !== undefined) base = match[2];
    else paths.push(resolve(base, match[1].replace(/\\(["\\])/g, '$1')));
  }
  return paths;
}

/**
 * @param {string} log the file that `strace -f -y -o` wrote
 * @param {Allowed} allowed
 * @returns {Findings}
 */
export function violationsOf(log, { allowedFolders, allowedPrograms, cwd }) {
  /** @type {Findings} */
  const findings = { violations: [], sockets: 0, filesWritten: new Set(), programs: new Set(), calls: 0, syscalls: new Map() };
  const inside = (/** @type {string} */ path) =>
    allowedFolders.some((folder) => path === folder || path.startsWith(`${folder}/`)) || exceptions.some((pattern) => pattern.test(path));
  const onTheWay = (/** @type {string} */ path) => allowedFolders.some((folder) => folder.startsWith(`${path}/`));

  for (const line of log.split('\n')) {
    const call = /^(?:\d+\s+)?(\w+)\((.*)$/.exec(line);
    if (!call) continue; // resumed calls (their arguments stood in the first line), signals, exits
    const [, name, args] = call;
    findings.calls++;
    findings.syscalls.set(name, (findings.syscalls.get(name) ?? 0) + 1);
    const say = (/** @type {string} */ what) => findings.violations.push(`${what}: ${line.trim()}`);

    if (name === 'socket' || name === 'socketpair') {
      findings.sockets++;
      if (!/^AF_(UNIX|LOCAL)\b/.test(args)) say('a socket that is not local');
    } else if (name === 'connect' && /nscd|resolve|dns/i.test(args)) say('a connection to a name service');
    else if (name === 'io_uring_setup') say('io_uring, which hides files and sockets from this check');
    else if (name === 'execve' || name === 'execveat') {
      const [program] = pathsOf(args, cwd);
      findings.programs.add(program);
      if (!allowedPrograms.includes(program)) say('another program');
    } else {
      const flags = args.replace(/"(?:[^"\\]|\\.)*"/g, '""');
      const writes = changing.test(name) || name === 'creat' || (opening.test(name) && /O_(WRONLY|RDWR|CREAT|TRUNC|APPEND)\b/.test(flags));
      if (!writes) continue;
      // A symbolic link's first name is its content, not a file that is touched.
      const paths = pathsOf(args, cwd).slice(/^symlink/.test(name) ? 1 : 0);
      for (const path of paths) {
        if (name.startsWith('mkdir') && onTheWay(path)) continue;
        findings.filesWritten.add(path);
        if (!inside(path)) say('a file outside our folders');
      }
    }
  }
  return findings;
}
