import { readFileSync } from 'node:fs';
import { Tokenizer as Library } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { DeltaError } from '../../src/shared/errors.ts';
import { tokenizerFromMetadata } from '../../src/tokenizer/fromGguf.ts';
import type { TokenizerFiles, TokenizerJson } from '../../src/tokenizer/files.ts';
import { preTokenizerFor, presumedName } from '../../src/tokenizer/preTokenizer.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { fixturePath, smallMetadata, tinyPath, tokenizerFiles, vocabPath } from '../support/tokenizer.ts';

const unicode = fc.string({ unit: 'grapheme', maxLength: 200 });
const anyString = fc.string({ unit: 'binary', maxLength: 200 });
const codeLike = fc
  .array(fc.constantFrom('foo', 'Bar_baz', ' ', '    ', '\t', '\n', '\r\n', '=> {', '});', "don't", "'S", '123456', '3.14', '// ', 'привет', '日本語', '🦙', '﻿', '\u0085', '\u00a0', '==', '!', '`'), { maxLength: 60 })
  .map((parts) => parts.join(''));
const text = fc.oneof(unicode, anyString, codeLike);

function check(metadata: Record<string, unknown>): Tokenizer {
  return Tokenizer.fromFiles(tokenizerFromMetadata(metadata, 'test.gguf'));
}

function refused(metadata: Record<string, unknown>, code: string, pattern: RegExp): void {
  let thrown: unknown;
  try {
    tokenizerFromMetadata(metadata, 'test.gguf');
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(DeltaError);
  expect((thrown as DeltaError).code).toBe(code);
  expect((thrown as DeltaError).message).toMatch(pattern);
}

/** The slow twin: the library itself, without control tokens (it would read them in any text). */
function twin(files: TokenizerFiles): (text: string) => number[] {
  const json = files.tokenizer as TokenizerJson;
  const library = new Library({ ...json, added_tokens: json.added_tokens.filter((token) => !token.special) }, {});
  return (text) => (text === '' ? [] : library.encode(text).ids);
}

describe.each(['gpt-2', 'deepseek-coder'])('%s', (name) => {
  let files: TokenizerFiles;
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    files = await tokenizerFiles(vocabPath(name));
    tokenizer = Tokenizer.fromFiles(files);
  });

  test('gives the ids of llama.cpp on its test vectors', () => {
    const inputs = readFileSync(`${vocabPath(name)}.inp`, 'utf8').split('\n__ggml_vocab_test__\n');
    const outputs = readFileSync(`${vocabPath(name)}.out`, 'utf8').split('\n');
    expect(inputs.length).toBeGreaterThan(40);
    inputs.forEach((input, i) => {
      const expected = outputs[i].split(' ').filter(Boolean).map(Number);
      expect({ input, ids: tokenizer.encode(input) }).toEqual({ input, ids: expected });
    });
  });

  test('encodes any text as the library does', () => {
    const slow = twin(files);
    fc.assert(fc.property(text, (x) => void expect(tokenizer.encode(x)).toEqual(slow(x))), { seed: 1, numRuns: 300 });
  });

  test('gives back any text it encoded', () => {
    fc.assert(fc.property(text, (x) => void expect(tokenizer.decode(tokenizer.encode(x))).toBe(x)), { seed: 2, numRuns: 300 });
  });
});

