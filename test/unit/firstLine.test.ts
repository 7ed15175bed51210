// The confidence of the first line: which tokens count.
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { firstLineLogProbability, Scores, scoresBehind, type Score } from '../../src/session/firstLine.ts';

/** Of pieces with log-probabilities −1, −2, −4, −8, …: every set of tokens has a sum of its own. */
function scoresOf(...pieces: string[]): readonly Score[] {
  const scores = new Scores();
  pieces.forEach((piece, i) => scores.push(piece, -(2 ** i)));
  return scores.all;
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
  ])('%s', (_, pieces, kept, counted) => expect(firstLineLogProbability(scoresOf(...pieces), kept)).toBe(meanOf(...counted)));

  it.each([['no token', []], ['blank lines', ['\n', '  ', '\n']], ['half a character', ['']]])('is 0 for %s', (_, pieces) => {
    expect(firstLineLogProbability(scoresOf(...pieces), pieces.join(''))).toBe(0);
  });

  it('is 0 where nothing of it was kept', () => expect(firstLineLogProbability(scoresOf('\n', 'a', ';'), '')).toBe(0));

  it('is known while it grows, and does not change once it is whole', () => {
    const pieces = ['\n', '  ', 'a', ';', '\n', 'b', '\n'];
    const seen = pieces.map((_, i) => firstLineLogProbability(scoresOf(...pieces.slice(0, i + 1)), pieces.slice(0, i + 1).join('')));
    expect(seen).toEqual([0, 0, meanOf(1, 2), meanOf(1, 2, 3), meanOf(1, 2, 3, 4), meanOf(1, 2, 3, 4), meanOf(1, 2, 3, 4)]);
  });
});

describe('what is left of a text that was typed in part', () => {
  it.each<[string, string[], number, number[]]>([
    ['counts what is not typed yet', ['a', ' =', ' 1', ';'], 3, [2, 3]],
    ['counts a token of which a part was typed', ['a', ' =', ' 1', ';'], 2, [1, 2, 3]],
    ['goes on with the next line', ['a', ';', '\n', '  b', ';'], 2, [3, 4]],
    ['counts a line break and the line behind it together', ['a', ';\n  ', 'b', ';'], 2, [1, 2, 3]],
    ['is the whole where nothing was typed', ['a', ' = 1'], 0, [0, 1]],
  ])('%s', (_, pieces, typed, counted) => {
    expect(firstLineLogProbability(scoresBehind(scoresOf(...pieces), typed), pieces.join('').slice(typed))).toBe(meanOf(...counted));
  });

  it('is that text with the scores of its tokens, and nothing where all was typed', () => {
    const piece = fc.array(fc.constantFrom('a', ' ', '\n', ''), { maxLength: 3 }).map((letters) => letters.join(''));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), fc.nat(20), (pieces, typed) => {
        const scores = scoresOf(...pieces);
        const [text, left] = [scores.map((score) => score.text).join(''), scoresBehind(scores, typed)];
        expect(left.map((score) => score.text).join('')).toBe(text.slice(typed));
        expect(left.map(({ sum }) => sum)).toEqual(scores.slice(scores.length - left.length).map(({ sum }) => sum));
      }),
      { seed: 1, numRuns: 1000 },
    );
  });
});
