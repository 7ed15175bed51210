// The visualizer as a user has it: before anything was asked, while a completion is written, compared and cancelled, after a reload, with a model that fails, with one without sinks.

import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check } from './checks.mjs';
import { sure } from './samples.mjs';
import { listShut } from './selectors.mjs';
import { VisualizerPanel } from './visualizerPanel.mjs';

const tiny = fileURLToPath(new URL('../fixtures/models/starter-tiny-q8_0.gguf', import.meta.url));
const calibration = fileURLToPath(new URL('../../models/calibration/1-inventory.ts', import.meta.url));
const NAME = 'inventory.ts';

/** @typedef {import('./session.mjs').Session} Session @typedef {import('./editorWindow.mjs').EditorWindow} EditorWindow */

/** A file to be measured, and a small model with which that takes a moment. @param {Session} session @param {EditorWindow} window */
async function withFile(session, window) {
  const path = join(session.place.workspace, NAME);
  if (!existsSync(path)) writeFileSync(path, readFileSync(calibration));
  const model = join(session.place.folder, 'my models', 'tiny.gguf');
  mkdirSync(join(model, '..'), { recursive: true });
  if (!existsSync(model)) copyFileSync(tiny, model);
  await window.set({ 'deltallm.model.path': model, ...listShut });
  return path;
}

/** The file in the first group, the panel beside it. @param {EditorWindow} window @param {string} path */
async function besideFile(window, path) {
  await window.closeEditors();
  await window.open(path);
  const panel = new VisualizerPanel(window);
  await panel.open();
  return panel;
}

/** The keyboard goes into the file again, and the panel stays in sight. @param {EditorWindow} window @param {string} path @param {{ line: number, column: number }} [cursor] */
async function backToFile(window, path, cursor) {
  await window.execute('workbench.action.focusFirstEditorGroup');
  await window.open(path, cursor);
}

/** @param {Session} session @param {EditorWindow} window */
export async function visualizer(session, window) {
  const path = await withFile(session, window);
  await window.closeEditors();
  const alone = new VisualizerPanel(window);
  await alone.open();
  check(/Recorded example/.test(await alone.text()) && (await alone.page.getByRole('button', { name: 'Measure this file' }).isDisabled()), 'without an editor the visualizer shows a recorded example, labelled as one, and nothing can be measured', [await alone.text()]);

  const panel = await besideFile(window, path);
  await window.until(async () => (await panel.text()).includes(NAME), 'the panel knows the file of the editor');
  await panel.measure();
  check(/^Skipped [\d.]+ % of the key work\. This model has no sinks\.$/.test(await panel.headline()), 'a measured file has its sentence, and a model without sinks says so', [await panel.headline()]);
  check(/Starter Tiny.*balanced.*inventory\.ts/.test(await panel.text()), 'the caption names model, mode and file', [await panel.text()]);

  await panel.page.locator('.lines').focus();
  await panel.page.locator('.lines').press('Home');
  await panel.page.locator('.lines').press('ArrowDown');
  await panel.page.locator('.lines').press('Enter');
  const line = () => window.inside((vscode) => vscode.window.activeTextEditor?.selection.active.line ?? -1);
  await window.until(async () => (await line()) === 1, 'the line that was chosen is shown in the editor');
  check((await line()) === 1, 'Enter on a line leads to it in the file');

  const saved = join(session.place.folder, 'saved figures.json');
  const input = window.page.locator(window.selectors.palette);
  const ok = window.page.locator('.quick-input-widget .monaco-button', { hasText: 'OK' });
  // The dialog lists the folder of what is typed: a press meanwhile is lost. And it goes away when something else takes the keyboard.
  await window.until(async () => {
    if (!(await input.isVisible())) {
      await panel.press('Save JSON…');
      await input.waitFor();
      await input.fill(saved);
    }
    if (await ok.isVisible()) await ok.click({ timeout: 1000 }).catch(() => {});
    await window.pause(1000);
    return existsSync(saved);
  }, 'the file is written', 90_000);
  const report = JSON.parse(readFileSync(saved, 'utf8'));
  check(report.schema === 2 && report.text.name === NAME && report.layers.length === report.shape.layers, 'the figures are saved as the JSON of the command line', [JSON.stringify(report).slice(0, 300)]);

  await panel.page.locator('picture-view.sinks .drawing').focus();
  await panel.page.locator('picture-view.sinks .drawing').press('Enter');
  await panel.page.locator('picture-view.map canvas').waitFor({ timeout: 120_000 });
  check((await panel.text()).includes('Where layer 0, head 0 looks'), 'Enter on a head shows where it looks');
}

