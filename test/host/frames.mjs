// Judges the record of what was painted: ghost text must be what the provider answered, and must not flicker.

/** @typedef {import('./recorder.mjs').Frame} Frame */
/** @typedef {{ at: number, before: string, text: string | null, after: string }} Answer times in milliseconds since the epoch */

const FLICKER_MS = 200;

const lined = (/** @type {string} */ text) => `\n${text.replaceAll('\r\n', '\n')}\n`;

/**
 * The frames whose lines, ghost text included, are not those that an answer given until then would make, to its end.
 * @param {Frame[]} frames @param {Answer[]} answers
 */
export function inconsistent(frames, answers) {
  const results = answers.flatMap(({ at, before, text, after }) => (text === null ? [] : [{ at, whole: lined(before + text + after.split(/\r?\n/, 1)[0]) }]));
  return frames.filter(({ at, ghost, shown }) => ghost !== '' && !results.some((result) => result.at <= at && result.whole.endsWith(lined(shown.join('\n')))));
}

/**
 * Ghost text that vanished and came back within 200 ms, leading to the same text. `byList`: IntelliSense's list opened or closed meanwhile, for which
 * VS Code itself takes the ghost text away.
 * @param {Frame[]} frames
 */
export function flickers(frames) {
  /** @type {{ from: Frame, to: Frame, byList: boolean }[]} */
  const found = [];
  frames.forEach((gone, index) => {
    const from = frames[index - 1];
    if (gone.ghost !== '' || !from || from.ghost === '') return;
    let byList = from.list !== gone.list;
    for (let next = index + 1; next < frames.length && frames[next].at - gone.at <= FLICKER_MS; next++) {
      const to = frames[next];
      byList ||= to.list !== gone.list;
      if (to.ghost === '') continue;
      // The same lines come of it: what was typed between them is part of both.
      if (to.shown.join('\n') === from.shown.join('\n')) found.push({ from, to, byList });
      return;
    }
  });
  return found;
}

/** One line for a person. @param {Frame} frame */
export const describe = ({ at, ghost, shown, list }) => `${at.toFixed(0)}: ${JSON.stringify(shown.join('⏎'))}, ghost ${JSON.stringify(ghost)}${list ? ', list open' : ''}`;
