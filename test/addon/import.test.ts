// Import: what is stored decodes to what the GGUF holds, folders are whole or absent, and every small model runs.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, promises as fs, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readArchitecture, TensorSource } from '../../src/model/import/architecture.ts';
import { readGguf } from '../../src/model/import/gguf.ts';
import { importModel } from '../../src/model/import/importModel.ts';
import { writeHead } from '../../src/model/import/llama.ts';
import { SegmentWriter } from '../../src/model/import/segmentWriter.ts';
import { FORMATS } from '../../src/model/import/weightFormats.ts';
import { readManifest, type Manifest } from '../../src/model/manifest.ts';
import { Rows, Segment } from '../../src/model/segment.ts';
import { Engine } from '../../src/session/engine.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { CLI, listing, run } from '../support/cli.ts';
import { testAddon } from '../support/engine.ts';
import { readWeights } from '../support/readOnnx.ts';
import { presets, writeRandomLlama, type RandomLlama } from '../support/writeGguf.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-import-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const SMALL: RandomLlama = { ...presets.tiny, vocabulary: 300, context: 256 };
const options = (progress?: (stage: string, share: number) => void) => ({ addon: testAddon(), threads: 1, progress });

const SHAPES: [string, RandomLlama][] = [
  ...(['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0'] as const).map((type): [string, RandomLlama] => [`${type}, tied`, { ...SMALL, type }]),
  ['Q8_0, untied', { ...SMALL, type: 'Q8_0', tied: false }],
  ['F16, untied, with RoPE factors', { ...SMALL, tied: false, ropeFactors: true }],
  ['Q4_0, with RoPE factors', { ...SMALL, type: 'Q4_0', ropeFactors: true, ropeBase: 500_000 }],
  ['F32, sizes that are multiples of nothing', { ...SMALL, type: 'F32', hidden: 42, heads: 3, kvHeads: 1, headDim: 14, ffn: 50, vocabulary: 301 }],
  ['F16, one layer, one head', { ...SMALL, layers: 1, hidden: 36, heads: 1, kvHeads: 1, headDim: 36, ffn: 40, vocabulary: 277 }],
  ['Q8_0, wide heads', { ...SMALL, type: 'Q8_0', hidden: 96, heads: 3, kvHeads: 3, headDim: 64, ffn: 96, vocabulary: 290 }],
];

