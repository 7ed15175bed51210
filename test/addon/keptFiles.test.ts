// What is known after a restart: the same answer to the bit from hardly any work; and no file on the disk, whatever is done to it, that changes one.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BLOCK } from '../../src/binding/addon.ts';
import { KeptBlocks } from '../../src/cache/keptBlocks.ts';
import { RuntimeClient } from '../../src/session/client.ts';
import type { Engine } from '../../src/session/engine.ts';
import type { GenerateResult } from '../../src/session/protocol.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { atOnce } from '../../src/shared/pass.ts';
import { openEngine, TINY_Q8 } from '../support/engine.ts';
import { randomBelow } from '../support/mutate.ts';

const source = readFileSync('src/lexer/lexer.ts', 'utf8').slice(0, 6000);
const folder = mkdtempSync(join(tmpdir(), 'deltallm-kept-'));
const files = (kind: string, of = folder): string[] => (existsSync(join(of, kind)) ? readdirSync(join(of, kind)).sort().map((name) => join(of, kind, name)) : []);
const bytesIn = (of: string): number => ['blocks', 'documents'].flatMap((kind) => files(kind, of)).reduce((sum, file) => sum + statSync(file).size, 0);
const passes = { pass: atOnce, stopped: () => false };

const at = (offset: number, path = '/w/lexer.ts', mayBeKept = true) => ({ path, languageId: 'typescript', before: source.slice(0, offset), after: source.slice(offset), mayBeKept });
const ask = (engine: Engine, snapshot = at(3000), approximate = true): Promise<GenerateResult> =>
  engine.generate({ prompt: { snapshot, promptTokens: 2048 }, max: 12, sampling: { temperature: 0 }, approximate }, new CancelFlag());
const same = (one: GenerateResult, other: GenerateResult): void => {
  expect(one.text).toBe(other.text);
  expect(one.scores).toEqual(other.scores);
};
const keep = (engine: Engine): Promise<void> => engine.keep(new CancelFlag(), atOnce);

async function withEngine<T>(work: (engine: Engine, notices: string[]) => Promise<T>, { of = folder, limitBytes = 1e9, attention = 'delta' as 'delta' | 'dense' } = {}): Promise<T> {
  const notices: string[] = [];
  const engine = await openEngine(TINY_Q8, { kept: { folder: of, limitBytes }, attention }, (text) => notices.push(text));
  try {
    return await work(engine, notices);
  } finally {
    await engine.close();
  }
}

afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => ['blocks', 'documents'].forEach((kind) => rmSync(join(folder, kind), { recursive: true, force: true })));

describe.each(['delta', 'dense'] as const)('after a restart, attention %s', (attention) => {
  it('the first answer is the last one to the bit, and hardly anything is read', async () => {
    const cold = await withEngine(async (engine) => {
      const result = await ask(engine);
      await keep(engine);
      return result;
    }, { attention });
    expect(cold.tokens.computed).toBeGreaterThan(8 * BLOCK);
    await withEngine(async (engine, notices) => {
      const warm = await ask(engine);
      same(warm, cold);
      expect(warm.tokens.prompt).toBe(cold.tokens.prompt);
      expect(warm.tokens.computed - warm.tokens.generated).toBeLessThanOrEqual(BLOCK + 1);
      expect(warm.restored!.tokens).toBe(warm.tokens.reused);
      expect(warm.approximate).toBe(false);
      expect((await ask(engine)).restored).toBeUndefined();
      expect(notices).toEqual([]);
    }, { attention });
  });
});

