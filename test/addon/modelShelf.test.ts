// What was measured of models, in the cache: found by what their GGUF holds, measured again when it is damaged, shared by processes that cannot see each other, and removed when nobody can use it.
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMeasured } from '../../src/model/measured.ts';
import { METHOD_NUMBER } from '../../src/model/measure/method.ts';
import { markUsed, tidy } from '../../src/model/shelf.ts';
import { check, CLI, listing, run, succeed } from '../support/cli.ts';
import { presets, writeRandomLlama } from '../support/writeGguf.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-shelf-'));
const file = (name: string) => join(folder, name);
const gguf = file('small.gguf');
const prepared = file('prepared');
const SHAPE = { ...presets.tiny, layers: 2, vocabulary: 300, context: 128, type: 'Q8_0' as const };
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SAID = /^deltallm: What was measured of the model cannot be used \(small-[0-9a-f]{12}: [^\n]+\): it is measured again\.\n$/;
const generate = (model: string, ...more: string[]) => ['generate', '--model', model, '--prompt', 'abc', '--max', '4', ...more];
let text: Buffer;
let caches = 0;

/** A cache of its own that holds what was measured. */
function freshCache(): { cache: string; measured: string } {
  const cache = file(`cache-${caches++}`);
  cpSync(prepared, cache, { recursive: true });
  return { cache, measured: join(cache, 'models', readdirSync(join(cache, 'models'))[0]) };
}

beforeAll(async () => {
  writeRandomLlama(gguf, SHAPE);
  text = await succeed(generate(gguf), { cache: prepared });
});

describe('a folder that was damaged', () => {
  const NAMES = ['manifest.json', 'delta.f32', 'delta-compact.f32'];
  const DAMAGES: [string, (path: string) => void][] = [
    ['deleted', (path) => rmSync(path)],
    ['emptied', (path) => truncateSync(path, 0)],
    ['halved', (path) => truncateSync(path, statSync(path).size >> 1)],
    ['filled with zeros', (path) => writeFileSync(path, Buffer.alloc(statSync(path).size))],
  ];

  const every = NAMES.flatMap((name) => DAMAGES.map(([how, damage]) => [name, how, damage] as const));

  it.each(every)('(%s %s) is noticed', async (name, _, damage) => {
    const { measured } = freshCache();
    damage(join(measured, name));
    expect(await readMeasured(measured)).toEqual(expect.any(String));
  });

  // The kinds of files and the kinds of damage, each at least once.
  const some = every.filter((_, i) => i % 4 !== 2);
  it.each(some)('(%s %s) is made again, which is said in one line, and is whole from then on', async (name, _, damage) => {
    const { cache, measured } = freshCache();
    damage(join(measured, name));
    const first = await run(generate(gguf), { cache });
    expect(first).toMatchObject({ code: 0, stderr: expect.stringMatching(SAID) as string });
    expect(first.stdout.equals(text)).toBe(true);
    expect((await succeed(generate(gguf), { cache })).equals(text)).toBe(true);
    expect(readdirSync(join(cache, 'models'))).toEqual(readdirSync(join(prepared, 'models')));
  });

  it('in a byte, or in everything, is measured again too', async () => {
    const { cache, measured } = freshCache();
    const tables = join(measured, 'delta.f32');
    const bytes = readFileSync(tables);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(tables, bytes);
    expect((await run(generate(gguf), { cache })).stderr).toContain('delta.f32 holds other bytes than were written');
    for (const name of listing(measured)) if (statSync(join(measured, name)).isFile()) rmSync(join(measured, name));
    expect(await run(generate(gguf), { cache })).toMatchObject({ code: 0, stderr: expect.stringContaining('it has no manifest.json') as string });
    expect((await succeed(generate(gguf), { cache })).equals(text)).toBe(true);
  });

  it('is made again by import', async () => {
    const { cache, measured } = freshCache();
    rmSync(join(measured, 'manifest.json'));
    expect(await run(['import', gguf], { cache })).toMatchObject({ code: 0, stderr: expect.stringContaining(': it has no manifest.json): it is measured again.') as string });
    expect((await succeed(generate(gguf), { cache })).equals(text)).toBe(true);
  });

  it('is made again by import --out, but nothing else is replaced', async () => {
    const out = file('out');
    expect(await run(['import', gguf, '--out', out])).toMatchObject({ code: 0 });
    await check(['import', gguf, '--out', out], 'exists already', { code: 2 });
    for (const damage of [() => rmSync(join(out, 'manifest.json'))]) {
      damage();
      await check(generate(out), 'is no folder of what was measured');
      expect(await run(['import', gguf, '--out', out])).toMatchObject({ code: 0, stderr: expect.stringContaining(`The model folder ${out} was damaged`) as string });
      expect((await succeed(generate(out))).equals(text)).toBe(true);
    }
    rmSync(join(out, 'manifest.json'));
    writeFileSync(join(out, 'notes.txt'), 'mine');
    await check(['import', gguf, '--out', out], 'exists already', { code: 2 });
    expect(readFileSync(join(out, 'notes.txt'), 'utf8')).toBe('mine');
  });

  it('that was given itself is measured again too, where it lies', async () => {
    const out = file('given');
    expect(await run(['import', gguf, '--out', out])).toMatchObject({ code: 0 });
    truncateSync(join(out, 'delta.f32'), 7);
    expect(await run(generate(out))).toMatchObject({ code: 0, stderr: expect.stringContaining('delta.f32 has 7 bytes instead of') as string });
    expect((await succeed(generate(out))).equals(text)).toBe(true);
  });
});

