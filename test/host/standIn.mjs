#!/usr/bin/env node
// Stands in for VS Code's executable: understands the flags with which an extension is installed and with which @vscode/test-electron runs tests.

import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { chosenHost } from './hosts.mjs';
import { profileFlags, startServer } from './server.mjs';
import { openWindow, remoteUri } from './window.mjs';

const LONGEST_RUN_MS = 240_000;

const words = process.argv.slice(2);
const flags = (/** @type {string} */ name) => words.filter((word) => word.startsWith(`--${name}=`)).map((word) => word.slice(name.length + 3));
const one = (/** @type {string} */ name) => {
  const [value] = flags(name);
  if (!value) throw new Error(`--${name}=… is missing`);
  return resolve(value);
};
const profile = { userData: one('user-data-dir'), extensions: one('extensions-dir') };

function install() {
  const files = flags('install-extension').flatMap((file) => ['--install-extension', resolve(file)]);
  const { node, main } = chosenHost();
  return spawnSync(node, [main, ...profileFlags(profile), ...files], { stdio: 'inherit' }).status ?? 1;
}

async function runTests() {
  const folder = resolve(words.find((word) => !word.startsWith('-')) ?? '.');
  const server = await startServer(profile, { driver: true });
  /** @type {(code: number) => void} */
  let finish = () => {};
  const finished = new Promise((/** @type {(code: number) => void} */ done) => (finish = done));
  try {
    const window = await openWindow(server.port, folder, {
      log: join(profile.userData, 'window.log'),
      payload: [
        ...flags('extensionDevelopmentPath').map((path) => /** @type {[string, string]} */ (['extensionDevelopmentPath', remoteUri(server.port, resolve(path))])),
        ['extensionTestsPath', remoteUri(server.port, one('extensionTestsPath'))],
        ['skipWelcome', 'true'],
        ['skipReleaseNotes', 'true'],
      ],
      before: (page) => page.exposeFunction('codeAutomationExit', finish), // 0: run() was fulfilled, 1: rejected
    });
    const code = await Promise.race([finished, wait(LONGEST_RUN_MS, 'timeout', { ref: false })]);
    await window.close();
    const end = await server.hostEnd();
    console.log(`Tests ended with ${code}; the extension host ${end ? `ended with ${end}` : 'outlived its window'}.`);
    return code === 0 && end?.startsWith('code: 0,') ? 0 : 1;
  } finally {
    if (!(await server.stop())) console.log('The server had to be killed.');
  }
}

process.exit(flags('install-extension').length > 0 ? install() : await runTests());
