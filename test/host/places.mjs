// Where ghost text shows and where it must not: every kind of document and input. Where there is none, the reason is recorded, or VS Code did not ask.

import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, skip } from './checks.mjs';
import { requests } from './ghostText.mjs';
import { hole, inventory, sure } from './samples.mjs';
import { listShut } from './selectors.mjs';

const [typed] = sure;
const [head, tail] = inventory.split(hole);
const line = head.split('\n').length;
const OUTCOME_MS = 60_000;
/** For an input that VS Code itself does not ask about. */
const SILENCE_MS = 2500;

/** Why a document is never completed. */
const refusals = ['disabled', 'scheme', 'excluded', 'tooLarge'];

/** @typedef {import('./editorWindow.mjs').EditorWindow} EditorWindow */

/** @param {EditorWindow} window @param {string} [text] what is typed */
async function outcome(window, text = typed) {
  await window.inside((_, seen) => void Object.assign(seen, { asked: 0, generations: [], log: [] }));
  await window.type(text);
  const started = Date.now();
  for (;;) {
    await window.pause(50);
    const ghost = await window.ghost();
    const { asked, reasons, generations } = await window.inside((_, { asked, log, generations }) => ({
      asked, generations: generations.length, reasons: log.flatMap(({ text }) => /^Request in .*suppressed \((\w+)\)/.exec(text)?.[1] ?? []),
    }));
    const [reason] = reasons.slice(-1);
    const waited = Date.now() - started;
    if (ghost || (reason && waited > SILENCE_MS) || waited > (asked > 0 ? OUTCOME_MS : SILENCE_MS)) return { ghost, asked, reason, generations };
  }
}

/** @param {EditorWindow} window @param {string} place */
async function shows(window, place) {
  const { ghost, reason, asked, generations } = await outcome(window);
  check(ghost !== '', `ghost text shows in ${place}`, [reason ?? 'no reason', `asked ${asked} times, ${generations} generations`, ...(await requests(window)), (await window.document()).before.slice(-80)]);
}

/** @param {EditorWindow} window @param {string} place @param {string} [text] */
async function silent(window, place, text = typed) {
  const { ghost, asked, reason, generations } = await outcome(window, text);
  check((await window.focusedText()).includes(text.split('\n').pop() ?? ''), `${place} takes the keys`, [await window.focusedText()]);
  const why = asked > 0 ? `recorded: ${reason}` : 'VS Code does not ask';
  check(ghost === '' && generations === 0 && (asked === 0 || refusals.includes(reason ?? '')), `no ghost text in ${place} (${why})`, [`ghost text ${JSON.stringify(ghost)}`, `${generations} generations`, await window.inside((vscode) => `${vscode.window.activeTextEditor?.document.uri} ${vscode.window.activeTextEditor?.document.languageId}`)]);
}

/** One place after the other, whatever became of the former. @param {EditorWindow} window @param {string} name @param {() => Promise<void>} enter */
async function attempt(window, name, enter) {
  try {
    await enter();
  } catch (error) {
    const picture = join(tmpdir(), `deltallm-host-${name.replace(/\W+/g, '-')}.png`);
    await window.page.screenshot({ path: picture }).catch(() => {});
    check(false, `${name} can be reached`, [...String(error).split('\n').slice(0, 4), picture]);
  }
}

