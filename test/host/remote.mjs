// A team's own server: its text on the screen, its answer in the chat, where that is shown, and what happens when it is gone. In a session that is not traced, for it
// uses the network on purpose; that nothing of it does in Restricted Mode is seen in one that is.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importTs } from '../../scripts/importTs.mjs';
import { ChatPanel } from './chatPanel.mjs';
import { check } from './checks.mjs';
import { openSample, requests } from './ghostText.mjs';
import { sure } from './samples.mjs';
import { listShut } from './selectors.mjs';

/** @typedef {import('./session.mjs').Session} Session @typedef {import('./editorWindow.mjs').EditorWindow} EditorWindow */

const WRITTEN = 'writtenByTheServer';
const ANSWER = 'This is the answer of the server.';

/** @type {import('../support/modelServer.ts').ModelServerRules} */
const rules = { speaks: 'vllm', key: 'the-key', write: ({ path }) => (path.endsWith('/chat/completions') ? ['This is ', 'the answer ', 'of the server.'] : ['writtenBy', 'TheServer', ';']) };

/** @param {number} [port] @returns {Promise<import('../support/modelServer.ts').ModelServer>} */
const serve = async (port) => (await importTs('test/support/modelServer.ts')).modelServer(rules, port);

/** @param {EditorWindow} window */
const statusItem = (window) => window.page.locator(window.selectors.statusItems, { hasText: 'DeltaLLM' }).first();
/** @param {EditorWindow} window */
const statusLabel = (window) => statusItem(window).evaluate((element) => element.getAttribute('aria-label') ?? element.querySelector('[aria-label]')?.getAttribute('aria-label') ?? '');

/** Types where something is suggested. @param {Session} session @param {EditorWindow} window @param {string} name */
async function ghostIn(session, window, name) {
  await openSample(session, window, name);
  await window.type(sure[0]);
  return window.awaitGhost();
}

/** @param {Session} session */
export async function teamServer(session) {
  const window = await session.openWindow();
  let server = await serve();
  const port = Number(new URL(server.url).port);
  try {
    // The model here answers only where the server cannot, however slow the machine is: what happens when it is late has a clock of its own in the unit tests.
    await window.set({ ...listShut, 'deltallm.completions.eagerness': 'high', 'deltallm.completions.latencyBudget': 30_000 });
    const here = await ghostIn(session, window, 'here.ts');
    check(here !== '' && !here.includes(WRITTEN) && server.raw === '', 'without an address the model here completes, and nothing is sent', [here, server.raw]);

    await window.set({ 'deltallm.remote.url': server.url });
    await window.command('Set Server Key');
    const input = window.page.locator(window.selectors.passwordInput);
    await input.waitFor();
    await window.page.keyboard.type('the-key');
    await window.press('Enter');
    await input.waitFor({ state: 'hidden' });
    const there = await ghostIn(session, window, 'there.ts');
    check(there.includes(WRITTEN), 'with an address and a key the ghost text is what the server wrote', [there, ...(await requests(window)), ...server.asked.map(({ path }) => path)]);
    check(server.asked.at(-1)?.body.prompt.includes('<|fim_prefix|>') === true, "its prompt has the markers of the model's family");
    await window.until(async () => (await statusLabel(window)).includes(server.host), 'the status bar names the server');
    check((await statusItem(window).locator('.codicon-cloud').count()) === 1, 'the status bar shows a cloud, and names the server to a screen reader', [await statusLabel(window)]);
    await window.press('Escape');
    await window.execute('deltallm.showLastPrompt');
    await window.until(async () => (await window.document()).text.includes(`It was sent to ${server.host}.`), '"Show Last Prompt" says where it was sent');
    await window.closeEditors();

    const before = server.asked.length;
    writeFileSync(join(session.place.workspace, '.env'), 'TOKEN=\n');
    await window.open('.env', { line: 1, column: 7 });
    await window.type('abc');
    await window.pause(1500);
    check(server.asked.length === before, 'a file that may hold secrets is never sent');
    await window.closeEditors();

    const chat = new ChatPanel(window);
    await chat.open();
    const answer = await chat.answerTo('Hello');
    check(answer.state === 'done' && answer.text === ANSWER, 'a question is answered by the server', [JSON.stringify(answer)]);
    check((await chat.text()).includes(server.host), 'the chat names the server', [await chat.text()]);

    await server.close();
    const left = await ghostIn(session, window, 'left.ts');
    check(left !== '' && !left.includes(WRITTEN), 'the server is gone: the model here goes on', [left, ...(await requests(window))]);
    await window.until(async () => !(await statusLabel(window)).includes(server.host), 'the status bar no longer names the server');
    const told = await window.inside((_, seen) => seen.messages.map(({ text }) => text));
    check(told.length === 0, 'that needs no notification', told);

    server = await serve(port);
    await window.command('Try the Server Again');
    const back = await ghostIn(session, window, 'back.ts');
    check(back.includes(WRITTEN), 'it is back: "Try the Server Again" makes it complete again', [back, ...(await requests(window))]);

    const logged = (await requests(window)).filter((line) => line.includes('the-key'));
    check(logged.length === 0, 'the key stands in no log', logged);
  } finally {
    await server.close();
    await window.close();
    await session.server.hostEnd(10_000, window.probe.pid);
  }
}

/** @param {Session} session */
export async function teamServerInRestrictedMode(session) {
  const window = await session.openWindow();
  const server = await serve();
  try {
    await window.set({ ...listShut, 'deltallm.completions.eagerness': 'high', 'deltallm.remote.url': server.url });
    const ghost = await ghostIn(session, window, 'restricted.ts');
    check(ghost !== '' && server.raw === '', 'in Restricted Mode nothing is sent to a server, and the model here completes', [ghost, server.raw]);
    await window.reset({ 'deltallm.remote.url': undefined, 'deltallm.completions.eagerness': undefined });
  } finally {
    await server.close();
    await window.close();
    await session.server.hostEnd(10_000, window.probe.pid);
  }
}