describe('the cache knows a model by what it holds', () => {
  const models = (cache: string) => readdirSync(join(cache, 'models'));
  const made = (cache: string) => statSync(join(cache, 'models', models(cache)[0], 'manifest.json')).mtimeMs;

  it('after touch, under another name, by a link, and as a copy', async () => {
    const { cache } = freshCache();
    const before = made(cache);
    utimesSync(gguf, new Date(), new Date(Date.now() - 5000));
    const copy = file('other-name.gguf');
    copyFileSync(gguf, copy);
    const link = file('link.gguf');
    symlinkSync(gguf, link);
    for (const path of [gguf, copy, link]) expect((await succeed(generate(path), { cache })).equals(text)).toBe(true);
    expect(models(cache).length).toBe(1);
    expect(made(cache)).toBe(before);
  });

  it('and not by its size and header', async () => {
    const { cache } = freshCache();
    const changed = file('changed.gguf');
    const bytes = readFileSync(gguf);
    bytes[bytes.length - 3] ^= 1;
    writeFileSync(changed, bytes);
    utimesSync(changed, statSync(gguf).atime, statSync(gguf).mtime);
    await succeed(generate(changed), { cache });
    expect(models(cache).length).toBe(2);
  });
});

describe('of the cache is removed', () => {
  it('what has no source any more, when another model is measured', async () => {
    const { cache } = freshCache();
    const gone = file('gone.gguf');
    const moved = file('moved.gguf');
    writeRandomLlama(gone, { ...SHAPE, seed: 5 });
    await succeed(generate(gone), { cache });
    rmSync(gone);
    const other = file('other.gguf');
    writeRandomLlama(other, { ...SHAPE, context: 256 });
    await succeed(generate(other), { cache });
    expect(readdirSync(join(cache, 'models')).map((name) => name.replace(/-[0-9a-f]{12}$/, '')).sort()).toEqual(['other', 'small']);
    renameSync(other, moved);
    await succeed(generate(moved), { cache });
    expect(readdirSync(join(cache, 'models')).length).toBe(2);
  });

  it('what an older version made, what none finished, and what dead ones left; nothing of anybody else', async () => {
    const models = file('models');
    const { measured } = freshCache();
    const shelf = (name: string, change: (folder: string) => void) => {
      cpSync(measured, join(models, name), { recursive: true });
      change(join(models, name));
    };
    const manifestWith = (changes: object) => (at: string) => writeFileSync(join(at, 'manifest.json'), JSON.stringify({ ...JSON.parse(readFileSync(join(at, 'manifest.json'), 'utf8')) as object, ...changes }));
    shelf('kept-000000000001', () => {});
    shelf('old-000000000002', manifestWith({ method: 4 }));
    shelf('older-000000000003', manifestWith({ method: undefined, converter: 5 }));
    shelf('newer-000000000004', manifestWith({ method: 99 }));
    shelf('unfinished-000000000005', (at) => rmSync(join(at, 'manifest.json')));
    shelf('mine', (at) => {
      rmSync(join(at, 'manifest.json'));
      writeFileSync(join(at, 'notes.txt'), 'mine');
    });
    shelf(`x.partial-${'0'.repeat(8)}-1-0-${'0'.repeat(8)}`, (at) => utimesSync(at, new Date(0), new Date(0)));
    shelf('y.partial-12345', (at) => utimesSync(at, new Date(0), new Date(0)));
    shelf(`z.partial-${'0'.repeat(8)}-1-0-${'1'.repeat(8)}`, () => {});
    writeFileSync(join(models, 'file.txt'), '');
    await tidy(models, { keep: '', method: METHOD_NUMBER });
    expect(readdirSync(models).sort()).toEqual(['file.txt', 'kept-000000000001', 'mine', 'newer-000000000004', `z.partial-${'0'.repeat(8)}-1-0-${'1'.repeat(8)}`]);
  });

  it('beyond the limit, what was not used for longest; never what is in use', async () => {
    const models = file('limited');
    const { measured } = freshCache();
    const names = ['a-000000000001', 'b-000000000002', 'c-000000000003', 'd-000000000004'];
    for (const [i, name] of names.entries()) {
      cpSync(measured, join(models, name), { recursive: true });
      await markUsed(join(models, name), gguf);
      const used = new Date(Date.now() - (10 - i) * 3_600_000);
      utimesSync(join(models, name, 'sources.json'), used, used);
    }
    const each = listing(join(models, names[0])).reduce((sum, name) => sum + statSync(join(models, names[0], name)).size, 0);
    await markUsed(join(models, names[0]), gguf); // just now
    await tidy(models, { keep: join(models, names[3]), method: METHOD_NUMBER, limitBytes: 3.5 * each });
    expect(readdirSync(models)).toEqual([names[0], names[2], names[3]]);
    await tidy(models, { keep: join(models, names[3]), method: METHOD_NUMBER, limitBytes: 0 });
    expect(readdirSync(models)).toEqual([names[0], names[3]]);
  });
});

