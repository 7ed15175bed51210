// Starts and stops VS Code's server, which runs the extension host.

import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { chosenHost } from './hosts.mjs';
import { lingering } from './processes.mjs';
import { nextTrace, traceEnv, traceFlags, tracing } from './trace.mjs';

const START_MS = 120_000;
const END_MS = 8000;

/** @typedef {{ userData: string, extensions: string }} Profile two folders */
/** @typedef {Awaited<ReturnType<typeof startServer>>} Server */

/** What every call of the server's program says. @param {Profile} profile */
export const profileFlags = ({ userData, extensions }) => [
  '--accept-server-license-terms', '--server-data-dir', join(userData, 'server'), '--user-data-dir', userData, '--extensions-dir', extensions, '--telemetry-level', 'off',
];

/**
 * @param {Profile} profile
 * @param {{ driver?: boolean, trust?: boolean, traced?: boolean, grace?: number, token?: string, env?: NodeJS.ProcessEnv }} [options] grace: seconds that an extension host outlives its window. token: what the address must hold. trust: every folder is trusted. traced: false where the run's offline proof leaves it out. env: reaches the extension host. driver: for tests inside the extension host; it hides notifications, so never for tests of the window
 */
export async function startServer(profile, { driver = false, trust = true, traced = true, grace = 1, token, env = {} } = {}) {
  const host = chosenHost();
  mkdirSync(profile.extensions, { recursive: true });
  const trace = traced && tracing() ? nextTrace(profile.userData) : undefined;
  const [program, ...args] = [...(trace ? traceFlags(trace) : []), host.node];
  const child = spawn(
    program,
    [
      ...args, host.main, ...profileFlags(profile),
      '--host', '127.0.0.1', '--port', '0', // webviews need the loopback address
      ...(token ? ['--connection-token', token] : ['--without-connection-token']),
      '--reconnection-grace-time', String(grace),
      ...(trust ? ['--disable-workspace-trust'] : []),
      ...(driver ? ['--enable-smoke-test-driver'] : []),
    ],
    { detached: true, env: { ...process.env, ...(trace ? traceEnv : {}), ...env }, stdio: ['ignore', 'pipe', 'pipe'] }, // a process group of its own
  );
  let log = '';
  let ended = false;
  /** @type {() => void} */
  let heard = () => {};
  const hear = (/** @type {string} */ text) => {
    log += text;
    heard();
  };
  child.stdout.setEncoding('utf8').on('data', hear);
  child.stderr.setEncoding('utf8').on('data', hear);
  const end = new Promise((/** @type {(how: string) => void} */ resolve) => {
    child.on('exit', (code, signal) => {
      ended = true;
      hear(`\nThe server ended with ${signal ?? code}.\n`);
      resolve(String(signal ?? code));
    });
  });

  /** Waits for text in the log. @param {RegExp} pattern @param {number} ms */
  const waitFor = async (pattern, ms) => {
    /** @type {RegExpExecArray | null} */
    let match = null;
    const matched = new Promise((/** @type {(value: void) => void} */ resolve) => {
      heard = () => ((match = pattern.exec(log)) || ended) && resolve();
      heard();
    });
    await Promise.race([matched, wait(ms, undefined, { ref: false })]);
    return /** @type {RegExpExecArray | null} */ (match);
  };

  const groupLives = () => {
    try {
      return process.kill(-(child.pid ?? 0), 0);
    } catch {
      return false;
    }
  };

  /** Ends the server and all that it started, and keeps the log in the profile. False when something had to be killed. */
  const stop = async () => {
    child.kill('SIGTERM');
    for (const end = Date.now() + END_MS; Date.now() < end && groupLives(); ) await wait(50);
    const alive = groupLives();
    if (alive) process.kill(-(child.pid ?? 0), 'SIGKILL');
    if (trace) await lingering(trace, END_MS); // the tracer writes its last lines
    writeFileSync(join(profile.userData, 'server.log'), log);
    return !alive;
  };

  const listening = await waitFor(/Extension host agent listening on (\d+)/, START_MS);
  if (!listening) {
    await stop();
    throw new Error(`VS Code's server did not start:\n${log}`);
  }
  return {
    port: Number(listening[1]),
    /** How the extension host ended ("code: 0, signal: null"), or undefined when it lives after `ms`. */
    hostEnd: async (ms = END_MS, pid = '\\d*') => (await waitFor(new RegExp(`<${pid}>.*Extension Host Process exited with ([^\\n]*?)\\.?$`, 'm'), ms))?.[1],
    log: () => log,
    /** Fulfilled when the server ends, with its signal or exit code. */
    ended: end,
    stop,
  };
}
