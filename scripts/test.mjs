// npm test: sets up, checks types, builds, runs the tests, the offline proof and the newest VS Code, and sums up in plain words; some minutes on two cores.
// npm run test:all (`--all`) adds what takes longer: the comparisons with llama.cpp, models of full size, the recipe of the embedded model, and the oldest VS Code.
// The last line is always `N passed, N failed, N skipped`; the exit code is 0 only when nothing failed.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from '../test/host/installServer.mjs';
import { buildAll, checkNode, childEnv, installPackages, installPeer, makePackage, root, runMain, runQuietly, step, StepError } from './steps.mjs';

const all = process.argv.includes('--all');
const routine = ['unit', 'native', 'addon', 'view'];
/** What only the whole check runs, each with what it does. @type {Record<string, string>} */
const further = { studies: 'the studies of what the delta form costs, and a minute of editing', programs: 'the command line as programs call it', parity: 'the comparisons with llama.cpp', fullsize: 'models of full size', recipe: 'the recipe of the embedded model', systems: 'the packages for other systems under an emulator' };
const total = { passed: 0, failed: /** @type {string[]} */ ([]), skipped: /** @type {string[]} */ ([]) };
/** @type {string[]} */
const summary = [];
const folder = mkdtempSync(join(tmpdir(), 'deltallm-test-'));

/** @param {string} name @param {{ passed: number, failed: string[], skipped: string[] }} counts @param {number} started */
function add(name, counts, started) {
  total.passed += counts.passed;
  total.failed.push(...counts.failed);
  total.skipped.push(...counts.skipped);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  summary.push(`${name}: ${counts.passed} passed, ${counts.failed.length} failed, ${counts.skipped.length} skipped (${seconds} s)`);
}

/**
 * A step that counts as one check. The others go on after a failure, so that one run says everything.
 * @param {string} name
 * @param {() => Promise<unknown>} action
 */
async function checkStep(name, action) {
  const started = performance.now();
  try {
    await action();
    add(name, { passed: 1, failed: [], skipped: [] }, started);
  } catch (error) {
    console.error(error instanceof StepError ? error.message : error);
    add(name, { passed: 0, failed: [name], skipped: [] }, started);
  }
}

/** @param {string} name @param {number | null} status @param {number} started */
function addCounted(name, status, started) {
  const counts = existsSync(reportOf(name)) ? JSON.parse(readFileSync(reportOf(name), 'utf8')) : { passed: 0, failed: [], skipped: [] };
  if (status !== 0 && counts.failed.length === 0) counts.failed.push(`${name} ended with ${status}`);
  add(name, counts, started);
}

const reportOf = (/** @type {string} */ name) => join(folder, `${name}.json`);
const withReport = (/** @type {string} */ name, /** @type {string[]} */ args) => args.map((arg) => arg.replace('REPORT', reportOf(name)));
// Sweeps over many cases and through all themes are the whole check's too.
const envOf = (/** @type {string} */ name) => ({ ...childEnv, DELTALLM_TEST_COUNTS: reportOf(name), ...(!all && { DELTALLM_TEST: 'routine' }) });

/**
 * Runs a program that shows its own output and writes its counts to a file; without that file, or with an exit code that the counts do not
 * explain, it counts as one failure.
 * @param {string} name
 * @param {string[]} args
 */
function runCounted(name, args) {
  console.log(`\n== ${name} ==`);
  const started = performance.now();
  addCounted(name, runShown(name, args), started);
}

/** Its exit status. @param {string} name @param {string[]} args */
const runShown = (name, args) => spawnSync(process.execPath, withReport(name, args), { cwd: root, env: envOf(name), stdio: ['ignore', 'inherit', 'inherit'] }).status;

/** All projects in one run of vitest, so that the second core has work while a long file ends. @param {string[]} projects */
function runProjects(projects) {
  console.log(`\n== ${projects.join(', ')} ==`);
  const status = runShown('vitest', ['node_modules/vitest/vitest.mjs', 'run', ...projects.flatMap((name) => ['--project', name]), '--reporter=default', '--reporter=./scripts/countReporter.mjs']);
  /** @type {Record<string, { passed: number, failed: string[], skipped: string[], seconds: number }>} */
  const counted = existsSync(reportOf('vitest')) ? JSON.parse(readFileSync(reportOf('vitest'), 'utf8')) : {};
  const failed = Object.values(counted).some((counts) => counts.failed.length > 0);
  for (const name of projects) if (!counted[name]) counted[name] = { passed: 0, failed: [`${name} did not run`], skipped: [], seconds: 0 };
  if (status !== 0 && !failed) counted[projects[0]].failed.push(`vitest ended with ${status}`);
  for (const [name, counts] of Object.entries(counted)) add(name, counts, performance.now() - counts.seconds * 1000);
}

