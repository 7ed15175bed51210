// The confidence of the first line: which tokens count.
import { describe, expect, it } from 'vitest';
import { FirstLine } from '../../src/session/firstLine.ts';

/** Pushes the pieces with log-probabilities −1, −2, −4, −8, …: every set of tokens has a sum of its own. */
function lineOf(...pieces: string[]): FirstLine {
  const line = new FirstLine();
  pieces.forEach((piece, i) => line.push(piece, -(2 ** i)));
  return line;
}
const meanOf = (...tokens: number[]) => -tokens.reduce((sum, i) => sum + 2 ** i, 0) / tokens.length;

describe('the first line of a text', () => {
  it.each<[string, string[], string, number[]]>([
    ['counts every token of a text of one line', ['a', ' =', ' 1'], 'a = 1', [0, 1, 2]],
    ['counts the token that ends it, though what follows is not kept', ['a', ';', '\n', 'b'], 'a;', [0, 1, 2]],
    ['counts a token that ends it and begins the next', ['a', ';\n  b', 'c'], 'a;\n  bc', [0, 1]],
    ['leaves out the lines behind it', ['a', '\n', 'b', '\n', 'c'], 'a\nb\nc', [0, 1]],
    ['leaves out blank lines before it', ['\n', '  \n', '  ', 'a', ';'], '\n  \n  a;', [2, 3, 4]],
    ['counts a token that ends a blank line and begins it', ['\n', '\n  ', 'a'], '\n\n  a', [1, 2]],
    ['counts its indentation', ['    ', 'a'], '    a', [0, 1]],
    ['counts one token for all', ['\n\n  a;\n'], '\n\n  a;\n', [0]],
    ['leaves out what a rule cut off', ['f', '(', 'x', ')', ')'], 'f(x', [0, 1, 2]],
    ['counts a token of which a part was kept', ['f', '(x)', ')'], 'f(x', [0, 1]],
    ['does not mind blanks cut from its end', ['a', ';', '  ', '\n'], 'a;', [0, 1, 2, 3]],
    ['leaves out the end of a line that was cut within', ['a', ' b', '\n'], 'a', [0]],
    ['does not mind that carriage returns are taken away', ['\r\n', 'a', ';', '\r\n', 'b'], '\na;\nb', [1, 2, 3]],
    ['counts the tokens of a character that comes in parts', ['', '', '🙂', ';'], '🙂;', [0, 1, 2, 3]],
    ['counts the parts of a character with it and leaves both out when it was cut off', ['a', '', '🙂'], 'a', [0]],
    ['is followed by a line for a bracket that was not generated', ['a', ';', '\n'], 'a;\n  ', [0, 1, 2]],
  ])('%s', (_, pieces, kept, counted) => expect(lineOf(...pieces).of(kept)).toBe(meanOf(...counted)));

  it.each([['no token', []], ['blank lines', ['\n', '  ', '\n']], ['half a character', ['']]])('is 0 for %s', (_, pieces) => {
    expect([lineOf(...pieces).soFar, lineOf(...pieces).of(pieces.join(''))]).toEqual([0, 0]);
  });

  it('is 0 where nothing of it was kept', () => expect(lineOf('\n', 'a', ';').of('')).toBe(0));

  it('is known while it grows, and does not change once it is whole', () => {
    const line = new FirstLine();
    const seen = ['\n', '  ', 'a', ';', '\n', 'b', '\n'].map((piece, i) => {
      line.push(piece, -(2 ** i));
      return line.soFar;
    });
    expect(seen).toEqual([0, 0, meanOf(1, 2), meanOf(1, 2, 3), meanOf(1, 2, 3, 4), meanOf(1, 2, 3, 4), meanOf(1, 2, 3, 4)]);
  });
});
