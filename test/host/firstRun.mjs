// A stranger's first minutes: the walkthrough, the first suggestion that is taken, the page of models with one that another program keeps, and an answer by it.

import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ChatPanel } from './chatPanel.mjs';
import { check } from './checks.mjs';
import { camera } from './screenshots.mjs';
import { listShut } from './selectors.mjs';

const instruct = fileURLToPath(new URL('../fixtures/models/tiny-instruct-q8_0.gguf', import.meta.url));
const themes = { dark: 'Default Dark Modern', light: 'Default Light Modern', 'hc-dark': 'Default High Contrast', 'hc-light': 'Default High Contrast Light' };
const LOOK_MS = 120_000;

/** @typedef {import('./session.mjs').Session} Session @typedef {import('./editorWindow.mjs').EditorWindow} EditorWindow */

/** The page of models in the side bar. @param {EditorWindow} window */
const modelsPage = (window) => {
  const { webview, webviewContent } = window.selectors;
  return window.page.frameLocator(webview).frameLocator(webviewContent).locator('#models');
};

/** The step of the walkthrough that is ticked off. @param {EditorWindow} window @param {string} step */
const isDone = async (window, step) => (await window.page.locator(`[data-done-step-id$="deltallm.start.${step}"].complete`).count()) > 0;

/** The same surface in every theme. @param {EditorWindow} window @param {string | undefined} pictures @param {string} name */
async function shoot(window, pictures, name) {
  if (!pictures) return;
  const take = camera(pictures);
  for (const [suffix, theme] of Object.entries(themes)) {
    await window.set({ 'workbench.colorTheme': theme });
    await window.pause(1200);
    await take(window, `${name}-${suffix}`);
  }
  await window.set({ 'workbench.colorTheme': undefined });
}

/** @param {Session} session @param {EditorWindow} window @param {string | undefined} pictures */
export async function firstRun(session, window, pictures) {
  const { page } = window;
  const told = await window.notifications();
  check(told.length === 0, 'the extension says nothing by itself', told);
  await window.set({ ...listShut, 'deltallm.chat.model': undefined, 'deltallm.model.path': undefined });
  await window.closeEditors();
  await window.execute('deltallm.getStarted');
  await window.until(async () => (await page.locator('[data-done-step-id*="deltallm.start."]').count()) >= 4, 'the walkthrough shows its steps');
  check((await page.locator('[data-done-step-id*="deltallm.start."]').count()) >= 4, 'the walkthrough has four steps');
  await shoot(window, pictures, 'walkthrough-where');

  await window.execute('deltallm.tryIt');
  await window.editorIsReady();
  let ghost = await window.awaitGhost(20_000);
  if (!ghost) await window.execute('deltallm.completions.trigger');
  ghost ||= await window.awaitGhost();
  const before = await window.document();
  check(ghost !== '' && before.uri.startsWith('untitled:') && /Tab .*Ctrl\+→.*Esc/.test(before.text), 'an untitled file names the keys, and something is suggested in it', [ghost, before.text.slice(0, 200)]);
  await shoot(window, pictures, 'walkthrough-suggestion');
  await window.keyboardInEditor();
  await window.press('Tab');
  await window.until(async () => (await window.document()).text !== before.text, 'Tab takes the suggestion');
  await window.execute('deltallm.getStarted');
  await window.until(() => isDone(window, 'try'), 'the step is ticked off');
  check(await isDone(window, 'try'), 'the first suggestion that is taken ends its step');

  // As LM Studio keeps them.
  const folder = join(session.place.folder, 'home', '.lmstudio', 'models', 'somebody', 'first run');
  mkdirSync(folder, { recursive: true });
  copyFileSync(instruct, join(folder, 'instruct.gguf'));
  // The picture of a step is a page of its own.
  await window.closeEditors();
  await window.execute('deltallm.models.manage');
  const models = modelsPage(window);
  await window.until(async () => /Comes with DeltaLLM/.test(await models.innerText().catch(() => '')), 'the page shows the embedded model', LOOK_MS);
  await window.until(async () => /tokens a second here/.test(await models.innerText()), 'the machine is measured', LOOK_MS);
  check(/Needs .* of memory, .* are free\./.test(await models.innerText()), 'the page of models says what a model needs and gives here', [await models.innerText()]);
  await models.getByRole('button', { name: 'Find models of other programs' }).click();
  const use = models.getByRole('button', { name: /^Use for chat: / }).first();
  await use.waitFor({ timeout: LOOK_MS });
  await shoot(window, pictures, 'models');
  await use.click();
  await window.until(() => window.inside((vscode) => String(vscode.workspace.getConfiguration().get('deltallm.chat.model')).endsWith('.gguf')), 'the choice is a setting');
  await window.until(async () => /In use for chat/.test(await models.innerText()), 'the page says what is used', LOOK_MS);

  const chat = new ChatPanel(window);
  await chat.open();
  await chat.ask('Hello');
  const answer = await chat.until('done', 'failed', 'cut');
  check(answer.state === 'done' && answer.text !== '', 'a model that was found on the disk answers in the chat', [JSON.stringify(answer)]);
  await shoot(window, pictures, 'walkthrough-chat');
  await window.execute('deltallm.getStarted');
  await window.until(async () => (await isDone(window, 'models')) && (await isDone(window, 'chat')), 'both steps are ticked off');
  check((await isDone(window, 'models')) && (await isDone(window, 'chat')), 'the page of models and the chat end their steps');
  await window.set({ 'deltallm.chat.model': undefined });
  await window.closeEditors();
  // The tests behind this one have models of their own there.
  rmSync(join(session.place.folder, 'home', '.lmstudio'), { recursive: true });
}