/** @param {import('./session.mjs').Session} session @param {EditorWindow} window */
export async function places({ place }, window) {
  const file = (/** @type {string} */ name, /** @type {string} */ text) => {
    const path = join(place.workspace, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, text);
    return path;
  };
  const closeAll = () => window.closeEditors();

  await attempt(window, 'an untitled document', async () => {
    await window.inside(async (vscode, _, { text, line }) => {
      const document = await vscode.workspace.openTextDocument({ language: 'typescript', content: text });
      await vscode.window.showTextDocument(document, { selection: new vscode.Range(line - 1, 0, line - 1, 0) });
    }, { text: head + tail, line });
    await window.editorIsReady();
    await shows(window, 'an untitled document');
  });

  await attempt(window, 'a notebook cell', async () => {
    const cells = [{ cell_type: 'code', metadata: {}, source: ['for i in range(10):\n', '    '], outputs: [], execution_count: null }];
    const path = file('cells.ipynb', JSON.stringify({ cells, metadata: { language_info: { name: 'python' } }, nbformat: 4, nbformat_minor: 5 }));
    await window.inside((vscode, _, path) => vscode.commands.executeCommand('vscode.openWith', vscode.Uri.file(path), 'jupyter-notebook').then(() => null), path);
    await window.page.locator('.notebookOverlay .cell .monaco-editor .view-line').first().click();
    await window.press('Control+End');
    await window.keyboardInEditor();
    const { ghost, asked, reason } = await outcome(window, 'print(');
    check(asked > 0 && (ghost !== '' || reason !== undefined) && reason !== 'scheme', `a notebook cell is completed (${ghost ? 'ghost text' : `recorded: ${reason}`})`);
  });
  await closeAll();

  await attempt(window, 'a read-only file', async () => {
    const path = file('readonly/fixed.ts', head + tail);
    await window.set({ 'files.readonlyInclude': { '**/readonly/**': true } });
    await window.open(path, { line, column: 1 });
    await window.execute('editor.action.inlineSuggest.trigger');
    const { ghost, asked, reason } = await outcome(window, '');
    check(ghost === '' || reason === undefined, `a read-only file is no trouble (${asked > 0 ? (ghost ? 'ghost text' : `recorded: ${reason}`) : 'VS Code does not ask'})`);
    const said = await window.inside((_, seen) => seen.messages.map(({ text }) => text));
    check(said.length === 0, 'no message about a read-only file', said);
    await window.set({ 'files.readonlyInclude': undefined });
  });

  await attempt(window, 'a file of 2 MB', async () => {
    await window.open(file('large.ts', `${inventory.replace(hole, '').repeat(3000)}${head}${tail}`));
    await silent(window, 'a file of 2 MB');
  });
  await attempt(window, '.env', async () => {
    await window.open(file('.env', 'SECRET=abc\n'));
    await silent(window, '.env', 'TOKEN=');
  });
  await attempt(window, 'a key', async () => {
    await window.open(file('id_rsa', '-----BEGIN OPENSSH PRIVATE KEY-----\n'));
    await silent(window, 'a key file', 'b3Bl');
  });
  await attempt(window, 'settings.json', async () => {
    await window.execute('workbench.action.openSettingsJson');
    await window.until(() => window.inside((vscode) => /settings\.json$/.test(vscode.window.activeTextEditor?.document.uri.path ?? '')), 'settings.json is open', 10_000);
    await window.keyboardInEditor();
    await silent(window, "the user's settings", '\n  "editor.');
    await window.execute('workbench.action.files.revert');
  });
  await closeAll();
  await attempt(window, 'the search editor', async () => {
    await window.execute('search.action.openNewEditor');
    await window.page.locator('.search-editor .monaco-editor .view-lines').last().click();
    await window.keyboardInEditor();
    await silent(window, 'the search editor', 'total');
  });
  await closeAll();
  await inputs(window);
  await closeAll();
}

