import { readFileSync } from 'node:fs';
import { Tokenizer as Library } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { pieces, shortPieces } from '../../src/locality/documentTokens.ts';
import { DeltaError } from '../../src/shared/errors.ts';
import type { ScoredPieces, TokenizerFiles } from '../../src/tokenizer/files.ts';
import { readGguf } from '../../src/model/format/gguf.ts';
import { tokenizerFromMetadata } from '../../src/tokenizer/fromGguf.ts';
import { StreamText } from '../../src/tokenizer/streamText.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { anyText, piecesMetadata, vocabPath } from '../support/tokenizer.ts';

const LLAMA = vocabPath('llama-spm');

/** The slow twin: the library's BPE over all merges that the scores amount to. It reads ▁ as a blank. */
function twin({ tokenizer }: TokenizerFiles): (text: string) => number[] {
  const { tokens, scores, bytes, added_tokens } = tokenizer as ScoredPieces;
  const without = new Set([...bytes, ...added_tokens.map(({ id }) => id)]);
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const merges: { pair: string; score: number; left: number }[] = [];
  tokens.forEach((token, id) => {
    if (without.has(id)) return;
    const characters = [...token];
    for (let i = 1; i < characters.length; i++) {
      const [left, right] = [characters.slice(0, i).join(''), characters.slice(i).join('')];
      if (left in vocab && right in vocab) merges.push({ pair: `${left} ${right}`, score: scores[id], left: i });
    }
  });
  merges.sort((a, b) => b.score - a.score);
  const library = new Library({
    version: '1.0', added_tokens: [], normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '▁' }, pre_tokenizer: null, post_processor: null, decoder: null,
    model: { type: 'BPE', dropout: null, unk_token: '<unk>', continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: true, byte_fallback: true, ignore_merges: false, vocab, merges: merges.map(({ pair }) => pair) },
  }, {});
  return (text) => (text === '' ? [] : library.encode(text).ids);
}

describe('the vocabulary of LLaMA 2', () => {
  let files: TokenizerFiles;
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    // Our reader: the other one loses a U+FEFF that is a token.
    files = tokenizerFromMetadata((await readGguf(LLAMA)).metadata, LLAMA);
    tokenizer = Tokenizer.fromFiles(files);
  });

  test('gives the ids of llama.cpp on its test vectors', () => {
    const inputs = readFileSync(`${LLAMA}.inp`, 'utf8').split('\n__ggml_vocab_test__\n');
    const outputs = readFileSync(`${LLAMA}.out`, 'utf8').split('\n');
    expect(inputs.length).toBeGreaterThan(40);
    inputs.forEach((input, i) => {
      const expected = outputs[i].split(' ').filter(Boolean).map(Number);
      expect({ input, ids: tokenizer.encode(input, { atStart: true }) }).toEqual({ input, ids: expected });
    });
  });

  test('has the special tokens its metadata names', () => {
    expect(files.warnings).toEqual([]);
    expect(files.special).toEqual({ bos: 1, eos: [2], addBos: true, fim: null });
    expect(tokenizer.opening).toBe(' ');
    expect([0, 1, 2, 3].map((id) => tokenizer.isControl(id))).toEqual([true, true, true, false]);
  });

  test('gives back any text it encoded, as a piece and as a whole', () => {
    fc.assert(fc.property(anyText, fc.boolean(), (x, atStart) => void expect(tokenizer.decode(tokenizer.encode(x, { atStart }), { atStart })).toBe(x)), { seed: 1, numRuns: 1000 });
  });

  test('encodes a document piece by piece as the whole', () => {
    const joined = (cut: string[]) => cut.flatMap((piece) => tokenizer.encode(piece));
    fc.assert(fc.property(anyText, (x) => {
      expect(joined(pieces(x))).toEqual(tokenizer.encode(x));
      expect(joined(shortPieces(x, 1))).toEqual(tokenizer.encode(x));
    }), { seed: 3, numRuns: 500 });
  });

  test('encodes any text as the library does', () => {
    const slow = twin(files);
    fc.assert(fc.property(anyText, (x) => {
      const text = x.replaceAll('▁', '');
      expect(tokenizer.encode(text)).toEqual(slow(text));
    }), { seed: 2, numRuns: 1000 });
  });
});

