// Another extension that brings an ONNX Runtime of its own, of another version and under the usual name, loaded before ours and after it: both must compute
// rightly in the one extension host.
//
//   node test/host/secondRuntime.mjs PACKAGE.vsix   (DELTALLM_VSCODE chooses the host)

import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { runTests } from '@vscode/test-electron';
import { buildSync } from 'esbuild';
import { root, runMain, runQuietly, step } from '../../scripts/steps.mjs';
import { check, counts } from './checks.mjs';
import { findChromium, installServer } from './installServer.mjs';
import { completeOutside, makePlace } from './place.mjs';

const version = '1.22.0';
const folder = join(root, '.cache', 'host', 'onnxruntime');

/** Installs the other version, with the binaries for this platform only. */
async function installOther() {
  const complete = join(folder, '.complete');
  if (existsSync(complete) && readFileSync(complete, 'utf8') === version) return;
  await step(`Installing ONNX Runtime ${version}`, async (note) => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
    await runQuietly('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', `onnxruntime-node@${version}`], { note, cwd: folder });
    const binaries = join(folder, 'node_modules', 'onnxruntime-node', 'bin', 'napi-v6');
    for (const other of ['darwin', 'win32', 'linux/arm64']) rmSync(join(binaries, other), { recursive: true, force: true });
    writeFileSync(complete, version);
  });
}

/** The dummy extension, which is the test as well. @param {string} place */
function makeExtension(place) {
  mkdirSync(place);
  const manifest = { name: 'second', publisher: 'somebody', version: '0.0.0', engines: { vscode: '^1.106.1' } };
  writeFileSync(join(place, 'package.json'), JSON.stringify(manifest));
  const main = join(place, 'second.cjs');
  buildSync({ absWorkingDir: root, entryPoints: ['test/host/inside/second.ts'], bundle: true, outfile: main, platform: 'node', format: 'cjs', target: 'node20', external: ['vscode'], logLevel: 'warning' });
  return main;
}

/**
 * @param {{ program: string, cli: string }} editor
 * @param {string} base a folder for the profiles
 * @param {string} vsix
 */
export async function checkSecondRuntime({ program, cli }, base, vsix) {
  await installOther();
  for (const first of ['theirs', 'ours']) {
    const name = `two ONNX Runtimes, ${first} first`;
    const place = makePlace(join(base, `second-${first}`), vsix);
    const { profile } = place;
    const env = { ...place.env, DELTALLM_SECOND: JSON.stringify({ first, folder: realpathSync(folder) }) };
    const launchArgs = [`--user-data-dir=${profile.userData}`, `--extensions-dir=${profile.extensions}`];
    spawnSync(cli, [`--install-extension=${place.vsix}`, ...launchArgs], { env: { ...process.env, ...env } });
    const main = makeExtension(join(place.folder, 'second'));
    const failure = await runTests({
      vscodeExecutablePath: program, extensionDevelopmentPath: join(place.folder, 'second'), extensionTestsPath: main, launchArgs: [place.workspace, ...launchArgs], extensionTestsEnv: env,
    }).then(() => undefined, (error) => String(error));

    const said = place.facts();
    for (const fact of said) if ('check' in fact) check(fact.ok, `${name}: ${fact.check}`, fact.details);
    const inside = said.flatMap((fact) => ('completion' in fact ? [fact.completion] : []));
    const outside = completeOutside(place);
    const right = inside.length === 2 && inside.every((completion) => isDeepStrictEqual(completion, outside));
    check(right, `${name}: our completions are the command line's, where there is no other`, [...inside, outside].map((completion) => JSON.stringify(completion)));
    check(failure === undefined, `${name}: the run in the extension host ends with exit code 0`, [failure ?? '', ...place.logs().slice(-20)]);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await runMain(async () => {
    findChromium();
    await installServer();
    const standIn = join(root, 'test', 'host', 'standIn.mjs');
    const base = realpathSync(mkdtempSync(join(tmpdir(), 'deltallm-second-')));
    await checkSecondRuntime({ program: standIn, cli: standIn }, base, resolve(process.argv[2]));
    if (counts.failed.length > 0) console.log(`What the runs left is under ${base}.`);
    else rmSync(base, { recursive: true });
    process.exitCode = counts.failed.length > 0 ? 1 : 0;
  });
}
