// Drives one window as a user does, by keyboard and mouse, and reads what it shows. What a user cannot see (the text that the editor holds, what the
// extension did) is asked of the probe in its extension host.

import { setTimeout as wait } from 'node:timers/promises';
import { selectors } from './selectors.mjs';
import { installPaintSensor } from './paintSensor.mjs';
import { installRecorder, readGhost, takeFrames } from './recorder.mjs';

const READY_MS = 120_000;
/** A model may have to be loaded first, by two windows at once, on cores that do other things besides. */
const GHOST_MS = 180_000;
const POLL_MS = 25;
const SETTLED_MS = 800;

export class EditorWindow {
  /** @param {import('playwright-core').Page} page @param {import('./probeLine.mjs').Probe} probe @param {() => Promise<void>} close @param {import('./probeLine.mjs').Line} line */
  constructor(page, probe, close, line) {
    this.page = page;
    this.probe = probe;
    this.closePage = close;
    this.line = line;
    this.selectors = selectors();
  }

  /**
   * Runs a function in the extension host: (vscode, seen, argument) => plain data. It must not refer to anything else.
   * @param {(vscode: typeof import('vscode'), seen: import('./inside/observe.ts').Observations, argument: any) => any} action
   * @param {unknown} [argument]
   * @returns {Promise<any>}
   */
  inside(action, argument) {
    return this.probe.call(String(action), argument);
  }

