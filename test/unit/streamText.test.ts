import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { StreamText } from '../../src/tokenizer/streamText.ts';
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { tinyTokenizer } from '../support/tokenizer.ts';

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await tinyTokenizer();
});

function check(ids: number[]): string[] {
  const stream = new StreamText(tokenizer);
  const pieces = ids.map((id) => stream.push(id));
  pieces.push(stream.end());
  return pieces;
}

const wellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text);

test('streamed text of any tokens is the decoded text, in whole characters', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 8191 })), { maxLength: 60 }), (ids) => {
      const pieces = check(ids);
      expect(pieces.join('')).toBe(tokenizer.decode(ids));
      expect(pieces.every(wellFormed)).toBe(true);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('streamed text of any text is that text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(check(tokenizer.encode(text)).join('')).toBe(text);
    }),
    { seed: 2, numRuns: 300 },
  );
});

test('an emoji in four byte tokens comes out whole with the last byte', () => {
  const bytes = [...new TextEncoder().encode('🦙')];
  expect(check(bytes)).toEqual(['', '', '', '🦙', '']);
});

test('a byte that is not UTF-8 becomes U+FFFD and the rest goes on', () => {
  expect(check([0xff, 0x61]).join('')).toBe('\ufffda');
  expect(check([0xf0, 0x9f, 0x61]).join('')).toBe('\ufffda');
});

test('a character that is cut off at the end becomes U+FFFD, and the stream starts afresh', () => {
  const stream = new StreamText(tokenizer);
  expect(stream.push(0xf0) + stream.end()).toBe('\ufffd');
  expect(stream.push(0x61) + stream.end()).toBe('a');
});
