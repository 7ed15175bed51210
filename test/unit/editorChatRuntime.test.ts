import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AnswerEvent, AnswerOptions } from '../../src/chat/answerSource.ts';
import { CrashMarker } from '../../src/editor/crashMarker.ts';
import { Answers } from '../../src/editor/answers.ts';
import { EditorRuntime } from '../../src/editor/runtime.ts';
import { settingsTable, type Settings } from '../../src/editor/settingsTable.ts';
import type { GenerateOptions, LoadedModel } from '../../src/session/protocol.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import { window } from '../support/fakeVscode.ts';
import { FakeWorker, generated, model } from '../support/fakeWorker.ts';

const base = mkdtempSync(join(tmpdir(), 'deltallm-chatRuntime-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const defaults = Object.fromEntries(Object.entries(settingsTable).map(([name, entry]) => [name, entry.default])) as Settings;
const completion: GenerateOptions = { prompt: { text: 'a' }, max: 8, sampling: {} };
const question: AnswerOptions = { conversation: 'c', messages: [{ role: 'user', content: 'Why?' }], max: 100 };
const instruct: LoadedModel = { ...model, name: 'instruct', chat: true };

let settings: Settings;
let workers: FakeWorker[];
let auto: LoadedModel | null;
let runtime: EditorRuntime;
let answers: Answers;
let unloaded: string[];

beforeEach(() => {
  vi.useFakeTimers();
  [settings, workers, auto, unloaded] = [{ ...defaults, 'chat.model': '/models/instruct.gguf' }, [], instruct, []];
  runtime = new EditorRuntime({
    startWorker: () => {
      const worker = new FakeWorker(auto);
      workers.push(worker);
      return worker.client;
    },
    settings: () => settings,
    marker: new CrashMarker(join(mkdtempSync(join(base, 'case-')), 'runs'), '1.0.0'),
    log: window.createOutputChannel() as never,
  });
  answers = new Answers(runtime, () => settings);
  answers.onUnloaded((sentence) => unloaded.push(sentence));
});
afterEach(async () => {
  await runtime.dispose();
  vi.useRealTimers();
});

const settle = async () => {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve();
};
const last = () => workers.at(-1)!;
const ask = (hear: (event: AnswerEvent) => void = () => {}, cancel = new CancelFlag()) => answers.answer(question, hear, cancel);
const answered = (text: string) => ({ ...generated(text), chat: { dropped: 0, template: 'file' } });

describe('the chat model', () => {
  it('is none with the embedded model, which is never presented as one', async () => {
    settings = defaults;
    expect(answers.chatModel).toEqual({ state: 'none' });
    await expect(ask()).rejects.toMatchObject({ code: 'noChatModel' });
    await answers.loadChatModel();
    expect(workers).toHaveLength(0);
  });

  it('is the model for completions where that can converse, and none once it is known not to', async () => {
    settings = { ...defaults, 'model.path': '/models/coder.gguf' };
    expect(answers.chatModel).toEqual({ state: 'unloaded', name: 'coder.gguf' });
    auto = model;
    const run = runtime.generate(completion, () => {}, new CancelFlag());
    await settle();
    last().of('generate')[0].answer(generated('x'));
    await run;
    expect(answers.chatModel).toEqual({ state: 'none' });
  });

  it('loads with the first question, beside the other, and is ready then', async () => {
    const states: string[] = [];
    answers.onChatModel(() => states.at(-1) === answers.chatModel.state || states.push(answers.chatModel.state));
    const heard: AnswerEvent[] = [];
    const answer = ask((event) => heard.push(event));
    await settle();
    expect(last().of('load').map(({ options }) => options)).toMatchObject([{ role: 'chat', model: '/models/instruct.gguf' }]);
    const [call] = last().of('generate');
    expect(call.options).toMatchObject({ conversation: 'c', prompt: { messages: question.messages }, max: 100, sampling: { temperature: 0 } });
    call.hear({ id: 1, event: 'progress', stage: 'reading', share: 0.25, tokens: 400 });
    call.hear({ id: 1, event: 'text', text: 'Because', scores: [] });
    call.answer(answered('Because'));
    expect(await answer).toMatchObject({ text: 'Because', reason: 'stop', dropped: 0, template: 'file' });
    expect(heard).toEqual([{ event: 'reading', share: 0.25, total: 400 }, { event: 'text', text: 'Because' }]);
    expect(states).toEqual(['loading', 'ready']);
    expect(runtime.state).toBe('off');
  });

  it('answers while a completion runs: neither waits for the other here', async () => {
    const answer = ask();
    const text = runtime.generate(completion, () => {}, new CancelFlag());
    await settle();
    expect(last().of('load')).toHaveLength(2);
    expect(last().of('generate')).toHaveLength(2);
    last().of('generate').forEach((call) => call.answer(answered('x')));
    expect([(await answer).text, (await text).text]).toEqual(['x', 'x']);
  });

  it('that fails leaves completions as they are, and says why', async () => {
    auto = null;
    const text = runtime.generate(completion, () => {}, new CancelFlag());
    await settle();
    last().of('load')[0].answer({ ...model, unloaded: null });
    await settle();
    last().of('generate')[0].answer(generated('x'));
    await text;
    const answer = ask();
    await settle();
    last().of('load')[1].fail('modelTooLarge', '/models/instruct.gguf', '8.0 GB', '2.0 GB');
    await expect(answer).rejects.toMatchObject({ code: 'modelTooLarge' });
    expect(answers.chatModel).toMatchObject({ state: 'failed', name: 'instruct.gguf', sentence: expect.stringContaining('8.0 GB') });
    expect([last().closed, runtime.state]).toEqual([false, 'ready']);
    settings = { ...settings, 'chat.model': '/models/smaller.gguf' };
    runtime.settingsChanged();
    expect(answers.chatModel).toEqual({ state: 'unloaded', name: 'smaller.gguf' });
  });

  it.each([
    ['somebody asks again', () => ask()],
    ['the user says so', () => answers.loadChatModel()],
  ])('that failed is tried again when %s', async (_, again) => {
    auto = null;
    const answer = ask();
    await settle();
    last().of('load')[0].fail('fileMissing', '/models/instruct.gguf');
    await expect(answer).rejects.toMatchObject({ code: 'fileMissing' });
    expect(answers.chatModel.state).toBe('failed');
    // By itself nothing tries.
    expect(await answers.count(['x'])).toBeNull();
    await settle();
    const second = again();
    await settle();
    const loads = last().of('load');
    expect([loads.length, answers.chatModel.state]).toEqual([1, 'loading']);
    loads[0].answer({ ...model, unloaded: null });
    await settle();
    expect(answers.chatModel.state).toBe('ready');
    last().of('generate').forEach((call) => call.answer(answered('x')));
    await second;
  });

  it('that needs the other\'s place says so, and the other comes back when it is asked', async () => {
    auto = null;
    const text = runtime.generate(completion, () => {}, new CancelFlag());
    await settle();
    last().of('load')[0].answer({ ...model, unloaded: null });
    await settle();
    last().of('generate')[0].answer(generated('x'));
    await text;
    void ask().catch(() => {});
    await settle();
    last().of('load')[1].answer({ ...instruct, unloaded: { name: 'tiny', role: 'completion', needed: 4e9, available: 3e9 } });
    await settle();
    expect(unloaded).toEqual([expect.stringMatching(/tiny.*instruct.*4\.0 GB.*3\.0 GB/)]);
    expect(runtime.state).toBe('off');
    void runtime.generate(completion, () => {}, new CancelFlag());
    await settle();
    expect(last().of('load').map(({ options }) => (options as { role: string }).role)).toEqual(['completion', 'chat', 'completion']);
  });

  it('is asked again, like a completion, when the worker dies under both', async () => {
    const answer = ask();
    const text = runtime.generate(completion, () => {}, new CancelFlag());
    await settle();
    last().die();
    await settle();
    expect(workers).toHaveLength(2);
    last().of('generate').forEach((call) => call.answer(answered('again')));
    expect([(await answer).text, (await text).text]).toEqual(['again', 'again']);
  });

  it('that is no longer wanted is not loaded to the end', async () => {
    auto = null;
    void ask().catch(() => {});
    await settle();
    const [first] = last().of('load');
    settings = { ...settings, 'chat.model': '/models/other.gguf' };
    runtime.settingsChanged();
    void ask().catch(() => {});
    await settle();
    expect(first.cancel?.isSet).toBe(true);
    first.fail('cancelled');
    await settle();
    expect(last().of('load').at(-1)!.options).toMatchObject({ model: '/models/other.gguf' });
  });

  it('reads ahead and counts only when it is loaded, without loading it', async () => {
    await answers.readAhead(question, new CancelFlag());
    expect(await answers.count(['a'])).toBeNull();
    expect(workers).toHaveLength(0);
    await answers.loadChatModel();
    void answers.readAhead(question, new CancelFlag());
    void answers.count(['a']);
    await settle();
    expect(last().of('generate')[0].options).toMatchObject({ max: 0, priority: 'background' });
    expect(last().of('count')[0].options).toEqual({ role: 'chat', texts: ['a'] });
  });

  it('stays loaded when completions are switched off, and goes with the idle minutes', async () => {
    await answers.loadChatModel();
    settings = { ...settings, 'completions.enabled': false };
    runtime.settingsChanged();
    expect(answers.chatModel.state).toBe('ready');
    vi.advanceTimersByTime(settings.idleUnloadMinutes * 60_000);
    expect(answers.chatModel.state).toBe('unloaded');
    expect(last().closed).toBe(true);
  });

  it('gives another answer for another attempt, the same for the same', async () => {
    void answers.answer({ ...question, attempt: 2 }, () => {}, new CancelFlag());
    await settle();
    expect(last().of('generate')[0].options).toMatchObject({ sampling: { temperature: 0.8, seed: 2 } });
  });
});
