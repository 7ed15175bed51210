// A model of the user's own, chosen on the settings page and nowhere else: a GGUF of Qwen2.5-Coder's structure, with random weights. It writes nonsense, but
// where and when it writes, and what it reads, is what any model of that family would.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import { root } from '../../scripts/steps.mjs';
import { check } from './checks.mjs';
import { requests } from './ghostText.mjs';
import { listShut } from './selectors.mjs';

const name = 'Qwen2.5 Coder 0.5B (random weights)';
const beside = `export interface Parcel {\n  waybill: string;\n}\n\nexport async function dispatch(parcels: Parcel[]): Promise<void> {\n${'  await ledger.record(parcels);\n'.repeat(20)}}\n`;
const [head, tail] = [`import { dispatch } from './dispatch';\n\n${"export const place = 'here';\n".repeat(60)}\nexport async function receive(parcels: Parcel[]): Promise<void> {\n  for (const parcel of parcels) {\n`, '\n  }\n}\n'];

/** The file, in a folder with a name of several words. Two of 24 layers and 65 536 of 151 936 tokens are enough, and no control token is ever the best. @param {string} folder */
async function writeModel(folder) {
  const outfile = join(folder, 'writeGguf.mjs');
  buildSync({ absWorkingDir: root, entryPoints: ['test/support/writeGguf.ts'], bundle: true, outfile, platform: 'node', format: 'esm', target: 'node20', logLevel: 'warning' });
  /** @type {typeof import('../support/writeGguf.ts')} */
  const { presets, randomLlama, writeGguf } = await import(pathToFileURL(outfile).href);
  const vocabulary = 65_536;
  const file = randomLlama({ ...presets.qwen05b_q4km, layers: 2, vocabulary, tied: false, seed: 6, metadata: [['general.name', 'string', name]] });
  const output = file.tensors.find((tensor) => tensor.name === 'output.weight');
  const fill = output?.data;
  if (!output || typeof fill !== 'function') throw new Error('the head has no random weights');
  const controls = 10;
  const silentFrom = ((presets.qwen05b_q4km.hidden / 32) * 34) * (vocabulary - controls);
  let at = 0;
  output.data = (chunk) => {
    fill(chunk);
    if (at + chunk.length > silentFrom) chunk.fill(0, Math.max(0, silentFrom - at));
    at += chunk.length;
  };
  const path = join(folder, 'my models', 'qwen2.5-coder-0.5b-q4_k_m.gguf');
  mkdirSync(join(path, '..'), { recursive: true });
  writeGguf(path, file);
  return path;
}

/** Types a value into the field of a setting, as a user does who searched for it. @param {import('./editorWindow.mjs').EditorWindow} window @param {string} setting @param {string} value */
async function onSettingsPage(window, setting, value) {
  await window.press('Control+,');
  const search = window.page.locator(window.selectors.settingsSearch);
  await search.waitFor();
  await search.click();
  await window.page.keyboard.type(setting, { delay: 5 });
  // Where VS Code's windows and its files are on two computers, what concerns a machine has a tab of its own.
  const remote = window.page.locator(window.selectors.settingsTab, { hasText: /^Remote/ }).first();
  if (await remote.isVisible()) await remote.click();
  const field = window.page.locator(window.selectors.settingsField(setting)).first();
  await field.waitFor();
  await field.click();
  await window.press('Control+a');
  if (value === '') await window.press('Delete');
  else await window.page.keyboard.insertText(value);
  await window.press('Enter');
  const now = () => window.inside((vscode, _, setting) => vscode.workspace.getConfiguration().get(setting), setting);
  await window.until(async () => (await now()) === value, `${setting} is what was typed`);
  await window.execute('workbench.action.closeActiveEditor');
  await search.waitFor({ state: 'hidden' });
}

/** Asks at the cursor until something shows: of nonsense some is nothing that may be shown. @param {import('./editorWindow.mjs').EditorWindow} window */
async function ghostSomewhere(window) {
  for (let tries = 0; tries < 8; tries++) {
    await window.type(tries === 0 ? '    const next = ' : '(');
    await window.pause(300);
    await window.execute('deltallm.completions.trigger');
    const ghost = await window.awaitGhost(tries === 0 ? 30_000 : 5000);
    if (ghost !== '') return ghost;
  }
  return '';
}

/** The text of "Show Last Prompt", once it is that of our document. @param {import('./editorWindow.mjs').EditorWindow} window */
async function lastPrompt(window) {
  await window.execute('deltallm.showLastPrompt');
  await window.until(() => window.inside((vscode) => {
    const document = vscode.window.activeTextEditor?.document;
    return document?.uri.scheme === 'deltallm' && /^Document: .*qwen\/receive\.ts/m.test(document.getText());
  }), 'the last prompt shows');
  const { text } = await window.document();
  await window.execute('workbench.action.closeActiveEditor');
  return text;
}

/** @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window */
export async function ownModel({ place }, window) {
  await window.closeEditors();
  const path = await writeModel(place.folder);
  mkdirSync(join(place.workspace, 'qwen'));
  for (const [file, text] of Object.entries({ dispatch: beside, receive: head + tail })) writeFileSync(join(place.workspace, 'qwen', `${file}.ts`), text);
  await window.set({ ...listShut, 'deltallm.completions.neighbours': true });

  await onSettingsPage(window, 'deltallm.model.path', path);
  await window.open('qwen/dispatch.ts');
  await window.open('qwen/receive.ts', { line: head.split('\n').length, column: 1 });
  const ghost = await ghostSomewhere(window);
  check(ghost !== '', "a GGUF of Qwen2.5-Coder's structure, chosen on the settings page, completes", await requests(window));
  const first = await lastPrompt(window);
  check(first.includes('<|fim_prefix|>') && first.includes('<|fim_middle|>\n'), "its prompt is of the family's form, the text before the cursor first", [first.slice(0, 800)]);

  // More is read ahead while nobody types: then the files beside have their place.
  let text = first;
  const hasFiles = () => text.includes('<|repo_name|>workspace\n<|file_sep|>') && text.includes('<|file_sep|>qwen/dispatch.ts\n') && text.includes('<|file_sep|>qwen/receive.ts\n<|fim_prefix|>');
  for (let tries = 0; tries < 10 && !hasFiles(); tries++) {
    await window.pause(3000);
    await window.type('a');
    await window.execute('deltallm.completions.trigger');
    await window.awaitGhost(3000);
    text = await lastPrompt(window);
  }
  check(hasFiles() && /^\+ .*qwen\/dispatch\.ts$/m.test(text), 'the file beside stands in its prompt, behind its separator and path, and is named', [text.slice(0, 1200)]);
  await window.closeEditors();
  await onSettingsPage(window, 'deltallm.model.path', '');
  await window.reset(listShut);
  await window.set({ 'deltallm.completions.neighbours': false });
}