describe('what lies on the disk', () => {
  it('is nothing of a document that may not be kept', async () => {
    await withEngine(async (engine) => {
      await ask(engine, at(3000, '/elsewhere.ts', false));
      await keep(engine);
      expect(files('blocks')).toEqual([]);
      expect(files('documents')).toEqual([]);
    });
  });

  it('was read strictly, also where an edit far above made the last reading approximate', async () => {
    const edited = { ...at(5600), before: source.slice(0, 5600).replace('lexer', 'reader') };
    await withEngine(async (engine) => {
      await ask(engine, at(5600));
      await ask(engine, edited);
      await keep(engine);
    });
    const cold = await withEngine((engine) => ask(engine, edited), { of: join(folder, 'none') });
    await withEngine(async (engine) => {
      const warm = await ask(engine, edited);
      same(warm, cold);
      // It was read anew before it was written.
      expect(warm.tokens.computed - warm.tokens.generated).toBeLessThanOrEqual(BLOCK + 1);
    });
  });

  it('is written until somebody types, and the rest of it later', async () => {
    await withEngine(async (engine) => {
      await ask(engine);
      let passed = 0;
      const cancel = new CancelFlag();
      await engine.keep(cancel, async (pass) => {
        if (++passed === 3) cancel.set();
        return pass();
      });
      expect(files('blocks').length).toBe(3);
      expect(files('documents')).toEqual([]);
      await keep(engine);
      expect(files('blocks').length).toBeGreaterThan(8);
      expect(files('documents').length).toBe(1);
    });
  });

  it('takes no more room than it may, and the documents used last stay', async () => {
    const one = await withEngine(async (engine) => {
      await ask(engine);
      await keep(engine);
      return bytesIn(folder);
    });
    const limitBytes = 2.5 * one;
    await withEngine(async (engine) => {
      for (let i = 0; i < 4; i++) {
        await ask(engine, { ...at(3000, `/w/${i}.ts`), before: `// ${i}\n${source.slice(0, 3000)}`, after: `// ${i}\n${source.slice(3000)}` }, false);
        await keep(engine);
        // As if it were long ago.
        for (const file of [...files('blocks'), ...files('documents')]) utimesSync(file, statSync(file).atimeMs / 1000, statSync(file).mtimeMs / 1000 - 1000);
        expect(bytesIn(folder)).toBeLessThanOrEqual(limitBytes * 1.01);
      }
    }, { limitBytes });
    const [last, first] = await withEngine(async (engine) => {
      const of = (i: number) => ask(engine, { ...at(3000, `/w/${i}.ts`), before: `// ${i}\n${source.slice(0, 3000)}`, after: `// ${i}\n${source.slice(3000)}` }, false);
      return [await of(3), await of(0)];
    }, { limitBytes });
    expect(last.restored!.tokens).toBeGreaterThan(8 * BLOCK);
    expect(first.restored).toBeUndefined();
  });

  it('goes with "Clear Caches", and when it is switched off', async () => {
    await withEngine(async (engine) => {
      await ask(engine);
      await keep(engine);
      await engine.clearCaches();
      expect(files('blocks')).toEqual([]);
      expect(engine.addon.storeInfo(engine.cache.store).blocks).toBe(0);
      await ask(engine);
      await keep(engine);
      expect(files('blocks').length).toBeGreaterThan(8);
    });
    await withEngine(async (engine) => {
      expect((await ask(engine)).restored).toBeUndefined();
      await keep(engine);
    }, { limitBytes: 0 });
    expect(files('blocks')).toEqual([]);
  });

  it('cannot be written: said once, and nothing else is different', async () => {
    const of = join(folder, 'a-file');
    writeFileSync(of, '');
    await withEngine(async (engine, notices) => {
      const first = await ask(engine);
      await keep(engine);
      await ask(engine);
      await keep(engine);
      expect(notices).toHaveLength(1);
      expect(notices[0]).toContain('ENOTDIR');
      same(await ask(engine), first);
    }, { of });
  });

  it('serves two windows that write and clear at the same time', async () => {
    await withEngine((one) => withEngine(async (other) => {
      const expected = await ask(one);
      await ask(other);
      await Promise.all([keep(one), keep(other)]);
      for (let i = 0; i < 5; i++) {
        await ask(one);
        await Promise.all([keep(one), other.clearCaches(), ask(other)]);
      }
      same(await ask(one), expected);
      same(await ask(other), expected);
      await Promise.all([keep(one), keep(other)]);
      await withEngine(async (third, notices) => {
        same(await ask(third), expected);
        expect(notices).toEqual([]);
      });
    }));
  });

  it('is whole or absent after kill -9', async () => {
    const child = resolve('test/support/keeper.ts');
    for (const after of [0, 3, 11, 40, 90]) {
      const keeper = spawn(process.execPath, ['scripts/bench.mjs', child, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
      const ended = once(keeper, 'exit');
      await once(keeper.stdout, 'data');
      await new Promise((wait) => setTimeout(wait, after));
      keeper.kill('SIGKILL');
      expect(await ended).toEqual([null, 'SIGKILL']);
      const cold = await withEngine((engine) => ask(engine), { of: join(folder, 'none') });
      await withEngine(async (engine, notices) => {
        same(await ask(engine), cold);
        expect(notices).toEqual([]);
        await keep(engine);
        expect(['blocks', 'documents'].flatMap((kind) => readdirSync(join(folder, kind))).filter((name) => name.includes('.partial-'))).toEqual([]);
      });
    }
  });
});

it('the worker keeps what it read, tells what it could not, and a new one finds it', async () => {
  const prompt = { snapshot: at(3000), promptTokens: 2048 };
  const session = async (of: string): Promise<{ result: GenerateResult; notices: string[] }> => {
    const notices: string[] = [];
    const client = RuntimeClient.start(resolve('dist'), { keptFolder: of }, (text) => notices.push(text));
    try {
      await client.call('load', { model: TINY_Q8, threads: 2, attention: 'delta', cacheBytes: 1e9, background: false, kept: { limitBytes: 1e9 } });
      const result = await client.call('generate', { prompt, max: 12, sampling: { temperature: 0 } });
      await client.call('keep', {});
      return { result, notices };
    } finally {
      await client.close();
    }
  };
  const first = await session(folder);
  const second = await session(folder);
  same(second.result, first.result);
  expect(second.result.tokens.computed - second.result.tokens.generated).toBeLessThanOrEqual(BLOCK + 1);
  expect([...first.notices, ...second.notices]).toEqual([]);
  const file = join(folder, 'in-the-way');
  writeFileSync(file, '');
  expect((await session(file)).notices).toEqual([expect.stringContaining('ENOTDIR')]);
});

describe('damaged files', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openEngine(TINY_Q8, {});
  });
  afterAll(() => engine.close());

  it('1,000 of them are ignored with one line in the log each time, and never change an answer', async () => {
    const { cache } = engine;
    const maker = { version: 'test' };
    const int = randomBelow(7);
    const notices: string[] = [];
    const open = (more: Record<string, string> = {}) => new KeptBlocks(cache, { folder, limitBytes: 1e9, notice: (text) => notices.push(text) }, { ...maker, ...more });
    const expected = await ask(engine);
    const tokens = Int32Array.from(engine.lastPrompt('/w/lexer.ts')!);
    expect(await open().keep('name', { tokens, size: 2048, suffix: '' }, passes)).toBe(true);
    const path = cache.strictPath(tokens);
    const bytesOf = (handle: number) => Buffer.from(engine.addon.serializeBlock(cache.store, handle, cache.recipe, 0));
    const blocks = path.map(({ handle }) => bytesOf(handle));
    const foreign = join(folder, 'foreign');
    await new KeptBlocks(cache, { folder: foreign, limitBytes: 1e9 }, { version: 'other' }).keep('name', { tokens, size: 2048, suffix: '' }, passes);

    for (let i = 0; i < 1000; i++) {
      const all = [...files('blocks'), ...files('documents')];
      const file = all[int(all.length)];
      const whole = readFileSync(file);
      const damaged = Buffer.from(whole);
      switch (i % 5) {
        case 0: damaged[int(damaged.length)] ^= 1 << int(8); break;
        case 1: damaged.fill(int(256), int(damaged.length - 40)); break;
        case 2: file.endsWith('.json') ? damaged.write('#') : damaged.writeUInt32LE(1 + 2 * int(5), 8); break; // another version of the format
        case 3: file.endsWith('.json') ? damaged.write('#') : readFileSync(files('blocks', foreign)[0]).copy(damaged); break; // another recipe, a whole file of it
        default:
      }
      writeFileSync(file, i % 5 === 4 ? damaged.subarray(0, int(damaged.length)) : damaged);
      notices.length = 0;
      cache.clear();
      const found = await open().restore('name', passes);
      const isSame = Buffer.compare(whole, damaged) === 0 && i % 5 !== 4;
      expect(notices.length, `damage ${i}`).toBe(isSame ? 0 : 1);
      cache.strictPath(tokens).forEach(({ handle }, k) => expect(bytesOf(handle).equals(blocks[k]), `damage ${i}, block ${k}`).toBe(true));
      expect(cache.strictPath(tokens).length).toBe((found?.tokens ?? 0) / BLOCK);
      expect(cache.known(tokens, { approximate: true })).toBe(cache.known(tokens));
      if (i % 50 < 5) same(await ask(engine), expected);
      expect(existsSync(file)).toBe(isSame);
      writeFileSync(file, whole);
    }
  });

  it('one under another name is not what that name says', async () => {
    const { cache } = engine;
    const notices: string[] = [];
    const kept = new KeptBlocks(cache, { folder, limitBytes: 1e9, notice: (text) => notices.push(text) }, {});
    await ask(engine);
    const tokens = Int32Array.from(engine.lastPrompt('/w/lexer.ts')!);
    await kept.keep('name', { tokens, size: 2048, suffix: '' }, passes);
    const [one, other] = files('blocks').filter((name) => name.endsWith('.near'));
    renameSync(one, `${one}.aside`);
    renameSync(other, one);
    renameSync(`${one}.aside`, other);
    cache.clear();
    const found = await kept.restore('name', passes);
    expect(found!.tokens).toBeLessThan(tokens.length - BLOCK);
    expect(notices).toHaveLength(1);
  });

  it('another version, other kernels: nothing is found, and nothing is said', async () => {
    const { cache } = engine;
    const notices: string[] = [];
    await ask(engine);
    const tokens = Int32Array.from(engine.lastPrompt('/w/lexer.ts')!);
    const open = (maker: Record<string, string>) => new KeptBlocks(cache, { folder, limitBytes: 1e9, notice: (text) => notices.push(text) }, maker);
    await open({ kernels: 'avx2' }).keep('name', { tokens, size: 2048, suffix: '' }, passes);
    expect(await open({ kernels: 'scalar' }).restore('name', passes)).toBeUndefined();
    expect(notices).toEqual([]);
  });
});
