// Reasoning and answer are told apart the same way wherever the stream is cut.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { opensReasoning, ReasoningSplitter, type SplitPiece } from '../../src/chat/reasoning.ts';

function split(pieces: readonly string[], opened = false): SplitPiece {
  const splitter = new ReasoningSplitter(opened);
  const parts = [...pieces.map((piece) => splitter.push(piece)), splitter.end()];
  return { text: parts.map(({ text }) => text).join(''), reasoning: parts.map(({ reasoning }) => reasoning).join('') };
}

function check(answer: string, text: string, reasoning: string, opened = false): void {
  expect(split([answer], opened)).toEqual({ text, reasoning });
  expect(split([...answer], opened)).toEqual({ text, reasoning });
}

describe('an answer', () => {
  it('without reasoning is left as it is', () => {
    check('Hello <b>', 'Hello <b>', '');
    check('\n  code', '\n  code', '');
    check('', '', '');
    check('<', '<', '');
    check('<thin', '<thin', '');
    check('<thinker>', '<thinker>', '');
  });

  it('begins behind its reasoning', () => {
    check('<think>\nhm, x < y\n</think>\n\nYes.', 'Yes.', 'hm, x < y');
    check(' \n<thinking>a\n\nb</thinking>c', 'c', 'a\n\nb');
    check('<think>\n\n</think>\n\nYes.', 'Yes.', '');
    check('<think>a</thinking></think>b', 'b', 'a</thinking>');
  });

  it('may never come', () => {
    check('<think>a </thin', '', 'a </thin');
    check('<think>', '', '');
    check('<think>a</think>\n', '', 'a');
  });

  it('may be about think tags', () => {
    check('Use <think>x</think>.', 'Use <think>x</think>.', '');
    check('<think>a</think>Use <think>x</think>.', 'Use <think>x</think>.', 'a');
    check('</think>x', '</think>x', '');
  });

  it('follows reasoning that the prompt opened', () => {
    check('hm\n</think>\nYes.', 'Yes.', 'hm', true);
    expect([opensReasoning('<|im_start|>assistant\n<think>\n'), opensReasoning('<think>\n\n</think>\n\n'), opensReasoning('x')]).toEqual([true, false, false]);
  });

  it('is the same wherever the stream is cut, and is never taken back', () => {
    const piece = fc.constantFrom('<think>', '</think>', '<', '</', 'think', '>', ' ', '\n', 'word', '<thinking>', '</thinking>', '🦙');
    fc.assert(
      fc.property(fc.array(fc.array(piece, { maxLength: 3 }).map((p) => p.join('')), { maxLength: 12 }), fc.boolean(), (pieces, opened) => {
        expect(split(pieces, opened)).toEqual(split([pieces.join('')], opened));
      }),
      { seed: 5, numRuns: 3000 },
    );
  });

  it('never shows a tag that was read as one', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.nat(40), (reasoning, text, at) => {
        fc.pre(!reasoning.includes('</think>') && !/^\s*</.test(text));
        const answer = `<think>${reasoning}</think>${text}`;
        expect(split([answer.slice(0, at), answer.slice(at)])).toEqual({ text: text.trimStart(), reasoning: reasoning.trim() });
      }),
      { seed: 6, numRuns: 1000 },
    );
  });
});
