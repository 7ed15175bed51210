// npm run test:host: installs the package into a real VS Code, runs a suite inside its extension host, and closes a window in the middle of work.
// VSCODE_EXECUTABLE names a local VS Code (the program itself, not the script `code`); without it a stand-in is used: VS Code's server and extension
// host, driven by Chromium.
//
//   node test/host/run.mjs [--report FILE.json] [--screenshot FILE.png]

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { resolveCliPathFromVSCodeExecutablePath, runTests } from '@vscode/test-electron';
import { checkNode, root, runMain, runQuietly, StepError, step } from '../../scripts/steps.mjs';
import { check, counts, skip } from './checks.mjs';
import { closeAtWork } from './closeAtWork.mjs';
import { findChromium, installServer } from './installServer.mjs';
import { completeOutside, makePlace } from './place.mjs';
import { lingering } from './processes.mjs';

const { values } = parseArgs({ options: { report: { type: 'string' }, screenshot: { type: 'string' } } });
const MOST_DRAIN_MS = 2000;
const crash = /SIGABRT|SIGSEGV|SIGILL|\bAborted\b|terminate called|core dumped|double free|FATAL ERROR/;

/** The program that @vscode/test-electron starts, and the one that installs extensions. */
async function findEditor() {
  const local = process.env.VSCODE_EXECUTABLE;
  if (!local) {
    findChromium();
    await installServer();
    const standIn = join(root, 'test', 'host', 'standIn.mjs');
    return { program: standIn, cli: standIn, local: false };
  }
  const cli = resolveCliPathFromVSCodeExecutablePath(local);
  if (!existsSync(local) || !existsSync(cli)) throw new StepError(`VSCODE_EXECUTABLE must be VS Code's own program, with bin/code beside it; ${local} is not.`);
  return { program: local, cli, local: true };
}

/** @typedef {Awaited<ReturnType<typeof findEditor>>} Editor */
/** @typedef {import('./place.mjs').Place} Place */

/** @param {Editor} editor @param {Place} place @param {string} name */
function installPackage({ cli }, { profile, vsix, installed, env }, name) {
  const flags = [`--install-extension=${vsix}`, `--user-data-dir=${profile.userData}`, `--extensions-dir=${profile.extensions}`];
  const { status, stdout, stderr } = spawnSync(cli, flags, { encoding: 'utf8', env: { ...process.env, ...env } });
  const manifest = join(installed() ?? '', 'package.json');
  check(status === 0 && existsSync(manifest), `${name}: the package installs`, `${stdout}${stderr}`.split('\n').slice(-10));
}

/** Installs, and runs the suite inside the extension host. @param {Editor} editor @param {Place} place @param {string} name */
async function checkInside(editor, place, name) {
  installPackage(editor, place, name);
  const { profile, workspace, probe, probeMain, env, facts, logs } = place;
  const failure = await runTests({
    vscodeExecutablePath: editor.program,
    extensionDevelopmentPath: probe,
    extensionTestsPath: probeMain,
    launchArgs: [workspace, `--user-data-dir=${profile.userData}`, `--extensions-dir=${profile.extensions}`],
    extensionTestsEnv: env,
  }).then(() => undefined, (error) => String(error));

  const said = facts();
  const host = said.flatMap((fact) => ('host' in fact ? [fact.host] : []))[0];
  if (host) console.log(`  VS Code ${host.vscode}, ${host.electron ? `Electron ${host.electron}` : 'no Electron'}, Node ${host.node}, kernels ${host.kernels}`);
  for (const fact of said) if ('check' in fact) check(fact.ok, `${name}: ${fact.check}`, fact.details);
  const [inside] = said.flatMap((fact) => ('completion' in fact ? [fact.completion] : []));
  const outside = completeOutside(place);
  check(isDeepStrictEqual(inside, outside), `${name}: the completion is the command line's`, [`inside  ${JSON.stringify(inside)}`, `outside ${JSON.stringify(outside)}`]);
  check(failure === undefined, `${name}: the run in the extension host ends with exit code 0`, [failure ?? '']);
  checkEnd(place, name);
  const errors = logs().filter((line) => /error|fail/i.test(line) && /deltallm\.deltallm/i.test(line));
  check(errors.length === 0, `${name}: no error of the extension in the log`, errors);
}

/** After a window has closed on a worker that was writing. @param {Place} place @param {string} name */
function checkEnd({ facts, logs }, name) {
  const drained = facts().flatMap((fact) => ('drained' in fact ? [fact.drained] : []))[0];
  check(drained < MOST_DRAIN_MS, `${name}: the worker, in the middle of writing, ends within ${MOST_DRAIN_MS / 1000} s of deactivation`, [`it took ${drained} ms`]);
  const lines = logs();
  check(lines.length > 0, `${name}: VS Code kept a log`);
  const crashes = lines.filter((line) => crash.test(line));
  check(crashes.length === 0, `${name}: no abort in the log`, crashes);
}

async function main() {
  checkNode();
  for (const name of Object.keys(process.env)) if (/^(VSCODE_(?!EXECUTABLE)|ELECTRON_|NODE_OPTIONS$)/.test(name)) delete process.env[name]; // of a VS Code around this
  const editor = await findEditor();
  const packaged = await step('Making the package', (note) => runQuietly(process.execPath, ['scripts/package.mjs'], { note }));
  const vsix = join(root, /^(\S+\.vsix):/m.exec(packaged)?.[1] ?? 'missing.vsix');

  const base = realpathSync(mkdtempSync(join(tmpdir(), 'deltallm-host-')));
  await checkInside(editor, makePlace(join(base, 'plain'), vsix), 'plain path');
  await checkInside(editor, makePlace(join(base, 'Zwölf Boxkämpfer 漢字'), vsix), 'path with spaces and other letters');
  if (editor.local) skip('closing a window from outside', 'only the stand-in has a window that a test can close');
  else {
    const place = makePlace(join(base, 'window'), vsix, { workAtStart: true });
    place.installProbe();
    installPackage(editor, place, 'window');
    await closeAtWork(place, values.screenshot).catch((error) => check(false, 'window: it opens and closes', String(error).split('\n')));
    checkEnd(place, 'window');
  }
  const left = await lingering(base);
  check(left.length === 0, 'no process is left behind', left);

  if (counts.failed > 0) console.log(`What the runs left is under ${base}.`);
  else rmSync(base, { recursive: true });
  console.log(`host: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped.length} skipped`);
  if (values.report) writeFileSync(values.report, JSON.stringify(counts));
  process.exitCode = counts.failed > 0 ? 1 : 0;
}

await runMain(main);