  /** Opens a file of the workspace, or an absolute path, in the first group; the keyboard is in it. @param {string} path @param {{ line: number, column: number }} [cursor] from 1 */
  async open(path, cursor = { line: 1, column: 1 }) {
    await this.inside(async (vscode, _, { path, line, column }) => {
      const folder = vscode.workspace.workspaceFolders?.[0].uri ?? vscode.Uri.file('/');
      const uri = path.startsWith('/') ? vscode.Uri.file(path) : vscode.Uri.joinPath(folder, path);
      const selection = new vscode.Range(line - 1, column - 1, line - 1, column - 1);
      await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: false, selection });
    }, { path, ...cursor });
    await this.editorIsReady();
  }

  /** The keyboard is in an editor, which VS Code has finished: what shows ghost text in a new one it makes when it is idle, and what is typed before does not ask for any. */
  async editorIsReady() {
    await this.page.locator(this.selectors.editor).first().waitFor();
    await this.keyboardInEditor();
    await this.page.evaluate(() => new Promise((done) => requestIdleCallback(done, { timeout: 6000 })));
  }

  /** The extension under test has registered everything. */
  extensionActive() {
    return this.until(() => this.inside((vscode) => vscode.extensions.getExtension('deltallm.deltallm')?.isActive ?? false), 'the extension is active');
  }

  keyboardInEditor() {
    return this.until(() => this.page.evaluate(() => document.activeElement?.closest('.monaco-editor') != null), 'the keyboard is in an editor', 10_000);
  }

  /** The visible text of the editor or input that has the keyboard. @returns {Promise<string>} */
  focusedText() {
    return this.page.evaluate(() => [...(document.activeElement?.closest('.monaco-editor')?.querySelectorAll('.view-line') ?? [])].map((row) => (row.textContent ?? '').replaceAll('\u00a0', ' ')).join('\n'));
  }

  /** Closes all editors without saving. */
  async closeEditors() {
    await this.inside(async (vscode) => {
      for (let left = 50; left > 0 && vscode.window.tabGroups.all.some(({ tabs }) => tabs.length > 0); left--) {
        await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
      }
    });
  }

  /** Puts the cursor behind a text that occurs once in the active document. @param {string} text */
  async cursorBehind(text) {
    await this.inside(async (vscode, _, text) => {
      const { document } = /** @type {import('vscode').TextEditor} */ (vscode.window.activeTextEditor);
      const at = document.getText().indexOf(text);
      if (at < 0) throw new Error(`the document does not hold ${JSON.stringify(text)}`);
      const place = document.positionAt(at + text.length);
      await vscode.window.showTextDocument(document, { preview: false, selection: new vscode.Range(place, place) });
    }, text);
  }

  /** @param {string} text @param {number} [delay] milliseconds between keys */
  async type(text, delay = 20) {
    await this.page.keyboard.type(text, { delay });
  }

  /** @param {string} key as playwright names it: "Tab", "Control+ArrowRight" */
  async press(key) {
    await this.page.keyboard.press(key);
  }

  /** Chooses an entry of the command palette. @param {string} label */
  async command(label) {
    await this.page.keyboard.press('F1');
    const input = this.page.locator(this.selectors.palette);
    await input.waitFor();
    await input.fill(`>${label}`);
    const row = this.page.locator(this.selectors.paletteRow, { hasText: label }).first();
    await row.waitFor();
    await row.click();
  }

  /** Runs a command by its identifier. @param {string} id @param {unknown[]} args */
  execute(id, ...args) {
    return this.inside((vscode, _, { id, args }) => vscode.commands.executeCommand(id, ...args).then(() => null), { id, args });
  }

  /** Changes user settings; undefined takes one back. @param {Record<string, unknown>} settings */
  async set(settings) {
    await this.inside(async (vscode, _, settings) => {
      for (const [name, value] of settings) await vscode.workspace.getConfiguration().update(name, value ?? undefined, vscode.ConfigurationTarget.Global);
    }, Object.entries(settings));
  }

  /** Takes user settings back. @param {Record<string, unknown>} settings */
  reset(settings) {
    return this.set(Object.fromEntries(Object.keys(settings).map((name) => [name, undefined])));
  }

  /** The active document. @returns {Promise<{ text: string, before: string, uri: string, version: number, dirty: boolean, line: number, column: number }>} */
  document() {
    return this.inside((vscode) => {
      const { document, selection } = /** @type {import('vscode').TextEditor} */ (vscode.window.activeTextEditor);
      const { line, character } = selection.active;
      const before = document.getText(new vscode.Range(0, 0, line, character));
      return { text: document.getText(), before, uri: document.uri.toString(), version: document.version, dirty: document.isDirty, line: line + 1, column: character + 1 };
    });
  }

  /** The ghost text on the screen: its first line and the further ones, "" when there is none. @returns {Promise<string>} */
  ghost() {
    return this.page.evaluate(readGhost, this.selectors.ghost);
  }

  /** Waits for ghost text and returns it; "" when there is none after `ms`. @param {number} ms */
  async awaitGhost(ms = GHOST_MS) {
    for (const end = Date.now() + ms; ; await wait(POLL_MS)) {
      const text = await this.ghost();
      if (text || Date.now() > end) return text;
    }
  }

  /** The same where what is shown first may grow by more lines: it has not for a while. @param {number} [ms] */
  async settledGhost(ms = GHOST_MS) {
    for (let text = await this.awaitGhost(ms); ; ) {
      await wait(SETTLED_MS);
      const now = await this.ghost();
      if (now === text) return text;
      text = now;
    }
  }

  /** @param {number} ms */
  pause(ms) {
    return wait(ms);
  }

  /** @param {() => Promise<unknown> | unknown} holds @param {string} what @param {number} ms */
  async until(holds, what, ms = READY_MS) {
    for (const end = Date.now() + ms; ; await wait(POLL_MS)) {
      if (await holds()) return;
      if (Date.now() > end) throw new Error(`in vain for ${ms} ms: ${what}`);
    }
  }

  /** Texts of the notifications on the screen. */
  notifications() {
    return this.page.locator(`${this.selectors.notification} ${this.selectors.notificationText}`).allTextContents();
  }

  /** Begins to record every painted frame. */
  async record() {
    await this.page.evaluate(installPaintSensor);
    await this.page.evaluate(installRecorder, this.selectors.ghost);
  }

  /** Ends the record. @returns {Promise<import('./recorder.mjs').Frame[]>} */
  frames() {
    return this.page.evaluate(takeFrames);
  }

  /** Reloads the window: the extension host that belonged to it ends, another one starts. */
  async reload() {
    const { folder } = this.probe;
    await this.page.reload();
    this.probe = await this.line.next(folder);
    await this.page.locator(this.selectors.workbench).waitFor();
    await this.extensionActive();
  }

  close() {
    return this.closePage();
  }
}
