// The offline proof for the whole run: every server of the run was traced, and what its extension hosts did is held against a control, VS Code with a package
// that has our manifest and an empty extension in it. What the control does is VS Code's own; anything beyond it would be ours.
//
// VS Code's extension host opens no network socket of its own (its line to the server is one that it is given). It starts programs of its own installation (the
// TypeScript service, ripgrep), and `sh`, `ls`, `grep` and `ps` to look for ports; those ask for names of users at the name service's socket, a local one.
// Node's io_uring is libuv's ring for epoll, by which no file and no socket is opened. The tests ask Node for reports, in which a worker lists the processors
// and then the interfaces of this machine: that is a question to the kernel (AF_NETLINK), the only one that is let pass, and only there.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, runQuietly } from '../../scripts/steps.mjs';
import { violationsOf } from '../offline/trace.mjs';
import { check } from './checks.mjs';
import { openSample } from './ghostText.mjs';
import { hosts } from './hosts.mjs';
import { startSession } from './session.mjs';
import { followHosts, HOST, tracedInHost } from './trace.mjs';

/** Why nothing can be traced here, if so. */
export function traceReason() {
  const { status, error, stderr } = spawnSync('strace', ['-f', '--seccomp-bpf', '-e', `trace=${tracedInHost}`, '-o', '/dev/null', 'true'], { encoding: 'utf8' });
  if (status === 0) return undefined;
  return error ? 'strace is not installed (apt-get install strace)' : `strace cannot trace here (${stderr.trim().split('\n')[0]})`;
}

const empty = 'exports.activate = () => {};\n';

/** An extension that does what ours must not. */
const forbidden = `
const listen = "require('node:net').createServer().listen(0, '127.0.0.1', function () { this.close(); })";
exports.activate = () => {
  eval(listen);
  new (require('node:worker_threads').Worker)(listen, { eval: true });
  require('node:fs').writeFileSync(process.env.DELTALLM_OUTSIDE, '');
  require('node:child_process').spawn('/bin/true');
};
`;

