// What can go wrong: each says so once, and the editor works on.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname, uptime } from 'node:os';
import { join } from 'node:path';
import { hollowModel } from './chat.mjs';
import { check } from './checks.mjs';
import { openSample, requests } from './ghostText.mjs';
import { sure } from './samples.mjs';
import { camera } from './screenshots.mjs';
import { listShut } from './selectors.mjs';

const [typed] = sure;
/** Time in which a second message would show. */
const QUIET_MS = 800;

/** @param {import('./editorWindow.mjs').EditorWindow} window @returns {Promise<{ kind: string, text: string, choices: string[] }[]>} */
const messages = (window) => window.inside((_, seen) => seen.messages);

/** Before the next thing that goes wrong. @param {import('./editorWindow.mjs').EditorWindow} window */
async function startAfresh(window) {
  await window.execute('notifications.clearAll');
  await window.inside((_, seen) => void (seen.messages.length = 0));
}

/** Types where ghost text would show; the editor must take every key, and there must be one message. @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window @param {string} what @param {RegExp} expected @param {RegExp} [choice] what is offered with it */
async function fails(session, window, what, expected, choice = /./) {
  await openSample(session, window, 'failing.ts');
  await window.type(typed);
  await window.until(async () => (await messages(window)).length > 0, `${what}: a message`, 60_000).catch(() => {});
  await window.pause(QUIET_MS);
  await window.type(' i++) {');
  await window.pause(QUIET_MS);
  const said = await messages(window);
  check(said.length === 1 && expected.test(said[0].text) && said[0].choices.some((label) => choice.test(label)), `${what}: one message says so`, said.map(({ text, choices }) => `${text} ${choices}`));
  const shown = await window.notifications();
  check(shown.length === 1 && expected.test(shown[0]), `${what}: it is on the screen`, shown);
  const { before } = await window.document();
  check(before.endsWith(`${typed} i++) {`), `${what}: the editor takes every key`, [before.slice(-60)]);
  await startAfresh(window);
}

/** What was typed while nothing worked needs no further key. @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window */
async function comesWithRestart(session, window) {
  await window.set(listShut);
  await openSample(session, window, 'restarted.ts');
  await window.type(typed);
  await window.until(() => window.inside((_, { log }) => log.some(({ text }) => /suppressed \(unavailable\)/.test(text))), 'a request without an answer', 10_000);
  await window.pause(QUIET_MS);
  await window.inside((vscode) => {
    delete process.env.DELTALLM_ADDON;
    return vscode.commands.executeCommand('deltallm.restart').then(() => null);
  });
  check((await window.awaitGhost()) !== '', 'after a restart ghost text appears where it was waited for, with no other key', await requests(window));
  await window.reset(listShut);
}

/** After the cause is gone. @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window @param {string} what */
async function recovers(session, window, what) {
  await openSample(session, window, 'recovering.ts');
  await window.type(typed);
  check((await window.awaitGhost()) !== '', `${what}: ghost text appears again`, await requests(window));
  const said = await messages(window);
  check(said.length === 0, `${what}: without another message`, said.map(({ text }) => text));
  await startAfresh(window);
}

/** @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window */
export async function failures(session, window) {
  const { place } = session;
  await startAfresh(window);

  const broken = join(place.folder, 'broken.node');
  writeFileSync(broken, 'this is no library');
  await window.inside((vscode, _, broken) => {
    process.env.DELTALLM_ADDON = broken;
    return vscode.commands.executeCommand('deltallm.restart').then(() => null);
  }, broken);
  await fails(session, window, 'a native part that does not load', /native part/);
  await comesWithRestart(session, window);
  await recovers(session, window, 'with the native part back');

  await window.set({ 'deltallm.model.path': join(place.folder, 'nothing.gguf') });
  await fails(session, window, 'a model that is not there', /nothing\.gguf.*embedded model/, /setting/i);
  await recovers(session, window, 'while the chosen model is not there');
  const cut = join(place.folder, 'cut.gguf');
  writeFileSync(cut, readFileSync(new URL('../../test/fixtures/models/starter-tiny-q8_0.gguf', import.meta.url)).subarray(0, 300_000));
  await window.set({ 'deltallm.model.path': cut });
  await fails(session, window, 'a model that is cut short', /cut\.gguf/);
  const huge = join(place.folder, 'far too large.gguf');
  await hollowModel(huge);
  await window.set({ 'deltallm.model.path': huge });
  await fails(session, window, 'a model that does not fit', /far too large\.gguf needs [\d.]+ GB of memory but only [\d.]+ GB are free/);
  await window.set({ 'deltallm.model.path': undefined });
  await recovers(session, window, 'with the embedded model again');

  await workerDies(session, window);
}

