// Models as they are published for ONNX Runtime: cut at their attentions and run there, the attention here. The same weights as a GGUF give the same logits,
// delta attention on; and the whole graph, run by ONNX Runtime alone, gives those of dense mode.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../src/model/manifest.ts';
import { Engine } from '../../src/session/engine.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { openEngine, testAddon } from '../support/engine.ts';
import { wholeGraph, writeOnnxFolder, type OnnxForm } from '../support/onnxFolder.ts';
import { until } from '../support/until.ts';
import { writeRandomLlama, type RandomLlama } from '../support/writeGguf.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-onnx-'));
// Of its own: nothing that an earlier run measured of files that hold the same.
process.env.DELTALLM_CACHE = join(folder, 'cache');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SHAPE: RandomLlama = { layers: 3, hidden: 128, heads: 4, kvHeads: 2, headDim: 32, ffn: 256, vocabulary: 1024, tied: false, ropeBase: 1e5, context: 1024, seed: 21, scoreSpread: 1, type: 'F16', pre: 'qwen2' };
/** Enough for far blocks. */
const ids = Array.from({ length: 500 }, (_, i) => (i * 7919 + 13) % 900);

async function logits(engine: Engine): Promise<Float32Array> {
  const rows: Float32Array[] = [];
  for await (const { logits } of engine.logitRows(Int32Array.from(ids), true)) rows.push(logits);
  return Float32Array.from(rows.flatMap((row) => [...row]));
}

/** Differences, of the largest value: the largest one, the root of the mean square, and in how many rows of logits one is above 1e-3. */
function differences(a: Float32Array, b: Float32Array): { most: number; mean: number; rows: number } {
  expect(a.length).toBe(b.length);
  let [most, largest, squares] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    most = Math.max(most, Math.abs(a[i] - b[i]));
    largest = Math.max(largest, Math.abs(b[i]));
    squares += (a[i] - b[i]) ** 2;
  }
  const rows = new Set<number>();
  for (let i = 0; i < a.length; i++) if (Math.abs(a[i] - b[i]) > 1e-3 * largest) rows.add(Math.floor(i / SHAPE.vocabulary!));
  return { most: most / largest, mean: Math.sqrt(squares / a.length) / largest, rows: rows.size };
}

/** What was measured of a model, with no thresholds any more: every difference of keys is kept, rounded to its step. */
function withoutThresholds(measured: string, { layers, kvHeads, headDim }: RandomLlama): void {
  const manifest = JSON.parse(readFileSync(join(measured, 'manifest.json'), 'utf8')) as Manifest;
  for (const name of ['delta.f32', 'delta-compact.f32']) {
    const table = new Float32Array(Uint8Array.from(readFileSync(join(measured, name))).buffer);
    const channels = kvHeads! * headDim!;
    for (let layer = 0; layer < layers!; layer++) table.fill(0, 2 * layer * channels, (2 * layer + 1) * channels);
    const bytes = Buffer.from(table.buffer);
    writeFileSync(join(measured, name), bytes);
    manifest.files[name] = { bytes: bytes.length, sha1: createHash('sha1').update(bytes).digest('hex') };
  }
  writeFileSync(join(measured, 'manifest.json'), JSON.stringify(manifest));
}

const cases: [name: string, shape: Partial<RandomLlama>, form: OnnxForm][] = [
  ['llama, packed, pairs of neighbours', { family: 'llama', ropeFactors: true, ropeBase: 500_000, pre: 'llama-bpe' }, { attention: 'packed', matrices: 'float', beside: false }],
  ['qwen2 with biases, turned by nodes of their own, weights beside the graph', { family: 'qwen2', tied: true }, { attention: 'turned', matrices: 'float', beside: true }],
  ['llama in plain nodes, eager', { family: 'llama', ropeFactors: true, ropeBase: 500_000, pre: 'llama-bpe' }, { attention: 'eager', matrices: 'float', beside: false }],
  ['qwen2 in plain nodes, sdpa', { family: 'qwen2', tied: true }, { attention: 'sdpa', matrices: 'float', beside: true }],
  ['qwen3 in plain nodes', { family: 'qwen3' }, { attention: 'sdpa', matrices: 'float', beside: true }],
  ['qwen3 with norms of heads', { family: 'qwen3' }, { attention: 'separate', matrices: 'float', beside: true }],
];
/** What the native products round, for they multiply integers, ONNX Runtime does not. */
const quantised: [name: string, shape: Partial<RandomLlama>, form: OnnxForm][] = [
  ['qwen2 in blocks of 4 bits', { family: 'qwen2', type: 'Q4_0' }, { attention: 'separate', matrices: 'blocks', beside: true }],
  ['llama in blocks of 8 bits', { family: 'llama', type: 'Q8_0', pre: 'llama-bpe' }, { attention: 'packed', matrices: 'blocks', beside: false }],
];