describe('processes that share a cache and cannot see each other', () => {
  it('convert the same model at once, each with the number of the other', async (context) => {
    context.skip(spawnSync('unshare', ['--pid', '--fork', '--kill-child', 'true']).status !== 0, 'no namespaces of processes here');
    const cache = mkdtempSync(join(folder, 'shared-'));
    // Both are the first process of their namespace, and started at once.
    const one = `DELTALLM_CACHE='${cache}' unshare --pid --fork --kill-child '${process.execPath}' '${CLI}' ${generate(gguf).join(' ')}`;
    const { stdout, stderr, status } = spawnSync('sh', ['-c', `(${one} > '${cache}/1') & (${one} > '${cache}/2') & wait $! ; A=$?; wait; exit $A`], { encoding: 'utf8' });
    expect({ stdout, stderr, status }).toEqual({ stdout: '', stderr: '', status: 0 });
    expect([1, 2].map((n) => readFileSync(join(cache, `${n}`)).equals(text))).toEqual([true, true]);
    expect(readdirSync(join(cache, 'models')).length).toBe(1);
  });

  it('leave each other\'s unfinished folders alone, and heal the same damage at once', async () => {
    const { cache, measured } = freshCache();
    const foreign = join(cache, 'models', `small.partial-${'a'.repeat(8)}-1-77-${'b'.repeat(8)}`);
    mkdirSync(foreign);
    rmSync(join(measured, 'manifest.json'));
    const results = await Promise.all([1, 2].map(() => run(generate(gguf), { cache })));
    for (const { code, stdout } of results) expect({ code, same: stdout.equals(text) }).toEqual({ code: 0, same: true });
    expect(readdirSync(join(cache, 'models')).length).toBe(2);
    expect(existsSync(foreign)).toBe(true);
    expect(await readMeasured(measured)).toMatchObject({ manifest: { name: expect.any(String) as string } });
  });
});

