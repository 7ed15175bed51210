import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { cutPrefix, cutSuffix, fimBudget } from '../../src/prompt/budget.ts';
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { tinyTokenizer } from '../support/tokenizer.ts';

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await tinyTokenizer();
});
let encoded = 0;
const encode = (text: string): number[] => {
  encoded += text.length;
  return tokenizer.encode(text);
};

const line = fc.constantFrom('const a = 1;\n', '  return foo(bar);\n', '\n', '}\n', '\t// комментарий 🦙\n', 'x'.repeat(120) + '\n', ' '.repeat(300), '日本語'.repeat(20), '\r\n', 'end');
const document = fc.array(line, { maxLength: 80 }).map((lines) => lines.join(''));

function check(part: { start: number; end: number; tokens: number[] }, text: string, limit: number): void {
  expect(part.tokens.length).toBeLessThanOrEqual(Math.max(0, limit));
  expect(part.start).toBeGreaterThanOrEqual(0);
  expect(part.end).toBeLessThanOrEqual(text.length);
}

describe('the prefix', () => {
  test('never takes more than its limit and always reaches the cursor', () => {
    fc.assert(
      fc.property(document, fc.integer({ min: 0, max: 300 }), (text, limit) => {
        const part = cutPrefix(text, limit, encode);
        check(part, text, limit);
        expect(part.end).toBe(text.length);
        if (limit >= 100 && !/日|🦙/.test(text)) expect(part.tokens).toEqual(encode(text.slice(part.start).replace(/\r\n?/g, '\n')));
      }),
      { seed: 1 },
    );
  });

  test('is everything when everything fits', () => {
    expect(cutPrefix('a = 1\nb', 100, encode).start).toBe(0);
    expect(cutPrefix('', 100, encode)).toEqual({ start: 0, end: 0, tokens: [] });
  });

  test('begins at a line start, moves in whole anchors, and keeps at least three quarters of its limit', () => {
    const text = Array.from({ length: 4000 }, (_, i) => `  const value${i % 97} = compute(${i});\n`).join('');
    const starts = new Set<number>();
    for (let end = 60_000; end < 70_000; end += 37) {
      const part = cutPrefix(text.slice(0, end), 2048, encode, 256);
      expect(text[part.start - 1]).toBe('\n');
      expect(part.tokens.length).toBeGreaterThan(1500);
      starts.add(part.start);
    }
    const sorted = [...starts].sort((a, b) => a - b);
    expect(sorted.length).toBeLessThan(13); // 10,000 characters, a cell of 1,024
    for (let i = 1; i < sorted.length; i++) expect(sorted[i] - sorted[i - 1]).toBeGreaterThan(900);
  });

  test('of a line without end begins within the line, between characters', () => {
    const text = '🦙'.repeat(20_000);
    const part = cutPrefix(text, 512, encode);
    expect(part.tokens.length).toBeGreaterThan(256);
    expect(text.slice(part.start)).not.toMatch(/^[\udc00-\udfff]/);
  });

  test('of a 5 MB file is cut before it is tokenized', () => {
    const text = 'const someName = otherName(argument);\n'.repeat(135_000);
    encoded = 0;
    const part = cutPrefix(text, 1024, encode);
    expect(part.tokens.length).toBeGreaterThan(700);
    expect(encoded).toBeLessThan(40_000);
  });
});

describe('the suffix', () => {
  test('never takes more than its limit', () => {
    fc.assert(
      fc.property(document, fc.integer({ min: 0, max: 300 }), (text, limit) => {
        check(cutSuffix(text, limit, encode), text, limit);
      }),
      { seed: 2 },
    );
  });

  test('ends at the end of a line', () => {
    const text = Array.from({ length: 300 }, (_, i) => `line ${i} with some words;\n`).join('');
    for (const limit of [20, 50, 128, 256]) {
      const part = cutSuffix(text, limit, encode);
      expect(text[part.end - 1]).toBe('\n');
      expect(part.tokens).toEqual(encode(text.slice(0, part.end)));
      expect(part.tokens.length).toBeGreaterThan(limit / 3);
    }
  });

  test.each(['', '\n', 'x\n'])('is not next to nothing because the line behind %j is long', (short) => {
    const part = cutSuffix(short + 'word '.repeat(200) + '\nnext\n', 42, encode);
    expect(part.tokens.length).toBeGreaterThan(21);
    expect(part.tokens.length).toBeLessThanOrEqual(42);
  });

  test('is cut within a line that alone is too long', () => {
    const part = cutSuffix('word '.repeat(10_000), 64, encode);
    expect(part.tokens.length).toBeGreaterThan(40);
    expect(part.tokens.length).toBeLessThanOrEqual(64);
  });

  test('of a 5 MB file is cut before it is tokenized', () => {
    encoded = 0;
    cutSuffix('const someName = otherName(argument);\n'.repeat(135_000), 256, encode);
    expect(encoded).toBeLessThan(10_000);
  });
});

test('a default budget gives the suffix a fifth and at most 256 tokens', () => {
  expect(fimBudget(500)).toEqual({ total: 500, suffix: 100 });
  expect(fimBudget(4000)).toEqual({ total: 4000, suffix: 256 });
});