describe.each(SHAPES)('a model of %s', (name, shape) => {
  const path = join(folder, `${name.replace(/\W+/g, '-')}.gguf`);
  const out = path.replace('.gguf', '');
  const progress: [string, number][] = [];
  let manifest: Manifest;

  beforeAll(async () => {
    writeRandomLlama(path, shape);
    manifest = await importModel(path, out, options((stage, share) => progress.push([stage, share])));
  });

  it('is stored without loss, query and key rows from adjacent to half-split pairs', async () => {
    const file = await readGguf(path);
    const arch = readArchitecture(file);
    const bytes = readFileSync(path);
    const values = (tensor: string): Float32Array => {
      const { offset, bytes: length, type, shape: dims } = file.tensors.get(tensor)!;
      const all = new Float32Array(dims.reduce((a, b) => a * b));
      type.dequantize(bytes.subarray(offset, offset + length), all.length, all, 0);
      return all;
    };
    /** The rule of the specification, written out: of each head, first the even rows, then the odd ones. */
    const halfSplit = (matrix: Float32Array, length: number, columns: number) => {
      const rows = Array.from({ length: matrix.length / columns }, (_, r) => matrix.subarray(r * columns, (r + 1) * columns));
      const heads = Array.from({ length: rows.length / length }, (_, h) => rows.slice(h * length, (h + 1) * length));
      return heads.flatMap((head) => [...head.filter((_, i) => i % 2 === 0), ...head.filter((_, i) => i % 2 === 1)]).flatMap((row) => [...row]);
    };
    const { hidden, layers, keyLength } = arch.shape;
    for (let i = 0; i <= layers; i++) {
      const { matrices, vectors } = readWeights(join(out, manifest.segments[i]));
      if (i < layers) {
        const blk = (what: string) => values(`blk.${i}.${what}.weight`);
        expect(matrices.get('qkv')).toEqual(Float32Array.from([...halfSplit(blk('attn_q'), keyLength, hidden), ...halfSplit(blk('attn_k'), keyLength, hidden), ...blk('attn_v')]));
        expect(vectors.get('attn_norm')).toEqual(blk('attn_norm'));
      }
      if (i === 0) continue;
      const blk = (what: string) => values(`blk.${i - 1}.${what}.weight`);
      for (const [output, what] of [['projected', 'attn_output'], ['down', 'ffn_down']]) expect(matrices.get(output)).toEqual(blk(what));
      expect(matrices.get('gate_up')).toEqual(Float32Array.from([...blk('ffn_gate'), ...blk('ffn_up')]));
      expect(vectors.get('ffn_norm')).toEqual(blk('ffn_norm'));
    }
    const head = readWeights(join(out, manifest.head.file));
    expect(head.vectors.get('output_norm')).toEqual(values('output_norm.weight'));
    if (manifest.head.format === manifest.head.table[0].format) expect(head.matrices.get('logits')).toEqual(values(shape.tied ? 'token_embd.weight' : 'output.weight'));
    const embedding = file.tensors.get('token_embd.weight')!;
    expect(readFileSync(join(out, 'embedding.bin')).equals(bytes.subarray(embedding.offset, embedding.offset + embedding.bytes))).toBe(true);
    expect(manifest.rope.factors).toEqual(shape.ropeFactors ? [...values('rope_freqs.weight')] : undefined);
  });

  it('leaves nothing but the folder, which says what it is', async () => {
    expect(readdirSync(folder).filter((entry) => entry.includes('.partial-'))).toEqual([]);
    expect(await readManifest(out)).toEqual(JSON.parse(JSON.stringify(manifest)));
    expect(listing(out).filter((entry) => entry.includes('head-')).length).toBe(2);
    expect(manifest.delta.keySparsity.length).toBe(shape.layers);
  });

  it('tells of its progress, stage by stage, never backwards', () => {
    const stages = progress.map(([stage]) => stage).filter((stage, i, all) => stage !== all[i - 1]);
    expect(stages).toEqual(['checking', 'converting', 'measuring', 'calibrating', 'choosing a head', 'comparing the prefill lane']);
    for (const [i, [stage, share]] of progress.entries()) {
      expect(share).toBeGreaterThanOrEqual(progress[i - 1]?.[0] === stage ? progress[i - 1][1] : 0);
      expect(share).toBeLessThanOrEqual(1);
    }
  });

  it('generates and completes', async () => {
    const engine = await Engine.load(testAddon(), { model: out, threads: 1, attention: 'delta', cacheBytes: 1e8, background: false });
    try {
      const plain = await engine.generate({ prompt: { text: 'const a = ' }, max: 8, sampling: { temperature: 0 } }, new CancelFlag());
      expect(plain.tokens.prompt).toBeGreaterThan(0);
      const atCursor = await engine.generate({ prompt: { snapshot: { path: '/a.ts', languageId: 'typescript', before: 'function f() {\n  return ', after: ';\n}\n' } }, max: 8, sampling: { temperature: 0 } }, new CancelFlag());
      expect(['end', 'stop', 'length', 'context']).toContain(atCursor.reason);
    } finally {
      await engine.close();
    }
  });
});