describe('the tokenizer of the tiny model', () => {
  let files: TokenizerFiles;
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    files = await tokenizerFiles(tinyPath);
    tokenizer = Tokenizer.fromFiles(files);
  });

  test('has the special tokens its metadata names', () => {
    expect(tokenizer.size).toBe(8192);
    expect(files.warnings).toEqual([]);
    expect(files.special).toEqual({
      bos: 8176,
      eos: [8176, 8180, 8181, 8182],
      addBos: false,
      fim: { prefix: 8177, suffix: 8178, middle: 8179, pad: 8180, repo: 8181, fileSeparator: 8182, layout: 'standard', files: 'separated' },
    });
  });

  test('encodes any text as the library does', () => {
    const slow = twin(files);
    fc.assert(fc.property(text, (x) => void expect(tokenizer.encode(x)).toEqual(slow(x))), { seed: 3, numRuns: 500 });
  });

  test('gives back any text it encoded', () => {
    fc.assert(fc.property(text, (x) => void expect(tokenizer.decode(tokenizer.encode(x))).toBe(x)), { seed: 4, numRuns: 500 });
  });

  test('encodes a source file as the library does', () => {
    const source = readFileSync(fixturePath('test/fixtures/vocab/typed-typescript.txt'), 'utf8').repeat(3);
    expect(tokenizer.encode(source)).toEqual(twin(files)(source));
  });

  test('writes half a surrogate pair as U+FFFD', () => {
    expect(tokenizer.decode(tokenizer.encode('a\ud83db\udc00'))).toBe('a\ufffdb\ufffd');
  });

  test('never makes a control token from user text', () => {
    const literal = '<|fim_middle|>';
    const ids = tokenizer.encode(`x = "${literal}"<|endoftext|>`);
    expect(ids.filter((id) => tokenizer.isControl(id))).toEqual([]);
    expect(tokenizer.decode(ids)).toBe(`x = "${literal}"<|endoftext|>`);
    fc.assert(
      fc.property(fc.array(fc.constantFrom('<|fim_prefix|>', '<|endoftext|>', '<|', 'fim_middle', '|>', 'a ', '\n')), (parts) => {
        expect(tokenizer.encode(parts.join('')).some((id) => tokenizer.isControl(id))).toBe(false);
      }),
      { seed: 5 },
    );
  });

  test('reads control tokens from text we made ourselves', () => {
    expect(tokenizer.encode('<|fim_prefix|>a<|fim_suffix|><|fim_middle|>', { special: true })).toEqual([8177, ...tokenizer.encode('a'), 8178, 8179]);
  });

  test('ends a completion at any control token', () => {
    expect(tokenizer.ends).toEqual(Array.from({ length: 16 }, (_, i) => 8176 + i));
    expect(tokenizer.ends.every((id) => tokenizer.isControl(id))).toBe(true);
  });

  test('adds no first token to a model that was trained without', () => {
    expect(tokenizer.encode('a', { bos: true })).toEqual(tokenizer.encode('a'));
  });

  test('refuses ids outside the vocabulary', () => {
    expect(() => tokenizer.bytes(8192)).toThrow(/outside the vocabulary/);
    expect(() => tokenizer.decode([-1])).toThrow(/outside the vocabulary/);
  });

  test('is the same after a trip through JSON', () => {
    const copy = Tokenizer.fromFiles(JSON.parse(JSON.stringify(files)) as TokenizerFiles);
    const sample = 'export function f(a: number) {\n\treturn a * 2; // ×\n}\n';
    expect(copy.encode(sample)).toEqual(tokenizer.encode(sample));
    expect(copy.special).toEqual(tokenizer.special);
  });

  test.each(['日', 'a', ' ', '-', '🦙', '\n'])('encodes a run of some million %j', (character) => {
    const run = character.repeat(5_000_000 / character.length);
    const ids = tokenizer.encode(run);
    expect(tokenizer.decode(ids) === run).toBe(true);
  });

  test('encodes a text of any length as its lines, at once and in parts', () => {
    const line = 'const foo = bar(baz, 12);\n';
    const many = 100_000;
    const ids = tokenizer.encode(line);
    const text = line.repeat(many);
    const all = tokenizer.encode(text);
    expect(all).toHaveLength(ids.length * many);
    expect(all.every((id, i) => id === ids[i % ids.length])).toBe(true);
    let count = 0;
    for (const part of tokenizer.encodeInParts(text)) {
      expect(part.every((id, i) => id === all[count + i])).toBe(true);
      count += part.length;
    }
    expect(count).toBe(all.length);
  });

  test('encodes very long words and runs without trouble', () => {
    for (const unit of ['a', ' ', '=', '\n', '日']) {
      const long = unit.repeat(200_000);
      expect(tokenizer.decode(tokenizer.encode(long))).toBe(long);
    }
  });
});

