// The judges of the frames, judged: on made-up records that hold what must not be.

import { check } from './checks.mjs';
import { flickers, inconsistent } from './frames.mjs';

const answer = { at: 100, before: 'a\nlet x', text: ' = 1;\n  y', after: '\nb' };
/** @param {number} at @param {string} typed @param {string} ghost @param {boolean} [list] */
const frame = (at, typed, ghost, list = false) => {
  const [first, ...further] = ghost.split('\n');
  return { at, lines: ['a', typed, 'b'], cursor: 1, ghost, shown: ghost ? [typed + first, ...further] : [], list };
};

export function checkJudges() {
  const good = [frame(50, 'let x', ''), frame(110, 'let x', ' = 1;\n  y'), frame(120, 'let x =', ' 1;\n  y'), frame(400, 'let x =', '')];
  check(inconsistent(good, [answer]).length === 0 && flickers(good, [answer]).length === 0, 'the judge of frames finds nothing in a record without fault');

  const wrong = { 'a letter that nobody answered': frame(120, 'let x', ' = 2;\n  y'), 'stale text after another key': frame(120, 'let xz', ' = 1;\n  y'), 'a missing line': frame(120, 'let x', ' = 1;'), 'an answer not yet given': frame(40, 'let x', ' = 1;\n  y') };
  for (const [what, bad] of Object.entries(wrong)) check(inconsistent([bad], [answer]).length === 1, `the judge of frames finds ${what}`);

  const indented = { ...answer, before: 'a\n  ', text: 'let y = 1;' };
  check(inconsistent([frame(120, '   le', 't y = 1;')], [indented]).length === 0, 'the judge of frames lets VS Code keep a text for which more indentation was typed');
  check(inconsistent([frame(120, '   le', 't x = 1;')], [indented]).length === 1, 'the judge of frames finds another text behind more indentation');

  const away = [frame(110, 'let x', ' = 1;'), frame(120, 'let x ', ''), frame(150, 'let x ', '= 1;')];
  check(flickers(away, []).length === 1 && !flickers(away, [answer])[0].byList, 'the judge of frames finds ghost text that vanishes and returns while its text is typed');
  check(flickers([away[0], away[1], frame(150, 'let x ', '= 1;', true)], [])[0].byList && flickers(away, [{ ...answer, at: 130, selected: 'x' }])[0].byList && !flickers(away, [{ ...answer, at: 160, selected: 'x' }])[0].byList, 'the judge of frames knows when the list of IntelliSense did it');
  check(flickers([away[0], away[1], frame(330, 'let x ', '= 1;')], []).length === 0, 'the judge of frames lets ghost text return later');
}
