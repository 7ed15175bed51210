// What goes with a question: its form in the prompt, and what fits.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeText, fenceFor, fit, problemsText, type Fitting, type Room } from '../../src/chat/attachments.ts';

describe('in the prompt', () => {
  it('code stands in a block that names path, lines, symbol and language', () => {
    expect(codeText({ path: 'src/a.ts', language: 'typescript', text: 'let a;\r\nlet b;\r\n', lines: { first: 40, last: 41 }, symbol: 'engine' })).toBe('src/a.ts, lines 40 to 41, engine:\n```typescript\nlet a;\nlet b;\n```');
    expect(codeText({ path: 'a', language: 'x', text: '', lines: { first: 3, last: 3 } })).toBe('a, line 3:\n```x\n\n```');
    expect(codeText({ path: 'b.md', language: 'markdown', text: '````\ncode\n````' })).toBe('b.md:\n`````markdown\n````\ncode\n````\n`````');
  });

  it('problems stand a line each', () => {
    expect(problemsText('src/a.ts', [{ line: 3, severity: 'error', message: "Type 'x'\n  is wrong.", source: 'ts(2345)' }, { line: 9, severity: 'hint', message: 'Unused.' }])).toBe(
      "Problems in src/a.ts:\n- line 3, error: Type 'x' is wrong. (ts(2345))\n- line 9, hint: Unused.",
    );
  });

  it('no text, path or language ends its block or begins another line', () => {
    const text = fc.array(fc.constantFrom('`', '```', '\n', '\r', '\u2028', 'a', ' ', '````x')).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, text, text, (content, path, language) => {
        const lines = codeText({ path, language, text: content }).split('\n');
        const fence = fenceFor(content);
        expect(lines[1].startsWith(fence)).toBe(true);
        expect(lines.at(-1)).toBe(fence);
        expect(lines.slice(2, -1).some((line) => line.includes(fence))).toBe(false);
      }),
      { seed: 1 },
    );
  });
});

describe('what fits', () => {
  function check(attachments: readonly (readonly [id: string, kind: Fitting['kind'], tokens: number])[], room: Room, expected: Record<string, unknown>): void {
    expect(Object.fromEntries(fit(attachments.map(([id, kind, tokens]) => ({ id, kind, tokens })), room))).toEqual(expected);
  }

  it('is everything, where there is room', () => check([['f', 'file', 50], ['s', 'selection', 40]], { context: 100, reserve: 5, needed: 5 }, { f: null, s: null }));

  it('is the important first, the rest whole or not at all, with the reason', () => {
    check([['f', 'file', 50], ['g', 'file', 20], ['s', 'selection', 40], ['p', 'problems', 0], ['h', 'file', 200]], { context: 100, reserve: 10, needed: 10 }, {
      s: null,
      f: { reason: 'noRoom', tokens: 50, free: 40 },
      g: null,
      p: { reason: 'empty' },
      h: { reason: 'tooLong', tokens: 200, most: 80 },
    });
  });

  it('is nothing, where the question fills the context', () => check([['s', 'selection', 1]], { context: 100, reserve: 50, needed: 60 }, { s: { reason: 'tooLong', tokens: 1, most: 0 } }));

  it('never exceeds the room, and leaves nothing out that would still fit', () => {
    const kind = fc.constantFrom('selection' as const, 'file' as const, 'problems' as const, 'symbol' as const);
    fc.assert(
      fc.property(fc.array(fc.record({ kind, tokens: fc.integer({ min: 0, max: 60 }) }), { maxLength: 10 }), fc.nat(150), (list, context) => {
        const attachments = list.map((each, i) => ({ ...each, id: String(i) }));
        const fates = fit(attachments, { context, reserve: 10, needed: 10 });
        const used = attachments.filter(({ id }) => fates.get(id) === null).reduce((sum, { tokens }) => sum + tokens, 0);
        expect(used).toBeLessThanOrEqual(Math.max(0, context - 20));
        for (const { id, tokens } of attachments) if (fates.get(id)?.reason === 'noRoom') expect(used + tokens).toBeGreaterThan(context - 20);
        expect(fates.size).toBe(attachments.length);
      }),
      { seed: 2, numRuns: 500 },
    );
  });
});
