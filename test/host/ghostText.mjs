// Ghost text as a user meets it: it appears while he types, stays while he types it, goes when he types something else, and is accepted whole or in part.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { check } from './checks.mjs';
import { describe, flickers, inconsistent } from './frames.mjs';
import { hole, inventory, sure } from './samples.mjs';
import { calm, listShut } from './selectors.mjs';

const [typed] = sure;
const [head, tail] = inventory.split(hole);

/** Text of one line that VS Code's own lists do not complete. @param {import('./editorWindow.mjs').EditorWindow} window */
async function typeAndWait(window) {
  await window.type(typed);
  // Under load the extension host hears of the last keys later than the screen shows them.
  await window.until(async () => (await window.document()).before.endsWith(typed), 'every key has arrived');
  return window.settledGhost();
}

/** What the extension wrote about its requests. @param {import('./editorWindow.mjs').EditorWindow} window @returns {Promise<string[]>} */
export const requests = (window) => window.inside((_, seen) => seen.log.map(({ at, text }) => `${at.toFixed(0)}: ${text}`));

/**
 * Accepts ghost text by Tab, as a user does. A slow machine can have IntelliSense's list open where it stays shut on a fast one: then the ghost text goes on
 * from the item selected there, the first Tab is the list's, and the second takes the rest.
 * @param {import('./editorWindow.mjs').EditorWindow} window @param {string} ghost @returns how often Tab was pressed
 */
async function acceptByTab(window, ghost) {
  const { before } = await window.document();
  const wait = (/** @type {() => Promise<boolean>} */ holds, /** @type {string} */ what) => window.until(holds, what, 5000).catch(() => {});
  await window.press('Tab');
  await wait(async () => (await window.document()).before !== before, 'Tab changes the document');
  const item = (await window.document()).before.slice(before.length);
  const ofTheList = await window.inside((_, { answers }, item) => answers.some(({ selected }) => selected === item), item);
  const twice = ofTheList && item !== ghost;
  if (twice) {
    await wait(async () => (await window.ghost()) === ghost.slice(item.length), 'the rest shows');
    await window.press('Tab');
  }
  await wait(async () => (await window.document()).before === before + ghost, 'all of it is in the document');
  return twice ? 2 : 1;
}

let files = 0;

/** Opens a new file with the sample in it, the cursor in its hole. @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window @param {string} name its end @param {string} text */
export async function openSample({ place }, window, name, text = inventory) {
  const [head, tail] = text.split(hole);
  const path = join(place.workspace, `${files++}-${name}`);
  writeFileSync(path, head + tail);
  await window.open(path, { line: head.split('\n').length, column: 1 });
  return path;
}

/** The first thing that a new user does. @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window */
export async function firstGhostText(session, window) {
  const path = await openSample(session, window, 'first.ts');
  const ghost = await typeAndWait(window);
  check(ghost !== '', 'ghost text appears in a clean profile with no other click', await requests(window));
  const { text, before } = await window.document();
  const tabs = await acceptByTab(window, ghost);
  await window.press('Control+s');
  await window.until(async () => !(await window.document()).dirty, 'the file is saved');
  const saved = readFileSync(path, 'utf8');
  check(before.endsWith(typed) && saved === before + ghost + text.slice(before.length), 'Tab accepts it, and the saved file holds it', [JSON.stringify(ghost), saved.slice(head.length)]);
  const notifications = await window.notifications();
  check(notifications.length === 0, 'no notification shows', notifications);

  for (let i = 0; i < tabs; i++) await window.press('Control+z');
  await window.until(async () => (await window.document()).before === head + typed, 'undo takes back what was accepted').then(() => check(true, 'undo takes it back'), () => check(false, 'undo takes it back'));
}

/** A setting changes while the model is being loaded, which takes longer than the pause before a generation. @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window */
export async function settingsMeanwhile(session, window) {
  const other = { 'deltallm.completions.maxTokens': 95 };
  await window.set(listShut);
  await openSample(session, window, 'settings.ts');
  await window.inside((vscode, seen) => {
    Object.assign(seen, { asked: 0, log: [] });
    void vscode.commands.executeCommand('deltallm.restart');
  });
  await window.type(typed);
  await window.until(() => window.inside((_, { asked }) => asked > 0), 'VS Code asks');
  const early = await window.inside((_, { loading }) => loading);
  await window.set(other);
  const ghost = await window.awaitGhost();
  check(ghost !== '', `ghost text appears although a setting changed ${early ? 'while it was waited for' : 'when it was there'}`, await requests(window));
  await window.reset({ ...other, ...listShut });
}

