// From outside: a window lists the extension, its extension host starts to write, and the window closes in the middle of it.

import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { check } from './checks.mjs';
import { startServer } from './server.mjs';
import { openWindow } from './window.mjs';

const WORK_MS = 60_000;

/** @param {import('./place.mjs').Place} place @param {string} [screenshot] file for a picture of the window */
export async function closeAtWork(place, screenshot) {
  const server = await startServer(place.profile, { env: place.env });
  try {
    const window = await openWindow(server.port, place.workspace, { log: join(place.profile.userData, 'window.log') });
    try {
      await checkWindow(window.page, place, screenshot);
    } finally {
      await window.close();
    }
    const end = await server.hostEnd();
    check(end?.startsWith('code: 0,') ?? false, 'window: the extension host ends by itself after its window', [end ?? 'it lives']);
  } finally {
    check(await server.stop(), 'window: the server ends without being killed');
  }
}

/** @param {import('playwright-core').Page} page @param {import('./place.mjs').Place} place @param {string} [screenshot] */
async function checkWindow(page, place, screenshot) {
  await page.locator('.monaco-workbench').waitFor();
  // Not through the palette: it finds the command only when the workbench has come to register it.
  await page.getByRole('tab', { name: /^Extensions/ }).click();
  const row = page.locator('.extensions-viewlet .monaco-list-row', { hasText: 'DeltaLLM' });
  const listed = await row.first().waitFor({ timeout: 20_000 }).then(() => true, () => false);
  check(listed, 'window: the Extensions view lists DeltaLLM');

  const isWorking = () => place.facts().some((fact) => 'working' in fact);
  for (const end = Date.now() + WORK_MS; Date.now() < end && !isWorking(); ) await wait(100);
  check(isWorking(), "window: the package's worker writes in its extension host");
  const toasts = await page.locator('.notifications-toasts .notification-list-item-message').allTextContents();
  check(toasts.length === 0, 'window: no notification', toasts);
  if (screenshot) await page.screenshot({ path: screenshot });
}