describe('a head that is too large for one tensor', () => {
  it.each(['f32', 'q8b32', 'q4b32'] as const)('is sliced, in format %s, and gives the same logits', async (format) => {
    const path = join(folder, 'sliced.gguf');
    writeRandomLlama(path, { ...SMALL, type: 'F32', vocabulary: 301 });
    const file = await readGguf(path);
    const arch = readArchitecture(file);
    const input = await fs.open(path);
    const logits: Float32Array[] = [];
    try {
      mkdirSync(join(folder, 'heads'), { recursive: true });
      for (const most of [1 << 30, 5_000]) {
        await writeHead((name) => SegmentWriter.open(folder, name, input, () => {}, most), `heads/${format}-${most}`, arch, new TensorSource(file), FORMATS[format]);
        const graph = join(folder, `heads/${format}-${most}.onnx`);
        expect(readWeights(graph).operators.includes('Concat')).toBe(most === 5_000);
        const segment = await Segment.load(graph, 1);
        const [from, to] = [new Rows(3, arch.shape.hidden), new Rows(3, arch.shape.vocabulary)];
        from.data.forEach((_, i) => (from.data[i] = Math.sin(i)));
        await segment.run({ hidden: from }, { logits: to }, 3);
        await segment.release();
        logits.push(to.data.slice());
      }
    } finally {
      await input.close();
    }
    const largest = logits[0].reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    logits[1].forEach((x, i) => expect(Math.abs(x - logits[0][i])).toBeLessThanOrEqual(1e-5 * largest));
  });
});

describe('an import that does not end well', () => {
  const path = join(folder, 'interrupted.gguf');
  const out = join(folder, 'interrupted');
  const partials = () => readdirSync(folder).filter((name) => name.startsWith('interrupted.partial-'));
  beforeAll(() => void writeRandomLlama(path, { ...SMALL, layers: 8, hidden: 128, vocabulary: 2000 }));

  /** Starts an import and ends it by the signal as soon as its partial folder is there. */
  async function interrupt(signal: NodeJS.Signals): Promise<{ pid: number; code: number | null }> {
    const child = spawn(process.execPath, [CLI, 'import', path, '--out', out], { stdio: 'ignore' });
    const ended = new Promise<number | null>((done) => child.on('exit', done));
    while (partials().length === 0 && child.exitCode === null) await new Promise((next) => setImmediate(next));
    child.kill(signal);
    return { pid: child.pid!, code: await ended };
  }

  it('is ended by Ctrl+C and leaves nothing', async () => {
    expect((await interrupt('SIGINT')).code).toBe(130);
    expect(existsSync(out)).toBe(false);
    expect(partials()).toEqual([]);
  });

  it('leaves only its partial folder when it is killed, and the next one removes that', async () => {
    const { pid } = await interrupt('SIGKILL');
    expect(existsSync(out)).toBe(false);
    expect(partials()).toEqual([expect.stringMatching(new RegExp(`^interrupted\\.partial-[0-9a-f]{8}-${pid}-\\d+-[0-9a-f]{8}$`))]);
    expect(await run(['import', path, '--out', out])).toMatchObject({ code: 0 });
    expect(partials()).toEqual([]);
    expect((await readManifest(out)).shape.layers).toBe(8);
  });

  it.each([['mkdir', 'EROFS', 'folderNotWritable'], ['mkdir', 'EACCES', 'folderNotWritable'], ['writeFile', 'ENOSPC', 'diskFull'], ['rename', 'EDQUOT', 'diskFull']] as const)('says why %s failed (%s) and leaves nothing', async (call, reason, code) => {
    const never = join(folder, 'never');
    const spy = vi.spyOn(fs, call).mockRejectedValue(Object.assign(new Error(reason), { code: reason }));
    await expect(importModel(path, join(never, 'model'), options())).rejects.toMatchObject({ name: 'DeltaError', code });
    spy.mockRestore();
    expect(listing(never)).toEqual([]);
  });

  it('is no matter when two import the same file at once', async () => {
    const cache = mkdtempSync(join(folder, 'cache-'));
    const results = await Promise.all([1, 2].map(() => run(['generate', '--model', path, '--prompt', 'abc', '--max', '4'], { cache })));
    expect(results.map(({ code, stderr }) => [code, stderr])).toEqual([[0, ''], [0, '']]);
    expect(results[0].stdout).toEqual(results[1].stdout);
    const [only, ...others] = readdirSync(join(cache, 'models'));
    expect(others).toEqual([]);
    expect((await readManifest(join(cache, 'models', only))).shape.layers).toBe(8);
  });
});