/** @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window */
export async function typingOn(session, window) {
  await window.set(calm());
  await openSample(session, window, 'typing.ts');
  const ghost = await typeAndWait(window);
  await window.record();
  for (const letter of ghost.slice(0, 3)) await window.type(letter);
  await window.pause(600);
  const kept = await window.frames();
  const first = kept.findIndex((frame) => frame.ghost !== '');
  const gone = kept.slice(first).filter((frame) => frame.ghost === '');
  check(first >= 0 && gone.length === 0, 'ghost text stays while it is typed', kept.map(describe));
  check((await window.ghost()) === ghost.slice(3), 'what is left of it is what was not typed yet', [JSON.stringify(ghost), JSON.stringify(await window.ghost())]);

  await window.record();
  await window.type('§');
  await window.pause(300);
  const after = (await window.frames()).filter((frame) => frame.lines.some((line) => line.includes('§')));
  const stale = after.filter((frame) => frame.ghost === ghost.slice(3));
  check(after.length > 0 && stale.length === 0, 'typing something else removes it at once', stale.map(describe));
  await window.reset(calm());
}

/** @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window */
export async function acceptingParts(session, window) {
  await openSample(session, window, 'parts.ts');
  const ghost = await typeAndWait(window);
  await window.press('Control+ArrowRight');
  await window.until(async () => (await window.document()).before !== head + typed, 'a word is accepted');
  const { before } = await window.document();
  const word = before.slice((head + typed).length);
  check(word !== '' && word.length < ghost.length && ghost.startsWith(word), "VS Code's key accepts a word", [JSON.stringify(word), JSON.stringify(ghost)]);
  await window.until(async () => (await window.ghost()) === ghost.slice(word.length), 'the rest remains').then(() => check(true, 'the rest of it remains'), async () => check(false, 'the rest of it remains', [await window.ghost()]));
  await window.execute('editor.action.inlineSuggest.acceptNextLine');
  const line = ghost.split('\n')[0];
  await window.until(async () => (await window.document()).before.startsWith(head + typed + line), 'a line is accepted').then(() => check(true, "VS Code's command accepts the line"), async () => check(false, "VS Code's command accepts the line", [(await window.document()).before.slice(head.length)]));
}

/** With IntelliSense's list open: the ghost text goes on from the selected item, or there is none. @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window */
export async function besideIntelliSense(session, window) {
  await openSample(session, window, 'list.ts');
  await window.inside((_, seen) => void (seen.answers.length = 0));
  await window.type('  const first = items.');
  const list = window.page.locator(window.selectors.ghost.list);
  await list.waitFor({ timeout: 20_000 });
  await window.pause(1500);
  await window.press('ArrowDown');
  await window.pause(1500);
  const answers = await window.inside((_, seen) => seen.answers);
  const selected = answers.filter((/** @type {any} */ answer) => answer.selected !== null);
  const clashing = selected.filter((/** @type {any} */ answer) => answer.text !== null && !answer.text.startsWith(answer.selected));
  check(selected.length > 0 && clashing.length === 0, "an answer while IntelliSense's list is open begins with the selected item", clashing.map((/** @type {any} */ answer) => JSON.stringify(answer)));
  const row = (await window.page.locator(`${window.selectors.ghost.list} .monaco-list-row.focused .label-name`).first().textContent()) ?? '';
  const ghost = await window.ghost();
  check(ghost === '' || ghost.startsWith(row), 'ghost text and the selected item agree', [`item ${row}, ghost text ${ghost}`]);
  await window.press('Tab');
  await window.until(async () => (await window.document()).before.includes(`items.${row}`), 'the item is accepted').then(() => check(true, "Tab accepts the item of the list"), async () => check(false, 'Tab accepts the item of the list', [(await window.document()).before.slice(head.length)]));
}

/** Another extension answers too. @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window */
export async function besideAnotherProvider(session, window) {
  await window.set(calm());
  await openSample(session, window, 'two.ts');
  await window.inside((vscode, seen) => {
    const whole = '  for (let i = 0; i < items.length; i += 2) step(items[i]);';
    const provider = {
      provideInlineCompletionItems: (/** @type {import('vscode').TextDocument} */ document, /** @type {import('vscode').Position} */ position) => {
        const text = document.lineAt(position.line).text.slice(0, position.character);
        return text && whole.startsWith(text) ? [new vscode.InlineCompletionItem(whole.slice(text.length), new vscode.Range(position, position))] : [];
      },
    };
    seen.store.other = vscode.languages.registerInlineCompletionItemProvider({ pattern: '**/*two.ts' }, provider);
    seen.answers.length = 0;
  });
  await window.record();
  await window.type(typed, 60);
  await window.pause(1500);
  await window.type(' i', 150);
  await window.pause(1500);
  const frames = await window.frames();
  await window.reset(calm());
  const answers = await window.inside((_, seen) => {
    /** @type {import('vscode').Disposable} */ (seen.store.other).dispose();
    return seen.answers;
  });
  // VS Code may have closed the bracket.
  const others = ['', ')'].map((closed) => ({ at: 0, before: `${head}  for (let i = 0; i < items.length; i += 2) step(items[i]);`, text: '', after: closed + tail }));
  const wrong = inconsistent(frames, [...answers, ...others]);
  check(frames.some((frame) => frame.ghost !== '') && wrong.length === 0, 'beside another provider, every frame shows an answer of one of them', wrong.map(describe));
  const flicker = flickers(frames, answers).filter(({ byList }) => !byList);
  check(flicker.length === 0, 'beside another provider, no ghost text flickers', flicker.map(({ from, to }) => `${describe(from)} → ${describe(to)}`));
}