/** Inputs that are editors, too. @param {EditorWindow} window */
async function inputs(window) {
  const { page } = window;
  await attempt(window, "a source control's input", async () => {
    await window.inside((vscode, seen) => {
      const control = vscode.scm.createSourceControl('tests', 'Tests', vscode.workspace.workspaceFolders?.[0].uri);
      seen.store.control = control;
    });
    await window.execute('workbench.view.scm');
    await page.locator('.scm-view .scm-editor .monaco-editor').first().click();
    await silent(window, "source control's input", 'Add the total ');
    await window.inside((_, seen) => void /** @type {any} */ (seen.store.control).dispose());
  });
  await attempt(window, 'a comment', async () => {
    await window.open('first.ts').catch(() => window.open('sample.ts'));
    await window.inside((vscode, seen) => {
      const controller = vscode.comments.createCommentController('tests', 'Tests');
      const { document } = /** @type {import('vscode').TextEditor} */ (vscode.window.activeTextEditor);
      const thread = controller.createCommentThread(document.uri, new vscode.Range(0, 0, 0, 0), []);
      thread.collapsibleState = vscode.CommentThreadCollapsibleState.Expanded;
      thread.canReply = true;
      seen.store.controller = controller;
    });
    await page.locator('.review-widget .monaco-editor').first().click();
    await silent(window, 'the input of a comment', 'This is the ');
    await window.inside((_, seen) => void /** @type {any} */ (seen.store.controller).dispose());
  });
  await attempt(window, 'the debug console', async () => {
    await window.inside(async (vscode, seen) => {
      // A debugger that only says yes: without one the console takes no keys.
      const answers = new vscode.EventEmitter();
      const adapter = {
        onDidSendMessage: answers.event,
        handleMessage: (/** @type {any} */ { seq, command }) => {
          answers.fire({ type: 'response', request_seq: seq, command, success: true, seq: 0, body: command === 'threads' ? { threads: [] } : {} });
          if (command === 'initialize') answers.fire({ type: 'event', event: 'initialized', seq: 0 });
          if (command === 'disconnect') answers.fire({ type: 'event', event: 'terminated', seq: 0 });
        },
        dispose: () => {},
      };
      seen.store.debuggers = vscode.debug.registerDebugAdapterDescriptorFactory('tests', { createDebugAdapterDescriptor: () => new vscode.DebugAdapterInlineImplementation(/** @type {any} */ (adapter)) });
      await vscode.debug.startDebugging(undefined, { type: 'tests', name: 'Tests', request: 'launch' });
    });
    await window.execute('workbench.panel.repl.view.focus');
    await page.locator('.repl .repl-input-wrapper .monaco-editor').first().click();
    await silent(window, "the debug console's input", 'items.');
    await window.inside(async (vscode, seen) => {
      await vscode.debug.stopDebugging();
      /** @type {import('vscode').Disposable} */ (seen.store.debuggers).dispose();
    });
    await window.execute('workbench.action.closePanel');
  });
  await attempt(window, 'the output', async () => {
    await window.execute('deltallm.showLog');
    await page.locator('.output-view .monaco-editor .view-line, .output-view-container .monaco-editor .view-line, .pane-body .monaco-editor .view-line').first().click();
    await window.execute('editor.action.inlineSuggest.trigger');
    await silent(window, 'the output', '');
    await window.execute('workbench.action.closePanel');
  });
  const chat = await window.inside((vscode) => vscode.commands.getCommands(true).then((all) => all.includes('workbench.action.chat.open')));
  if (!chat) skip("the chat's input", 'the chat is switched off in this VS Code');
}

/** In a window that does not trust its folder. @param {import('./session.mjs').Session} session */
export async function restrictedMode(session) {
  const window = await session.openWindow();
  await window.set(listShut);
  const path = join(session.place.workspace, 'untrusted.ts');
  writeFileSync(path, head + tail);
  mkdirSync(join(session.place.workspace, '.vscode'), { recursive: true });
  writeFileSync(join(session.place.workspace, '.vscode', 'settings.json'), JSON.stringify({ 'deltallm.completions.enabled': false, 'deltallm.completions.maxTokens': 1 }));
  check((await window.inside((vscode) => vscode.workspace.isTrusted)) === false, 'Restricted Mode: the folder is not trusted');
  await window.open(path, { line, column: 1 });
  await shows(window, "Restricted Mode, whatever the folder's own settings say");
  const said = await window.inside((_, seen) => seen.messages.map(({ text }) => text));
  check(said.length === 0, 'Restricted Mode: no message', said);
  await window.close();
  await session.server.hostEnd(10_000, window.probe.pid);
}
