// The worker through its client: it ends in order from any phase, gives way, and holds one model at a time.
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RuntimeClient } from '../../src/session/client.ts';
import type { CallName, Calls, Event, GenerateOptions, LoadOptions } from '../../src/session/protocol.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { measuredInto, TINY_Q8 } from '../support/engine.ts';
import { until } from '../support/until.ts';
import { presets, writeRandomLlama } from '../support/writeGguf.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-life-'));
const [tiny, other, long, tinyFile, otherFile, longFile, slowFile] = ['tiny', 'other', 'long', 'tiny files/tiny.gguf', 'other files/other.gguf', 'long.gguf', 'slow.gguf'].map((name) => join(folder, name));
const load = (model: string, more: Partial<LoadOptions> = {}): LoadOptions => ({ model, threads: 1, attention: 'delta', cacheBytes: 1e9, background: false, ...more });
const source = readFileSync('models/calibration/1-inventory.ts', 'utf8');
/** Of the model whose context is long, which takes many seconds for either: whoever ends it once it has begun is never too late. */
const endless: GenerateOptions = { prompt: { text: 'export ' }, max: 100_000, sampling: { temperature: 0 } };
const longReading: GenerateOptions = { prompt: { snapshot: { path: '/a.ts', languageId: 'typescript', before: source.repeat(60), after: '' }, promptTokens: 100_000 }, max: 8, sampling: { temperature: 0 } };
const reading: GenerateOptions = { prompt: { snapshot: { path: '/a.ts', languageId: 'typescript', before: `${source}const `, after: '' } }, max: 8, sampling: { temperature: 0 } };

