// One window of VS Code: a page of a headless Chromium on the server.

import { appendFileSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { findChromium } from './installServer.mjs';

const chromiumFlags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** An absolute path as a URI of the server's files. @param {number} port @param {string} path */
export const remoteUri = (port, path) => `vscode-remote://127.0.0.1:${port}${path.split('/').map(encodeURIComponent).join('/')}`;

export const startBrowser = () => chromium.launch({ executablePath: findChromium(), args: chromiumFlags });

/** What a page has not done by then it will not do, however slow the machine is. */
const MOST_MS = 300_000;

/** Storage and cache of its own. @param {import('playwright-core').Browser} browser */
export async function newContext(browser) {
  const context = await browser.newContext({ viewport: { width: 1300, height: 850 } });
  context.setDefaultTimeout(MOST_MS);
  return context;
}

/**
 * Opens a folder.
 * @param {number} port
 * @param {string} folder absolute
 * @param {{ log?: string, payload?: [string, string][], before?: (page: import('playwright-core').Page) => Promise<unknown>, context?: import('playwright-core').BrowserContext }} [options]
 *   context: of a browser that stays open, where this window is one page of several. log: file for what the window writes to its console. payload: what a desktop VS Code takes as flags; only a server with the test driver heeds it. before: called before the page loads
 */
export async function openWindow(port, folder, { log, payload = [], before, context } = {}) {
  const browser = context ? undefined : await startBrowser();
  const page = await (context ?? (await newContext(/** @type {any} */ (browser)))).newPage();
  const close = () => (browser ?? page).close();
  try {
    if (log) page.on('console', (message) => appendFileSync(log, `${message.type()} ${message.text()}\n`));
    await before?.(page);
    const query = new URLSearchParams({ folder, ...(payload.length > 0 ? { payload: JSON.stringify(payload) } : {}) });
    await page.goto(`http://127.0.0.1:${port}/?${query}`);
    return { page, close };
  } catch (error) {
    await close();
    throw error;
  }
}
