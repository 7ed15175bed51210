import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlockStream, LIMIT, type Block } from '../../media/chat/answer/blocks.ts';
import { longAnswer } from './support/states.ts';

function read(stream: BlockStream): void {
  for (let steps = 0; stream.step(); steps++) if (steps > 10_000) throw new Error('It does not come to an end.');
}

/** The blocks of a text that comes in these pieces. */
function blocksOf(...pieces: string[]): Block[] {
  const stream = new BlockStream();
  for (const piece of pieces) {
    stream.push(piece);
    read(stream);
  }
  stream.end();
  read(stream);
  return stream.blocks;
}

const check = (text: string, ...expected: [kind: Block['kind'], text: string, language?: string][]) =>
  expect(blocksOf(text).map(({ kind, text: shown, language }) => [kind, shown, language])).toEqual(expected.map(([kind, shown, language = '']) => [kind, shown, language]));

describe('the blocks of an answer', () => {
  it('are paragraphs, lists and code', () => {
    check('One\ntwo\n\n- a\n- b\n\n```ts\nx\n```\nThree', ['markdown', 'One\ntwo\n\n'], ['markdown', '- a\n- b\n\n'], ['code', 'x\n', 'ts'], ['markdown', 'Three']);
  });

  it('know code that is never closed, closed by a longer fence, indented, or within tildes', () => {
    check('```py\nx = 1', ['code', 'x = 1', 'py']);
    check('````\n```\n````\n', ['code', '```\n']);
    check('text\n\n    a\n      b\n\nmore', ['markdown', 'text\n\n'], ['code', 'a\n  b\n'], ['markdown', 'more']);
    check('~~~\r\na\r\n~~~\r\nb', ['code', 'a\n'], ['markdown', 'b']);
    check('  ```\n  a\n    b\n  ```', ['code', 'a\n  b\n']);
  });

  it('leave code as the model wrote it, and make visible what hides in text', () => {
    check('```\n\x1b[31m\u202e\n```\n\x1b[31m\u202e\n', ['code', '\x1b[31m\u202e\n'], ['markdown', '␛[31m⟨U+202E⟩\n']);
  });

  it('take what is nested too deep, or made of signs, as plain text', () => {
    const deep = `${'> '.repeat(40)}deep`;
    check(`${deep}\n\nafter`, ['plain', `${deep}\n`], ['markdown', 'after']);
    expect(blocksOf('['.repeat(5000))[0].kind).toBe('plain');
    expect(blocksOf('- - -')[0].kind).toBe('markdown');
  });

  it('are bounded: a longer one is cut at the end of a line', () => {
    const blocks = blocksOf(`${'word '.repeat(12)}\n`.repeat(1000));
    expect(blocks.length).toBeGreaterThan(5);
    for (const { kind, text } of blocks) {
      expect(kind).toBe('markdown');
      expect(text.length).toBeLessThanOrEqual(LIMIT);
      expect(text.endsWith('\n')).toBe(true);
    }
  });

  it('are bounded where they are indented code whose last line is longer than a block, too: nothing is there twice', () => {
    const blocks = blocksOf(`    word\n    ${'x'.repeat(7000)}`);
    expect(blocks.map((block) => block.text).join('').replace(/\s/g, '')).toBe(`word${'x'.repeat(7000)}`);
  });

  it('show code at once, and not the fence that may be about to close it', () => {
    const stream = new BlockStream();
    stream.push('```ts\nconst a');
    read(stream);
    expect(stream.blocks).toMatchObject([{ kind: 'code', language: 'ts', partial: 'const a', open: true }]);
    stream.push(' = 1;\n``');
    read(stream);
    expect(stream.mayClose).toBe(true);
    stream.push('`\n');
    read(stream);
    expect(stream.blocks).toMatchObject([{ kind: 'code', text: 'const a = 1;\n', partial: '', open: false }]);
  });
});

const piece = fc.constantFrom(
  'word', ' ', '\n', '\n\n', '- ', '1. ', '> ', '    ', '```', '```ts\n', '~~~\n', '|', '|-|-|\n', '#', '# ', '---', '===', '*', '`', '[a](b)', '\\', '<div>', '\t', '\r', '\r\n', '\x1b[1m', '\u202e', '😀', '[x]: y\n',
  '> '.repeat(12), '['.repeat(450), 'long '.repeat(1300), `${'line\n'.repeat(400)}`,
);
const text = fc.array(piece, { maxLength: 60 }).map((parts) => parts.join(''));

describe('however a text is cut on its way', () => {
  it('the same blocks come out', () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(), { maxLength: 12 }), (whole, cuts) => {
        const places = [0, ...cuts.map((cut) => cut % (whole.length + 1)), whole.length].sort((a, b) => a - b);
        expect(blocksOf(...places.slice(1).map((end, index) => whole.slice(places[index], end)))).toEqual(blocksOf(whole));
      }),
      { numRuns: 400 },
    );
  });

  it('a finished block never changes again', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 40 }), (whole, size) => {
        const stream = new BlockStream();
        let finished: Block[] = [];
        for (let at = 0; at < whole.length; at += size) {
          stream.push(whole.slice(at, at + size));
          read(stream);
          expect(stream.blocks.slice(0, finished.length)).toEqual(finished);
          finished = structuredClone(stream.blocks.slice(0, stream.finished));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('no letter is lost', () => {
    const letters = (from: string) => from.replace(/[^\p{L}\p{N}]/gu, '');
    fc.assert(
      fc.property(fc.array(fc.constantFrom('word', '\n', '\n\n', '- ', '> ', '```\n', '# ', '| a | b |\n', '    ', 'x'.repeat(7000), '*'.repeat(500)), { maxLength: 40 }), (parts) => {
        expect(letters(blocksOf(parts.join('')).map((block) => block.text).join(''))).toBe(letters(parts.join('')));
      }),
      { numRuns: 200 },
    );
  });

  it('an answer as models write it, letter by letter', () => {
    expect(blocksOf(...longAnswer)).toEqual(blocksOf(longAnswer));
  });
});
