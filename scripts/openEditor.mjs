// The editor of `npm start`: a local VS Code where there is one, else VS Code's server and extension host, whose window is a browser's page. Either way on a
// copy of samples/, so that typing there changes nothing in the repository.

import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { childEnv, makePackage, root, runQuietly, step, StepError } from './steps.mjs';

const folder = join(root, '.cache', 'start');
const workspace = join(folder, 'samples');
const profile = { userData: join(folder, 'user'), extensions: join(folder, 'extensions') };

/** The first look shows the samples' README and nothing else; no request leaves the machine. */
const settings = {
  'workbench.startupEditor': 'readme', 'workbench.tips.enabled': false, 'workbench.enableExperiments': false, 'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'telemetry.telemetryLevel': 'off', 'update.mode': 'none', 'extensions.autoCheckUpdates': false, 'extensions.autoUpdate': false, 'extensions.ignoreRecommendations': true,
  'security.workspace.trust.enabled': false, 'chat.disableAIFeatures': true,
};

const shell = process.platform === 'win32';
const runs = (/** @type {string} */ command) => spawnSync(command, ['--version'], { stdio: 'ignore', shell }).status === 0;
const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });

function makeWorkspace() {
  remove();
  mkdirSync(folder, { recursive: true });
  cpSync(join(root, 'samples'), workspace, { recursive: true });
}

function openLocal() {
  makeWorkspace();
  console.log(`\nOpening VS Code with this extension on ${workspace.slice(root.length)}, a copy of samples/: its README.md says where to type.`);
  spawn('code', ['--new-window', `--extensionDevelopmentPath=${root}`, workspace], { env: childEnv, stdio: 'ignore', detached: true, shell }).unref();
}

/** Installs the package; without patchelf none can be made, and this folder is the extension. @param {import('../test/host/hosts.mjs').Host} host @param {string[]} flags */
async function installExtension({ node, main }, flags) {
  if (!runs('patchelf')) {
    console.log('patchelf is missing, so no package was made: the extension runs from this folder (apt-get install patchelf).');
    symlinkSync(root, join(profile.extensions, 'deltallm.deltallm-0.0.0'));
    return;
  }
  const vsix = await makePackage();
  await step('Installing it into a clean profile', (note) => runQuietly(node, [main, ...flags, '--install-extension', vsix], { note }));
}

/** Opens the address where there is a desktop to do that. @param {string} address */
function openBrowser(address) {
  if (!process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) return;
  spawn('xdg-open', [address], { stdio: 'ignore', detached: true }).on('error', () => {}).unref();
}

async function openInBrowser() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    console.log('\nNo VS Code was found (no `code` on the PATH): open this folder in VS Code and press F5, or use the command line: node dist/cli.js --help.');
    return;
  }
  console.log('\nNo VS Code was found (no `code` on the PATH): its server and a browser take its place.');
  const { installServer } = await import('../test/host/installServer.mjs');
  const { profileFlags, startServer } = await import('../test/host/server.mjs');
  const host = await installServer();
  makeWorkspace();
  for (const path of [join(profile.userData, 'User'), profile.extensions]) mkdirSync(path, { recursive: true });
  writeFileSync(join(profile.userData, 'User', 'settings.json'), JSON.stringify(settings));
  await installExtension(host, profileFlags(profile));

  const stopped = new Promise((/** @type {(value: undefined) => void} */ done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => done(undefined));
  });

  const token = randomBytes(16).toString('hex'); // other users and other pages of this machine stay out
  const server = await step('Starting the server', () => startServer(profile, { token, grace: 300, env: childEnv }));
  const address = `http://127.0.0.1:${server.port}/?${new URLSearchParams({ tkn: token, folder: workspace })}`;
  console.log(`\nVS Code ${host.vscode} with DeltaLLM runs at\n\n    ${address}\n\non a copy of samples/: its README.md says where to type. Ctrl+C ends it and removes it.`);
  openBrowser(address);

  const alive = setInterval(() => {}, 60_000);
  const end = await Promise.race([stopped, server.ended]);
  clearInterval(alive);
  console.log(end === undefined ? '\nEnding.' : `\nThe server ended by itself: ${end}`);
  await server.stop();
  remove();
  if (end !== undefined) throw new StepError('VS Code is no longer there: npm start begins anew.');
}

/** Returns at once for a local VS Code, and with Ctrl+C for the one in the browser. @param {{ browser: boolean }} options browser: even where there is a local VS Code */
export async function openEditor({ browser }) {
  if (!browser && runs('code')) openLocal();
  else await openInBrowser();
}