/**
 * The same for a program that mostly waits: it runs beside the others, and what it wrote is shown when the returned function is called.
 * @param {string} name
 * @param {string[]} args
 */
function runBeside(name, args) {
  const started = performance.now();
  const log = join(folder, `${name}.log`);
  const output = openSync(log, 'w');
  const child = spawn(process.execPath, withReport(name, args), { cwd: root, env: envOf(name), stdio: ['ignore', output, output] });
  const ended = new Promise((/** @type {(status: number | null) => void} */ done) => child.on('exit', done));
  return async () => {
    console.log(`\n== ${name} ==`);
    const status = await ended;
    process.stdout.write(readFileSync(log));
    addCounted(name, status, started);
  };
}

/** Why there cannot be tests in a real VS Code here, if so. In CI there must be. */
function hostReason() {
  if (process.env.CI) return undefined;
  if (process.platform !== 'linux' || process.arch !== 'x64') return process.env.VSCODE_EXECUTABLE ? undefined : 'the stand-in for VS Code runs on Linux x64 only; VSCODE_EXECUTABLE can name a local VS Code';
  if (!chromium()) return 'Chromium is not installed (apt-get install --no-install-recommends chromium fonts-dejavu-core), and CHROMIUM names none';
  if (spawnSync('patchelf', ['--version']).status !== 0) return 'patchelf is not installed (apt-get install patchelf), without which no package can be made';
  return undefined;
}

async function main() {
  const begun = performance.now();
  checkNode();
  await installPackages();
  const types = (/** @type {string} */ project) => runQuietly(process.execPath, ['node_modules/typescript/bin/tsc', '--noEmit', '-p', project]);
  await checkStep('types', () => step('Checking types', async () => [await types('.'), await types('media')]));
  await checkStep('build', buildAll);

  let peerMissing;
  if (all) {
    try {
      await installPeer();
    } catch (error) {
      peerMissing = error instanceof Error ? error.message.split('\n')[0] : String(error);
      // Parity is the proof of correctness: a run that counts must not lack it.
      if (process.env.CI) await checkStep('reference engine', () => Promise.reject(error));
    }
  }

  const reason = hostReason();
  // Keys pressed in a real VS Code are mostly waited for: a routine run has them beside the others, the whole check at the end and alone.
  const host = all || reason ? undefined : runBeside('host', ['test/host/run.mjs', '--quick', '--host', 'newest', '--routine', '--package', await makePackage(), '--report', 'REPORT']);
  // Its idle minute waits; what it traces is its own process and nobody else's.
  const offline = runBeside('offline', ['test/offline/run.mjs', '--report', 'REPORT']);
  runProjects([...routine, ...(all ? Object.keys(further) : [])]);
  await offline();

  await host?.();
  if (reason) add('host', { passed: 0, failed: [], skipped: [`the tests in a real VS Code: ${reason}`] }, performance.now());
  else if (all) runCounted('host', ['test/host/run.mjs', '--quick', '--report', 'REPORT']);

  console.log(`\n== summary, after ${((performance.now() - begun) / 60_000).toFixed(1)} minutes ==`);
  for (const line of summary) console.log(line);
  if (!all) console.log(`Left to npm run test:all: ${[...Object.values(further), 'sweeps over many cases (vitest.config.ts)', 'the oldest VS Code', 'windows that are closed, reloaded or restricted, the other themes'].join(', ')}.`);
  if (peerMissing) console.log(`The comparisons with the reference engine were left out: ${peerMissing}`);
  for (const [title, lines] of /** @type {const} */ ([['Skipped', total.skipped], ['Failed', total.failed]])) {
    if (lines.length > 0) console.log(`${title}:`);
    for (const line of lines) console.log(`  ${line}`);
  }
}

await runMain(main);
rmSync(folder, { recursive: true, force: true });
if (process.exitCode && total.failed.length === 0) total.failed.push('the setting up');
if (total.failed.length > 0) process.exitCode = 1;
console.log(`${total.passed} passed, ${total.failed.length} failed, ${total.skipped.length} skipped`);
