// Every family of decoders and every type of tensors against llama.cpp, on small random files of true structure. Random weights know no language: their
// best tokens are near ties more often than a trained model's, and a rounding of activations turns some of them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAMILIES } from '../../src/model/import/families.ts';
import { TENSOR_TYPES } from '../../src/model/import/tensorTypes.ts';
import { compare } from '../support/compareWithPeer.ts';
import { openEngine } from '../support/engine.ts';
import { ensurePeer, openPeer, peerUnsupported } from '../support/peer.ts';
import { writeRandomLlama, type FileType, type RandomFamily, type RandomLlama } from '../support/writeGguf.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-families-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SHAPE: Omit<RandomLlama, 'type'> = { layers: 3, hidden: 512, heads: 8, kvHeads: 2, headDim: 64, ffn: 1024, vocabulary: 2048, tied: true, ropeBase: 1e6, context: 1024, seed: 11, scoreSpread: 1 };
const TOKENS = 400;

/** Every position of a text of any ids. */
async function check(name: string, shape: RandomLlama, least: { cosine: number; top1: number }): Promise<void> {
  const path = join(folder, `${name}.gguf`);
  writeRandomLlama(path, shape);
  const engine = await openEngine(path, { attention: 'dense' });
  const peer = await openPeer(path, { threads: 2, contextSize: 512 });
  try {
    const ids = Array.from({ length: TOKENS }, (_, i) => (i * 7919 + 13) % 2000);
    const { cosine, near } = await compare(engine, peer, ids, [...ids.keys()]);
    expect(cosine).toBeGreaterThanOrEqual(least.cosine);
    expect(near).toBeGreaterThanOrEqual(least.top1);
  } finally {
    await engine.close();
    await peer.dispose();
    rmSync(path);
  }
}

describe.skipIf(peerUnsupported())('dense mode gives the numbers of llama.cpp', () => {
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
  };
  it.each(Object.keys(scalings))('with %s', (name) => check(name, { ...SHAPE, type: 'F16', ropeBase: 10_000, ...scalings[name] }, { cosine: 0.9999, top1: 0.99 }));
});
