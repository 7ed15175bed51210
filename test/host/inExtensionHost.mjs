// Runs the suite inside the extension host, by @vscode/test-electron: in a local VS Code, or in the stand-in.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { resolveCliPathFromVSCodeExecutablePath, runTests } from '@vscode/test-electron';
import { root, StepError } from '../../scripts/steps.mjs';
import { check } from './checks.mjs';
import { completeOutside, makePlace } from './place.mjs';
import { crash } from './processes.mjs';

const MOST_DRAIN_MS = 2000;

/** The program that @vscode/test-electron starts, and the one that installs extensions. */
export function findEditor() {
  const local = process.env.VSCODE_EXECUTABLE;
  if (!local) {
    const standIn = join(root, 'test', 'host', 'standIn.mjs');
    return { program: standIn, cli: standIn };
  }
  const cli = resolveCliPathFromVSCodeExecutablePath(local);
  if (!existsSync(local) || !existsSync(cli)) throw new StepError(`VSCODE_EXECUTABLE must be VS Code's own program, with bin/code beside it; ${local} is not.`);
  return { program: local, cli };
}

/** @typedef {ReturnType<typeof findEditor>} Editor */
/** @typedef {import('./place.mjs').Place} Place */

/** @param {Editor} editor @param {Place} place @param {string} name */
function installPackage({ cli }, { profile, vsix, installed, env }, name) {
  const flags = [`--install-extension=${vsix}`, `--user-data-dir=${profile.userData}`, `--extensions-dir=${profile.extensions}`];
  const { status, stdout, stderr } = spawnSync(cli, flags, { encoding: 'utf8', env: { ...process.env, ...env } });
  const manifest = join(installed() ?? '', 'package.json');
  check(status === 0 && existsSync(manifest), `${name}: the package installs`, `${stdout}${stderr}`.split('\n').slice(-10));
}

/** Installs, and runs the suite inside the extension host. @param {Editor} editor @param {string} folder a new one @param {string} vsix @param {string} name */
export async function checkInside(editor, folder, vsix, name) {
  const place = makePlace(folder, vsix);
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
  const drained = said.flatMap((fact) => ('drained' in fact ? [fact.drained] : []))[0];
  check(drained < MOST_DRAIN_MS, `${name}: the worker, in the middle of writing, ends within ${MOST_DRAIN_MS / 1000} s of deactivation`, [`it took ${drained} ms`]);
  const lines = logs();
  check(lines.length > 0, `${name}: VS Code kept a log`);
  const crashes = lines.filter((line) => crash.test(line));
  check(crashes.length === 0, `${name}: no abort in the log`, crashes);
  const errors = lines.filter((line) => /error|fail/i.test(line) && /deltallm\.deltallm/i.test(line));
  check(errors.length === 0, `${name}: no error of the extension in the log`, errors);
}
