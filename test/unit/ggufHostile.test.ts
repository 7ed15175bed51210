// Files that somebody made to do harm, of every family: a load ends in a model or in one sentence, reads no byte twice, asks for no more memory than the file
// has weights, and gives all of it back. What runs natively is stood in for by something that counts.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Addon, SegmentConfig } from '../../src/binding/addon.ts';
import { attentionRules } from '../../src/model/attentionRule.ts';
import { readArchitecture, TensorSource, type Architecture } from '../../src/model/format/architecture.ts';
import { FAMILIES } from '../../src/model/format/families.ts';
import { readGguf } from '../../src/model/format/gguf.ts';
import { nativeDecoder } from '../../src/model/run/nativeDecoder.ts';
import { DeltaError } from '../../src/shared/errors.ts';
import { tokenizerFromMetadata } from '../../src/tokenizer/fromGguf.ts';
import { mutate, randomBelow } from '../support/mutate.ts';
import { randomLlama, writeGguf, type GgufFile, type MetadataEntry, type RandomFamily, type RandomLlama, type TensorEntry } from '../support/writeGguf.ts';

const MUTATIONS = 300;
const folder = mkdtempSync(join(tmpdir(), 'deltallm-hostile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, 'm.gguf');

/** Takes weights and segments, computes nothing, and knows what is still held. */
class CountingAddon {
  elements = 0;
  widest = 0;
  held = 0;
  private next = 1;

  createWeights(_type: number, rows: number, columns: number, factor: number): number {
    if (!Number.isFinite(factor)) throw new Error(`a factor of ${factor}`);
    this.elements += rows * columns;
    return this.take();
  }

  appendRows(): void {}

  decodeRows(_type: number, _columns: number, _factor: number, bytes: Uint8Array, to: Float32Array): void {
    // Vectors are F32 in these files; others stay zero.
    if (bytes.length === to.byteLength) new Uint8Array(to.buffer, to.byteOffset, to.byteLength).set(bytes);
  }

  createSegment({ widths }: SegmentConfig): number {
    this.widest = Math.max(this.widest, ...widths);
    return this.take();
  }

  destroyWeights(): void {
    this.held--;
  }

  destroySegment(): void {
    this.held--;
  }

  weightsInfo(): { bytes: number } {
    return { bytes: 0 };
  }

  private take(): number {
    this.held++;
    return this.next++;
  }
}

interface Outcome {
  /** Of the refusal, or 'loaded'. */
  code: string;
  message: string;
  arch?: Architecture;
}

/** Loads `bytes` as a model is loaded, up to what native code would do. Anything thrown that is no DeltaError fails the test. */
async function load(bytes: Uint8Array): Promise<Outcome> {
  writeFileSync(path, bytes);
  const addon = new CountingAddon();
  try {
    const gguf = await readGguf(path);
    const weights = [...gguf.tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    const arch = readArchitecture(gguf);
    tokenizerFromMetadata(gguf.metadata, path);
    try {
      const runners = await nativeDecoder(addon as unknown as Addon, arch, new TensorSource(gguf));
      runners.release();
    } finally {
      expect(addon.held).toBe(0);
      // A tied embedding is a head too.
      expect(addon.elements).toBeLessThanOrEqual(2 * weights);
      expect(addon.widest).toBeLessThanOrEqual(weights);
    }
    expectSound(arch);
    return { code: 'loaded', message: '', arch };
  } catch (error) {
    if (!(error instanceof DeltaError)) throw error;
    expect(error.message.length).toBeLessThan(600);
    expect(error.message).not.toMatch(/[\u0000-\u001f\u007f]/);
    return { code: error.code, message: error.message };
  }
}

/** No number of an architecture that is computed with makes an infinity, at any position. */
function expectSound(arch: Architecture): void {
  const { scales, shape, normEpsilon, rope, softcap = 1, logitCap = 1, others } = arch;
  expect(normEpsilon).toBeGreaterThanOrEqual(1e-12);
  for (const value of [...Object.values(scales), ...Object.values(shape), rope.scale ?? 1, softcap, logitCap]) expect(value > 0 && value < 2 ** 31, String(value)).toBe(true);
  for (const { inverseFrequencies, slidingWindow } of attentionRules({ shape, rope, attentionScale: scales.attention, softcap: arch.softcap, others })) {
    expect(inverseFrequencies.every((value) => value >= 0 && value <= 1e6)).toBe(true);
    expect(slidingWindow).toBeLessThan(2 ** 31);
  }
}

const shape: RandomLlama = { layers: 2, hidden: 32, heads: 2, kvHeads: 1, headDim: 32, ffn: 32, vocabulary: 280, type: 'Q8_0', tied: false, ropeBase: 1e4, context: 2048, seed: 7 };
const ropeTensor = (value: number): TensorEntry => ({ name: 'rope_freqs.weight', type: 'F32', dims: [16], data: new Uint8Array(Float32Array.from({ length: 16 }, () => value).buffer) });
const bytesOf = (file: GgufFile): Buffer => {
  writeGguf(path, file);
  return readFileSync(path);
};

const families = Object.keys(FAMILIES) as RandomFamily[];
/** The smallest that has one layer of each kind. */
const layersOf: Partial<Record<RandomFamily, number>> = { smollm3: 4, gemma3: 6 };

describe.each(families)('a hostile file of the family %s', (family) => {
  const whole = randomLlama({ ...shape, family, layers: layersOf[family] ?? shape.layers });
  /** Weights of zeros: nothing computes with them. */
  const good = () => ({ ...whole, metadata: [...whole.metadata], tensors: whole.tensors.map(({ name, type, dims }): TensorEntry => ({ name, type, dims })) });
  const changed = (change: (file: ReturnType<typeof good>) => void): Buffer => {
    const file = good();
    change(file);
    return bytesOf(file);
  };
  /** In place of what the file says, or besides it. */
  const saying = (entry: MetadataEntry): Buffer => changed((file) => void (file.metadata = [...file.metadata.filter(([key]) => key !== entry[0]), entry]));

  it('loads before it is one', async () => expect(await load(bytesOf(good()))).toMatchObject({ code: 'loaded' }));

  it(`whose header is damaged, ${MUTATIONS} times, gives a model or a sentence`, async () => {
    const bytes = bytesOf(good());
    const header = bytes.subarray(0, bytes.indexOf('output.weight') + 13 + 4 + 16 + 4 + 8);
    const fields = Array.from({ length: header.length - 8 }, (_, i) => i).filter((i) => header.readUInt32LE(i) > 0 && header.readUInt32LE(i) < 1000 && header.readUInt32LE(i + 4) === 0);
    const below = randomBelow(families.indexOf(family) + 1);
    const seen = new Set<string>();
    for (let i = 0; i < MUTATIONS; i++) {
      const damaged = mutate(header, fields, below);
      const { code } = await load(i % 4 === 0 ? damaged : Buffer.concat([damaged, bytes.subarray(header.length)])).catch((error: unknown) => {
        throw new Error(`mutation ${i}: ${String(error)}`, { cause: error });
      });
      seen.add(code);
    }
    expect(seen.size).toBeGreaterThan(4);
  });

  it('whose tensors overlap, lie outside, or are of endless size is refused', async () => {
    const tensor = (file: ReturnType<typeof good>, name: string) => file.tensors.find((one) => one.name === name)!;
    const name = 'blk.0.ffn_down.weight';
    const overlap = await load(changed((file) => void (tensor(file, name).offset = 0n)));
    expect(overlap).toMatchObject({ code: 'notGguf' });
    expect(overlap.message).toContain('overlap');
    for (const offset of [1n << 40n, 1n << 60n, (1n << 64n) - 32n]) expect((await load(changed((file) => void (tensor(file, name).offset = offset)))).code).toBe('ggufTruncated');
    for (const dims of [[1n << 60n, 1n << 60n], [32, 1n << 60n], [(1n << 64n) - 32n, 32], [32, 0]]) {
      const { code } = await load(changed((file) => void Object.assign(tensor(file, name), { dims, byteLength: 64 })));
      expect(['ggufLimit', 'ggufTruncated']).toContain(code);
    }
    expect((await load(changed((file) => file.tensors.push({ ...tensor(file, name) })))).code).toBe('notGguf');
    expect((await load(changed((file) => file.tensors.push({ ...tensor(file, name), name: 'blk.0.unheard_of.weight' })))).code).toBe('architectureUnknown');
  });

  it('that claims 2⁶⁰ of anything, or nests arrays, is refused before it is believed', async () => {
    for (const count of [1n << 60n, (1n << 64n) - 1n]) {
      for (const key of ['tensorCount', 'metadataCount'] as const) expect((await load(changed((file) => void (file[key] = count)))).code).toBe('ggufLimit');
    }
    for (const key of ['block_count', 'context_length', 'embedding_length', 'feed_forward_length', 'attention.head_count', 'attention.key_length', 'rope.dimension_count']) {
      expect((await load(saying([`${family}.${key}`, 'u64', 1n << 60n]))).code, key).toBe('metadataInvalid');
    }
    const many: MetadataEntry = ['many', ['u8'], Array.from({ length: 40 }, () => 9)];
    const length = 'many'.length + 4 + 4;
    const lying = changed((file) => file.metadata.push(many));
    lying.writeBigUInt64LE(1n << 60n, lying.indexOf('many') + length);
    expect((await load(lying)).code).toBe('ggufLimit');
    const nested = changed((file) => file.metadata.push(many));
    nested.writeUInt32LE(9, nested.indexOf('many') + 'many'.length + 4);
    expect(await load(nested)).toMatchObject({ code: 'notGguf' });
  });

  it('whose numbers are absurd is refused, or computes with none of them', async () => {
    const numbers = good().metadata.filter(([key, type]) => key.startsWith(`${family}.`) && (type === 'f32' || type === 'u32'));
    const more: MetadataEntry[] = [
      ...['rope.scale_linear', 'rope.freq_base_swa', 'attention.scale', 'logit_scale', 'embedding_scale', 'residual_scale', 'final_logit_softcapping', 'attn_logit_softcapping'].map((key): MetadataEntry => [`${family}.${key}`, 'f32', 1]),
      [`${family}.attention.sliding_window`, 'u32', 1],
    ];
    let refused = 0;
    for (const [key] of [...numbers, ...more]) {
      for (const value of [0, -1, NaN, Infinity, 3e38, 1e-38, 1e300, 5e-324]) {
        const { code } = await load(saying([key, 'f64', value]));
        expect(['loaded', 'metadataInvalid', 'tensorMissing'], `${key} of ${value}`).toContain(code);
        if (code !== 'loaded') refused++;
      }
    }
    expect(refused).toBeGreaterThan(50);
    for (const [type, entry] of [['linear', ['factor']], ['yarn', ['factor', 'yarn_beta_fast', 'yarn_beta_slow', 'yarn_ext_factor', 'attn_factor', 'original_context_length']]] as const) {
      for (const key of entry) for (const value of [0, -1, NaN, Infinity, 3e38, 1e-38, 1e300, 1e-300]) {
        const file = good();
        file.metadata.push(...([[`${family}.rope.scaling.type`, 'string', type], [`${family}.rope.scaling.factor`, 'f32', 4], [`${family}.rope.scaling.${key}`, 'f64', value]] as MetadataEntry[])
          .filter(([name], i, all) => all.findLastIndex(([other]) => other === name) === i && !file.metadata.some(([given]) => given === name)));
        expect(['loaded', 'metadataInvalid'], `${type}, ${key} of ${value}`).toContain((await load(bytesOf(file))).code);
      }
    }
    for (const value of [0, -1, NaN, Infinity, 1e-38, 1e-44]) expect((await load(changed((file) => file.tensors.unshift(ropeTensor(value))))).code, `rope_freqs of ${value}`).toBe('metadataInvalid');
  });
});
