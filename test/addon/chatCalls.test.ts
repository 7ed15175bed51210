// Completions and a conversation in one worker: who waits for whom, and that nobody changes what another one says.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RuntimeClient } from '../../src/session/client.ts';
import type { Event, GenerateOptions, GenerateResult, LoadOptions, Role } from '../../src/session/protocol.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { TINY_Q8 } from '../support/engine.ts';
import { presets, writeRandomLlama } from '../support/writeGguf.ts';

const folder = mkdtempSync(join(tmpdir(), 'deltallm-chatCalls-'));
/** Its context is long: what fills it takes many seconds, and whoever ends that once it has begun is never too late. */
const long = join(folder, 'long.gguf');
beforeAll(() => void writeRandomLlama(long, presets.long));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const load = (role: Role, model = TINY_Q8): LoadOptions => ({ role, model, threads: 2, attention: 'delta', cacheBytes: 5e8, background: false });
const lines = Array.from({ length: 30 }, (_, i) => `export const value${i} = ${i};\n`).join('');
const question: GenerateOptions = { prompt: { messages: [{ role: 'user', content: lines }] }, conversation: 'a', max: 150, sampling: { temperature: 0.9, seed: 5 } };
const at = (i: number): GenerateOptions => ({ prompt: { snapshot: { path: '/a.ts', languageId: 'typescript', before: `${lines}// ${i}\nexport const `, after: '\n' } }, max: 6, sampling: { temperature: 0 } });

describe('one worker', () => {
  let client: RuntimeClient;
  beforeAll(async () => {
    client = RuntimeClient.start(resolve('dist'));
    await client.call('load', load('completion'));
    await client.call('load', load('chat'));
  });
  afterAll(() => client.close());

  const generate = (options: GenerateOptions, hear: (event: Event) => void = () => {}, cancel = new CancelFlag()): Promise<GenerateResult> => client.call('generate', options, hear, cancel);

  it('keeps one copy of a file for both roles', async () => {
    const { cacheBlocks } = await client.call('memory', {});
    await generate({ prompt: { text: lines }, max: 1, sampling: {} });
    expect(await client.call('count', { role: 'chat', texts: ['', lines] })).toEqual([0, expect.any(Number)]);
    expect((await client.call('memory', {})).cacheBlocks).toBeGreaterThan(cacheBlocks);
  });

  it('completes while an answer is written, and the answer is what it is undisturbed, to the bit', async () => {
    const long = { ...question, max: 2000 };
    const alone = await generate(long);
    let written = 0;
    let over = false;
    const cancel = new CancelFlag();
    const completions: Promise<{ beforeItsEnd: boolean; result: GenerateResult }>[] = [];
    // It ends when all completions have come: however slow the machine is, they came before its end.
    const { text, scores, reason } = await generate(long, (event) => {
      if (event.event !== 'text' || ++written % 20 !== 1 || completions.length >= 5) return;
      completions.push(generate(at(completions.length)).then((result) => ({ beforeItsEnd: !over, result })));
      if (completions.length === 5) void Promise.all(completions).then(() => cancel.set());
    }, cancel).finally(() => (over = true));
    expect([reason, alone.text.startsWith(text.replace(/\ufffd+$/, '')), alone.scores.slice(0, scores.length)]).toEqual(['cancelled', true, scores]);
    const done = await Promise.all(completions);
    expect(done.map(({ beforeItsEnd }) => beforeItsEnd)).toEqual(Array.from({ length: 5 }, () => true));
    for (const [i, { result }] of done.entries()) expect((await generate(at(i))).text).toBe(result.text);
  });

  it('does what is cancelled no further, without a word of what follows it', async () => {
    const cancel = new CancelFlag();
    let heard = '';
    const answer = generate({ ...question, max: 2000 }, (event) => {
      if (event.event !== 'text') return;
      heard += event.text;
      if (heard.length > 40) cancel.set();
    }, cancel);
    const { text, reason } = await answer;
    expect(reason).toBe('cancelled');
    expect(text).toBe(heard);
  });

  it('loads another chat model while it completes, and completes on', async () => {
    const loading = client.call('load', load('chat', resolve('test/fixtures/models/starter-tiny-f16.gguf')));
    const [model, { text }] = await Promise.all([loading, generate(at(7))]);
    expect(model.name).not.toBe('');
    expect(text).toBe((await generate(at(7))).text);
    await client.call('unload', { role: 'chat' });
    expect(await client.call('count', { role: 'chat', texts: ['a'] })).toBeNull();
    await expect(generate(question)).rejects.toMatchObject({ code: 'internal' });
    await client.call('load', load('chat'));
  });

  it('reads ahead behind everything else, and gives way to an answer of the same conversation when it is cancelled', async () => {
    await client.call('load', load('chat', long));
    const cancel = new CancelFlag();
    let read = 0;
    const ahead = generate({ prompt: { messages: [{ role: 'user', content: lines.repeat(60) }] }, conversation: 'ahead', max: 0, sampling: {}, priority: 'background' }, (event) => {
      if (event.event === 'progress') read = event.share;
      cancel.set();
    }, cancel);
    const { reason } = await generate({ prompt: { messages: [{ role: 'user', content: 'abc' }] }, conversation: 'ahead', max: 3, sampling: { temperature: 0 } });
    expect(['length', 'end']).toContain(reason);
    expect((await ahead).reason).toBe('cancelled');
    expect(read).toBeLessThan(1);
    await client.call('load', load('chat'));
  });

  it('ends in the middle of an answer and a completion when it is closed', async () => {
    const other = RuntimeClient.start(resolve('dist'));
    await other.call('load', load('completion'));
    await other.call('load', load('chat'));
    const text = new Promise<void>((heard) => void other.call('generate', { ...question, max: 3000 }, (event) => event.event === 'text' && heard()).catch(() => {}).finally(heard));
    await text;
    const running = other.call('generate', at(1));
    await other.close();
    expect((await running).reason).toMatch(/cancelled|stop|length|end/);
  });
});
