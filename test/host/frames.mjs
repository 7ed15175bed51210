// Judges the record of what was painted: ghost text must be what the provider answered, and must not flicker.

/** @typedef {import('./recorder.mjs').Frame} Frame */
/** @typedef {{ at: number, before: string, text: string | null, after: string, selected?: string | null }} Answer times in milliseconds since the epoch; `selected`: in IntelliSense's list */

const FLICKER_MS = 200;
/** Two processes write down when: an answer, behind the turn in which it was sent, a frame, at its beginning. */
const SLACK_MS = 50;

/** The lines of a document up to the one in which an answer ends. @param {Answer} answer */
const linesOf = ({ before, text, after }) => (before + text + after.split(/\r?\n/, 1)[0]).split(/\r?\n/);

/** @param {Frame} frame @param {string[]} lines */
function isEndOf({ shown }, lines) {
  const end = lines.slice(lines.length - shown.length);
  // VS Code keeps a text that was answered at an indentation while more of it is typed, and while the text is typed behind that.
  return shown.every((line, index) => line === end[index] || (index === 0 && line.trimStart() === end[0]?.trimStart()));
}

/**
 * The frames whose lines, ghost text included, are not those that an answer given until then would make, to its end.
 * @param {Frame[]} frames @param {Answer[]} answers
 */
export function inconsistent(frames, answers) {
  const results = answers.flatMap((answer) => (answer.text === null ? [] : [{ at: answer.at, lines: linesOf(answer) }]));
  return frames.filter((frame) => frame.ghost !== '' && !results.some(({ at, lines }) => at <= frame.at + SLACK_MS && isEndOf(frame, lines)));
}

/**
 * Ghost text that vanished and came back within 200 ms, leading to the same text. `byList`: IntelliSense's list opened or closed meanwhile, for which
 * VS Code itself takes the ghost text away. It can have an item to select before it is to be seen: VS Code asks with that item then.
 * @param {Frame[]} frames @param {Answer[]} answers
 */
export function flickers(frames, answers) {
  const withList = answers.filter(({ selected }) => selected != null).map(({ at }) => at);
  /** @type {{ from: Frame, to: Frame, byList: boolean }[]} */
  const found = [];
  frames.forEach((gone, index) => {
    const from = frames[index - 1];
    if (gone.ghost !== '' || !from || from.ghost === '') return;
    let byList = from.list !== gone.list;
    for (let next = index + 1; next < frames.length && frames[next].at - gone.at <= FLICKER_MS; next++) {
      const to = frames[next];
      byList ||= to.list !== gone.list || withList.some((at) => at >= from.at && at <= to.at);
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