/** A package with our manifest and another extension in it. @param {string} folder a new one @param {string} code */
async function makePackage(folder, code) {
  const { scripts, dependencies, devDependencies, private: _, icon, bin, ...manifest } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  mkdirSync(join(folder, 'dist'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(folder, 'dist', 'extension.cjs'), code);
  for (const name of ['LICENSE', 'README.md', 'package.nls.json', 'l10n']) if (existsSync(join(root, name))) cpSync(join(root, name), join(folder, name), { recursive: true });
  const out = join(folder, 'control.vsix');
  const vsce = join(root, 'node_modules', '@vscode', 'vsce', 'vsce');
  await runQuietly(process.execPath, [vsce, 'package', '--no-dependencies', '--allow-missing-repository', '--no-rewrite-relative-links', '--out', out], { cwd: folder });
  return out;
}

/** @typedef {{ hosts: number, calls: number, sockets: number, kinds: Map<string, string[]> }} Behaviour kinds: of what an offline program must not do, with the traced calls */

/**
 * What the extension hosts did whose servers left a trace below a folder.
 * @param {string} base all that they may write to
 * @param {(path: string) => boolean} wanted
 */
async function behaviour(base, wanted) {
  /** @type {Behaviour} */
  const found = { hosts: 0, calls: 0, sockets: 0, kinds: new Map() };
  const installations = Object.values(hosts).map(({ folder }) => (existsSync(folder) ? realpathSync(folder) : folder));
  const isInstalled = (/** @type {string | undefined} */ path) => installations.some((folder) => path?.startsWith(`${folder}/`));
  for (const path of readdirSync(base, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.strace') || !wanted(path)) continue;
    /** Thread → the file it opened last. @type {Map<string, string>} */
    const opened = new Map();
    found.hosts += await followHosts(join(base, path), (who, call, thread) => {
      const file = /^openat\([^"]*"([^"]*)"/.exec(call)?.[1];
      if (file) opened.set(thread, file);
      if (call.startsWith('socket(AF_NETLINK, ') && /^\/(proc\/cpuinfo|sys\/devices\/system\/cpu\/)/.test(opened.get(thread) ?? '')) return;
      const { calls, sockets, violations } = violationsOf(call, { allowedFolders: [base], allowedPrograms: [], cwd: '/' });
      found.calls += calls;
      found.sockets += sockets;
      for (const violation of violations) {
        const name = `${isInstalled(who.replace(/^node /, '')) ? "one of VS Code's programs" : who}: ${kind(violation, isInstalled)}`;
        if (!found.kinds.has(name)) found.kinds.set(name, []);
        found.kinds.get(name)?.push(`${who}: ${violation}`);
      }
    });
  }
  return found;
}

/** A violation without what differs from run to run. @param {string} violation @param {(path: string | undefined) => boolean} isInstalled whether a file is of VS Code's installation */
function kind(violation, isInstalled) {
  const [, what, call, args] = /^(.*?): (\w+)\((.*)$/.exec(violation) ?? ['', violation, '', ''];
  if (call.startsWith('execve')) {
    const [program, ...words] = [...args.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word]) => word);
    const script = words.slice(1).find((word) => word.startsWith('/'));
    // Node runs anything: it is VS Code's own program only with a script of VS Code's.
    if (isInstalled(program) && (!program.endsWith('/node') || isInstalled(script))) return `${what}: one of VS Code's installation`;
    return `${what}: ${program.endsWith('/sh') ? words.join(' ') : program}`;
  }
  const plain = args.replace(/\s*(?:<unfinished \.\.\.>|\) = .*)$/, '').replace(/^\d+<[^>]*>/, 'FD').replace(/, \{flags=.*|, 0x[0-9a-f]+.*/, '').replace(/\d+/g, 'N');
  return `${what}: ${call}(${plain})`;
}

/** Opens a file in a VS Code with a control package, types, and waits. @param {string} folder @param {string} code @param {string} outside a file that it must not write */
async function runControl(folder, code, outside) {
  const session = await startSession(join(folder, 'place'), await makePackage(join(folder, 'package'), code), { env: { DELTALLM_OUTSIDE: outside } });
  try {
    const window = await session.openWindow();
    await openSample(session, window, 'control.ts');
    await window.type('const all = [1, 2');
    await window.pause(3000);
  } finally {
    await session.stop();
  }
}

/** @param {string} base below which the run's servers left their traces @param {string[]} names of the hosts */
export async function checkOffline(base, names) {
  const outside = realpathSync(mkdtempSync(join(tmpdir(), 'deltallm-outside-')));
  for (const name of names) {
    process.env.DELTALLM_VSCODE = name;
    await runControl(join(base, 'control-empty', name), empty, join(outside, 'file'));
    await runControl(join(base, 'control-forbidden', name), forbidden, join(outside, 'file'));
  }
  rmSync(outside, { recursive: true });
  await judge(base, names);
}

/** @param {string} base with the traces of the run and of the controls @param {string[]} names of the hosts */
export async function judge(base, names) {
  const theirs = await behaviour(base, (path) => path.startsWith('control-empty'));
  const planted = await behaviour(base, (path) => path.startsWith('control-forbidden'));
  const ours = await behaviour(base, (path) => !path.startsWith('control-'));
  const beyond = (/** @type {Behaviour} */ one) => [...one.kinds].flatMap(([name, lines]) => (theirs.kinds.has(name) ? [] : lines));
  const networkOf = (/** @type {Behaviour} */ one) => [...one.kinds.values()].flat().filter((line) => line.includes(': a socket that is not local: '));

  const sockets = networkOf(planted).filter((line) => line.startsWith(HOST));
  check(sockets.length >= 2 * names.length, "control: an extension's loopback sockets are caught, in its thread and in a worker's", beyond(planted));
  check(beyond(planted).some((line) => /: a file outside/.test(line)), 'control: a file that an extension writes outside the profile is caught', beyond(planted));
  check(beyond(planted).some((line) => /: another program: execve\("\/bin\/true"/.test(line)), 'control: a program that an extension starts is caught', beyond(planted));
  check(theirs.hosts === names.length && theirs.calls > 0 && networkOf(theirs).length === 0, "control: VS Code's own extension host opens no network socket", networkOf(theirs));
  for (const name of theirs.kinds.keys()) console.log(`    VS Code's own: ${name.slice(0, 160)}`);

  check(ours.hosts > 0 && networkOf(ours).length === 0, `no network socket in ${ours.hosts} extension hosts and what they started (${ours.sockets} sockets, all local; ${ours.calls} calls traced)`, networkOf(ours));
  check(beyond(ours).length === 0, "no file outside the profile, no program, no look-up of a name beyond VS Code's own", [...new Set(beyond(ours))]);
}
