// The offline proof for the whole run: every server of the run was traced, and what its extension hosts did is held against a control, VS Code with a package
// that has our manifest and an empty extension in it. What the control does is VS Code's own; anything beyond it would be ours.
//
// Extension hosts in the control open no network socket at all (their line to the server is a socket that they are given). What they start: the TypeScript
// service, ripgrep, and `sh`, `ls`, `grep` and `ps` to look for ports (which ask for names of users at the socket of the name service, a local one).
// Node's io_uring is libuv's ring for epoll, by which no file and no socket is opened (that other one is off unless UV_USE_IO_URING is 1).

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, runQuietly } from '../../scripts/steps.mjs';
import { traced, violationsOf } from '../offline/trace.mjs';
import { check } from './checks.mjs';
import { openSample } from './ghostText.mjs';
import { startSession } from './session.mjs';
import { extensionHostsOf } from './trace.mjs';

/** Why nothing can be traced here, if so. */
export function traceReason() {
  const { status, error, stderr } = spawnSync('strace', ['-f', '--seccomp-bpf', '-e', traced, '-o', '/dev/null', 'true'], { encoding: 'utf8' });
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
 * @returns {Behaviour}
 */
function behaviour(base, wanted) {
  /** @type {Behaviour} */
  const found = { hosts: 0, calls: 0, sockets: 0, kinds: new Map() };
  for (const path of readdirSync(base, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.strace') || !wanted(path)) continue;
    const { hosts, lines } = extensionHostsOf(readFileSync(join(base, path), 'utf8'));
    const { calls, sockets, violations } = violationsOf(lines.join('\n'), { allowedFolders: [base], allowedPrograms: [], cwd: '/' });
    found.hosts += hosts;
    found.calls += calls;
    found.sockets += sockets;
    for (const violation of violations) found.kinds.set(kind(violation), [...(found.kinds.get(kind(violation)) ?? []), violation]);
  }
  return found;
}

/** A violation without what differs from run to run: numbers, arguments of programs. @param {string} violation */
function kind(violation) {
  const [, what, call, args] = /^(.*?): \d+\s+(\w+)\((.*)$/.exec(violation) ?? ['', violation, '', ''];
  if (call.startsWith('execve')) return `${what}: ${/"((?:[^"\\]|\\.)*)"/.exec(args)?.[1]}`;
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
  const theirs = behaviour(base, (path) => path.startsWith('control-empty'));
  const planted = behaviour(base, (path) => path.startsWith('control-forbidden'));
  const ours = behaviour(base, (path) => !path.startsWith('control-'));
  const beyond = (/** @type {Behaviour} */ one) => [...one.kinds].flatMap(([name, lines]) => (theirs.kinds.has(name) ? [] : lines));
  const networkOf = (/** @type {Behaviour} */ one) => [...one.kinds.values()].flat().filter((line) => line.startsWith('a socket that is not local'));

  const threads = new Set(networkOf(planted).map((line) => /: (\d+) /.exec(line)?.[1]));
  check(threads.size >= 2 * names.length, "control: an extension's loopback sockets are caught, in its thread and in a worker's", beyond(planted));
  check(beyond(planted).some((line) => line.startsWith('a file outside')), 'control: a file that an extension writes outside the profile is caught', beyond(planted));
  check(beyond(planted).some((line) => /^another program.*"\/bin\/true"/.test(line)), 'control: a program that an extension starts is caught', beyond(planted));
  check(theirs.hosts === names.length && theirs.calls > 0 && networkOf(theirs).length === 0, "control: VS Code's own extension host opens no network socket", networkOf(theirs));
  for (const name of theirs.kinds.keys()) console.log(`    VS Code's own: ${name.slice(0, 160)}`);

  check(ours.hosts > 0 && networkOf(ours).length === 0, `no network socket in ${ours.hosts} extension hosts and what they started (${ours.sockets} sockets, all local; ${ours.calls} calls traced)`, networkOf(ours));
  check(beyond(ours).length === 0, "no file outside the profile, no program, no look-up of a name beyond VS Code's own", [...new Set(beyond(ours))]);
}
