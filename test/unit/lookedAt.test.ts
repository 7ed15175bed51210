// Which line the attention of a token goes to: whatever the text, the order of the prompt and what of it was left out, nothing is lost and nothing goes to a line that was not read.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fimPrompt } from '../../src/prompt/fim.ts';
import { LookedAt, linesBefore } from '../../src/session/lookedAt.ts';

/** A token a character; the marks come behind all of them. */
const MARKS = { prefix: 70_000, suffix: 70_001, middle: 70_002 };
const encode = (text: string) => [...text].map((character) => character.codePointAt(0)!);
const tokenizer = (layout: 'standard' | 'suffixFirst') => ({
  encode, bytes: (id: number) => Buffer.from(String.fromCodePoint(id)), isControl: (id: number) => id >= 70_000,
  special: { bos: 70_003, addBos: true, eos: [], fim: { ...MARKS, layout } } as never,
});
const lines = (text: string) => text.split(/\r\n|\r|\n/).length - 1;
const piece = fc.array(fc.constantFrom('a', ' ', 'b', '\n', '\r\n', '\r', '}'), { maxLength: 60 }).map((all) => all.join(''));

describe('lines before a place', () => {
  it('are those of the text before it, and \\r\\n is one end also where the place lies between the two', () => {
    fc.assert(fc.property(piece, fc.nat(60), (text, at) => {
      const place = Math.min(at, text.length);
      const inside = text[place - 1] === '\r' && text[place] === '\n';
      expect(linesBefore(text, place)).toBe(lines(text.slice(0, place)) - Number(inside));
    }));
  });
});

describe('attention by line', () => {
  it('goes to the line of the character that was looked at', () => {
    fc.assert(fc.property(piece, piece, fc.constantFrom('psm', 'spm') , fc.constantFrom('standard' as const, 'suffixFirst' as const), fc.integer({ min: 8, max: 140 }), fc.nat(5), fc.constantFrom('lead' as const, 'inPrefix' as const, null), (before, after, order, layout, total, written, files) => {
      const own = tokenizer(layout);
      const document = { path: 'a.ts', languageId: 'typescript', before, after };
      const { tokens, spans } = fimPrompt(document, own, { order: order as 'psm' | 'spm', budget: { total, suffix: Math.floor(total / 3) }, ...(files && { files: { lead: [], inPrefix: [], files: [], [files]: encode('x\nyy') } }) });
      const looked = new LookedAt({ request: 'r', document, prompt: { tokens: Int32Array.from(tokens), spans }, tokenizer: own, fim: { ...MARKS, layout }, window: null, sinks: 1 });
      expect(looked.isEmpty).toBe(true);
      const masses = Float32Array.from({ length: tokens.length + written + 1 }, (_, i) => (i < 1 ? 0 : 1 / 256));
      looked.add(tokens.length + written, masses, 1 / 256);
      const figures = looked.figures('x', undefined);
      const text = before + after;
      // Each character of the prompt is one token: as many per line as the document has there, carriage returns aside.
      const expected = new Array<number>(lines(text) + 1).fill(0);
      for (const { start, end, dropped } of spans) {
        if (dropped) continue;
        for (let i = start; i < end; i++) {
          if (text[i] === '\n' && text[i - 1] === '\r' && i > start) continue;
          if (i === before.length - 1 && text[i] === '\r' && text[i + 1] === '\n') continue;
          expected[linesBefore(text, i)] += 1 / 256;
        }
      }
      expect([...figures.lines]).toEqual(expected);
      expect(figures.own).toBe((written + 1) / 256);
      expect(figures.rest).toBe((tokens.filter((id) => id >= 70_000).length - 1 + (files ? 4 : 0)) / 256);
      figures.lines.forEach((mass, line) => expect(mass > 0 && figures.regions[line] === 0).toBe(false));
    }));
  });

  it('is the mean of the rows; the lines of the window are those that hold a token of it', () => {
    const before = Array.from({ length: 40 }, (_, i) => `line ${i}`).join('\n');
    const own = tokenizer('standard');
    const { tokens, spans } = fimPrompt({ path: 'a.ts', languageId: 'typescript', before, after: '' }, own, { order: 'psm', budget: { total: 4096, suffix: 10 } });
    const looked = new LookedAt({ request: 'r', document: { path: 'a.ts', languageId: 'typescript', before, after: '' }, prompt: { tokens: Int32Array.from(tokens), spans }, tokenizer: own, fim: { ...MARKS, layout: 'standard' }, window: { windowMin: 1, windowMax: 1, windowDivisor: 64 }, sinks: 4 });
    const row = (at: number) => Float32Array.from({ length: tokens.length + 1 }, (_, i) => (i === at ? 0.5 : 0));
    looked.add(tokens.length, row(10), 0.5);
    looked.add(tokens.length, row(tokens.length), 0.25);
    const { lines: masses, own: itself, sinks, rows, regions, sinkLines, text } = looked.figures('x', 'r');
    expect([rows, sinks, itself, masses.reduce((a, b) => a + b, 0), text]).toEqual([2, 0.375, 0.25, 0.25, null]);
    const near = (Math.floor(tokens.length / 64) - 1) * 64;
    const firstNear = before.slice(0, near - 2).split('\n').length - 1;
    expect([...regions]).toEqual(Array.from({ length: 40 }, (_, line) => (line < firstNear ? 1 : 2)));
    expect(sinkLines).toEqual([0]);
  });

  it('has a window without gaps: a blank line in it is of it, and the line of the cursor', () => {
    const before = 'a\n\n\nb\n';
    const own = tokenizer('standard');
    const pieces = (text: string) => (text.match(/\n+|[^\n]/g) ?? []).map((piece) => (piece.length > 1 ? 50_000 + piece.length : piece.codePointAt(0)!));
    const { tokens, spans } = fimPrompt({ path: 'a.ts', languageId: 'typescript', before, after: '' }, { ...own, encode: pieces }, { order: 'psm', budget: { total: 4096, suffix: 10 } });
    const bytes = (id: number) => (id > 50_000 && id < 60_000 ? Buffer.from('\n'.repeat(id - 50_000)) : own.bytes(id));
    const looked = new LookedAt({ request: 'r', document: { path: 'a.ts', languageId: 'typescript', before, after: '' }, prompt: { tokens: Int32Array.from(tokens), spans }, tokenizer: { ...own, bytes }, fim: { ...MARKS, layout: 'standard' }, window: null, sinks: 1 });
    looked.add(tokens.length, new Float32Array(tokens.length + 1), 1);
    expect([...looked.figures('', undefined).regions]).toEqual([2, 2, 2, 2, 2]);
  });
});
