// Pictures for people: what a user sees of the extension.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openSample } from './ghostText.mjs';
import { pictured } from './samples.mjs';

const themes = { light: 'Default Light Modern', dark: 'Default Dark Modern', 'high-contrast': 'Default High Contrast' };

/** @typedef {import('./editorWindow.mjs').EditorWindow} EditorWindow */

/** A function that takes a picture of a window; without a folder it does nothing. @param {string} [folder] */
export function camera(folder) {
  if (folder) mkdirSync(folder, { recursive: true });
  return async (/** @type {EditorWindow} */ window, /** @type {string} */ name) => {
    if (folder) await window.page.screenshot({ path: join(folder, `${name}.png`) });
  };
}

/** @param {import('./session.mjs').Session} session @param {EditorWindow} window @param {string} folder */
export async function screenshots(session, window, folder) {
  const take = camera(folder);
  const shoot = (/** @type {string} */ name) => take(window, name);
  await window.execute('workbench.action.closeSidebar');
  for (const [name, theme] of Object.entries(themes)) {
    await window.closeEditors();
    await window.set({ 'workbench.colorTheme': theme });
    await openSample(session, window, 'picture.ts', pictured.text);
    await window.type(pictured.typed);
    await window.awaitGhost();
    // Until the text is whole.
    await window.pause(2500);
    await shoot(`ghost-text-${name}`);
  }
  await window.set({ 'workbench.colorTheme': undefined });
  await window.pause(700);

  const item = window.page.locator(window.selectors.statusItems, { hasText: 'DeltaLLM' });
  await item.hover();
  await window.pause(1500);
  await shoot('tooltip');
  await item.click();
  await window.page.locator(window.selectors.paletteRow).first().waitFor();
  await window.pause(300);
  await shoot('menu');
  await window.press('Escape');
  for (const [command, name] of Object.entries({ 'deltallm.showLastPrompt': 'last-prompt', 'deltallm.showLastRequest': 'last-request' })) {
    await window.execute(command);
    await window.pause(1200);
    await shoot(name);
  }
  await window.execute('workbench.action.openSettings', '@ext:deltallm.deltallm');
  await window.pause(2500);
  await shoot('settings');
  await window.closeEditors();
}