beforeAll(async () => {
  for (const path of [tinyFile, otherFile]) mkdirSync(dirname(path), { recursive: true });
  copyFileSync(TINY_Q8, tinyFile);
  writeRandomLlama(otherFile, { ...presets.tiny, vocabulary: 300 });
  await measuredInto(tiny, tinyFile);
  await measuredInto(other, otherFile);
  writeRandomLlama(longFile, presets.long);
  await measuredInto(long, longFile);
  writeRandomLlama(slowFile, { ...presets.tiny, layers: 16, hidden: 256, vocabulary: 2000 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs `use` with a worker and closes it. */
async function withWorker<T>(use: (client: RuntimeClient) => Promise<T>): Promise<T> {
  const client = RuntimeClient.start(resolve('dist'));
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/** The first event of a call that `wanted` accepts. */
const firstEvent = <N extends CallName>(client: RuntimeClient, name: N, options: Calls[N]['options'], wanted: (event: Event) => boolean, cancel?: CancelFlag) => {
  let call!: Promise<Calls[N]['result']>;
  const heard = new Promise<Event>((resolve) => {
    call = client.call(name, options, (event) => wanted(event) && resolve(event), cancel);
  });
  return { call, heard };
};
const always = () => true;

describe('closing', () => {
  const settled = (call: Promise<unknown>) => call.then(() => 'done', (error: { code?: string }) => error.code ?? String(error));

  it('while a model loads ends the load', () => withWorker(async (client) => {
    const { call, heard } = firstEvent(client, 'load', load(tiny), always);
    await heard;
    const end = settled(call);
    await client.close();
    expect(['cancelled', 'done']).toContain(await end);
  }));

  it('while a prompt is read, text is written, or confidence is measured ends that', async () => {
    const phases: [CallName, Calls[CallName]['options'], ((event: Event) => boolean) | null][] = [
      ['generate', longReading, (event) => event.event === 'progress'],
      ['generate', endless, (event) => event.event === 'text'],
      ['confidence', { tokens: 100_000 }, null],
    ];
    for (const [name, options, wanted] of phases) {
      const client = RuntimeClient.start(resolve('dist'));
      await client.call('load', load(long));
      const { call, heard } = firstEvent(client, name, options, wanted ?? always);
      if (wanted) await heard;
      const end = call.then((result) => (result && 'reason' in result ? result.reason : 'done'), (error: { code?: string }) => error.code);
      await client.close();
      expect(await end).toBe('cancelled');
    }
  });

  it('while an import runs leaves nothing', async () => {
    const out = join(folder, 'never');
    const client = RuntimeClient.start(resolve('dist'));
    const { call, heard } = firstEvent(client, 'import', { gguf: slowFile, out, threads: 1 }, (event) => event.event === 'progress' && event.stage === 'measuring');
    await heard;
    const end = settled(call);
    await client.close();
    expect(await end).toBe('cancelled');
    expect(existsSync(out)).toBe(false);
    expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it('before anything, twice, and with calls that wait, settles all of them', async () => {
    const idle = RuntimeClient.start(resolve('dist'));
    await Promise.all([idle.close(), idle.close()]);
    const client = RuntimeClient.start(resolve('dist'));
    const calls = [client.call('load', load(tiny)), client.call('generate', endless), client.call('confidence', { tokens: 4096 }), client.call('load', load(other))].map(settled);
    await client.close();
    for (const end of await Promise.all(calls)) expect(['done', 'cancelled', 'internal']).toContain(end);
    await expect(client.call('memory', {})).rejects.toMatchObject({ code: 'workerDied' });
  });
});

describe('the calls', () => {
  it('go on at once behind one that is cancelled', () => withWorker(async (client) => {
    await client.call('load', load(long));
    const alone = await client.call('generate', reading);
    for (let i = 0; i < 5; i++) {
      const cancel = new CancelFlag();
      const { call, heard } = firstEvent(client, 'generate', endless, (event) => event.event === 'text', cancel);
      await heard;
      cancel.set();
      const [first, second] = await Promise.all([call, client.call('generate', reading)]);
      expect(first.reason).toBe('cancelled');
      expect(first.tokens.generated).toBeLessThan(endless.max);
      expect(second.text).toBe(alone.text);
    }
  }));

  it('show at every layer that the worker lives, while nothing is heard of a chunk that is read', () => withWorker(async (client) => {
    await client.call('load', load(long));
    const cancel = new CancelFlag();
    const { call, heard } = firstEvent(client, 'generate', longReading, (event) => event.event === 'progress' && event.share > 0, cancel);
    await heard;
    expect(cancel.looks).toBeGreaterThanOrEqual(presets.long.layers);
    cancel.set();
    expect((await call).reason).toBe('cancelled');
  }));

  it('cancelled before they begin do nothing', () => withWorker(async (client) => {
    await client.call('load', load(tiny));
    const cancel = new CancelFlag();
    cancel.set();
    expect(await client.call('generate', reading, () => {}, cancel)).toMatchObject({ reason: 'cancelled', text: '', tokens: { computed: 0, generated: 0 } });
    await expect(client.call('confidence', { tokens: 4096 }, () => {}, cancel)).rejects.toMatchObject({ code: 'cancelled' });
    expect((await client.call('generate', reading)).tokens.generated).toBeGreaterThan(0);
  }));

  it('of a worker without a model fail in one sentence, and a load that fails leaves none', () => withWorker(async (client) => {
    await expect(client.call('generate', reading)).rejects.toMatchObject({ code: 'internal' });
    await client.call('load', load(tiny));
    await expect(client.call('load', load(join(folder, 'missing')))).rejects.toMatchObject({ code: 'fileMissing' });
    await expect(client.call('generate', reading)).rejects.toMatchObject({ code: 'internal' });
    expect(await client.call('load', load(tiny))).toMatchObject({ name: 'Starter Tiny' });
  }));
});

describe('a second model', () => {
  /** Files of this process below a folder: the worker is one of its threads. */
  const open = (below: string) => readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  }).filter((path) => path.startsWith(`${below}/`));

  it('takes the place of the first, whose files are closed and whose cache is gone', (context) => {
    context.skip(process.platform !== 'linux', 'open files are seen on Linux only');
    return withWorker(async (client) => {
      await client.call('load', load(tiny));
      await client.call('generate', reading);
      expect(open(dirname(tinyFile)).length).toBeGreaterThan(0);
      expect((await client.call('memory', {})).cacheBlocks).toBeGreaterThan(0);
      expect(await client.call('load', load(other))).toMatchObject({ folder: other });
      // A file that was closed may still be listed for a moment.
      await until(() => expect(open(dirname(tinyFile))).toEqual([]));
      expect((await client.call('memory', {})).cacheBlocks).toBe(0);
      expect(open(dirname(otherFile)).length).toBeGreaterThan(0);
      await expect(client.call('load', load(tiny, { kernels: 'none' }))).rejects.toMatchObject({ code: 'kernelSetUnknown' });
      await until(() => expect(open(folder)).toEqual([]));
      cpSync(other, join(folder, 'damaged'), { recursive: true });
      writeFileSync(join(folder, 'damaged', 'manifest.json'), '{}');
      await expect(client.call('load', load(join(folder, 'damaged')))).rejects.toMatchObject({ code: 'modelFolderInvalid' });
      await until(() => expect(open(folder)).toEqual([]));
    });
  });

  it('is run by the best kernels after one in safe mode', () => withWorker(async (client) => {
    const { kernels } = await client.call('load', load(tiny));
    expect((await client.call('load', load(tiny, { kernels: 'scalar' }))).kernels).toBe('scalar');
    expect((await client.call('load', load(tiny))).kernels).toBe(kernels);
  }));
});