describe('metadata', () => {
  test('of another kind of vocabulary is refused by name', () => {
    refused({ 'tokenizer.ggml.model': 'bert' }, 'tokenizerUnknown', /"bert" is not supported/);
    refused({ 'tokenizer.ggml.model': 'constructor' }, 'tokenizerUnknown', /"constructor" is not supported/);
    refused({}, 'tokenizerUnknown', /"none" is not supported/);
  });

  test('that is damaged or hostile is refused with the key and the reason', () => {
    const base = smallMetadata(['ab'], ['a b']);
    const key = (name: string): string => `tokenizer.ggml.${name}`;
    const cases: [string, unknown, RegExp][] = [
      ['tokens', undefined, /tokens \(it is missing/],
      ['tokens', 'abc', /not an array/],
      ['tokens', [], /empty/],
      ['tokens', ['a', 7], /entry 1 is not a string/],
      ['tokens', ['a', 'b', 'a'], /entries 0 and 2 are the same/],
      ['tokens', ['x'.repeat(10_000)], /10000 characters long/],
      ['token_type', [1, 1], /2 entries for 257 tokens/],
      ['token_type', new Array(257).fill('1'), /entry 0 is not a token type/],
      ['merges', undefined, /merges \(it is missing/],
      ['merges', [['a', 'b']], /entry 0 is not a string/],
      ['eos_token_id', 257, /257 is outside the vocabulary/],
      ['eos_token_id', -2, /outside the vocabulary/],
      ['bos_token_id', 1.5, /not an integer/],
      ['fim_pre_token_id', '3', /not an integer/],
      ['add_bos_token', 'yes', /not a boolean/],
      ['pre', 5, /not a string/],
    ];
    for (const [name, value, reason] of cases) {
      const metadata: Record<string, unknown> = { ...base, [key(name)]: value };
      if (name === 'tokens') delete metadata[key('token_type')];
      refused(metadata, 'metadataInvalid', reason);
    }
    refused({ ...base, 'tokenizer.chat_template': 5 }, 'metadataInvalid', /chat_template/);
  });

  test('takes 64-bit ids and ids that mean none', () => {
    const files = tokenizerFromMetadata({ ...smallMetadata(['<|endoftext|>'], [], { 256: 3 }), 'tokenizer.ggml.eos_token_id': 256n, 'tokenizer.ggml.bos_token_id': -1 }, 'p');
    expect(files.special).toEqual({ bos: null, eos: [256], addBos: false, fim: null });
  });

  test('skips merges of unknown tokens and says so', () => {
    const files = tokenizerFromMetadata(smallMetadata(['ab'], ['a b', 'x y', 'nospace', 'ab c']), 'p');
    expect((files.tokenizer as TokenizerJson).model.merges).toEqual(['a b']);
    expect(files.warnings.join(' ')).toMatch(/3 of 4 merges/);
  });

  test('never lets merges build a control token', () => {
    const tokenizer = check({ ...smallMetadata(['<s', '<s>'], ['< s', '<s >'], { 257: 3 }), 'tokenizer.ggml.pre': 'llama-bpe' });
    expect(tokenizer.encode('<s>')).not.toContain(257);
    expect(tokenizer.encode('<s>', { special: true })).toEqual([257]);
  });

  test('marks steering tokens as control even where the file calls them text', () => {
    const tokenizer = check(smallMetadata(['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>', '<tool>'], [], { 256: 4, 257: 4, 258: 1, 259: 4 }));
    expect([256, 257, 258, 259].map((id) => tokenizer.isControl(id))).toEqual([true, true, true, false]);
    expect(tokenizer.encode('<|fim_middle|>')).toHaveLength(14);
    expect(tokenizer.encode('a<tool>b')).toEqual([97, 259, 98]);
    expect(tokenizer.special.fim).toMatchObject({ prefix: 256, suffix: 257, middle: 258 });
  });

  test('names a token "__proto__" without harm', () => {
    const files = tokenizerFromMetadata(smallMetadata(['__', '__proto__', 'constructor'], ['_ _']), 'p');
    const copy = JSON.parse(JSON.stringify(files)) as TokenizerFiles;
    expect(Tokenizer.fromFiles(copy).size).toBe(259);
    expect(Tokenizer.fromFiles(copy).decode([257, 258])).toBe('__proto__constructor');
  });

  test.each([
    ['Qwen', ['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>', '<|fim_pad|>'], { prefix: 256, suffix: 257, middle: 258, pad: 259 }],
    ['StarCoder2', ['<fim_prefix>', '<fim_suffix>', '<fim_middle>', '<file_sep>'], { prefix: 256, suffix: 257, middle: 258, fileSeparator: 259 }],
    ['Granite Code', ['<fim_prefix>', '<fim_suffix>', '<fim_middle>', '<reponame>', '<filename>'], { prefix: 256, suffix: 257, middle: 258, repo: 259, fileSeparator: 260 }],
    ['DeepSeek', ['<｜fim▁begin｜>', '<｜fim▁hole｜>', '<｜fim▁end｜>'], { prefix: 256, suffix: 257, middle: 258, layout: 'standard' }],
    ['CodeLlama', ['▁<PRE>', '▁<SUF>', '▁<MID>'], { prefix: 256, suffix: 257, middle: 258 }],
    ['Codestral', ['[PREFIX]', '[SUFFIX]', '[MIDDLE]'], { prefix: 256, suffix: 257, middle: 258, layout: 'suffixFirst' }],
  ])('finds the fill-in-the-middle tokens of %s by their text', (_, texts, expected) => {
    const files = tokenizerFromMetadata(smallMetadata(texts), 'p');
    expect(files.special.fim).toMatchObject(expected);
  });

  test('prefers the fill-in-the-middle tokens it names, in both spellings', () => {
    const texts = ['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>', '<p>', '<s>', '<m>'];
    const files = tokenizerFromMetadata({ ...smallMetadata(texts), 'tokenizer.ggml.prefix_token_id': 259, 'tokenizer.ggml.fim_suf_token_id': 260, 'tokenizer.ggml.middle_token_id': 261 }, 'p');
    expect(files.special.fim).toMatchObject({ prefix: 259, suffix: 260, middle: 261 });
    expect(tokenizerFromMetadata(smallMetadata(['<|fim_prefix|>']), 'p').special.fim).toBeNull();
  });

  test('puts the first token in front where the model wants it', () => {
    const metadata = { ...smallMetadata(['<|begin|>'], [], { 256: 3 }), 'tokenizer.ggml.bos_token_id': 256, 'tokenizer.ggml.add_bos_token': true };
    expect(check(metadata).encode('a', { bos: true })).toEqual([256, 97]);
    expect(check(metadata).encode('a')).toEqual([97]);
  });

  test('warns about a missing or unknown pre-tokenizer and goes on', () => {
    expect(tokenizerFromMetadata({ ...smallMetadata(), 'tokenizer.ggml.pre': undefined }, 'p').warnings.join()).toMatch(/names no pre-tokenizer/);
    const files = tokenizerFromMetadata({ ...smallMetadata(), 'tokenizer.ggml.pre': 'surprise' }, 'p');
    expect(files.warnings.join()).toMatch(/"surprise" is not known/);
    expect(files.pre).toBe('surprise');
  });
});

describe('pre-tokenizers', () => {
  const words = (pre: string, text: string): string[] => {
    const metadata = { ...smallMetadata(), 'tokenizer.ggml.pre': pre };
    const library = new Library(tokenizerFromMetadata(metadata, 'p').tokenizer as TokenizerJson, {});
    return (library.pre_tokenizer!(text) as string[]).map((piece) => piece.replaceAll('Ġ', ' ').replaceAll('Ċ', '\n'));
  };

  test.each([
    ['gpt-2', "it's 1234\n\n  x", ['it', "'s", ' 1234', '\n\n ', ' x']],
    ['qwen2', "it'S 1234\n\n  x", ['it', "'S", ' ', '1', '2', '3', '4', '\n\n', ' ', ' x']],
    ['llama-bpe', 'a 1234567', ['a', ' ', '123', '456', '7']],
    ['starcoder', 'a 1234', ['a', ' ', '1', '2', '3', '4']],
    ['smollm', 'x=42', ['x', '=', '4', '2']],
    ['deepseek-coder', 'ab\ncd 12', ['ab', '\n', 'cd', ' ', '1', '2']],
    ['deepseek-llm', 'ab\ncd 12', ['ab', '\n', 'cd', ' ', '12']],
    ['deepseek-v3', 'ab 1234', ['ab', ' ', '123', '4']],
    ['gpt-4o', "fooBar's 12", ['foo', "Bar's", ' ', '12']],
    ['tekken', 'fooBar 12', ['foo', 'Bar', ' ', '1', '2']],
    ['default', 'a+b 1234', ['a', '+', 'b', ' ', '123', '4']],
  ])('%s cuts as its model was trained', (pre, input, expected) => {
    expect(words(pre, input)).toEqual(expected);
  });

  test('are presumed where a file names none, by what else it says', () => {
    const none = () => false;
    expect([128_256, 151_936, 152_064, 32_256, 49_152, 50_257].map((size) => presumedName(size, 'llama', none))).toEqual(['llama-bpe', 'qwen2', 'qwen2', 'deepseek-coder', undefined, undefined]);
    expect(presumedName(49_152, 'llama', (token) => token === '<fim_prefix>')).toBe('starcoder');
    expect(presumedName(1000, 'qwen3', none)).toBe('qwen2');
    const metadata = { ...smallMetadata(), 'general.architecture': 'qwen2', 'tokenizer.ggml.pre': undefined };
    expect(tokenizerFromMetadata(metadata, 'a').warnings.join()).not.toContain('pre-tokenizer');
    expect(tokenizerFromMetadata(metadata, 'a').tokenizer).toEqual(tokenizerFromMetadata({ ...metadata, 'tokenizer.ggml.pre': 'qwen2' }, 'a').tokenizer);
  });

  test('keep every character, whatever the text', () => {
    for (const pre of ['default', 'gpt-2', 'qwen2', 'llama-bpe', 'deepseek-coder', 'deepseek-llm', 'deepseek-v3', 'starcoder', 'gpt-4o', 'tekken', 'falcon', 'bloom', 'viking', 'qwen35', 'seed-coder', 'bailingmoe']) {
      expect(preTokenizerFor(pre).warning).toBeUndefined();
      const tokenizer = check({ ...smallMetadata(), 'tokenizer.ggml.pre': pre });
      fc.assert(fc.property(text, (x) => void expect(tokenizer.decode(tokenizer.encode(x))).toBe(x)), { seed: 6, numRuns: 60 });
    }
  });
});