describe('names and places', () => {
  it('of 235 characters are used, for a GGUF and for what comes out', async () => {
    const long = (letter: string) => letter.repeat(235);
    const cache = mkdtempSync(join(folder, 'long-'));
    copyFileSync(gguf, file(`${long('n')}.gguf`));
    expect((await succeed(generate(file(`${long('n')}.gguf`)), { cache })).equals(text)).toBe(true);
    expect(await run(['import', gguf, '--out', file(long('o'))])).toMatchObject({ code: 0 });
    expect(await run(['import', gguf, '--out', file('日'.repeat(80))])).toMatchObject({ code: 0 });
    await succeed(['logits', '--model', file(long('o')), '--tokens', '1', '--out', file(long('l'))], { cache });
    expect(statSync(file(long('l'))).size).toBe(4 * SHAPE.vocabulary);
  });

  it('too long for the file system are refused before the work', async () => {
    const tooLong = file('x'.repeat(256));
    await check(['import', gguf, '--out', tooLong], 'cannot be written (ENAMETOOLONG)');
    await check(['logits', '--model', gguf, '--tokens', '1', '--out', tooLong], 'cannot be written (ENAMETOOLONG)');
    await check(['complete', '--file', tooLong, '--line', '1', '--column', '1'], 'cannot be read (ENAMETOOLONG)');
    await check(generate(tooLong), 'cannot be read (ENAMETOOLONG)');
    await check(['import', tooLong], 'cannot be read (ENAMETOOLONG)');
  });

  it('that are links to nothing are not replaced by import, and are written through by logits', async () => {
    const link = file('dangling');
    symlinkSync(file('nothing-here'), link);
    await check(['import', gguf, '--out', link], 'exists already', { code: 2 });
    const { cache, measured } = freshCache();
    await succeed(['logits', '--model', measured, '--tokens', '1', '--out', link], { cache });
    expect(statSync(file('nothing-here')).size).toBe(4 * SHAPE.vocabulary);
    const lost = file('lost');
    symlinkSync(file('no/folder/x'), lost);
    await check(['logits', '--model', measured, '--tokens', '1', '--out', lost], 'cannot be written (ENOENT)', { cache });
    const round = file('round');
    symlinkSync(round, round);
    await check(['logits', '--model', measured, '--tokens', '1', '--out', round], 'cannot be written (ELOOP)', { cache });
    await check(['import', gguf, '--out', round], 'exists already', { code: 2 });
  });

  it('from an environment that says nothing useful are not those of the working folder', () => {
    const here = mkdtempSync(join(folder, 'here-'));
    for (const env of [{ XDG_CACHE_HOME: '' }, { XDG_CACHE_HOME: 'caches' }, { HOME: '', XDG_CACHE_HOME: '' }, { DELTALLM_CACHE: 'here', XDG_CACHE_HOME: '.' }]) {
      const all: NodeJS.ProcessEnv = { ...process.env, HOME: file('home'), ...env };
      if (!('DELTALLM_CACHE' in env)) delete all.DELTALLM_CACHE;
      // Without a home of its own the user's real one is meant: nothing is measured then.
      const args = env.HOME === '' ? ['tokenize', '--model', gguf] : generate(gguf);
      expect(spawnSync(process.execPath, [CLI, ...args], { cwd: here, env: all, encoding: 'utf8', input: '' })).toMatchObject({ status: 0, stderr: '' });
      expect(readdirSync(here)).toEqual([]);
    }
    expect(existsSync(file('home/.cache/deltallm/models'))).toBe(true);
  });
});
