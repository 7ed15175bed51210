// Every family of decoders and every type of tensors against llama.cpp, on small random files of true structure. Random weights know no language: their
// best tokens are near ties more often than a trained model's, and a rounding of activations turns some of them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FAMILIES } from '../../src/model/format/families.ts';
import { TENSOR_TYPES } from '../../src/model/format/tensorTypes.ts';
import { compare } from '../support/compareWithPeer.ts';
import { openEngine } from '../support/engine.ts';
import { ensurePeer, openPeer, peerUnsupported } from '../support/peer.ts';
import { randomLlama, writeGguf, type FileType, type MetadataEntry, type RandomFamily, type RandomLlama, type TensorEntry } from '../support/writeGguf.ts';
import { describeUnless } from '../support/where.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-families-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SHAPE: Omit<RandomLlama, 'type'> = { layers: 3, hidden: 512, heads: 8, kvHeads: 2, headDim: 64, ffn: 1024, vocabulary: 2048, tied: true, ropeBase: 1e6, context: 1024, seed: 11, scoreSpread: 1 };
const TOKENS = 400;

interface Far {
  tensors?: TensorEntry[];
  tokens?: number;
  contextSize?: number;
  /** Default: all. */
  positions?: number[];
}

/** Every position of a text of any ids, or some. */
async function check(name: string, shape: RandomLlama, least: { cosine: number; top1: number }, { tensors = [], tokens = TOKENS, contextSize = 512, positions }: Far = {}): Promise<void> {
  const path = join(folder, `${name}.gguf`);
  const file = randomLlama(shape);
  writeGguf(path, { ...file, tensors: [...tensors, ...file.tensors] });
  const engine = await openEngine(path, { attention: 'dense' });
  const peer = await openPeer(path, { threads: 2, contextSize });
  try {
    const ids = Array.from({ length: tokens }, (_, i) => (i * 7919 + 13) % (shape.vocabulary - 48));
    const { cosine, near } = await compare(engine, peer, ids, positions ?? [...ids.keys()]);
    expect(cosine).toBeGreaterThanOrEqual(least.cosine);
    expect(near).toBeGreaterThanOrEqual(least.top1);
  } finally {
    await engine.close();
    await peer.dispose();
    rmSync(path);
  }
}

describeUnless(peerUnsupported(), 'dense mode gives the numbers of llama.cpp', () => {
  beforeAll(() => ensurePeer());

  it.each(TENSOR_TYPES.map(({ name }) => name as FileType))('with matrices in %s', (type) => check(type, { ...SHAPE, type }, { cosine: 0.9995, top1: 0.98 }));

  const types = ['F16', 'Q8_0', 'Q4_0', 'Q4_K_M', 'Q6_K'] as const;
  // Those that llama.cpp does not know are held against a forward pass in doubles.
  const families = (Object.keys(FAMILIES) as RandomFamily[]).filter((family) => !['bitnet-b1.58', 'bitnet-25'].includes(family));
  /** So many layers that there is one of each kind. */
  const layers: Partial<Record<RandomFamily, number>> = { smollm3: 4, gemma3: 6 };
  it.each(families.flatMap((family) => types.map((type) => [family, type] as const)))('as %s in %s', (family, type) =>
    check(`${family}-${type}`, { ...SHAPE, layers: layers[family] ?? SHAPE.layers, family, type, tied: family !== 'qwen3', headDim: family === 'qwen3' ? 128 : 64 }, { cosine: 0.999, top1: 0.98 }));

  const scalings: Record<string, Partial<RandomLlama>> = {
    'the factors of LLaMA 3.2': { ropeFactors: true },
    'linear scaling': { metadata: [['llama.rope.scaling.type', 'string', 'linear'], ['llama.rope.scaling.factor', 'f32', 4]] },
    'an old key of linear scaling': { metadata: [['llama.rope.scale_linear', 'f32', 4]] },
    YaRN: { metadata: [['llama.rope.scaling.type', 'string', 'yarn'], ['llama.rope.scaling.factor', 'f32', 8], ['llama.rope.scaling.original_context_length', 'u32', 64]] },
    'a factor without a type': { metadata: [['llama.rope.scaling.factor', 'f32', 4], ['llama.rope.scaling.attn_factor', 'f32', 1.2]] },
  };
  it.each(Object.keys(scalings))('with %s', (name) => check(name, { ...SHAPE, type: 'F16', ropeBase: 10_000, ...scalings[name] }, { cosine: 0.9999, top1: 0.99 }));

  const tokens = 16_384;
  /** What the peer makes room for, and what the files say that were not lengthened. */
  const room = tokens + 256;
  const far: Far = { tokens, contextSize: room, positions: [...Array.from({ length: 64 }, (_, i) => 256 * i + 255), ...Array.from({ length: 63 }, (_, i) => tokens - 64 + i)].sort((a, b) => a - b) };
  const factors = (kind: 'long' | 'short', pairs: number): TensorEntry => ({
    name: `rope_factors_${kind}.weight`, type: 'F32', dims: [pairs], data: new Uint8Array(Float32Array.from({ length: pairs }, (_, i) => (kind === 'long' ? 1 + i : 1 + i / 40)).buffer),
  });
  const longrope = (trained: number): MetadataEntry[] => [['phi3.rope.scaling.attn_factor', 'f32', 1.19], ['phi3.rope.scaling.original_context_length', 'u32', trained]];
  const lengthened: Record<string, { shape: Partial<RandomLlama>; tensors?: TensorEntry[] }> = {
    'the factors of LLaMA 3.2': { shape: { ropeBase: 500_000, ropeFactors: true } },
    'linear scaling': { shape: { ropeBase: 100_000, metadata: [['llama.rope.scaling.type', 'string', 'linear'], ['llama.rope.scaling.factor', 'f32', 4]] } },
    'Qwen2.5 and YaRN': { shape: { family: 'qwen2', metadata: [['qwen2.rope.scaling.type', 'string', 'yarn'], ['qwen2.rope.scaling.factor', 'f32', 4], ['qwen2.rope.scaling.original_context_length', 'u32', 4096]] } },
    'Phi-3 and the long factors': { shape: { family: 'phi3', ropeBase: 10_000, metadata: longrope(4096) }, tensors: [factors('long', 32), factors('short', 32)] },
    'Phi-3 and the short factors': { shape: { family: 'phi3', ropeBase: 10_000, context: room, metadata: longrope(room) }, tensors: [factors('long', 32), factors('short', 32)] },
    'a part of each head, as Phi-4-mini': { shape: { family: 'phi3', ropeBase: 10_000, metadata: [...longrope(4096), ['phi3.rope.dimension_count', 'u32', 48]] }, tensors: [factors('long', 24), factors('short', 24)] },
    'windows and two bases, as Gemma 3': { shape: { family: 'gemma3', layers: 6 } },
    'Granite 3.1': { shape: { family: 'granite', ropeBase: 1e7 } },
  };
  it.each(Object.keys(lengthened))(`to position ${tokens} with %s`, (name) => check(`far ${name}`, {
    layers: 2, hidden: 256, heads: 4, kvHeads: 1, headDim: 64, ffn: 512, vocabulary: 1024, tied: true, ropeBase: 1e6, context: 32_768, seed: 12, scoreSpread: 1, type: 'F16', ...lengthened[name].shape,
  }, { cosine: 0.999, top1: 0.98 }, { ...far, tensors: lengthened[name].tensors }));
});
