// What the command line promises: the fields of its JSON, the same text for the same seed, silence on a pipe, a prompt end on Ctrl+C.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { NativeSegment } from '../../src/model/run/nativeSegment.ts';
import { Engine } from '../../src/session/engine.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { CLI, run, succeed, succeedJson } from '../support/cli.ts';
import { TINY_Q8, testAddon } from '../support/engine.ts';
import { presets, writeRandomLlama } from '../support/writeGguf.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-cli-'));
const file = (name: string) => join(folder, name);
const cache = file('cache');
const small = file('small.gguf');
const tiny = file('tiny');
const source = resolve('src/cache/lease.ts');

beforeAll(async () => {
  writeRandomLlama(small, { ...presets.tiny, vocabulary: 300 });
  expect(await run(['import', TINY_Q8, '--out', tiny])).toMatchObject({ code: 0 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Answer {
  text: string; model: string; reason: string;
  tokens: Record<'prompt' | 'reused' | 'computed' | 'generated', number>;
  ms: Record<'load' | 'prefill' | 'decode' | 'total', number>;
  sparsity: Record<'key' | 'attention', number>;
}

describe('complete', () => {
  it('answers with the documented fields, and the same text in plain form', async () => {
    const args = ['complete', '--model', tiny, '--file', source, '--line', '61', '--column', '1'];
    const answer = await succeedJson<Answer>(args, { cache });
    expect(answer).toMatchObject({ text: expect.any(String) as string, model: 'Starter Tiny', reason: expect.any(String) as string });
    expect(Object.keys(answer.tokens).sort()).toEqual(['computed', 'generated', 'prompt', 'reused']);
    expect(Object.keys(answer.ms).sort()).toEqual(['decode', 'load', 'prefill', 'total']);
    expect(Object.keys(answer.sparsity).sort()).toEqual(['attention', 'key']);
    for (const number of [answer.tokens, answer.ms, answer.sparsity].flatMap((part) => Object.values(part))) expect(number).toBeGreaterThanOrEqual(0);
    for (const share of Object.values(answer.sparsity)) expect(share).toBeLessThanOrEqual(1);
    expect(answer.tokens.reused).toBe(0);
    expect(answer.tokens.computed).toBeGreaterThanOrEqual(answer.tokens.prompt);
    expect((await succeed(args, { cache })).toString()).toBe(`${answer.text}\n`);
  });

  it('reads no more around the cursor than it may', async () => {
    const at = (...more: string[]) => ['complete', '--model', tiny, '--file', source, '--line', '61', '--column', '1', '--max', '2', ...more];
    const { tokens } = await succeedJson<Answer>(at('--prompt-tokens', '64'), { cache });
    expect(tokens.prompt).toBeLessThanOrEqual(64);
    expect(tokens.prompt).toBeGreaterThan(32);
    for (const wrong of ['15', 'x']) expect(await run(at('--prompt-tokens', wrong), { cache })).toMatchObject({ code: 2 });
  });

  it('converts a GGUF on first use, silently, and finds it again', async () => {
    const args = ['complete', '--model', small, '--file', source, '--line', '5', '--column', '1', '--max', '4'];
    const first = await succeed(args, { cache });
    const [converted] = readdirSync(join(cache, 'models'));
    const { mtimeMs } = statSync(join(cache, 'models', converted, 'manifest.json'));
    expect((await succeed(args, { cache })).equals(first)).toBe(true);
    expect(statSync(join(cache, 'models', converted, 'manifest.json')).mtimeMs).toBe(mtimeMs);
  });

  it('reads lines that end in CR LF, and a last line without an end', async () => {
    writeFileSync(file('crlf.ts'), 'const a = 1;\r\nconst b = ');
    const at = (line: number, column: number) => succeed(['complete', '--model', tiny, '--file', file('crlf.ts'), '--line', `${line}`, '--column', `${column}`, '--max', '2'], { cache });
    await at(1, 13);
    await at(2, 11);
    expect(await run(['complete', '--model', tiny, '--file', file('crlf.ts'), '--line', '1', '--column', '14'], { cache })).toMatchObject({ code: 2 });
  });
});

describe('a source file', () => {
  const complete = (name: string, bytes: string | Uint8Array, line: number, column: number) => {
    writeFileSync(file(name), bytes);
    return succeedJson<Answer>(['complete', '--model', tiny, '--file', file(name), '--line', `${line}`, '--column', `${column}`, '--max', '4'], { cache });
  };

  it('with a byte order mark is the same as without', async () => {
    const text = 'const first = 1;\nconst second = ';
    const [marked, plain] = [await complete('marked.ts', `\ufeff${text}`, 1, 17), await complete('plain.ts', text, 1, 17)];
    expect([marked.text, marked.tokens.prompt]).toEqual([plain.text, plain.tokens.prompt]);
    expect(await run(['complete', '--model', tiny, '--file', file('marked.ts'), '--line', '1', '--column', '18'], { cache })).toMatchObject({ code: 2 });
  });

  it('of lines that end in CR alone is the same as of others', async () => {
    const text = 'const first = 1;\nfunction f() {\n  return \n}\n';
    const [old, plain] = [await complete('cr.ts', text.replaceAll('\n', '\r'), 3, 10), await complete('lf.ts', text, 3, 10)];
    expect([old.text, old.tokens.prompt]).toEqual([plain.text, plain.tokens.prompt]);
  });
});

describe('generate', () => {
  const prompt = "import { join } from 'node:path';\nimport { readFileSync }";
  const generate = (...more: string[]) => succeedJson<Answer>(['generate', '--model', tiny, '--prompt', prompt, '--max', '24', ...more], { cache });

  it('gives the same text for the same seed, and others for others', async () => {
    const [a, b, c] = [await generate('--seed', '7'), await generate('--seed', '7'), await generate('--seed', '8')];
    expect(a.text).toBe(b.text);
    expect(a.text).not.toBe(c.text);
    expect((await generate('--seed', '7', '--threads', '1')).text).toBe(a.text);
  });

  it('ends before a stop text and does not show it', async () => {
    const free = await generate();
    const stop = free.text.slice(4, 7);
    const stopped = await generate('--stop', stop, '--stop', 'never to be seen');
    expect(stopped.reason).toBe('stop');
    expect(stopped.text).toBe(free.text.slice(0, free.text.indexOf(stop)));
  });

  it('streams the text that --json holds', async () => {
    const { text, tokens, reason } = await generate();
    expect(reason).toBe('length');
    expect(tokens.generated).toBe(24);
    expect((await succeed(['generate', '--model', tiny, '--prompt', prompt, '--max', '24'], { cache })).toString()).toBe(`${text}\n`);
  });

  it('takes no offence when its reader goes away, and stops', async () => {
    const child = spawn(process.execPath, [CLI, 'generate', '--model', tiny, '--prompt', 'a', '--max', '1000000', '--seed', '1'], { env: { ...process.env, DELTALLM_CACHE: cache }, stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (piece: Buffer) => (stderr += piece.toString()));
    child.stdout.once('data', () => child.stdout.destroy());
    const code = await new Promise((done) => child.on('close', done));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe('tokenize and detokenize', () => {
  it.each(['deepseek-coder', 'gpt-2'])('give the vectors of %s, from a vocabulary alone', async (name) => {
    const path = resolve(`test/fixtures/vocab/${name}.gguf`);
    const inputs = readFileSync(`${path}.inp`, 'utf8').split('\n__ggml_vocab_test__\n');
    const outputs = readFileSync(`${path}.out`, 'utf8').split('\n').map((line) => line.trim().split(/\s+/).filter(Boolean).map(Number));
    // Every vector is held against in the tokenizer's own tests; here the longest two go through the processes.
    const chosen = inputs.map((text, i) => ({ text, ids: outputs[i] })).sort((a, b) => b.text.length - a.text.length).slice(0, 2);
    for (const { text, ids } of chosen) {
      expect(JSON.parse((await succeed(['tokenize', '--model', path, '--json'], { input: text, cache })).toString())).toEqual(ids);
      expect((await succeed(['tokenize', '--model', path], { input: text, cache })).toString()).toBe(ids.map((id) => `${id}\n`).join(''));
      expect((await succeed(['detokenize', '--model', path], { input: JSON.stringify(ids), cache })).toString()).toBe(text);
    }
  });

  it('are each other\'s inverse on source code, with and without a model folder', async () => {
    const text = `${readFileSync(source, 'utf8')}\r\n\t日本語 🙂\ufeff`;
    for (const model of [TINY_Q8, tiny]) {
      const ids = await succeed(['tokenize', '--model', model], { input: text, cache });
      expect((await succeed(['detokenize', '--model', model], { input: ids, cache })).toString()).toBe(text);
    }
  });
});

describe('logits', () => {
  const VOCABULARY = 300;
  const tokens = JSON.stringify(Array.from({ length: 400 }, (_, i) => (i * 37) % VOCABULARY));
  const logits = async (...more: string[]): Promise<Float32Array> => {
    const out = file('logits.f32');
    await succeed(['logits', '--model', small, '--tokens', tokens, '--out', out, ...more], { cache });
    return new Float32Array(Uint8Array.from(readFileSync(out)).buffer);
  };

  it('of all positions end with those of the last one, bit for bit', async () => {
    const [all, last] = [await logits('--all'), await logits()];
    expect([all.length, last.length]).toEqual([400 * VOCABULARY, VOCABULARY]);
    expect(all.slice(-VOCABULARY)).toEqual(last);
    expect(all.every(Number.isFinite)).toBe(true);
  });

  it('of delta and dense attention differ slightly', async () => {
    const [delta, dense] = [await logits(), await logits('--attention', 'dense')];
    const distance = Math.sqrt(delta.reduce((sum, x, i) => sum + (x - dense[i]) ** 2, 0) / dense.reduce((sum, x) => sum + x * x, 0));
    expect(distance).toBeGreaterThan(0);
    expect(distance).toBeLessThan(0.5);
  });

  it('replace what was there, and leave it alone when they fail', async () => {
    const out = file('kept.f32');
    writeFileSync(out, 'kept');
    expect(await run(['logits', '--model', small, '--tokens', '99999', '--out', out], { cache })).toMatchObject({ code: 1 });
    expect(readFileSync(out, 'utf8')).toBe('kept');
    await succeed(['logits', '--model', small, '--tokens', '1 2 3', '--out', out], { cache });
    expect(statSync(out).size).toBe(4 * VOCABULARY);
    await succeed(['logits', '--model', small, '--tokens', '1', '--out', '/dev/null'], { cache });
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });
});

describe('on a terminal', () => {
  it('progress is shown and taken away again', (context) => {
    context.skip(spawnSync('script', ['--version']).status !== 0, 'no script(1) here');
    const shown = spawnSync('script', ['-qec', `'${process.execPath}' '${CLI}' generate --model '${small}' --prompt a --max 2`, '/dev/null'], { env: { ...process.env, DELTALLM_CACHE: file('fresh') }, encoding: 'utf8', input: '' });
    expect(shown.status).toBe(0);
    expect(shown.stdout).toMatch(/(checking|converting|measuring|loading) .*%/);
    expect(shown.stdout.split('\r').filter((line) => /\S/.test(line)).at(-1)).not.toContain('%');
  });
});

it('progress is written line by line for a program that asks for it, and only then', async () => {
  const convert = (env: Record<string, string>) => run(['generate', '--model', small, '--prompt', 'a', '--max', '2'], { env });
  expect((await convert({})).stderr).toBe('');
  const { code, stderr } = await convert({ DELTALLM_PROGRESS: 'lines' });
  expect(code).toBe(0);
  expect(stderr).toMatch(/^loading 100 %$/m);
  for (const line of stderr.trim().split('\n')) expect(line).toMatch(/^[a-z]+( [a-z]+)* \d+ %$/);
});

describe('Ctrl+C', () => {
  /** What reads its whole context, and what is measured of the other, takes many seconds on any machine: a signal in the middle of it is never too late. */
  const [long, slow] = [file('long.gguf'), file('slow.gguf')];
  beforeAll(() => {
    writeRandomLlama(long, presets.long);
    writeRandomLlama(slow, { ...presets.tiny, layers: 16, hidden: 256, vocabulary: 2000 });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('(%s) in the middle of a long prefill ends with 130, silently', async (signal) => {
    // Logits of all positions in one go: thousands of segments of work. The partial file appears when it begins.
    const [tokens, out] = [file('tokens.json'), file(`cancelled-${signal}`)];
    writeFileSync(tokens, JSON.stringify(Array.from({ length: 60_000 }, (_, i) => i % 250)));
    const began = () => readdirSync(folder).some((name) => name.startsWith(`cancelled-${signal}.partial-`));
    const result = await run(['logits', '--model', long, '--tokens', `@${tokens}`, '--all', '--out', out], {
      cache, during: (kill) => {
        const poll = setInterval(() => {
          if (!began()) return;
          clearInterval(poll);
          kill(signal);
        }, 1);
        poll.unref();
      },
    });
    expect(result).toMatchObject({ code: 130, signal: null, stderr: '' });
    expect(existsSync(out)).toBe(false);
    expect(began()).toBe(false);
  });

  it('is heard before the next segment', async () => {
    const engine = await Engine.load(testAddon(), { model: tiny, threads: 1, attention: 'delta', cacheBytes: 1e9, background: false });
    const original = NativeSegment.prototype.run;
    try {
      for (const after of [1, 2, 5, 6, 9]) {
        const cancel = new CancelFlag();
        let count = 0;
        const counted = vi.spyOn(NativeSegment.prototype, 'run').mockImplementation(function (this: NativeSegment, ...args) {
          if (++count === after) cancel.set();
          return original.apply(this, args);
        });
        const { reason } = await engine.generate({ prompt: { text: readFileSync(source, 'utf8').slice(0, 4000 + after) }, max: 8, sampling: { temperature: 0 } }, cancel);
        counted.mockRestore();
        expect({ reason, count }).toEqual({ reason: 'cancelled', count: after });
      }
    } finally {
      await engine.close();
    }
  });

  it('before the model is there ends with 130, too', async () => {
    let said = '';
    const result = await run(['generate', '--model', slow, '--prompt', 'x'], {
      env: { DELTALLM_PROGRESS: 'lines' },
      during: (kill, stderr) => {
        const poll = setInterval(() => {
          said = stderr();
          if (!said.includes('measuring')) return;
          clearInterval(poll);
          kill('SIGINT');
        }, 5);
        poll.unref();
      },
    });
    expect(said).toContain('measuring');
    expect(result).toMatchObject({ code: 130, signal: null });
    expect(result.stdout.length).toBe(0);
    for (const line of result.stderr.trim().split('\n')) expect(line).toMatch(/^(loading|measuring) \d+ %$/);
  });

  it('before anybody listens ends it, too', async () => {
    const result = await run(['generate', '--model', slow, '--prompt', 'x'], { during: (kill) => kill('SIGINT') });
    // Sent before the handler is there, the signal itself ends the process.
    expect(result.signal ?? result.code).toSatisfy((end: unknown) => end === 130 || end === 'SIGINT');
    expect(result.stderr).toBe('');
  });
});
