import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { CrashMarker } from '../../src/editor/crashMarker.ts';
import { itUnless, unlessOn } from '../support/where.ts';

const base = mkdtempSync(join(tmpdir(), 'deltallm crash märker-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** A process of its own that does `work` with a marker `m`, as the extension host does. */
const script = join(base, 'marker.mjs');
buildSync({ entryPoints: ['src/editor/crashMarker.ts'], bundle: true, platform: 'node', format: 'esm', outfile: script });
const program = (folder: string, work: string) => [
  '--input-type=module', '-e',
  `import { CrashMarker } from ${JSON.stringify(`file://${encodeURI(script)}`)};
   const m = new CrashMarker(${JSON.stringify(folder)}, '1.0.0');
   ${work}`,
];
const run = (folder: string, work: string) => spawnSync(process.execPath, program(folder, work), { encoding: 'utf8' });

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(base, 'case-'));
});
const here = (version = '1.0.0') => new CrashMarker(folder, version);
const files = () => readdirSync(folder);
const arm = "m.arm({ model: '', kernels: 'auto' });";
const crash = "process.kill(process.pid, 'SIGSEGV'); setInterval(() => {}, 1000);";

describe('a crash is noticed', () => {
  it('when the process ends without a word under the marker, once and for all starts of this version', () => {
    run(folder, `${arm} ${crash}`);
    expect(here().crashed('')).toBe('auto');
    expect(here().crashed('')).toBe('auto');
    expect(here().crashed('another model')).toBeNull();
  });

  it('with the kernels that were tried', () => {
    run(folder, `m.arm({ model: '', kernels: 'scalar' }); ${crash}`);
    expect(here().crashed('')).toBe('scalar');
  });

  it('for each model on its own', () => {
    run(folder, `m.arm({ model: 'a', kernels: 'auto' }); ${crash}`);
    expect(here().crashed('b')).toBeNull();
    run(folder, `m.arm({ model: 'b', kernels: 'auto' }); ${crash}`);
    expect([here().crashed('a'), here().crashed('b')]).toEqual(['auto', 'auto']);
  });

  it('until "Try again" or a new version', () => {
    run(folder, `${arm} ${crash}`);
    expect(here('1.0.1').crashed('')).toBeNull();
    expect(here().crashed('')).toBeNull();
    run(folder, `${arm} ${crash}`);
    expect(here().crashed('')).toBe('auto');
    here().forgive('');
    expect(here().crashed('')).toBeNull();
    expect(files()).toEqual([]);
  });
});

describe('a process that the system ended because memory ran out', () => {
  const killedAt = (kills: number) => run(folder, `const n = new CrashMarker(${JSON.stringify(folder)}, '1.0.0', () => {}, () => ${kills}); n.arm({ model: 'm', kernels: 'auto' }); process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000);`);
  const with_ = (kills: number | null) => new CrashMarker(folder, '1.0.0', () => {}, () => kills);

  it('is no crash of the kernels, and is told once', () => {
    killedAt(3);
    expect(with_(4).crashed('m')).toBeNull();
    expect([with_(4).killedForMemory('other'), with_(4).killedForMemory('m'), with_(4).killedForMemory('m')]).toEqual([false, true, false]);
    expect(with_(4).crashed('m')).toBeNull();
    expect(files()).toEqual([]);
  });

  it('is told from one that crashed, where nothing was ended for memory or nobody counts', () => {
    for (const now of [3, null]) {
      killedAt(3);
      expect(with_(now).crashed('m')).toBe('auto');
      expect(with_(now).killedForMemory('m')).toBe(false);
      with_(now).forgive('m');
    }
  });

  it('is counted by Linux', (context) => {
    context.skip(process.platform !== 'linux' || !/^oom_kill /m.test(readFileSync('/proc/vmstat', 'utf8')), 'this system does not count');
    here().arm({ model: 'm', kernels: 'auto' });
    const [name] = files();
    expect(JSON.parse(readFileSync(join(folder, name), 'utf8')).oomKills).toBeGreaterThanOrEqual(0);
  });
});

describe('it is no crash', () => {
  it.each([
    ['the work ended', `${arm} m.disarm(); ${crash}`],
    ['the process ended by itself in the middle of it', `${arm} process.exit(0);`],
    ['an exception ended the process', `${arm} throw new Error('other');`],
    ['nothing was armed', crash],
    ['the process was asked to end', `${arm} process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000);`],
  ])('when %s', (_, work) => {
    run(folder, work);
    expect(here().crashed('')).toBeNull();
    expect(existsSync(folder) ? files() : []).toEqual([]);
  });

  it('to be asked to end: the signal still ends the process', () => {
    const { signal } = run(folder, `${arm} process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000);`);
    expect(signal).toBe('SIGTERM');
  });

  it('while the process of another window still lives', async () => {
    const child = spawn(process.execPath, program(folder, `${arm} console.log('armed'); setInterval(() => {}, 1000);`), { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    expect(here().crashed('')).toBeNull();
    const marker = here();
    marker.arm({ model: '', kernels: 'auto' });
    expect(files().length).toBe(2);
    marker.disarm();
    expect(files().length).toBe(1);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(here().crashed('')).toBe('auto');
  });

  it('when the process was killed while it wrote the marker', () => {
    run(folder, `${arm} ${crash}`);
    const [name] = files();
    const whole = readFileSync(join(folder, name), 'utf8');
    for (const length of [0, 1, whole.length >> 1, whole.length - 1]) {
      writeFileSync(join(folder, name), whole.slice(0, length));
      expect(here().crashed('')).toBeNull();
      expect(files()).toEqual([]);
    }
  });

  it.each([
    ['the machine was started again', { boot: 1e9 }],
    ['another machine shares the folder', { host: 'elsewhere' }],
  ])('when %s', (_, changes) => {
    run(folder, `${arm} ${crash}`);
    const path = join(folder, files()[0]);
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...changes }));
    expect(here().crashed('')).toBeNull();
  });

  itUnless(unlessOn('linux'), 'but another process of the same number does not hide one', () => {
    run(folder, `${arm} ${crash}`);
    const path = join(folder, files()[0]);
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), pid: process.ppid }));
    expect(here().crashed('')).toBe('auto');
  });
});

describe('storage that cannot be used', () => {
  it('is said in one sentence and otherwise ignored', () => {
    const path = join(base, 'a file');
    writeFileSync(path, '');
    const sentences: string[] = [];
    const marker = new CrashMarker(join(path, 'runs'), '1.0.0', (sentence) => sentences.push(sentence));
    expect(marker.crashed('')).toBeNull();
    marker.arm({ model: '', kernels: 'auto' });
    marker.disarm();
    marker.forgive('');
    expect(sentences.length).toBe(1);
  });

  it('may hold what is not ours', () => {
    mkdirSync(join(folder, 'running-1.json'));
    writeFileSync(join(folder, 'running-2.json'), '{"pid": "2"}');
    writeFileSync(join(folder, 'notes.txt'), 'hello');
    expect(here().crashed('')).toBeNull();
    expect(files()).toContain('notes.txt');
  });
});
