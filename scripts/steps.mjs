// What `npm start` and `npm test` share: the steps that make a fresh clone runnable. Only Node's own modules, for node_modules may be absent.

import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Telemetry off, and no download by onnxruntime-node's install script. */
export const childEnv = { ...process.env, ORT_DISABLE_TELEMETRY: '1', ONNXRUNTIME_NODE_INSTALL: 'skip', npm_config_update_notifier: 'false' };

/** A failure that the user can do something about: its message is all that is printed. */
export class StepError extends Error {}

const tty = Boolean(process.stdout.isTTY);
const seconds = (/** @type {number} */ since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/**
 * Runs one step and prints it with its time; from the first second on it shows that it goes on.
 * @template T
 * @param {string} title
 * @param {(note: (text: string) => void) => Promise<T> | T} action may note what it is doing
 * @returns {Promise<T>}
 */
export async function step(title, action) {
  const started = performance.now();
  let note = '';
  const clear = () => tty && process.stdout.write('\r\x1b[K');
  const show = () => {
    if (tty) process.stdout.write(`\r\x1b[K… ${title} ${seconds(started)} ${note}`.slice(0, (process.stdout.columns ?? 80) + 3));
    else console.log(`… ${title} (${Math.round((performance.now() - started) / 1000)} s)${note && `: ${note}`}`);
  };
  const first = setTimeout(show, 1000);
  const timer = setInterval(show, tty ? 250 : 10_000);
  try {
    const result = await action((text) => (note = text));
    clear();
    console.log(`✓ ${title} ${seconds(started)}`);
    return result;
  } catch (error) {
    clear();
    console.log(`✗ ${title} ${seconds(started)}`);
    throw error;
  } finally {
    clearTimeout(first);
    clearInterval(timer);
  }
}

/**
 * Runs a program quietly, in the repository root by default, and returns its stdout; when it fails, the end of its output is in the error.
 * @param {string} command
 * @param {string[]} args
 * @param {{ note?: (text: string) => void, cwd?: string, env?: NodeJS.ProcessEnv }} [options] env: variables beside the usual ones
 * @returns {Promise<string>}
 */
export function runQuietly(command, args, { note, cwd = root, env = {} } = {}) {
  return new Promise((resolvePromise, reject) => {
    const child = spawn(command, args, { cwd, env: { ...childEnv, ...env }, stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32' && command === 'npm' });
    let stdout = '';
    let tail = '';
    const see = (/** @type {string} */ text) => {
      tail = (tail + text).slice(-8000);
      note?.(text.trim().split('\n').at(-1)?.trim() ?? '');
    };
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      see(text);
    });
    child.stderr.setEncoding('utf8').on('data', see);
    child.on('error', (error) => reject(new StepError(`${command} could not be started: ${error.message}`)));
    child.on('close', (code, signal) => {
      if (code === 0) resolvePromise(stdout);
      else reject(new StepError(`${command} ${args.join(' ')} ended with ${signal ?? `exit code ${code}`}:\n${tail.trim().split('\n').slice(-40).join('\n')}`));
    });
  });
}

export function checkNode() {
  const wanted = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node.replace('>=', '');
  const parts = (/** @type {string} */ version) => version.split('.').map(Number);
  const [have, need] = [parts(process.versions.node), parts(wanted)];
  if (have[0] < need[0] || (have[0] === need[0] && have[1] < need[1])) {
    throw new StepError(`Node ${wanted} or later is needed, this is ${process.versions.node}: install a newer one.`);
  }
}

/** Whether what the lock of `folder` asks for is there: every locked package in its locked version, optional ones aside. */
function packagesInstalled(/** @type {string} */ folder) {
  const installedLock = join(folder, 'node_modules', '.package-lock.json');
  if (!existsSync(installedLock)) return false;
  const read = (/** @type {string} */ path) => JSON.parse(readFileSync(path, 'utf8')).packages;
  const [locked, installed] = [read(join(folder, 'package-lock.json')), read(installedLock)];
  return (
    Object.entries(locked).every(([path, { version, optional, peer }]) => path === '' || installed[path]?.version === version || (!installed[path] && (optional || peer))) &&
    Object.keys(installed).every((path) => path in locked)
  );
}

/** Installs packages where they are missing or not the locked ones. */
export async function installPackages() {
  if (packagesInstalled(root)) return;
  await step('Installing packages', (note) => runQuietly('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { note }));
}

/** `npm install`, not `npm ci`: the reference engine is not published for every platform that it lists, and `npm ci` refuses such a lock. */
export async function installPeer() {
  const folder = join(root, 'test', 'peer');
  if (packagesInstalled(folder)) return;
  const args = ['install', '--no-save', '--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund'];
  await step('Installing the reference engine', (note) => runQuietly('npm', args, { note, cwd: folder }));
}

/** Builds the native addon (which skips itself when it is up to date, and says what to install when a tool is missing) and the bundles. */
export async function buildAll() {
  await step('Building the native part', (note) => runQuietly(process.execPath, ['scripts/buildNative.mjs'], { note }));
  await step('Bundling', (note) => runQuietly(process.execPath, ['esbuild.mjs'], { note }));
}

/** Makes the package for this system; the path of its file. @returns {Promise<string>} */
export async function makePackage() {
  const said = await step('Making the package', (note) => runQuietly(process.execPath, ['scripts/package.mjs'], { note }));
  return join(root, /^(\S+\.vsix):/m.exec(said)?.[1] ?? 'missing.vsix');
}

/**
 * Runs a script's main function: a StepError is printed as its message, anything else with its stack.
 * @param {() => Promise<void>} main
 */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof StepError ? error.message : error);
    process.exitCode = 1;
  }
}