const check = (metadata: Record<string, unknown>): Tokenizer => Tokenizer.fromFiles(tokenizerFromMetadata(metadata, 'p'));

describe('pieces', () => {
  const a = 259; // the first of the extra tokens

  test('merge by score, the leftmost of equals', () => {
    const tokens = ['a', 'b', 'c', 'ab', 'bc', 'abc'];
    expect(check(piecesMetadata(tokens)).encode('abc')).toEqual([a + 5]);
    const scores = (of: Record<string, number>) => [...Array<number>(a).fill(0), ...tokens.map((token) => of[token] ?? -99)];
    const withScores = (of: Record<string, number>) => check({ ...piecesMetadata(tokens.slice(0, 5)), 'tokenizer.ggml.scores': scores(of).slice(0, a + 5) });
    expect(withScores({ ab: -2, bc: -1 }).encode('abc')).toEqual([a, a + 4]);
    expect(withScores({ ab: -1, bc: -1 }).encode('abc')).toEqual([a + 3, a + 2]);
    expect(check(piecesMetadata(['a', 'aa'])).encode('aaaaa')).toEqual([a + 1, a + 1, a]);
  });

  test('merge out of characters that are none themselves', () => {
    expect(check(piecesMetadata(['xy'])).encode('xyx')).toEqual([a, 3 + 'x'.charCodeAt(0)]);
  });

  test('have bytes for what is no token, a blank and its sign told apart', () => {
    const tokenizer = check(piecesMetadata(['▁', 'a']));
    expect(tokenizer.encode('a é')).toEqual([a + 1, a, 3 + 0xc3, 3 + 0xa9]);
    expect(tokenizer.encode('▁')).toEqual([3 + 0xe2, 3 + 0x96, 3 + 0x81]);
    expect(check(piecesMetadata(['a'])).encode(' ')).toEqual([3 + 0x20]);
    expect(tokenizer.encode('<0x41>')).not.toContain(3 + 0x41);
    expect(tokenizer.decode(tokenizer.encode('<0x41>'))).toBe('<0x41>');
  });

  test('begin with a blank where a text begins, and nowhere else', () => {
    const metadata = piecesMetadata(['▁', 'a', '▁a', '<tool>'], { [a + 3]: 4 });
    const tokenizer = check(metadata);
    expect(tokenizer.encode('a')).toEqual([a + 1]);
    expect(tokenizer.encode('a', { atStart: true })).toEqual([a + 2]);
    expect(tokenizer.encode('a', { bos: true })).toEqual([1, a + 2]);
    expect(tokenizer.encode('', { bos: true })).toEqual([1]);
    expect(tokenizer.encode('a<s>a</s>', { special: true })).toEqual([a + 1, 1, a + 2, 2]);
    // As SentencePiece: user-defined tokens are text, and a text goes on behind one.
    expect(tokenizer.encode('a<tool>a', { atStart: true })).toEqual([a + 2, a + 3, a + 1]);
    expect(tokenizer.encode('<tool>a', { atStart: true })).toEqual([a + 3, a + 1]);
    const without = check({ ...metadata, 'tokenizer.ggml.add_space_prefix': false });
    expect(without.encode('a', { bos: true })).toEqual([1, a + 1]);
    expect(without.opening).toBe('');
    expect([...tokenizer.encodeInParts('a', { atStart: true })].flat()).toEqual([a + 2]);
  });

  test('give back what was encoded, its own first blank too', () => {
    const tokenizer = check(piecesMetadata(['▁', '▁a']));
    expect(tokenizer.encode(' a', { atStart: true })).toEqual([a, a + 1]);
    expect(tokenizer.decode([a, a + 1], { atStart: true })).toBe(' a');
    expect(tokenizer.decode([a, a + 1])).toBe('  a');
    expect(new TextDecoder().decode(tokenizer.bytes(a + 1))).toBe(' a');
  });

  test('stream as the text that was encoded', () => {
    const tokenizer = check(piecesMetadata(['▁', 'a', '▁a']));
    const streamed = (ids: number[], opening: string): string => {
      const stream = new StreamText(tokenizer, opening);
      return ids.map((id) => stream.push(id)).join('') + stream.end();
    };
    fc.assert(fc.property(anyText, (x) => {
      expect(streamed(tokenizer.encode(x, { atStart: true }), tokenizer.opening)).toBe(x);
      expect(streamed(tokenizer.encode(x), '')).toBe(x);
    }), { seed: 4, numRuns: 200 });
  });

  test('never make a control token from user text, and find user-defined ones with blanks in them', () => {
    const tokenizer = check(piecesMetadata(['<', '<s', '▁▁', '▁'], { [a + 2]: 4 }));
    expect(tokenizer.encode('<s>')).toEqual([a + 1, 3 + '>'.charCodeAt(0)]);
    expect(tokenizer.encode('<s>', { special: true })).toEqual([1]);
    expect(tokenizer.encode('   ')).toEqual([a + 2, a + 3]);
    expect(tokenizer.decode(tokenizer.encode('   '))).toBe('   ');
  });

  test('end where their files say, or would', () => {
    const files = tokenizerFromMetadata(piecesMetadata(['▁<PRE>', '▁<SUF>', '▁<MID>', '▁<EOT>']), 'p');
    expect(files.special).toEqual({ bos: 1, eos: [2, a + 3], addBos: true, fim: { prefix: a, suffix: a + 1, middle: a + 2, layout: 'standard' } });
    const tokenizer = Tokenizer.fromFiles(files);
    expect([a, a + 1, a + 2, a + 3].map((id) => tokenizer.isControl(id))).toEqual([true, true, true, true]);
    expect(tokenizer.encode('x ▁<PRE> x').some((id) => tokenizer.isControl(id))).toBe(false);
    expect(tokenizerFromMetadata({ ...piecesMetadata(), 'tokenizer.ggml.add_bos_token': false }, 'p').special.addBos).toBe(false);
  });

  test('that stand in for others fill nothing in, whatever the file says', () => {
    const files = (texts: string[]) => tokenizerFromMetadata({ ...piecesMetadata(texts), 'tokenizer.ggml.prefix_token_id': a, 'tokenizer.ggml.suffix_token_id': a + 1, 'tokenizer.ggml.middle_token_id': a + 2 }, 'p');
    expect(files(['<unused60>', '<unused61>', '<unused62>']).special.fim).toBeNull();
    expect(files(['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>']).special.fim).toMatchObject({ prefix: a, suffix: a + 1, middle: a + 2 });
  });

  test('of any number and any text are encoded in time', () => {
    const tokenizer = check(piecesMetadata(['a', 'aa', 'aaaa', '▁', '▁▁']));
    for (const unit of ['a', ' ', '\n', '日']) expect(tokenizer.decode(tokenizer.encode(unit.repeat(200_000)))).toBe(unit.repeat(200_000));
  });

  test.each<[string, Record<string, unknown>, RegExp]>([
    ['without scores', { 'tokenizer.ggml.scores': undefined }, /scores \(it is missing/],
    ['with too few scores', { 'tokenizer.ggml.scores': [1, 2] }, /scores \(it has 2 entries for 260 tokens/],
    ['with a score that is none', { 'tokenizer.ggml.scores': [...Array<number>(259).fill(0), NaN] }, /scores \(entry 259 is not a number/],
    ['with a score of another type', { 'tokenizer.ggml.scores': [...Array<number>(259).fill(0), 'x'] }, /scores \(entry 259 is not a number/],
    ['with scores that are no list', { 'tokenizer.ggml.scores': 7 }, /scores \(it is not an array/],
    ['with two tokens that are the same', { 'tokenizer.ggml.tokens': piecesMetadata(['</s>'])['tokenizer.ggml.tokens'] }, /entries 2 and 259 are the same/],
    ['with an endless token', { 'tokenizer.ggml.tokens': piecesMetadata(['a'.repeat(600)])['tokenizer.ggml.tokens'] }, /entry 259 is 600 characters long/],
    ['with a flag that is none', { 'tokenizer.ggml.add_space_prefix': 3 }, /add_space_prefix \(it is not a boolean/],
    ['with a first token outside', { 'tokenizer.ggml.bos_token_id': 260 }, /bos_token_id \(260 is outside/],
  ])('%s are refused in one sentence', (_, damage, pattern) => {
    let thrown: unknown;
    try {
      tokenizerFromMetadata({ ...piecesMetadata(['a']), ...damage }, 'p');
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(DeltaError);
    expect(thrown).toMatchObject({ code: 'metadataInvalid' });
    expect((thrown as DeltaError).message).toMatch(pattern);
  });
});
