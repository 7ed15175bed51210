// A GGUF is used as it is; what is measured of it is kept in a small folder that is whole or absent, and every small model runs.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, promises as fs, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { readMeasured } from '../../src/model/measured.ts';
import { readManifest, type Manifest } from '../../src/model/manifest.ts';
import { BASIS } from '../../src/model/measure/method.ts';
import { RuntimeClient } from '../../src/session/client.ts';
import { Engine } from '../../src/session/engine.ts';
import type { LoadOptions } from '../../src/session/protocol.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { CLI, listing, run } from '../support/cli.ts';
import { measuredInto, openEngine, testAddon } from '../support/engine.ts';
import { until } from '../support/until.ts';
import { presets, writeRandomLlama, type RandomLlama } from '../support/writeGguf.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-measured-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const SMALL: RandomLlama = { ...presets.tiny, vocabulary: 300, context: 256 };

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
    manifest = await measuredInto(out, path, { progress: (stage, share) => progress.push([stage, share]) });
  });

  it('leaves nothing but the folder, which says what it is', async () => {
    expect(readdirSync(folder).filter((entry) => entry.includes('.partial-'))).toEqual([]);
    expect(await readManifest(out)).toEqual(JSON.parse(JSON.stringify(manifest)));
    expect(listing(out).sort()).toEqual(['delta-compact.f32', 'delta.f32', 'manifest.json']);
    expect(listing(out).reduce((sum, name) => sum + statSync(join(out, name)).size, 0)).toBeLessThan(100_000);
    expect(manifest.delta.keySparsity.length).toBe(shape.layers);
    expect(manifest.rope.factors?.length).toBe(shape.ropeFactors ? manifest.rope.rotated / 2 : undefined);
  });

  it('tells of its progress, stage by stage, never backwards', () => {
    const stages = progress.map(([stage]) => stage).filter((stage, i, all) => stage !== all[i - 1]);
    expect(stages).toEqual(['loading', 'measuring']);
    for (const [i, [stage, share]] of progress.entries()) {
      expect(share).toBeGreaterThanOrEqual(progress[i - 1]?.[0] === stage ? progress[i - 1][1] : 0);
      expect(share).toBeLessThanOrEqual(1);
    }
  });

  it('generates and completes', async () => {
    const engine = await openEngine(out, { threads: 1, cacheBytes: 1e8 });
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

describe('a model that is measured on texts', () => {
  const path = join(folder, 'on-texts.gguf');
  const out = join(folder, 'on-texts');
  const texts = ['src/cache', 'src/prompt', 'src/lexer', 'src/chat', 'src/session', 'src/completion'].flatMap((name) => ['--texts', name]);
  beforeAll(() => void writeRandomLlama(path, { ...SMALL, context: 512 }));

  it('codes keys in a basis: all bases lie in the folder, and are read again', async () => {
    const { code, stderr } = await run(['import', path, '--out', out, ...texts]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const found = await readMeasured(out);
    if (typeof found === 'string') throw new Error(found);
    const { manifest: { delta, shape }, tables } = found;
    expect(delta.basis).toBeDefined();
    expect(delta.tokens).toBeGreaterThanOrEqual(6 * 512);
    expect(listing(out)).toContain('basis.f32');
    for (const mode of ['delta', 'compact'] as const) for (const { basis } of tables[mode]) expect(basis).toHaveLength(shape.kvHeads * shape.keyLength ** 2);
    expect(tables.compact[0].basis).toEqual(tables.delta[0].basis);
    expect([delta.windowMin, delta.windowMax]).toEqual([4, 4]);
    const balanced = delta.keySparsity.reduce((a, b) => a + b, 0) / shape.layers;
    expect(balanced).toBeCloseTo(BASIS.shared.balanced, 1);
    const generated = await run(['generate', '--model', out, '--prompt', 'const a = '.repeat(45), '--max', '8', '--json']);
    expect(generated.code).toBe(0);
  });

  it('takes the zeros that are asked for', async () => {
    const asked = join(folder, 'on-texts-asked');
    const { code, stderr } = await run(['import', path, '--out', asked, ...texts, '--zeros', '50,65']);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const found = await readMeasured(asked);
    if (typeof found === 'string') throw new Error(found);
    const { delta, shape } = found.manifest;
    const mean = (shares: number[]): number => shares.reduce((a, b) => a + b, 0) / shape.layers;
    expect(mean(delta.keySparsity)).toBeCloseTo(0.5, 1);
    expect(mean(delta.compactSparsity)).toBeCloseTo(0.65, 1);
  });

  it('is measured again where its bases are damaged, and says so', async () => {
    const file = join(out, 'basis.f32');
    const bytes = await fs.readFile(file);
    const manifest = JSON.parse(await fs.readFile(join(out, 'manifest.json'), 'utf8')) as Manifest;
    expect(manifest.files['basis.f32'].bytes).toBe(bytes.length);
    await fs.writeFile(file, bytes.map((byte, i) => (i === 40 ? byte ^ 1 : byte)));
    expect(await readMeasured(out)).toBe('basis.f32 holds other bytes than were written');
    await fs.rm(file);
    expect(await readMeasured(out)).toBe('basis.f32 is missing');
    const zeros = Buffer.alloc(bytes.length);
    await fs.writeFile(file, zeros);
    await fs.writeFile(join(out, 'manifest.json'), JSON.stringify({ ...manifest, files: { ...manifest.files, 'basis.f32': { bytes: zeros.length, sha1: createHash('sha1').update(zeros).digest('hex') } } }));
    expect(await readMeasured(out)).toBe('basis.f32 holds unusable numbers');
  });

  it('needs a folder to be kept in, folders that exist, and text enough', async () => {
    for (const [args, message] of [[['--texts', 'src'], /--texts goes with --out/], [['--zeros', '60,80'], /--zeros goes with --texts/], [['--out', join(folder, 'no'), '--texts', 'src', '--zeros', '80,60'], /--zeros takes two per cents/], [['--out', join(folder, 'no'), '--texts', join(folder, 'nowhere')], /nowhere/], [['--out', join(folder, 'no'), '--texts', 'models/calibration'], /too few source files/]] as const) {
      const { code, stderr } = await run(['import', path, ...args]);
      expect(code).not.toBe(0);
      expect(stderr).toMatch(message);
    }
    expect(existsSync(join(folder, 'no'))).toBe(false);
  });
});

describe('a model that was measured in a hurry', () => {
  const path = join(folder, 'hurried.gguf');
  const cache = join(folder, 'hurried-cache');
  const options: LoadOptions = { model: path, threads: 1, attention: 'delta', cacheBytes: 1e8, background: false };
  const own = process.env.DELTALLM_CACHE;
  beforeAll(() => void writeRandomLlama(path, SMALL));
  beforeEach(() => void (process.env.DELTALLM_CACHE = cache));
  afterEach(() => void (process.env.DELTALLM_CACHE = own));

  /** As a large model is at its first start. */
  async function hurried(): Promise<{ kept: string; tokens: () => number; tables: () => Buffer }> {
    await fs.rm(cache, { recursive: true, force: true });
    const engine = await Engine.load(testAddon(), options);
    const { folder: kept } = engine.describe();
    expect(engine.isRough).toBe(false);
    await engine.close();
    const file = join(kept, 'manifest.json');
    const manifest = () => JSON.parse(readFileSync(file, 'utf8')) as Manifest;
    writeFileSync(file, JSON.stringify({ ...manifest(), delta: { ...manifest().delta, tokens: 100 } }));
    writeFileSync(join(kept, 'confidence.json'), '{}');
    return { kept, tokens: () => manifest().delta.tokens, tables: () => readFileSync(join(kept, 'delta.f32')) };
  }

  it('is measured again while nobody waits, for the next start; a cancelled attempt changes nothing', async () => {
    const { kept, tokens, tables } = await hurried();
    const before = tables();
    const engine = await Engine.load(testAddon(), options);
    try {
      const { recipe } = engine.describe();
      expect(engine.isRough).toBe(true);
      const cancel = new CancelFlag();
      let passes = 0;
      await engine.refine(cancel, (work) => (++passes === 3 && cancel.set(), work()));
      expect([passes, engine.isRough, tokens()]).toEqual([3, true, 100]);
      passes = 0;
      await engine.refine(new CancelFlag(), (work) => (passes++, work()));
      // Of reading, and of every layer's tables.
      expect(passes).toBeGreaterThan(SMALL.layers! * 3);
      expect([engine.isRough, engine.describe().recipe, tokens()]).toEqual([false, recipe, 256]);
    } finally {
      await engine.close();
    }
    expect(readFileSync(join(kept, 'confidence.json'), 'utf8')).toBe('{}');
    // The same text as before it was said to be less.
    expect(tables().equals(before)).toBe(true);
    expect(readdirSync(dirname(kept)).filter((name) => name.includes('.partial-'))).toEqual([]);
    const next = await Engine.load(testAddon(), options);
    expect(next.isRough).toBe(false);
    await next.close();
  });

  it('is not tried again where it cannot be kept, and goes on as it is', async () => {
    const { tokens } = await hurried();
    const engine = await Engine.load(testAddon(), options);
    vi.spyOn(fs, 'mkdir').mockRejectedValue(Object.assign(new Error('full'), { code: 'ENOSPC' }));
    await expect(engine.refine(new CancelFlag(), (work) => work())).rejects.toMatchObject({ code: 'diskFull' });
    vi.restoreAllMocks();
    expect([engine.isRough, tokens()]).toEqual([false, 100]);
    expect((await engine.generate({ prompt: { text: 'const a = ' }, max: 4, sampling: { temperature: 0 } }, new CancelFlag())).tokens.prompt).toBeGreaterThan(0);
    await engine.close();
  });

  it('is measured again by the worker once it is quiet', async () => {
    const { tokens } = await hurried();
    const client = RuntimeClient.start(resolve('dist'));
    try {
      await client.call('load', { ...options, background: true });
      // The folder is absent for a moment while another takes its place.
      await until(() => expect(tokens()).toBe(256));
    } finally {
      await client.close();
    }
  });
});

describe('measuring that does not end well', () => {
  const path = join(folder, 'interrupted.gguf');
  const out = join(folder, 'interrupted');
  const partials = () => readdirSync(folder).filter((name) => name.startsWith('interrupted.partial-'));
  beforeAll(() => void writeRandomLlama(path, { ...SMALL, layers: 16, hidden: 256, vocabulary: 2000 }));

  /** Starts to measure and ends it by the signal while it does. */
  async function interrupt(signal: NodeJS.Signals): Promise<number | null> {
    const child = spawn(process.execPath, [CLI, 'import', path, '--out', out], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, DELTALLM_PROGRESS: 'lines' } });
    const ended = new Promise<number | null>((done) => child.on('exit', done));
    await once(child.stderr, 'data'); // its progress
    child.kill(signal);
    return ended;
  }

  it('is ended by Ctrl+C and by being killed, and leaves nothing', async () => {
    expect(await interrupt('SIGINT')).toBe(130);
    await interrupt('SIGKILL');
    expect(existsSync(out)).toBe(false);
    expect(partials()).toEqual([]);
  });

  it('takes what dead ones left away', async () => {
    const dead = join(folder, `interrupted.partial-${'0'.repeat(8)}-1-0-${'0'.repeat(8)}`);
    await fs.mkdir(dead);
    await fs.utimes(dead, new Date(0), new Date(0));
    expect(await run(['import', path, '--out', out])).toMatchObject({ code: 0 });
    expect(partials()).toEqual([]);
    expect((await readManifest(out)).shape.layers).toBe(16);
  });

  it.each([['mkdir', 'EROFS', 'folderNotWritable'], ['mkdir', 'EACCES', 'folderNotWritable'], ['writeFile', 'ENOSPC', 'diskFull'], ['rename', 'EDQUOT', 'diskFull']] as const)('says why %s failed (%s) and leaves nothing', async (call, reason, code) => {
    const never = join(folder, 'never');
    const spy = vi.spyOn(fs, call).mockRejectedValue(Object.assign(new Error(reason), { code: reason }));
    await expect(measuredInto(join(never, 'model'), path)).rejects.toMatchObject({ name: 'DeltaError', code });
    spy.mockRestore();
    expect(listing(never)).toEqual([]);
  });

  it('is no reason not to use a model, in one line, where it happens in the cache', async () => {
    const cache = join(folder, 'no-folder');
    await fs.writeFile(cache, 'a file is in the way');
    const { code, stdout, stderr } = await run(['generate', '--model', path, '--prompt', 'abc', '--max', '4'], { cache });
    expect({ code, some: stdout.length > 0 }).toEqual({ code: 0, some: true });
    expect(stderr).toMatch(/^deltallm: What was measured of [^\n]+ could not be kept: it is measured again at the next start\. [^\n]+\n$/);
  });

  it('is an error where nothing else was wanted', async () => {
    const cache = join(folder, 'no-folder-either');
    await fs.writeFile(cache, 'a file is in the way');
    const { code, stdout, stderr } = await run(['import', path], { cache });
    expect({ code, stdout: stdout.toString() }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^deltallm: [^\n]+ cannot be written \(E\w+\)[^\n]*\n$/);
  });

  it('is no matter when two measure the same file at once', async () => {
    const cache = mkdtempSync(join(folder, 'cache-'));
    const results = await Promise.all([1, 2].map(() => run(['generate', '--model', path, '--prompt', 'abc', '--max', '4'], { cache })));
    expect(results.map(({ code, stderr }) => [code, stderr])).toEqual([[0, ''], [0, '']]);
    expect(results[0].stdout).toEqual(results[1].stdout);
    const [only, ...others] = readdirSync(join(cache, 'models'));
    expect(others).toEqual([]);
    expect((await readManifest(join(cache, 'models', only))).shape.layers).toBe(16);
  });
});
