// The small surfaces around ghost text: the status bar, the menu behind it, and a language that is off.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { check } from './checks.mjs';
import { openSample, requests } from './ghostText.mjs';
import { sure } from './samples.mjs';
import { listShut } from './selectors.mjs';

const languages = 'deltallm.completions.languages';
/** Milliseconds that a person needs to see what an icon means. */
const FOLLOWABLE_MS = 900;

/** @param {import('./editorWindow.mjs').EditorWindow} window */
const statusItem = (window) => window.page.locator(window.selectors.statusItems, { hasText: 'DeltaLLM' }).first();

/** @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window */
export async function surfaces(session, window) {
  const { page, selectors } = window;
  await window.set({ ...listShut, 'deltallm.completions.eagerness': 'high' });
  await openSample(session, window, 'surfaces.ts');
  const item = statusItem(window);
  const palette = page.locator(selectors.palette);

  // The icon, while somebody types without a pause.
  await window.type(sure[0]);
  await window.awaitGhost();
  await item.evaluate((element) => {
    const seen = /** @type {{ at: number, looks: string }[]} */ ([]);
    const look = () => {
      const looks = `${element.querySelector('.codicon')?.className} ${element.getAttribute('aria-label') ?? element.querySelector('[aria-label]')?.getAttribute('aria-label')}`;
      if (seen.at(-1)?.looks !== looks) seen.push({ at: performance.now(), looks });
    };
    look();
    /** @type {any} */ (globalThis).deltallmLooks = seen;
    new MutationObserver(look).observe(element, { subtree: true, childList: true, attributes: true, characterData: true });
  });
  await window.type(' number[] = items.map((item) => item.count + item.price', 60);
  const looks = await page.evaluate(() => /** @type {{ at: number, looks: string }[]} */ (/** @type {any} */ (globalThis).deltallmLooks));
  const hasty = looks.slice(1).filter(({ at }, i) => at - looks[i].at < FOLLOWABLE_MS && i > 0);
  check(hasty.length === 0, `the item in the status bar can be followed while somebody types (${looks.length - 1} changes)`, looks.map(({ at, looks }) => `${at.toFixed(0)}: ${looks}`));

  // From the status bar to a text that Tab accepts.
  await window.execute('workbench.action.files.revert');
  await openSample(session, window, 'menu.ts');
  await window.type(sure[0]);
  await window.until(async () => (await window.document()).before.endsWith(sure[0]), 'every key has arrived');
  await item.click();
  await palette.waitFor();
  await page.locator(selectors.paletteRow, { hasText: 'Complete at the cursor' }).first().click();
  await window.keyboardInEditor();
  const ghost = await window.settledGhost();
  const { before } = await window.document();
  await window.press('Tab');
  await window.until(async () => (await window.document()).before === before + ghost && ghost !== '', 'Tab accepts', 5000)
    .then(() => check(true, '"Complete at the Cursor" from the status bar leaves the keyboard in the editor: Tab accepts'), async () => check(false, '"Complete at the Cursor" from the status bar leaves the keyboard in the editor: Tab accepts', [JSON.stringify(ghost), JSON.stringify((await window.document()).before.slice(before.length)), ...(await requests(window))]));

  // Escape, Enter, Enter: whoever wants out of the menu switches nothing.
  await item.click();
  await palette.waitFor();
  await window.press('Escape');
  await window.keyboardInEditor().then(() => check(true, 'Escape from the menu leads back into the editor'), () => check(false, 'Escape from the menu leads back into the editor'));
  await window.press('Enter');
  await window.press('Enter');
  await window.pause(500);
  const on = await window.inside((vscode) => vscode.workspace.getConfiguration('deltallm').get('completions.enabled'));
  check(on === true, 'Escape, Enter, Enter does not switch completions off');

  // A language that is off.
  writeFileSync(join(session.place.workspace, 'notes.md'), '# Notes\n\nSome text about the ');
  await window.open('notes.md', { line: 3, column: 21 });
  const label = () => item.evaluate((element) => `${element.getAttribute('aria-label')} ${[...element.querySelectorAll('[aria-label]')].map((part) => part.getAttribute('aria-label')).join(' ')}`);
  await window.until(async () => (await label()).includes('switched off for markdown'), 'the status bar says so', 5000).then(() => check(true, 'the status bar says that the language is off'), async () => check(false, 'the status bar says that the language is off', [await label()]));
  for (const expected of [{ markdown: true }, undefined]) {
    await window.execute('deltallm.completions.toggleLanguage');
    const written = await window.inside((vscode, _, name) => vscode.workspace.getConfiguration().inspect(name)?.globalValue, languages);
    check(JSON.stringify(written ?? null) === JSON.stringify(expected ?? null), `a language switched ${expected ? 'on is written' : 'back leaves no setting behind'}`, [JSON.stringify(written)]);
  }
  await window.closeEditors();
  await window.reset({ ...listShut, 'deltallm.completions.eagerness': undefined });
}
