// npm run test:offline: proves with strace that completing, generating and a minute of idleness open no network socket, write no file outside
// our folders and start no other program. The environment is made from nothing, so no CI variable can switch a telemetry uploader off.
//
//   node test/offline/run.mjs [--idle SECONDS] [--report FILE.json]

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { traced, violationsOf } from './trace.mjs';

const { values } = parseArgs({ options: { idle: { type: 'string', default: '60' }, report: { type: 'string' } } });
const ci = Boolean(process.env.CI);
const counts = { passed: 0, failed: /** @type {string[]} */ ([]), skipped: /** @type {string[]} */ ([]) };

/** @param {boolean} ok @param {string} sentence @param {string[]} [details] */
function check(ok, sentence, details = []) {
  if (ok) counts.passed++;
  else counts.failed.push(sentence);
  console.log(`${ok ? '✓' : '✗'} ${sentence}`);
  for (const detail of details.slice(0, 20)) console.log(`    ${detail}`);
  if (details.length > 20) console.log(`    … and ${details.length - 20} more`);
}

function findStrace() {
  const works = () => spawnSync('strace', ['-e', traced, '-o', '/dev/null', 'true']);
  if (works().status === 0) return undefined;
  if (works().error && process.platform === 'linux' && process.getuid?.() === 0) {
    console.log('strace is missing: installing it with apt-get');
    spawnSync('sh', ['-c', 'apt-get update -q && apt-get install -q -y --no-install-recommends strace'], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  const { status, error, stderr } = works();
  if (status === 0) return undefined;
  return error ? 'strace is not installed (apt-get install strace)' : `strace cannot trace here (${String(stderr).trim().split('\n')[0]})`;
}

// realpath: strace prints paths as they were given, the checks compare with what we hand out.
const base = realpathSync(mkdtempSync(join(tmpdir(), 'deltallm-offline-')));
let runs = 0;

/**
 * Runs Node under strace with a fresh HOME and TMPDIR and nothing else in the environment but PATH.
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 */
function trace(args, env = {}) {
  const folder = join(base, `run${runs++}`);
  const home = join(folder, 'home');
  const temporary = join(folder, 'tmp');
  const log = join(folder, 'strace.log');
  for (const path of [home, temporary]) mkdirSync(path, { recursive: true });
  const started = performance.now();
  const { status, signal, stdout, stderr } = spawnSync(
    'strace',
    // seccomp-bpf: only the traced calls stop the program, so that it runs at nearly full speed.
    ['-f', '--seccomp-bpf', '-y', '-q', '-e', traced, '-e', 'signal=none', '-o', log, process.execPath, ...args],
    { encoding: 'utf8', env: { PATH: process.env.PATH ?? '', HOME: home, TMPDIR: temporary, ...env }, maxBuffer: 2 ** 26 },
  );
  const findings = violationsOf(existsSync(log) ? readFileSync(log, 'utf8') : '', {
    allowedFolders: [temporary, join(home, '.cache', 'deltallm')],
    allowedPrograms: [realpathSync(process.execPath), process.execPath],
    cwd: process.cwd(),
  });
  return { status, signal, stdout, stderr, findings, seconds: (performance.now() - started) / 1000, folder };
}

/** @param {string} name @param {string[]} args @param {(run: ReturnType<typeof trace>) => string | undefined} worked says what is wrong with the run */
function checkOffline(name, args, worked) {
  const run = trace(args);
  const { findings } = run;
  const problem = run.status !== 0 ? `exit status ${run.status ?? run.signal}: ${run.stderr.trim().split('\n').at(-1)}` : worked(run);
  check(problem === undefined, `${name}: did its work (${run.seconds.toFixed(0)} s)`, problem ? [problem] : []);
  const network = findings.violations.filter((line) => /socket|name service|io_uring/.test(line.split(':')[0]));
  const files = findings.violations.filter((line) => line.startsWith('a file'));
  const programs = findings.violations.filter((line) => line.startsWith('another program'));
  check(network.length === 0, `${name}: no network socket (${findings.sockets} sockets, all local; ${findings.calls} calls traced)`, network);
  check(files.length === 0, `${name}: no file written outside its cache and TMPDIR (${findings.filesWritten.size} files written inside)`, files);
  check(programs.length === 0, `${name}: no other program started`, programs);
}

/** @param {string} stdout */
function completed(stdout) {
  try {
    const answer = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
    return answer.tokens.generated > 0 ? undefined : 'no token was generated';
  } catch {
    return `the answer is not JSON: ${stdout.slice(0, 200)}`;
  }
}

const missing = findStrace();
if (missing) {
  if (ci) check(false, `The offline proof needs strace: ${missing}.`);
  else {
    console.log(`– The offline proof was skipped: ${missing}.`);
    counts.skipped.push(`offline proof: ${missing}`);
  }
} else {
  // Controls first: a checker that finds nothing proves nothing.
  const control = resolve('test/offline/control.mjs');
  const outside = join(base, 'outside.txt');
  const clean = trace([control, 'nothing']);
  check(clean.status === 0 && clean.findings.violations.length === 0 && clean.findings.calls > 0, 'control: a program that does nothing is found clean', clean.findings.violations);
  for (const [way, expected, sentence] of /** @type {const} */ ([
    ['socket', 'a socket that is not local', 'a loopback socket'],
    ['threadSocket', 'a socket that is not local', 'a loopback socket in a worker thread'],
    ['file', 'a file outside our folders', 'a file outside the allowed folders'],
    ['program', 'another program', 'another program'],
  ])) {
    const { status, findings } = trace([control, way, outside]);
    check(status === 0 && findings.violations.some((line) => line.startsWith(expected)), `control: ${sentence} is caught`);
  }

  const cli = 'dist/cli.js';
  if (!existsSync(cli)) check(false, `${cli} does not exist: npm run build first`);
  else {
    checkOffline('complete', [cli, 'complete', '--file', 'src/cli.ts', '--line', '10', '--column', '1', '--json'], ({ stdout }) => completed(stdout));
    checkOffline(
      `generate and ${values.idle} s of idleness`,
      [cli, 'generate', '--prompt', 'export function', '--max', '32', '--json', '--idle', values.idle],
      ({ stdout, seconds }) => completed(stdout) ?? (seconds < Number(values.idle) ? `it ran for ${seconds.toFixed(0)} s only` : undefined),
    );
  }
}

if (counts.failed.length > 0) console.log(`The traces are under ${base}.`);
else rmSync(base, { recursive: true });
console.log(`offline: ${counts.passed} passed, ${counts.failed.length} failed, ${counts.skipped.length} skipped`);
if (values.report) writeFileSync(values.report, JSON.stringify(counts));
process.exitCode = counts.failed.length > 0 ? 1 : 0;
