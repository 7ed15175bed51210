import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { degenerate } from '../../src/completion/degenerate.ts';
import { completionText, plainText, type TextEnd } from '../../src/session/textEnd.ts';
import { StreamText } from '../../src/tokenizer/streamText.ts';
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { tinyTokenizer } from '../support/tokenizer.ts';

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await tinyTokenizer();
});

const snapshot = { path: 'f', languageId: 'typescript', before: 'const first = 1;\n// ', after: '\n' };

/** A text that a limit ends after some of its bytes: a token a byte. */
function check(end: TextEnd, text: string, bytes: number): string {
  const stream = new StreamText(tokenizer);
  let shown = '';
  for (const byte of new TextEncoder().encode(text).slice(0, bytes)) shown += end.push(stream.push(byte));
  shown += end.push(stream.end(true));
  shown += end.finish(true);
  return end.result(shown);
}

const emoji = fc.constantFrom('合', 'é', '🦙', '👩🏽', '👨‍👩‍👧', '🇨🇭', 'e\u0301', 'a', ' b', 'ﷺ');

describe.each<[string, () => TextEnd, boolean]>([
  ['at a cursor', () => completionText(snapshot), false],
  ['of plain text', () => plainText([]), true],
  ['with stop strings', () => plainText(['stop']), true],
])('a limit in a text %s', (_, make, isKept) => {
  test('leaves an unfinished character out', () => {
    expect(check(make(), '合計', 4)).toBe('合');
    expect(check(make(), '合計', 5)).toBe('合');
    expect(check(make(), 'a🦙', 3)).toBe('a');
    expect(check(make(), '合', 2)).toBe('');
  });

  test('leaves an emoji out that waits for its next part, and half a flag', () => {
    // What was shown already stays: it was whole.
    expect(check(make(), 'a👩‍👧', 8)).toBe(isKept ? 'a👩' : 'a');
    expect(check(make(), 'a👨‍👩‍👧', 1 + 4 + 3 + 4 + 3)).toBe(isKept ? 'a👨‍👩' : 'a');
    expect(check(make(), 'a🇨🇭', 5)).toBe('a');
    expect(check(make(), 'a🇨🇭', 9)).toBe('a🇨🇭');
    expect(check(make(), 'a🇨🇭🇫', 13)).toBe('a🇨🇭');
  });

  test('never leaves a character that was none, nor a reason to hide the text', () => {
    fc.assert(
      fc.property(fc.array(emoji, { minLength: 1, maxLength: 6 }), fc.nat(60), (parts, bytes) => {
        const text = parts.join('').trim();
        const shown = check(make(), text, bytes);
        expect(text.startsWith(shown)).toBe(true);
        expect(shown).not.toMatch(/\ufffd|\p{Surrogate}|\u200d$/u);
        expect(degenerate(shown, snapshot)).toBe(false);
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});

test('what the model itself ended is kept as it is', () => {
  const end = plainText([]);
  const text = end.push('a👩\u200d') + end.finish(false);
  expect(text).toBe('a👩\u200d');
});

test('what is held back comes with what follows', () => {
  const end = plainText([]);
  expect([end.push('a🇨'), end.push('🇭b'), end.push('👩'), end.push('\u200d'), end.push('👧')]).toEqual(['a', '🇨🇭b', '👩', '', '\u200d👧']);
});