describe('a folder for ONNX Runtime', () => {
  it.each(cases)('of %s gives the logits of the GGUF, delta attention on, and of the whole graph', async (name, own, form) => {
    const gguf = join(folder, `${name}.gguf`);
    writeRandomLlama(gguf, { ...SHAPE, ...own });
    const onnx = join(folder, name);
    await writeOnnxFolder(onnx, gguf, form);
    const [expected, ours] = [await openEngine(gguf, { attention: 'delta' }), await openEngine(onnx, { attention: 'delta' })];
    const dense = await openEngine(onnx, { attention: 'dense' });
    try {
      expect(ours.describe()).toMatchObject({ name: 'Random weights', vocabulary: SHAPE.vocabulary, context: SHAPE.context, fim: true });
      const text = 'export const total = (items: Item[]) => items.reduce((sum, { price }) => sum + price, 0); // ünïcödé 漢字';
      expect(ours.tokenizer.encode(text)).toEqual(expected.tokenizer.encode(text));
      expect(ours.tokenizer.special).toEqual(expected.tokenizer.special);
      const [here, there, exact] = [await logits(ours), await logits(expected), await logits(dense)];
      const delta = differences(here, there);
      const [lost, lostThere] = [differences(here, exact).mean, differences(there, exact).mean];
      const alone = differences(exact, await wholeGraph(join(onnx, form.beside ? 'onnx' : '.', 'model.onnx'), ids, dense.forward.manifest.shape));
      console.log(`${name}: in delta mode ${delta.mean.toExponential(2)} (${delta.most.toExponential(2)} at most, above 1e-3 in ${delta.rows} of ${ids.length} rows) from the GGUF, ${lost.toExponential(2)} and ${lostThere.toExponential(2)} from exact keys, in dense mode ${alone.most.toExponential(2)} at most from ONNX Runtime alone`);
      expect(alone.most).toBeLessThan(1e-5);
      // Sums in another order differ in their last bit, and at a threshold a bit decides whether a delta is kept: from there on the rows that look at this key differ, on one
      // CPU few and on another most of them (where no threshold decides: below). What the coded keys cost is the same for both.
      expect(lostThere).toBeGreaterThan(0);
      expect(lost / lostThere).toBeGreaterThan(0.67);
      expect(lost / lostThere).toBeLessThan(1.5);
    } finally {
      for (const engine of [expected, ours, dense]) await engine.close();
    }
  });

  it.each(cases)('of %s gives every logit of the GGUF to 1e-3, delta attention on, where no threshold decides, and to 1e-5 in dense mode', async (name, own, form) => {
    const gguf = join(folder, `even ${name}.gguf`);
    const shape = { ...SHAPE, ...own };
    writeRandomLlama(gguf, shape);
    const onnx = join(folder, `even ${name}`);
    await writeOnnxFolder(onnx, gguf, form);
    const cache = process.env.DELTALLM_CACHE;
    process.env.DELTALLM_CACHE = join(folder, `cache of ${name}`);
    try {
      const given = async (model: string, attention: 'delta' | 'dense'): Promise<{ logits: Float32Array; measured: string | undefined }> => {
        const engine = await openEngine(model, { attention });
        const got = { logits: await logits(engine), measured: engine.describe().folder };
        await engine.close();
        return got;
      };
      const [dense, denseHere] = [await given(gguf, 'dense'), await given(onnx, 'dense')];
      const [first, firstHere] = [await given(gguf, 'delta'), await given(onnx, 'delta')];
      for (const { measured } of [first, firstHere]) withoutThresholds(measured!, shape);
      const [even, evenHere] = [await given(gguf, 'delta'), await given(onnx, 'delta')];
      const [exactly, closely, cost] = [differences(denseHere.logits, dense.logits), differences(evenHere.logits, even.logits), differences(first.logits, dense.logits)];
      console.log(`${name}: dense ${exactly.most.toExponential(2)} at most from the GGUF, in delta mode without thresholds ${closely.most.toExponential(2)}; what the thresholds cost themselves: ${cost.most.toExponential(2)}`);
      expect(exactly.most).toBeLessThan(1e-5);
      expect(closely.most).toBeLessThan(1e-3);
      // The tables were used: without thresholds another text is coded.
      expect(differences(even.logits, first.logits).most).toBeGreaterThan(1e-3);
    } finally {
      process.env.DELTALLM_CACHE = cache;
    }
  });

  it.each(quantised)('of %s gives the logits of the whole graph, and nearly those of the GGUF', async (name, own, form) => {
    const gguf = join(folder, `${name}.gguf`);
    writeRandomLlama(gguf, { ...SHAPE, ...own });
    const onnx = join(folder, name);
    await writeOnnxFolder(onnx, gguf, form);
    const [expected, ours] = [await openEngine(gguf, { attention: 'dense' }), await openEngine(onnx, { attention: 'dense' })];
    try {
      const got = await logits(ours);
      const alone = differences(got, await wholeGraph(join(onnx, form.beside ? 'onnx' : '.', 'model.onnx'), ids, ours.forward.manifest.shape));
      const near = differences(got, await logits(expected));
      console.log(`${name}: ${alone.most.toExponential(2)} at most from ONNX Runtime alone, ${near.mean.toExponential(2)} from the GGUF`);
      expect(alone.most).toBeLessThan(1e-4);
      expect(near.mean).toBeLessThan(1e-2);
    } finally {
      for (const engine of [expected, ours]) await engine.close();
    }
  });

  it.each<[string, Partial<RandomLlama>, OnnxForm]>([
    ['llama with GroupQueryAttention', { family: 'llama', pre: 'llama-bpe' }, { attention: 'separate', matrices: 'float', beside: true, half: true }],
    ['qwen3 in plain nodes', { family: 'qwen3' }, { attention: 'sdpa', matrices: 'float', beside: false, half: true }],
    ['qwen2 in blocks of 4 bits', { family: 'qwen2', type: 'Q4_0' }, { attention: 'eager', matrices: 'blocks', beside: true, half: true }],
  ])('of %s in float16 gives the logits of the whole graph, and nearly those of the GGUF', async (name, own, form) => {
    const gguf = join(folder, `half ${name}.gguf`);
    writeRandomLlama(gguf, { ...SHAPE, ...own });
    const onnx = join(folder, `half ${name}`);
    await writeOnnxFolder(onnx, gguf, form);
    const [expected, ours] = [await openEngine(gguf, { attention: 'dense' }), await openEngine(onnx, { attention: 'dense' })];
    try {
      const got = await logits(ours);
      const alone = differences(got, await wholeGraph(join(onnx, form.beside ? 'onnx' : '.', 'model.onnx'), ids, ours.forward.manifest.shape, true));
      const near = differences(got, await logits(expected));
      console.log(`${name} in float16: ${alone.mean.toExponential(2)} (${alone.most.toExponential(2)} at most) from ONNX Runtime alone, ${near.mean.toExponential(2)} from the GGUF`);
      expect(alone.mean).toBeLessThan(1e-3);
      expect(near.mean).toBeLessThan(1e-2);
    } finally {
      for (const engine of [expected, ours]) await engine.close();
    }
  });

  it.each(['packed', 'eager'] as const)('whose layers look back to a window, and whose rows are multiplied, %s, attends as ONNX Runtime does', async (attention) => {
    const gguf = join(folder, 'window.gguf');
    writeRandomLlama(gguf, { ...SHAPE, family: 'qwen2' });
    const onnx = join(folder, `window ${attention}`);
    await writeOnnxFolder(onnx, gguf, { attention, matrices: 'float', beside: false, window: 50, scaled: 12 });
    const ours = await openEngine(onnx, { attention: 'dense' });
    try {
      expect(ours.forward.manifest.others).toMatchObject({ layers: [0, 2] });
      const alone = differences(await logits(ours), await wholeGraph(join(onnx, 'model.onnx'), ids, ours.forward.manifest.shape));
      console.log(`a window, ${attention}: ${alone.most.toExponential(2)} at most from ONNX Runtime alone`);
      expect(alone.most).toBeLessThan(1e-5);
    } finally {
      await ours.close();
    }
  });

  it('leaves nothing of its graph in memory, which may hold all weights', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const path = join(folder, cases[0][0]);
    const held = (): number => {
      collect();
      return process.memoryUsage().arrayBuffers;
    };
    await (await openEngine(path, { attention: 'dense' })).close();
    for (let i = 0; i < 3; i++) {
      held();
      await new Promise(setImmediate);
    }
    const before = held();
    const engine = await openEngine(path, { attention: 'dense' });
    // What is finalized, and swept by other threads, is gone some turns later.
    await until(() => expect(held() - before).toBeLessThan(statSync(join(path, 'model.onnx')).size / 2));
    const after = held();
    await engine.close();
    console.log(`${((after - before) / 1e6).toFixed(2)} MB held, the graph has ${(statSync(join(path, 'model.onnx')).size / 1e6).toFixed(2)}`);
  });

  it('completes at a cursor, is measured once, and is known by what it holds', async () => {
    const [name] = cases[1];
    const first = await openEngine(join(folder, name), { attention: 'delta' });
    const snapshot = { path: '/a.ts', languageId: 'typescript', before: 'const a = ', after: ';\n' };
    const result = await first.generate({ prompt: { snapshot }, max: 4, sampling: { temperature: 0 } }, new CancelFlag());
    expect(result.prompt!.text).toMatch(/^<\|fim_prefix\|>const.*<\|fim_suffix\|>;\n<\|fim_middle\|>$/);
    const { folder: measured } = first.describe();
    await first.close();
    const notices: string[] = [];
    const again = await Engine.load(testAddon(), { model: join(folder, name, 'onnx', 'model.onnx'), threads: 1, attention: 'delta', cacheBytes: 1e8, background: false }, (stage) => void (stage === 'measuring' && notices.push(stage)));
    expect(again.describe().folder).toBe(measured);
    expect(notices).toEqual([]);
    await again.close();
  });
});