/** @param {Session} session @param {EditorWindow} window */
export async function visualizerComparing(session, window) {
  const path = await withFile(session, window);
  const panel = await besideFile(window, path);
  if (!(await panel.page.getByRole('button', { name: 'Compare modes' }).count())) await panel.measure();
  await panel.press('Compare modes');
  await panel.press('Cancel');
  await panel.idle();
  check(/Stopped/.test(await panel.text()), 'a comparison that is cancelled says so', [await panel.text()]);
  await panel.press('Compare modes');
  await window.until(async () => !/Stopped/.test(await panel.text()), 'it runs again');
  await panel.idle();
  check((await panel.page.locator('.comparison tbody td', { hasText: '…' }).count()) === 0 && !/Stopped/.test(await panel.text()), 'and is complete when it runs again', [await panel.text()]);
  await panel.press('Use compact');
  const mode = () => window.inside((vscode) => vscode.workspace.getConfiguration('deltallm').get('mode'));
  await window.until(async () => (await mode()) === 'compact', 'the setting is written');
  check((await mode()) === 'compact', '"Use compact" writes the setting');
  await window.set({ 'deltallm.mode': undefined });
}

/** What is typed comes first. @param {Session} session @param {EditorWindow} window */
export async function visualizerBesideCompletions(session, window) {
  await withFile(session, window);
  await window.set({ 'deltallm.model.path': undefined });
  const path = join(session.place.workspace, 'beside.ts');
  writeFileSync(path, `${readFileSync(calibration, 'utf8')}\n`);
  const panel = await besideFile(window, path);
  await panel.press('Measure this file');
  await panel.page.locator('.busy').waitFor();
  await backToFile(window, path, { line: 1_000_000, column: 1 });
  await window.type(`\n${sure[0]}`);
  await window.until(async () => (await window.ghost()) !== null, 'ghost text while a file is measured', 120_000);
  check((await panel.page.locator('.busy').count()) > 0, 'ghost text comes while the measurement goes on');
  await window.until(async () => /What the last suggestion looked at/.test(await panel.text()), 'the code is tinted by what the suggestion looked at');
  check(/tokens read, [\d.]+ % of the key work skipped; \d+ written/.test(await panel.text()) && (await panel.page.locator('picture-view.liveBlocks canvas').count()) === 1, 'the panel shows live what was read and written, and where the last row looked', [await panel.text()]);
  const tinted = () => panel.page.locator('.line').evaluateAll((lines) => lines.filter((line) => Number(/** @type {HTMLElement} */ (line).dataset.step) > 0).length);
  check((await tinted()) > 0 && (await panel.page.locator('.suggestion pre').innerText()).trim() !== '' && (await panel.page.locator('.line .caret').count()) === 1, 'the lines of the document are tinted by what the suggestion looked at, and the suggestion stands beside them', [await panel.text()]);
  const cache = () => panel.page.locator('.cache').innerText();
  await window.until(async () => (await cache()).includes('beside.ts'), 'whose the blocks of the cache are');
  check(/beside\.ts\s+[1-9]/.test(await cache()), 'and whose the blocks of the cache are', [await cache()]);
  // It may have come to its end meanwhile.
  await panel.page.getByRole('button', { name: 'Cancel', exact: true }).click({ timeout: 2000 }).catch(() => {});
  await panel.idle();
}

/** @param {Session} session @param {EditorWindow} window */
export async function visualizerComingBack(session, window) {
  const path = await withFile(session, window);
  const panel = await besideFile(window, path);
  await panel.measure();
  const before = await panel.headline();
  // As a user does it: VS Code saves what is open before it goes.
  const next = window.line.next(window.probe.folder);
  await window.execute('workbench.action.reloadWindow').catch(() => {});
  window.probe = await next;
  await window.page.locator(window.selectors.workbench).waitFor();
  await window.extensionActive();
  const again = new VisualizerPanel(window);
  await again.find();
  await window.until(async () => (await again.page.locator('h1').count()) > 0 && (await again.headline()) === before && (await again.page.locator('.line').count()) > 5, 'the measurement is shown again, with the text');
  check((await again.headline()) === before, 'after a reload the panel is there with what it showed, and with the text');

  await window.set({ 'deltallm.model.path': join(session.place.folder, 'no such model.gguf') });
  await backToFile(window, path);
  await again.measure();
  check(/^Starter · balanced · inventory\.ts/m.test(await again.text()), 'where the chosen model cannot be loaded the embedded one measures, and the caption names it', [await again.text()]);
  await window.set({ 'deltallm.model.path': undefined });
  await window.execute('notifications.clearAll');
  await window.closeEditors();
}
