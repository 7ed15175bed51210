// A text of several lines: its first lines are shown as soon as they are there, and it grows on the screen; Tab takes the whole.

import { check } from './checks.mjs';
import { describe } from './frames.mjs';
import { openSample, requests } from './ghostText.mjs';
import { listShut } from './selectors.mjs';

/** The first line is there long before the last. */
const early = { ...listShut, 'deltallm.completions.latencyBudget': 100, 'deltallm.completions.eagerness': 'high' };
/** Milliseconds for each piece of a text: so slow that a person sees it grow. */
const PIECE_MS = 60;
const typed = '  const result: number[] = [];\n';

/** @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window */
export async function growing(session, window) {
  await window.set(early);
  for (const [how, manual] of /** @type {[string, boolean][]} */ ([['while somebody types', false], ['asked for by the user', true]])) {
    await openSample(session, window, 'growing.ts');
    // Before the first key: what a slow machine suggests at the end of the line would be whole by the time that Enter is pressed, and the rest of it would be shown.
    await window.inside((_, seen, ms) => void (seen.pieceMs = ms), PIECE_MS);
    await window.type(manual ? typed.trimEnd() : typed);
    await window.record();
    if (manual) {
      await window.press('Enter');
      await window.execute('deltallm.completions.trigger');
    } else {
      await window.press('Backspace');
      await window.press('Enter');
    }
    const first = await window.awaitGhost();
    // The text is at its end when nothing has come for a while.
    let ghost = first;
    for (let quiet = 0; quiet < 10; quiet++) {
      await window.pause(300);
      const now = await window.ghost();
      if (now !== ghost) quiet = 0;
      ghost = now;
    }
    const frames = await window.frames();
    await window.inside((_, seen) => void (seen.pieceMs = 0));
    const from = frames.findIndex((frame) => frame.ghost !== '' && ghost.startsWith(frame.ghost));
    const steps = frames.slice(Math.max(0, from)).map((frame) => frame.ghost.split('\n').length).filter((count, i, all) => count !== all[i - 1]);
    check(ghost.split('\n').length > 1, `${how}: several lines are seen`, [JSON.stringify(ghost), ...(await requests(window))]);
    check(from >= 0 && frames[from].ghost.length < ghost.length, `${how}: its beginning is seen first (${steps.join(', then ')} lines)`, frames.map(describe));
    const gone = frames.slice(Math.max(0, from)).filter((frame) => frame.ghost === '');
    // VS Code asks nobody twice for a user's wish: there the text goes for the moment in which it is shown anew.
    check(gone.length <= (manual ? 1 : 0), `${how}: there is no frame without it while it grows`, frames.slice(from).map(describe));
    const { before } = await window.document();
    await window.press('Tab');
    const taken = async () => (await window.document()).before.slice(before.length);
    await window.until(async () => (await taken()) === ghost, 'Tab takes all of it', 5000).then(() => check(true, `${how}: Tab takes all of it`), async () => check(false, `${how}: Tab takes all of it`, [JSON.stringify(await taken()), JSON.stringify(ghost)]));
    await window.closeEditors();
  }
  await window.reset(early);
}
