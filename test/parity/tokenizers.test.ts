// Every kind of vocabulary against llama.cpp: the same ids for the same text.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readGguf } from '../../src/model/format/gguf.ts';
import { tokenizerFromMetadata } from '../../src/tokenizer/fromGguf.ts';
import { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { ensurePeer, openPeer, peerUnsupported, type Peer } from '../support/peer.ts';
import { snippets } from '../support/snippets.ts';
import { vocabPath } from '../support/tokenizer.ts';
import { readMetadata, writeGguf, writeRandomLlama, type MetadataEntry } from '../support/writeGguf.ts';
import { describeUnless } from '../support/where.ts';

const SNIPPETS = 10_000;

/** The vocabulary of LLaMA 2 as Gemma's is made: no blank before a text, tokens of its own for runs of blanks and for marks. */
function asGemma(path: string): void {
  const texts = [...Array.from({ length: 20 }, (_, i) => ' '.repeat(i + 2)), '\n', '\n\n', '\n\n\n', '\t\t', '<div', '<br/>', '<h1>'];
  const more: Record<string, unknown[]> = { tokens: texts, scores: texts.map(() => -1000), token_type: texts.map(() => 4) };
  const metadata = readMetadata(vocabPath('llama-spm')).map(([key, type, value]): MetadataEntry => [key, type, Array.isArray(value) ? [...(value as unknown[]), ...(more[key.replace('tokenizer.ggml.', '')] ?? [])] : value]);
  writeGguf(path, { metadata: [...metadata.filter(([key]) => !key.endsWith('add_space_prefix')), ['tokenizer.ggml.add_space_prefix', 'bool', false]] });
}

describeUnless(peerUnsupported(), 'the tokens are those of llama.cpp', () => {
  const folder = mkdtempSync(join(tmpdir(), 'deltallm-tokenizers-'));
  beforeAll(() => ensurePeer());
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  describe.each([
    { name: 'llama-spm', vocabulary: 32_000 },
    { name: 'gemma-like', vocabulary: 32_027 },
    { name: 'deepseek-coder', vocabulary: 32_256 },
    { name: 'gpt-2', vocabulary: 50_257 },
  ])('with the vocabulary of $name', ({ name, vocabulary }) => {
    let tokenizer: Tokenizer;
    let peer: Peer;
    beforeAll(async () => {
      const path = join(folder, `${name}.gguf`);
      const vocabularyPath = name === 'gemma-like' ? join(folder, 'gemma-like-vocabulary.gguf') : vocabPath(name);
      if (name === 'gemma-like') asGemma(vocabularyPath);
      writeRandomLlama(path, { layers: 1, hidden: 32, heads: 1, kvHeads: 1, headDim: 32, ffn: 32, vocabulary, type: 'Q8_0', tied: true, ropeBase: 10_000, context: 256, seed: 5, tokenizer: vocabularyPath });
      tokenizer = Tokenizer.fromFiles(tokenizerFromMetadata((await readGguf(path)).metadata, path));
      peer = await openPeer(path, { threads: 1, contextSize: 256 });
    });
    afterAll(() => peer.dispose());

    it(`on ${SNIPPETS} snippets, which decode to what they were`, () => {
      const wrong = snippets(SNIPPETS, 7).filter((text) => {
        const ids = tokenizer.encode(text, { atStart: true });
        const whole = text.replace(/\p{Surrogate}/gu, '\ufffd');
        return ids.join() !== peer.tokenize(text).join() || tokenizer.decode(ids, { atStart: true }) !== whole || tokenizer.decode(tokenizer.encode(text)) !== whole;
      });
      expect(wrong.slice(0, 3).map((text) => [text, tokenizer.encode(text, { atStart: true }), peer.tokenize(text)])).toEqual([]);
    });

    it('where control tokens stand in a text of ours', () => {
      const [end] = tokenizer.special.eos.map((id) => tokenizer.decode([id]));
      const texts = snippets(2000, 8);
      const rendered = texts.map((text, i) => [text, texts[(i + 1) % texts.length]].join(i % 3 === 0 ? `${end}${end}` : end) + (i % 2 === 0 ? end : ''));
      const wrong = rendered.filter((text) => tokenizer.encode(text, { special: true, atStart: true }).join() !== peer.tokenize(text, true).join());
      expect(wrong.slice(0, 3).map((text) => [text, tokenizer.encode(text, { special: true, atStart: true }), peer.tokenize(text, true)])).toEqual([]);
    });
  });
});