/** @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window */
async function workerDies(session, window) {
  const kill = () => window.inside((_, seen) => /** @type {import('node:worker_threads').Worker} */ (seen.store.worker).terminate().then(() => null));
  await kill();
  await openSample(session, window, 'dying.ts');
  await window.type(typed);
  check((await window.awaitGhost()) !== '', 'a worker that dies: it is started again, and ghost text appears', await requests(window));
  const first = await messages(window);
  check(first.length <= 1 && first.every(({ text }) => /worker/.test(text)), 'a worker that dies: at most one message', first.map(({ text }) => text));
  await startAfresh(window);
  await kill();
  await fails(session, window, 'a worker that dies once more', /worker/);
  await window.execute('deltallm.restart');
  await recovers(session, window, 'after a restart by hand');
}

/** As if the process had died in the middle of native work. @param {import('./session.mjs').Session} session @param {string} [pictures] a folder */
export async function safeMode(session, pictures) {
  const { place } = session;
  const { version } = JSON.parse(readFileSync(join(place.installed() ?? '', 'package.json'), 'utf8'));
  const runs = join(place.profile.userData, 'User', 'globalStorage', 'deltallm.deltallm', 'runs');
  mkdirSync(runs, { recursive: true });
  const boot = Math.round(Date.now() / 1000 - uptime());
  const ended = 4_190_000; // above every process id here
  writeFileSync(join(runs, `running-${ended}.json`), JSON.stringify({ model: '', kernels: 'auto', version, host: hostname(), pid: ended, start: '1', boot }));

  const window = await session.openWindow();
  await window.set(listShut);
  await openSample(session, window, 'safe.ts');
  await window.type(typed);
  check((await window.awaitGhost()) !== '', 'safe mode after a crash: ghost text appears', await requests(window));
  const said = await messages(window);
  check(said.length === 1 && said[0].choices.some((choice) => /again/i.test(choice)), 'safe mode after a crash: one message, with "Try Again"', said.map(({ text, choices }) => `${text} ${choices}`));
  const kernels = () => window.inside((_, seen) => seen.log.filter(({ text }) => text.startsWith('Loaded')).map(({ text }) => /(\S+) kernels/.exec(text)?.[1]));
  const safe = await kernels();
  check(safe.length === 1 && safe[0] === 'scalar', 'safe mode after a crash: the kernels are those that need nothing of the CPU', safe);

  await camera(pictures)(window, 'safe-mode');
  // A toast goes away by itself after some seconds, and these kernels are slow: the list keeps it.
  await window.execute('notifications.showList');
  await window.page.locator(window.selectors.listedNotification).getByRole('button', { name: /again/i }).first().click();
  await window.until(async () => (await kernels()).length === 2, 'the model is loaded again');
  const [, again] = await kernels();
  check(again !== 'scalar', '"Try Again": it is loaded with the best kernels', [again]);
  await window.close();
  await session.server.hostEnd(10_000, window.probe.pid);
  check(!existsSync(join(runs, `running-${ended}.json`)), 'safe mode after a crash: the marker is gone');

  const next = await session.openWindow();
  await openSample(session, next, 'after.ts');
  await next.type(typed);
  check((await next.awaitGhost()) !== '' && (await messages(next)).length === 0, '"Try Again": the next start is not in safe mode');
  await next.reset(listShut);
  await next.close();
}
