// Byte-level BPE with the pre-tokenizer of every family against llama.cpp: the same ids for pieces of code, many scripts, and text that nobody would write.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readGguf } from '../../src/model/format/gguf.ts';
import { tokenizerFromMetadata } from '../../src/tokenizer/fromGguf.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { ensurePeer, openPeer, peerUnsupported } from '../support/peer.ts';
import { writeRandomLlama } from '../support/writeGguf.ts';
import { describeUnless } from '../support/where.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-tokenizers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FILES = ['test/fixtures/heldOut.txt', 'native/kv/encode.cc', 'src/tokenizer/tokenizer.ts', 'README.md', 'package.json', 'test/host/run.mjs', 'native/binding.gyp'];
const PIECES = [
  ' ', '  ', '\t', '\n', '\n\n', '\r\n', ' \n', '\u0085', '\u00a0', '\u2003', '\u3000', '\ufeff', "'s", "'LL", "'Re", "'", '"', '1', '12', '1234567', '٣٤', '½', '²', 'Ⅳ', '...', '=>', '_', '__init__', '//', '/* ', '#', '$', '€',
  'foo', 'FooBar', 'HTTPServer2', 'élan', 'naïve', 'e\u0301', 'Ünï', 'привет', 'Ελλάδα', 'שלום', 'مرحبا', 'नमस्ते', 'ไทย', '漢字', 'かな', 'カナ', '한국어', 'ქართ', '👍', '👩‍👩‍👧', '🇩🇪', '\u200d', '\u0000', '\u007f', '\ufffd', '😀x', '∑', '→', '“q”', '·', 'ǅ', 'ʰ', 'ª',
];

/** DeepSeek's own range for Chinese begins below them and takes them in; llama.cpp, which matches stand-ins for spaces, does not. We cut as the model was trained. */
const WIDE_SPACES = /[\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** Seeded, so that a failure comes again. */
function snippets(count: number): string[] {
  let state = 12_345;
  const below = (n: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const sources = FILES.map((path) => readFileSync(path, 'utf8'));
  return Array.from({ length: count }, (_, i) => {
    if (i % 3 === 0) {
      const source = sources[below(sources.length)];
      const at = below(source.length);
      return source.slice(at, at + 1 + below(200)).replace(/\p{Surrogate}/gu, '');
    }
    return Array.from({ length: 1 + below(12) }, () => PIECES[below(PIECES.length)]).join('');
  });
}

describeUnless(peerUnsupported(), 'tokens are those of llama.cpp', () => {
  beforeAll(() => ensurePeer());

  it.each(['qwen2', 'llama-bpe', 'starcoder', 'refact', 'smollm', 'deepseek-coder', 'gpt-2', 'default'])('cut as %s says', async (pre) => {
    const path = join(folder, `${pre}.gguf`);
    writeRandomLlama(path, {
      layers: 1, hidden: 32, heads: 1, kvHeads: 1, ffn: 32, vocabulary: 50_257, type: 'F16', tied: true, ropeBase: 10_000, context: 128, seed: 1,
      tokenizer: 'test/fixtures/vocab/gpt-2.gguf', metadata: [['tokenizer.ggml.pre', 'string', pre]],
    });
    const tokenizer = Tokenizer.fromFiles(tokenizerFromMetadata((await readGguf(path)).metadata, path));
    const peer = await openPeer(path, { contextSize: 128 });
    try {
      for (const text of snippets(1500).filter((one) => pre !== 'deepseek-coder' || !WIDE_SPACES.test(one))) {
        const ids = tokenizer.encode(text);
        expect(ids, JSON.stringify(text)).toEqual(peer.tokenize(text));
        expect(tokenizer.decode(ids)).toBe(text);
      }
    } finally {
      await peer.dispose();
      rmSync(path);
    }
  });
});
