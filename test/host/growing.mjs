// A text of several lines: its first lines are shown as soon as they are there, and it grows on the screen; Tab takes the whole.

import { check } from './checks.mjs';
import { describe } from './frames.mjs';
import { openSample, requests } from './ghostText.mjs';
import { listShut } from './selectors.mjs';

/** The first line is there long before the last. */
const early = { ...listShut, 'deltallm.completions.latencyBudget': 100, 'deltallm.completions.eagerness': 'high', 'deltallm.threads': 1 };
const typed = '  const result: number[] = [];\n';

/** @param {import('./editorWindow.mjs').EditorWindow} window */
const answers = (window) => window.inside((_, seen) => seen.answers.filter(({ text }) => text !== null).map(({ text }) => text));

/** @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window */
export async function growing(session, window) {
  await window.set(early);
  await openSample(session, window, 'growing.ts');
  await window.record();
  await window.type(typed);
  await window.awaitGhost();
  await window.until(async () => (await window.ghost()).includes('\n'), 'several lines are seen', 20_000).catch(() => {});
  await window.pause(1000);
  const ghost = await window.ghost();
  const frames = await window.frames();
  const texts = await answers(window);
  const shown = frames.filter((frame) => frame.ghost !== '');
  check(ghost.includes('\n') && texts.at(-1) === ghost, 'a text of several lines is seen whole', [JSON.stringify(ghost), ...texts.map((/** @type {string} */ text) => JSON.stringify(text)), ...(await requests(window))]);
  const grew = shown.some((frame) => frame.ghost !== ghost && ghost.startsWith(frame.ghost));
  console.log(`  (it was seen ${grew ? 'growing' : 'at once'}: ${[...new Set(shown.map((frame) => frame.ghost.split('\n').length))].join(', then ')} lines)`);
  const first = frames.indexOf(shown[0]);
  const gone = frames.slice(first).filter((frame) => frame.ghost === '');
  check(first >= 0 && gone.length === 0, 'there is no frame without it while it grows', frames.slice(first).map(describe));
  const { before } = await window.document();
  await window.press('Tab');
  await window.until(async () => (await window.document()).before === before + ghost, 'Tab takes all of it', 5000).then(() => check(true, 'Tab takes all of it'), async () => check(false, 'Tab takes all of it', [JSON.stringify((await window.document()).before.slice(before.length))]));
  await window.reset(early);
}
