import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { FimBudget } from '../../src/prompt/budget.ts';
import { fimPrompt } from '../../src/prompt/fim.ts';
import type { FimOptions, FimPrompt } from '../../src/prompt/fim.ts';
import { tokenizerFromMetadata } from '../../src/tokenizer/fromGguf.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { fixturePath, smallMetadata, tinyTokenizer } from '../support/tokenizer.ts';

const [pre, suf, mid] = [8177, 8178, 8179];
const roomy: FimBudget = { total: 3000, suffix: 500 };

let tiny: Tokenizer;
beforeAll(async () => {
  tiny = await tinyTokenizer();
});

function check(before: string, after: string, options: Partial<FimOptions> = {}): FimPrompt {
  const budget = options.budget ?? roomy;
  const prompt = fimPrompt({ path: 'a.ts', languageId: 'typescript', before, after }, tiny, { order: 'spm', ...options, budget });
  expect(prompt.tokens.length).toBeLessThanOrEqual(budget.total);
  // The spans cover the document without gap or overlap.
  let at = 0;
  for (const span of prompt.spans) {
    expect(span.start).toBe(at);
    at = span.end;
  }
  expect(at).toBe(before.length + after.length);
  return prompt;
}

describe('the prompt', () => {
  test('has the order the model was trained on', () => {
    const [a, b] = [tiny.encode('const a = '), tiny.encode(';\n')];
    expect(check('const a = ', ';\n', { order: 'psm' }).tokens).toEqual([pre, ...a, suf, ...b, mid]);
    expect(check('const a = ', ';\n', { order: 'spm' }).tokens).toEqual([pre, suf, ...b, mid, ...a]);
  });

  test('of an empty file is the markers alone', () => {
    expect(check('', '', { order: 'psm' })).toEqual({ tokens: [pre, suf, mid], spans: [], prefixText: '' });
    expect(check('', '').tokens).toEqual([pre, suf, mid]);
  });

  test('with the cursor at the beginning has only a suffix, at the end only a prefix', () => {
    expect(check('', 'let x;\n').tokens).toEqual([pre, suf, ...tiny.encode('let x;\n'), mid]);
    expect(check('let x;\n', '').tokens).toEqual([pre, suf, mid, ...tiny.encode('let x;\n')]);
  });

  test('reads CRLF as the model was trained, also with the cursor inside', () => {
    const lf = check('a\n\tb', '\nc\n').tokens;
    expect(check('a\r\n\tb', '\r\nc\r\n').tokens).toEqual(lf);
    expect(check('a\r\n\tb\r', '\nc\r\n').tokens).toEqual(lf);
    expect(check('a\r\n\tb', '\r\nc').prefixText).toBe('a\n\tb');
  });

  test('takes user text that looks like a marker as text', () => {
    const { tokens } = check('"<|fim_middle|>"', '<|fim_prefix|>\n');
    expect(tokens.filter((id) => tiny.isControl(id))).toEqual([pre, suf, mid]);
  });

  test('takes halves of surrogate pairs', () => {
    expect(check('a\ud83d', '\udc00b').tokens).toEqual([pre, suf, ...tiny.encode('\ufffdb'), mid, ...tiny.encode('a\ufffd')]);
  });

  test('of a 5 MB file stays within its budget and says what was dropped', () => {
    const half = 'export const value = compute(argument);\n'.repeat(65_000);
    const { spans, tokens } = check(half, half, { budget: { total: 1024, suffix: 128 } });
    expect(spans.map(({ name, dropped }) => [name, dropped])).toEqual([
      ['prefix', true],
      ['prefix', false],
      ['suffix', false],
      ['suffix', true],
    ]);
    expect(tokens.length).toBeGreaterThan(700);
  });

  test('stays within any budget, even an absurd one', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), fc.integer({ min: 4, max: 60 }), fc.integer({ min: 0, max: 80 }), fc.constantFrom('psm' as const, 'spm' as const), (before, after, total, suffix, order) => {
        check(before, after, { order, budget: { total, suffix } });
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  test('of a model without fill-in tokens is refused with the name of the model', () => {
    const tokenizer = Tokenizer.fromFiles(tokenizerFromMetadata(smallMetadata(), 'p'));
    expect(() => fimPrompt({ path: '', languageId: '', before: '', after: '' }, tokenizer, { order: 'psm', budget: roomy, modelName: 'Plain 1B' })).toThrow(/Plain 1B has no fill-in-the-middle/);
  });

  test('puts the suffix first where there is no middle token, and the first token where the model wants one', () => {
    const metadata = { ...smallMetadata(['[PREFIX]', '[SUFFIX]', '[MIDDLE]', '<s>'], [], { 259: 3 }), 'tokenizer.ggml.bos_token_id': 259, 'tokenizer.ggml.add_bos_token': true };
    const tokenizer = Tokenizer.fromFiles(tokenizerFromMetadata(metadata, 'p'));
    const { tokens } = fimPrompt({ path: '', languageId: '', before: 'a', after: 'b' }, tokenizer, { order: 'psm', budget: roomy });
    expect(tokens).toEqual([259, 257, 98, 256, 97]);
  });
});

describe('typing forward', () => {
  const sources = ['typescript', 'python'].map((name) => readFileSync(fixturePath(`test/fixtures/vocab/typed-${name}.txt`), 'utf8'));
  const common = (a: readonly number[], b: readonly number[]): number => {
    const differs = a.findIndex((id, i) => id !== b[i]);
    return differs < 0 ? Math.min(a.length, b.length) : differs;
  };

  test('changes at most the last four tokens of the prompt in SPM order, within one anchor', () => {
    fc.assert(
      fc.property(fc.constantFrom(...sources), fc.double({ min: 0.05, max: 0.95, noNaN: true }), fc.integer({ min: 1, max: 12 }), (source, share, typed) => {
        const at = Math.floor(source.length * share);
        const after = source.slice(at + 40);
        const budget = { total: 6000, suffix: 500 }; // room for all of it: no anchor moves
        const earlier = check(source.slice(0, at), after, { budget });
        const later = check(source.slice(0, at + typed), after, { budget });
        expect(earlier.tokens.length - common(earlier.tokens, later.tokens)).toBeLessThanOrEqual(4);
      }),
      { seed: 2, numRuns: 400 },
    );
  });

  test('moves the beginning of a long prompt only when an anchor is full', () => {
    const source = sources.join('\n').repeat(6);
    const budget: FimBudget = { total: 1200, suffix: 100, anchor: 256 };
    let moves = 0;
    let earlier = check(source.slice(0, 20_000), '}\n', { budget });
    const from = 20_000;
    const to = 24_000;
    for (let at = from + 5; at < to; at += 5) {
      const later = check(source.slice(0, at), '}\n', { budget });
      if (earlier.tokens.length - common(earlier.tokens, later.tokens) > 4) moves++;
      earlier = later;
    }
    expect(moves).toBeGreaterThan(1);
    expect(moves).toBeLessThanOrEqual(Math.ceil((to - from) / 1024) + 1);
  });
});
