import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gguf } from '@huggingface/gguf';
import { afterAll, describe, expect, it } from 'vitest';
import { openPeer, peerInstalled } from '../support/peer.ts';
import { llama32RopeFactors, presets, readMetadata, writeGguf, writeRandomLlama, type TensorType } from '../support/writeGguf.ts';
import { describeUnless } from '../support/where.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-writeGguf-'));
afterAll(() => rmSync(folder, { recursive: true }));

const path = join(folder, 'model.gguf');
const parse = () => gguf(path, { allowLocalFile: true });

describe('the GGUF writer', () => {
  it('writes a random model that an independent reader finds complete', async () => {
    const size = writeRandomLlama(path, { ...presets.tiny, tied: false, ropeFactors: true });
    const { metadata, tensorInfos, tensorDataOffset } = await parse();
    const tokens = Object.entries(metadata).find(([key]) => key === 'tokenizer.ggml.tokens')?.[1] as string[];
    expect(size).toBe(statSync(path).size);
    expect(metadata).toMatchObject({ 'general.architecture': 'llama', 'llama.block_count': 2, 'llama.attention.head_count_kv': 2, 'tokenizer.ggml.model': 'gpt2' });
    expect(tokens.length).toBe(512);
    expect(new Set(tokens).size).toBe(512);
    expect(tensorInfos.map(({ name }) => name)).toEqual(expect.arrayContaining(['token_embd.weight', 'rope_freqs.weight', 'blk.1.ffn_down.weight', 'output_norm.weight', 'output.weight']));
    const last = tensorInfos.at(-1)!;
    expect(Number(tensorDataOffset) + Number(last.offset) + 64 * 512 * 2).toBe(size);
  });

  it('writes the same bytes for the same seed, and others for another', () => {
    const bytes = (seed: number) => {
      writeRandomLlama(path, { ...presets.tiny, seed });
      return readFileSync(path);
    };
    const first = bytes(1);
    expect(bytes(1).equals(first)).toBe(true);
    expect(bytes(2).equals(first)).toBe(false);
  });

  it('copies the tokenizer of another file', () => {
    const donor = 'test/fixtures/models/starter-tiny-q8_0.gguf';
    writeRandomLlama(path, { ...presets.tiny, vocabulary: 8192, tokenizer: donor });
    const [written, original] = [path, donor].map((file) => readMetadata(file).filter(([key]) => key.startsWith('tokenizer.')));
    expect(written).toEqual(original);
  });

  it('writes damaged files as asked', async () => {
    writeGguf(path, { metadata: [['general.architecture', 'string', 'llama']], magic: 'GGUX' });
    await expect(parse()).rejects.toThrow();
    const whole = writeGguf(path, { metadata: [['general.architecture', 'string', 'llama']], tensors: [{ name: 'a', type: 'F32', dims: [64] }] });
    expect(writeGguf(path, { metadata: [['general.architecture', 'string', 'llama']], tensors: [{ name: 'a', type: 'F32', dims: [64] }], truncate: -100 })).toBe(whole - 100);
    expect(statSync(path).size).toBe(whole - 100);
  });

  it("gives LLaMA-3.2's factors for the wavelengths: none below 2048 positions, 32 above 8192", () => {
    const factors = [...llama32RopeFactors(64, 500_000)];
    expect(factors).toEqual(factors.toSorted((a, b) => a - b));
    expect([factors[0], factors[31]]).toEqual([1, 32]);
    expect(factors.filter((factor) => factor !== 1 && factor !== 32).length).toBeGreaterThan(1);
  });
});

describeUnless(peerInstalled() ? undefined : 'llama.cpp is not installed: npm run test:parity does it', 'a random model in the reference engine', () => {
  const check = async (type: TensorType) => {
    writeRandomLlama(path, { ...presets.tiny, type, ropeFactors: true });
    const peer = await openPeer(path, { threads: 1, contextSize: 256 });
    const text = 'const answer = 42;\n\tünïcode 中';
    expect(peer.detokenize(peer.tokenize(text))).toBe(text);
    const tokens = peer.tokenize(text.repeat(3));
    const rows = await peer.logProbabilities(tokens, [0, tokens.length - 1]);
    for (const row of rows) {
      expect(row.length).toBe(512);
      expect(row.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 5);
      const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
      const deviation = Math.sqrt(row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length);
      expect(deviation).toBeGreaterThan(1);
      expect(deviation).toBeLessThan(4);
    }
    await peer.dispose();
  };
  it('loads as F16 with logits of a realistic spread', () => check('F16'));
  it('loads as BF16', () => check('BF16'));
  it('loads as Q8_0', () => check('Q8_0'));
  it('loads as Q4_0', () => check('Q4_0'));
  it('loads as F32', () => check('F32'));
});
