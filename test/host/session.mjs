// One VS Code with the package installed from its file into a clean profile: a server, a browser, and windows as the tests want them.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { chosenHost } from './hosts.mjs';
import { EditorWindow } from './editorWindow.mjs';
import { openLine } from './probeLine.mjs';
import { makePlace } from './place.mjs';
import { selectors } from './selectors.mjs';
import { profileFlags, startServer } from './server.mjs';
import { newContext, openWindow, startBrowser } from './window.mjs';

/** @typedef {Awaited<ReturnType<typeof startSession>>} Session */

const END_MS = 10_000;

let sessions = 0;

/**
 * @param {string} folder a new one, the profile @param {string} vsix
 * @param {{ trust?: boolean, traced?: boolean, env?: NodeJS.ProcessEnv }} [options] trust: false for Restricted Mode; traced: false outside of the offline proof
 */
export async function startSession(folder, vsix, { trust = true, traced = true, env = {} } = {}) {
  const temporary = join(dirname(folder), 'tmp');
  mkdirSync(temporary, { recursive: true });
  const line = await openLine(join(temporary, `probe${sessions++}.sock`));
  const place = makePlace(folder, vsix, { socket: line.path, settings: trust ? {} : { 'security.workspace.trust.enabled': true, 'security.workspace.trust.startupPrompt': 'never', 'security.workspace.trust.banner': 'never' } });
  place.installProbe();
  install(place);
  const server = await startServer(place.profile, { trust, traced, env: { ...place.env, ...env } });
  const browser = await startBrowser();
  const context = await newContext(browser); // of all windows: the second one starts sooner
  /** @type {Set<EditorWindow>} */
  const open = new Set();

  return {
    place,
    server,
    line,
    /** For a picture when a test fails. @param {EditorWindow} [window] */
    lastPage: (window) => (window ?? [...open].pop())?.page,
    /** Opens a folder of the place, made if need be. @param {string} [name] */
    openWindow: async (name = 'workspace') => {
      const shown = join(place.folder, name);
      mkdirSync(shown, { recursive: true });
      const { page, close } = await openWindow(server.port, shown, { log: join(place.profile.userData, 'window.log'), context });
      try {
        const [probe] = await Promise.all([line.next(shown), page.locator(selectors().workbench).waitFor()]);
        const window = new EditorWindow(page, probe, async () => (open.delete(window), await close()), line);
        open.add(window);
        await window.extensionActive();
        return window;
      } catch (error) {
        await close();
        throw error;
      }
    },
    /** Closes what is open. False when the server had to be killed. */
    stop: async () => {
      for (const window of open) {
        await window.close().catch(() => {});
        await server.hostEnd(END_MS, window.probe.pid);
      }
      await browser.close();
      const ended = await server.stop();
      line.close();
      return ended;
    },
  };
}

/** @param {import('./place.mjs').Place} place */
function install({ profile, vsix, env, installed }) {
  const { node, main } = chosenHost();
  const { status, stdout, stderr } = spawnSync(node, [main, ...profileFlags(profile), '--install-extension', vsix], { encoding: 'utf8', env: { ...process.env, ...env } });
  if (status !== 0 || !existsSync(join(installed() ?? '', 'package.json'))) throw new Error(`The package does not install: ${stdout}${stderr}`);
}
