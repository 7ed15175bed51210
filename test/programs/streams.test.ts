// Streams that fail and inputs that do not come: one sentence or silence, an exit code, and no process that is torn down in the middle of its work.
import { spawn, spawnSync, type StdioOptions } from 'node:child_process';
import { closeSync, constants, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, rmdirSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readManifest } from '../../src/model/manifest.ts';
import { check, CLI, MOST_MS, run } from '../support/cli.ts';
import { whenItWaits } from '../support/waitingProcess.ts';
import { presets, writeRandomLlama } from '../support/writeGguf.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-streams-'));
const file = (name: string) => join(folder, name);
const gguf = file('small.gguf');
const model = file('model');
const source = file('source.ts');
const cache = file('cache');
const FULL = 'Standard output cannot be written (ENOSPC): make room, or send it elsewhere.';

beforeAll(async () => {
  writeRandomLlama(gguf, { ...presets.tiny, vocabulary: 300, context: 512 });
  writeFileSync(source, 'export const answer = 42;\n');
  expect(await run(['import', gguf, '--out', model])).toMatchObject({ code: 0 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
}

/** Runs with streams of our choice. `during` gets the child as soon as it lives. */
function runWith(args: string[], stdio: StdioOptions, env: Record<string, string> = {}, during: (child: ReturnType<typeof spawn>) => void = () => {}): Promise<Ended> {
  const child = spawn(process.execPath, [CLI, ...args], { env: { ...process.env, DELTALLM_DEBUG: '', DELTALLM_CACHE: cache, ...env }, stdio });
  let out = '';
  let err = '';
  child.stdout?.on('data', (piece: Buffer) => (out += piece.toString()));
  child.stderr?.on('data', (piece: Buffer) => (err += piece.toString()));
  const limit = setTimeout(() => child.kill('SIGKILL'), MOST_MS);
  during(child);
  return new Promise((done) => child.on('close', (code, signal) => {
    clearTimeout(limit);
    done({ code, signal, out, err });
  }));
}

const generate = (...more: string[]) => ['generate', '--model', model, '--prompt', 'abc', '--max', '64', '--seed', '1', ...more];
const COMMANDS: [string, () => string[]][] = [
  ['help', () => ['--help']],
  ['help of eval', () => ['eval', '--help']],
  ['generate', () => generate()],
  ['generate --json', () => generate('--json')],
  ['complete', () => ['complete', '--model', model, '--file', source, '--line', '1', '--column', '1', '--max', '4']],
  ['tokenize', () => ['tokenize', '--model', gguf]],
  ['logits --json', () => ['logits', '--model', model, '--tokens', '1 2', '--out', file('x.f32'), '--json']],
  ['inspect', () => ['inspect', '--model', model, '--file', source]],
  ['import', () => ['import', gguf, '--out', file('full-import')]],
];

describe('standard output on a full disk', () => {
  it.each(COMMANDS)('ends %s with one sentence', async (_, args) => {
    const full = openSync('/dev/full', 'w');
    const input = openSync(source, 'r');
    try {
      expect(await runWith(args(), [input, full, 'pipe'])).toMatchObject({ code: 1, signal: null, err: expect.stringMatching(new RegExp(`^deltallm: ${FULL.replace(/[()]/g, '\\$&')}\n$`)) as string });
    } finally {
      closeSync(full);
      closeSync(input);
      rmSync(file('full-import'), { recursive: true, force: true });
    }
  });

  it('never ends in an abort, however often it happens', async () => {
    const full = openSync('/dev/full', 'w');
    for (let i = 0; i < 6; i++) expect(await runWith(generate('--threads', '2'), ['ignore', full, 'pipe'])).toMatchObject({ code: 1, signal: null, err: `deltallm: ${FULL}\n` });
    closeSync(full);
  });

  it('is noticed where the disk takes a part of what is written', async (context) => {
    const disk = file('disk');
    mkdirSync(disk);
    context.skip(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8k', 'tmpfs', disk]).status !== 0, 'no file system of our own can be mounted here');
    try {
      writeFileSync(file('long.txt'), 'word '.repeat(8000));
      const [input, out] = [openSync(file('long.txt'), 'r'), openSync(join(disk, 'out'), 'w')];
      const ended = await runWith(['tokenize', '--model', gguf], [input, out, 'pipe']);
      closeSync(input);
      closeSync(out);
      expect(ended).toMatchObject({ code: 1, err: `deltallm: ${FULL}\n` });
    } finally {
      spawnSync('umount', [disk]);
    }
  });
});

describe('standard error', () => {
  it('on a full disk gives the exit code alone', async () => {
    const full = openSync('/dev/full', 'w');
    expect(await runWith(['frobnicate'], ['ignore', 'pipe', full])).toMatchObject({ code: 2, out: '' });
    expect(await runWith(['import', gguf], ['ignore', 'pipe', full], { DELTALLM_PROGRESS: 'lines', DELTALLM_CACHE: file('full-cache') })).toMatchObject({ code: 1, signal: null });
    closeSync(full);
  });

  it('whose reader goes away ends no import', async () => {
    const out = file('unread');
    const result = await runWith(['import', gguf, '--out', out], ['ignore', 'pipe', 'pipe'], { DELTALLM_PROGRESS: 'lines' }, (child) => child.stderr!.once('data', () => child.stderr!.destroy()));
    expect(result).toMatchObject({ code: 0, signal: null, out: `${out}\n` });
    expect((await readManifest(out)).shape.layers).toBeGreaterThan(0);
  });

  it('and standard output whose one reader goes away end no import', async () => {
    const out = file('unread-too');
    const shell = spawnSync('bash', ['-c', `DELTALLM_PROGRESS=lines '${process.execPath}' '${CLI}' import '${gguf}' --out '${out}' 2>&1 | head -1; exit \${PIPESTATUS[0]}`], { encoding: 'utf8' });
    expect({ status: shell.status, stderr: shell.stderr }).toEqual({ status: 0, stderr: '' });
    expect(existsSync(join(out, 'manifest.json'))).toBe(true);
  });
});

describe('Ctrl+C', () => {
  const FIFO = file('pipe');
  beforeAll(() => void spawnSync('mkfifo', [FIFO]));

  /** Sends the signal when the child waits for what does not come. */
  const whenWaiting = (signal: NodeJS.Signals) => (child: ReturnType<typeof spawn>) => whenItWaits(child, () => child.kill(signal));
  const WAITING: [string, () => string[]][] = [
    ['tokenize', () => ['tokenize', '--model', gguf]],
    ['detokenize', () => ['detokenize', '--model', gguf]],
    ['complete of a pipe', () => ['complete', '--model', model, '--file', FIFO, '--line', '1', '--column', '1']],
    ['inspect of a pipe', () => ['inspect', '--model', model, '--file', FIFO]],
    ['logits of a pipe', () => ['logits', '--model', model, '--tokens', `@${FIFO}`, '--out', file('never')]],
    ['complete of standard input by its name', () => ['complete', '--model', model, '--file', '/dev/stdin', '--line', '1', '--column', '1']],
  ];
  it.each(WAITING.flatMap(([name, args]) => (['SIGINT', 'SIGTERM'] as const).map((signal) => [name, signal, args] as const)))('ends the wait of %s (%s) with 130, silently', async (_, signal, args) => {
    expect(await runWith(args(), ['pipe', 'pipe', 'pipe'], {}, whenWaiting(signal))).toEqual({ code: 130, signal: null, out: '', err: '' });
  });

  it('ends the wait for a writer that is there and writes nothing', async () => {
    const silent = openSync(FIFO, constants.O_RDWR | constants.O_NONBLOCK);
    expect(await runWith(['complete', '--model', model, '--file', FIFO, '--line', '1', '--column', '1'], ['ignore', 'pipe', 'pipe'], {}, whenWaiting('SIGINT'))).toMatchObject({ code: 130, err: '' });
    closeSync(silent);
  });

  it('does not keep a pipe from being read', async () => {
    const read = runWith(['complete', '--model', model, '--file', FIFO, '--line', '1', '--column', '1', '--max', '2'], ['ignore', 'pipe', 'pipe']);
    spawnSync('sh', ['-c', `cat '${source}' > '${FIFO}'`]);
    expect(await read).toMatchObject({ code: 0, err: '' });
  });
});

it('a standard input that does not wait for its writer is waited for', async () => {
  const pipe = file('slow');
  spawnSync('mkfifo', [pipe]);
  const both = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  const input = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(pipe, constants.O_WRONLY);
  closeSync(both);
  const ended = runWith(['tokenize', '--model', gguf], [input, 'pipe', 'pipe'], {}, (child) => whenItWaits(child, () => {
    writeSync(writer, 'abc');
    closeSync(writer);
    closeSync(input);
  }));
  expect(await ended).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/^(\d+\n)+$/) as string });
});

describe('a working folder that was deleted', () => {
  /** Starts the command in a folder that is gone by then. */
  const gone = (...args: string[]): { status: number | null; stdout: string; stderr: string } => {
    const lost = mkdtempSync(join(folder, 'lost-'));
    const words = args.map((arg) => `'${arg}'`).join(' ');
    const { status, stdout, stderr } = spawnSync('sh', ['-c', `cd '${lost}' && rmdir '${lost}' && exec '${process.execPath}' '${CLI}' ${words}`], { encoding: 'utf8', env: { ...process.env, DELTALLM_CACHE: cache } });
    if (existsSync(lost)) rmdirSync(lost);
    return { status, stdout, stderr };
  };

  it('keeps no command from its work', () => {
    expect(gone('generate', '--model', model, '--prompt', 'abc', '--max', '4')).toMatchObject({ status: 0, stderr: '' });
    expect(gone('complete', '--model', model, '--file', source, '--line', '1', '--column', '1', '--max', '2')).toMatchObject({ status: 0, stderr: '' });
    expect(gone('import', gguf, '--out', file('from-nowhere'))).toMatchObject({ status: 0 });
  });

  it.each([
    [['complete', '--file', 'package.json', '--line', '1', '--column', '1'], 'There is no file at package.json'],
    [['generate', '--prompt', 'a', '--model', 'dist'], 'There is no file at dist'],
    [['import', 'package.json'], 'There is no file at package.json'],
    [['import', gguf, '--out', 'model'], 'model cannot be written (ENOENT)'],
    [['logits', '--tokens', '1', '--out', 'x'], 'x cannot be written (ENOENT)'],
    [['logits', '--tokens', '@package.json', '--out', file('x')], 'There is no file at package.json'],
    [['eval', '--corpus', 'src'], 'There is no file at src'],
  ])('%j is refused: relative paths lead nowhere', (args, text) => {
    const { status, stdout, stderr } = gone(...args);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^deltallm: [^\n]+\n$/);
    expect(stderr).toContain(text);
  });
});

it('an option without a value is refused before anything is loaded', async () => {
  for (const [args, name] of [
    [['generate', '--prompt', ''], '--prompt'], [['generate', '--prompt', 'a', '--model', ''], '--model'], [['tokenize', '--model', ''], '--model'], [['eval', '--model', ''], '--model'],
    [['generate', '--prompt', 'a', '--stop', ''], '--stop'], [['complete', '--file', '', '--line', '1', '--column', '1'], '--file'], [['logits', '--tokens', '', '--out', 'x'], '--tokens'],
    [['logits', '--tokens', '1', '--out', ''], '--out'], [['import', gguf, '--out', ''], '--out'], [['eval', '--corpus', ''], '--corpus'],
  ] as [string[], string][]) await check(args, `${name} is missing: its value is empty`, { code: 2 });
  await check(['import', ''], 'import takes one GGUF file', { code: 2 });
});
