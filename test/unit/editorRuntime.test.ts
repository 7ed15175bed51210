import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { hostname, tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CrashMarker } from '../../src/editor/crashMarker.ts';
import { EditorRuntime, type Trouble } from '../../src/editor/runtime.ts';
import { settingsTable, type Settings } from '../../src/editor/settingsTable.ts';
import { CancelFlag } from '../../src/shared/cancel.ts';
import type { GenerateOptions, LoadedModel } from '../../src/session/protocol.ts';
import { window } from '../support/fakeVscode.ts';
import { FakeWorker, generated, model, type Call } from '../support/fakeWorker.ts';

const base = mkdtempSync(join(tmpdir(), 'deltallm-editorRuntime-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const defaults = Object.fromEntries(Object.entries(settingsTable).map(([name, entry]) => [name, entry.default])) as Settings;
const options: GenerateOptions = { prompt: { text: 'a' }, max: 8, sampling: {} };

let settings: Settings;
let workers: FakeWorker[];
let troubles: Trouble[];
let states: string[];
let folder = '';
let auto: LoadedModel | null;
let runtime: EditorRuntime;

function make(): EditorRuntime {
  const made = new EditorRuntime({
    startWorker: () => {
      const worker = new FakeWorker(auto);
      workers.push(worker);
      return worker.client;
    },
    settings: () => settings,
    marker: new CrashMarker(folder, '1.0.0'),
    log: window.createOutputChannel() as never,
  });
  made.onTrouble((trouble) => troubles.push(trouble));
  made.onDidChange(() => states.at(-1) === made.state || states.push(made.state));
  return made;
}

/** Lets everything that waits for nothing else run. */
const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};
const ask = (cancel = new CancelFlag()) => runtime.generate(options, () => {}, cancel);
const last = () => workers.at(-1)!;
const answer = async (text = 'x', tokens = 8) => {
  await settle();
  last().of('generate').at(-1)!.answer(generated(text, tokens));
};
const markers = () => (existsSync(folder) ? readdirSync(folder) : []);

beforeEach(() => {
  vi.useFakeTimers();
  [settings, workers, troubles, states, auto] = [defaults, [], [], [], model];
  folder = join(mkdtempSync(join(base, 'case-')), 'runs');
  runtime = make();
});
afterEach(async () => {
  await runtime.dispose();
  expect(markers().filter((name) => name.startsWith('running-'))).toEqual([]);
  vi.useRealTimers();
});

describe('the runtime in the editor', () => {
  it('starts nothing and waits for nothing before the first generation', async () => {
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect([workers.length, vi.getTimerCount(), runtime.state, markers().length]).toEqual([0, 0, 'off', 0]);
  });

  it('loads with the first generation, by the settings, and says how it is', async () => {
    settings = { ...defaults, 'model.path': '/models/big one.gguf', mode: 'exact', threads: 3, cacheMegabytes: 100 };
    const result = ask();
    await settle();
    const [{ options: load }] = last().of('load');
    expect(load).toEqual({ role: 'completion', model: '/models/big one.gguf', threads: 3, attention: 'dense', cacheBytes: 100e6, background: true, kept: { limitBytes: 1024e6 } });
    last().of('generate')[0].hear({ id: 1, event: 'text', text: 'x', scores: [] });
    await answer('xyz');
    expect((await result).text).toBe('xyz');
    expect(states).toEqual(['loading', 'ready', 'reading', 'writing', 'ready']);
    expect(runtime.confidence).toBe(model.confidence);
  });

  it('sends the texts of a set of neighbours once to a worker and a model, then its name', async () => {
    const documents = [{ path: '/a.ts', text: 'a' }];
    const sent = async (name: string) => {
      const result = runtime.generate({ ...options, neighbours: { name, documents } }, () => {}, new CancelFlag());
      await answer();
      await result;
      return (last().of('generate').at(-1)!.options as GenerateOptions).neighbours;
    };
    expect(await sent('one')).toEqual({ name: 'one', documents });
    expect(await sent('one')).toEqual({ name: 'one' });
    expect(await sent('two')).toEqual({ name: 'two', documents });
    expect(await sent('one')).toEqual({ name: 'one', documents });
    settings = { ...defaults, mode: 'exact' };
    expect(await sent('one')).toEqual({ name: 'one', documents });
    last().die();
    await settle();
    expect(await sent('one')).toEqual({ name: 'one', documents });
    expect(workers).toHaveLength(2);
  });

  it('sends them once, too, where nobody waits for what is read: whatever fails sends them again', async () => {
    const documents = [{ path: '/a.ts', text: 'a' }];
    void ask();
    await answer();
    const quietly = async (end: (call: Call) => void) => {
      const result = runtime.callQuietly('completion', 'generate', { ...options, neighbours: { name: 'one', documents } });
      await settle();
      const call = last().of('generate').at(-1)!;
      end(call);
      await result;
      return (call.options as GenerateOptions).neighbours;
    };
    expect(await quietly((call) => call.answer(generated('')))).toEqual({ name: 'one', documents });
    expect(await quietly((call) => call.answer(generated('')))).toEqual({ name: 'one' });
    expect(await quietly((call) => call.fail('internal'))).toEqual({ name: 'one' });
    expect(await quietly((call) => call.answer(generated('')))).toEqual({ name: 'one', documents });
  });

  it.each([['exact', 'dense'], ['balanced', 'delta'], ['compact', 'compact']] as const)('runs %s mode with %s attention', async (mode, attention) => {
    settings = { ...defaults, mode };
    void ask().catch(() => {});
    await settle();
    expect(last().of('load')[0].options).toMatchObject({ attention, model: '', threads: 0 });
  });

  it('loads once for many generations, and again only for settings that need it, when the next one comes', async () => {
    for (let n = 0; n < 3; n++) {
      const result = ask();
      await answer();
      await result;
    }
    expect(last().of('load').length).toBe(1);
    settings = { ...settings, 'completions.maxTokens': 5 };
    runtime.settingsChanged();
    settings = { ...settings, mode: 'compact' };
    runtime.settingsChanged();
    await settle();
    expect(last().of('load').length).toBe(1);
    const result = ask();
    await answer();
    await result;
    expect([workers.length, last().of('load').length]).toEqual([1, 2]);
  });

  it('measures medians of what the worker reports', async () => {
    expect(runtime.speed).toBeUndefined();
    const result = ask();
    await answer();
    await result;
    expect(runtime.speed).toEqual({ prefill: 400, decode: 100 });
  });

  it('ends a load that the settings no longer ask for, and not one that they still do', async () => {
    auto = null;
    const waiting = ask();
    await settle();
    const [load] = last().of('load');
    settings = { ...settings, 'completions.maxTokens': 7 };
    runtime.settingsChanged();
    expect(load.cancel!.isSet).toBe(false);
    settings = { ...settings, 'model.path': '/models/other.gguf' };
    runtime.settingsChanged();
    expect(load.cancel!.isSet).toBe(true);
    load.fail('cancelled');
    expect((await waiting).reason).toBe('cancelled');
    expect([runtime.state, troubles]).toEqual(['off', []]);
    void ask();
    await settle();
    expect(last().of('load').at(-1)!.options).toMatchObject({ model: '/models/other.gguf' });
  });

  it('does not begin a generation that was cancelled while it loaded', async () => {
    auto = null;
    const cancel = new CancelFlag();
    const result = ask(cancel);
    await settle();
    cancel.set();
    last().of('load')[0].answer(model);
    expect((await result).reason).toBe('cancelled');
    expect(last().of('generate')).toEqual([]);
  });
});

describe('an unused model', () => {
  it('is unloaded after the minutes of the setting, by one timer, and comes back when asked', async () => {
    const result = ask();
    await answer();
    await result;
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(settings.idleUnloadMinutes * 60_000);
    expect([last().closed, runtime.state, vi.getTimerCount()]).toEqual([true, 'off', 0]);
    const again = ask();
    await answer();
    await again;
    expect(workers.length).toBe(2);
  });

  it('is unloaded when completions are switched off, at once or when what runs has ended', async () => {
    const result = ask();
    await answer();
    await result;
    settings = { ...defaults, 'completions.enabled': false };
    runtime.settingsChanged();
    expect([last().closed, runtime.state, vi.getTimerCount()]).toEqual([true, 'off', 0]);
    settings = defaults;
    const second = ask();
    await settle();
    settings = { ...defaults, 'completions.enabled': false };
    runtime.settingsChanged();
    expect(last().closed).toBe(false);
    await answer();
    await second;
    expect([last().closed, runtime.state]).toEqual([true, 'off']);
  });

  it('stays when the setting says never', async () => {
    settings = { ...defaults, idleUnloadMinutes: 0 };
    const result = ask();
    await answer();
    await result;
    expect(vi.getTimerCount()).toBe(0);
  });

  it('has its confidence measured once, in a pause, and the next request cancels that', async () => {
    auto = { ...model, confidence: null };
    let result = ask();
    await answer();
    await result;
    await vi.advanceTimersByTimeAsync(3000);
    const [first] = last().of('confidence');
    expect(first.cancel?.isSet).toBe(false);
    result = ask();
    await settle();
    expect(first.cancel?.isSet).toBe(true);
    first.fail('cancelled');
    await answer();
    await result;
    await vi.advanceTimersByTimeAsync(3000);
    last().of('confidence')[1].answer(model.confidence);
    await settle();
    expect(runtime.confidence).toBe(model.confidence);
    result = ask();
    await answer();
    await result;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(last().of('confidence').length).toBe(2);
  });

  it('is not measured again when that failed', async () => {
    auto = { ...model, confidence: null };
    for (let n = 0; n < 2; n++) {
      const result = ask();
      await answer();
      await result;
      await vi.advanceTimersByTimeAsync(3000);
      last().of('confidence')[0].fail('internal', 'no sample code');
      await settle();
    }
    expect([last().of('confidence').length, troubles.length]).toEqual([1, 0]);
  });
});

describe('a worker that dies', () => {
  it('is started again once, for the same request, with one message; then the runtime has failed until it is restarted', async () => {
    const result = ask();
    await settle();
    last().die();
    await answer('again');
    expect((await result).text).toBe('again');
    expect([workers.length, troubles.map(({ kind }) => kind)]).toEqual([2, ['restarted']]);
    const second = ask();
    await settle();
    last().die();
    await expect(second).rejects.toMatchObject({ code: 'workerDied' });
    await expect(ask()).rejects.toMatchObject({ code: 'workerDied' });
    expect([workers.length, runtime.state, troubles.map(({ kind }) => kind)]).toEqual([2, 'failed', ['restarted', 'failed']]);
    await runtime.restart();
    expect([workers.length, runtime.state, runtime.error]).toEqual([3, 'ready', null]);
  });

  it('between two requests is noticed by the next', async () => {
    const result = ask();
    await answer();
    await result;
    last().die();
    const second = ask();
    await answer('again');
    expect((await second).text).toBe('again');
  });

  it('while it loads is started again too', async () => {
    auto = null;
    const result = ask();
    await settle();
    auto = model;
    last().die();
    await answer('again');
    expect((await result).text).toBe('again');
    expect(troubles.map(({ kind }) => kind)).toEqual(['restarted']);
  });
});

describe('a worker that does not answer', () => {
  it('is told of once, asked nothing more, and no other one takes its place', async () => {
    const waiting = ask();
    await settle();
    last().of('generate')[0].fail('workerHangs');
    await expect(waiting).rejects.toMatchObject({ code: 'workerHangs' });
    await expect(ask()).rejects.toMatchObject({ code: 'workerHangs' });
    expect(troubles).toMatchObject([{ kind: 'failed', error: { code: 'workerHangs' } }]);
    expect([workers.length, runtime.state]).toEqual([1, 'failed']);
  });
});

describe('a load that fails', () => {
  it('is told once, however often it is asked, and is tried again for another setting', async () => {
    auto = null;
    const results = [ask(), ask()];
    await settle();
    last().of('load')[0].fail('addonMissing', 'linux-x64', '/a, /b');
    for (const result of results) await expect(result).rejects.toMatchObject({ code: 'addonMissing' });
    await expect(ask()).rejects.toMatchObject({ code: 'addonMissing' });
    expect([troubles.length, runtime.state, workers.length, last().closed]).toEqual([1, 'failed', 1, true]);
    settings = { ...settings, 'model.path': '/elsewhere' };
    runtime.settingsChanged();
    expect(runtime.state).toBe('off');
    const failing = ask();
    await settle();
    last().of('load')[0].fail('addonMissing', 'linux-x64', '/a, /b');
    await expect(failing).rejects.toMatchObject({ code: 'addonMissing' });
    expect(troubles.length).toBe(2);
    auto = model;
    settings = { ...settings, 'model.path': '' };
    runtime.settingsChanged();
    const result = ask();
    await answer();
    await result;
    expect(runtime.state).toBe('ready');
  });

  it('leaves the runtime usable when it was only a request that failed', async () => {
    for (let n = 0; n < 2; n++) {
      const result = ask();
      await settle();
      last().of('generate').at(-1)!.fail('memoryBudget', '2 GB', '1 GB');
      await expect(result).rejects.toMatchObject({ code: 'memoryBudget' });
    }
    expect([runtime.state, troubles.map(({ kind }) => kind), runtime.lastErrors.length]).toEqual(['ready', ['complaint'], 2]);
  });

  it('is final for a model that cannot complete', async () => {
    const result = ask();
    await settle();
    last().of('generate')[0].fail('noFim', 'chatty');
    await expect(result).rejects.toMatchObject({ code: 'noFim' });
    await expect(ask()).rejects.toMatchObject({ code: 'noFim' });
    expect([workers.length, runtime.state]).toEqual([1, 'failed']);
  });
});

describe('the crash marker', () => {
  const armed = () => markers().filter((name) => name.startsWith('running-')).length;

  it('stands over the load and the first 64 tokens, and not between requests', async () => {
    auto = null;
    const seen: number[] = [];
    const results = [];
    for (let n = 0; n < 6; n++) {
      results.push(ask());
      await settle();
      if (n === 0) {
        expect(armed()).toBe(1);
        last().of('load')[0].answer(model);
        await settle();
      }
      seen.push(armed());
      await answer('x', 16);
      await results[n];
      expect(armed()).toBe(0);
    }
    expect(seen).toEqual([1, 1, 1, 1, 0, 0]);
  });

  it('is removed at once when the editor closes in the middle of it', async () => {
    auto = null;
    void ask().catch(() => {});
    await settle();
    expect(armed()).toBe(1);
    const ending = runtime.dispose();
    expect(armed()).toBe(0);
    await ending;
    expect(last().closed).toBe(true);
    expect((await ask()).reason).toBe('cancelled');
    expect(workers.length).toBe(1);
  });

  const crashed = (kernels: string) => {
    const marker = new CrashMarker(folder, '1.0.0');
    marker.arm({ model: '', kernels });
    const [name] = markers();
    const path = join(folder, name);
    const text = JSON.stringify({ version: '1.0.0', host: hostname(), pid: 2 ** 22 + 1, start: '1', boot: Math.round(Date.now() / 1000 - uptime()), model: '', kernels });
    marker.disarm();
    writeFileSync(path.replace(/\d+\.json$/, `${2 ** 22 + 1}.json`), text);
  };

  it('of a process that ended because memory ran out says that, leaves the kernels alone, and loads when the user restarts', async () => {
    let kills = 3;
    const marker = () => new CrashMarker(folder, '1.0.0', () => {}, () => kills);
    const path = join(folder, 'running-999999.json');
    marker().arm({ model: '', kernels: 'auto' });
    const [own] = markers();
    const written = JSON.parse(readFileSync(join(folder, own), 'utf8')) as object;
    rmSync(join(folder, own));
    writeFileSync(path, JSON.stringify({ ...written, pid: 999_999, start: '1' }));
    kills = 4;
    await runtime.dispose();
    runtime = new EditorRuntime({ startWorker: () => (workers.push(new FakeWorker(auto)), last().client), settings: () => settings, marker: marker(), log: window.createOutputChannel() as never });
    runtime.onTrouble((trouble) => troubles.push(trouble));
    await expect(ask()).rejects.toMatchObject({ code: 'killedForMemory' });
    expect([troubles.map(({ kind }) => kind), runtime.safeMode, workers.length]).toEqual([['failed'], false, 0]);
    void runtime.restart();
    await settle();
    expect(last().of('load')[0].options).not.toHaveProperty('kernels');
  });

  it('of a crash leads to safe mode, told once; "Try again" forgets it', async () => {
    vi.useRealTimers();
    crashed('auto');
    const result = ask();
    await answer();
    await result;
    expect(last().of('load')[0].options).toMatchObject({ kernels: 'scalar' });
    expect([troubles, runtime.safeMode]).toEqual([[{ kind: 'safeMode' }], true]);
    await runtime.forgiveCrash();
    expect(last().of('load')[0].options).not.toHaveProperty('kernels');
    expect([workers.length, runtime.safeMode, troubles.length]).toEqual([2, false, 1]);
  });

  it('of a crash in safe mode keeps the model off, until "Try again"', async () => {
    vi.useRealTimers();
    crashed('scalar');
    await expect(ask()).rejects.toMatchObject({ code: 'crashed' });
    expect([workers.length, runtime.state]).toEqual([0, 'failed']);
    await runtime.forgiveCrash();
    expect([workers.length, runtime.state]).toEqual([1, 'ready']);
  });
});

describe('a model file that cannot be used', () => {
  const path = '/models/gone.gguf';
  const models = () => last().of('load').map(({ options }) => (options as { model: string }).model);
  /** Refuses `path` while it is loaded. */
  const refused = async () => {
    auto = null;
    settings = { ...defaults, 'model.path': path };
    const result = ask();
    await settle();
    last().of('load')[0].fail('fileMissing', path);
    await settle();
    last().of('load')[1].answer(model);
    await answer('x');
    return (await result).text;
  };

  it('gives way to the embedded one, told once, and completions go on', async () => {
    expect(await refused()).toBe('x');
    expect([models(), runtime.state, runtime.error, runtime.standIn?.code]).toEqual([[path, ''], 'ready', null, 'fileMissing']);
    expect(troubles.map(({ kind }) => kind)).toEqual(['standIn']);
    const again = ask();
    await answer('y');
    await again;
    expect([models().length, troubles.length, runtime.lastErrors.length]).toEqual([2, 1, 1]);
  });

  it('gives way also where it turns out with the first completion, which the embedded one then answers', async () => {
    settings = { ...defaults, 'model.path': '/models/chatty.gguf' };
    const result = ask();
    await settle();
    last().of('generate')[0].fail('noFim', 'chatty');
    await answer('x');
    expect((await result).text).toBe('x');
    expect([workers.at(-1)!.of('load').map(({ options }) => (options as { model: string }).model).at(-1), runtime.standIn?.code]).toEqual(['', 'noFim']);
  });

  it('is tried again when the setting names another one, and when the user restarts', async () => {
    await refused();
    auto = model;
    await runtime.restart();
    expect([models(), runtime.standIn]).toEqual([[path], null]);
    settings = { ...defaults, 'model.path': '/models/there.gguf' };
    const other = ask();
    await answer('x');
    await other;
    expect(models().at(-1)).toBe('/models/there.gguf');
  });

  it('is told of again where the next one cannot be used either', async () => {
    await refused();
    settings = { ...defaults, 'model.path': '/models/also gone.gguf' };
    runtime.settingsChanged();
    const other = ask();
    await settle();
    last().of('load').at(-1)!.fail('fileMissing', '/models/also gone.gguf');
    await settle();
    last().of('load').at(-1)!.answer(model);
    await answer('x');
    await other;
    expect([models().at(-1), troubles.map(({ kind }) => kind)]).toEqual(['', ['standIn', 'standIn']]);
  });

  it('is a failure where it is the embedded one, or a chat model', async () => {
    auto = null;
    const result = ask();
    await settle();
    last().of('load')[0].fail('notGguf', 'starter-q8_0.gguf', 'x');
    await expect(result).rejects.toMatchObject({ code: 'notGguf' });
    expect([runtime.state, runtime.standIn, troubles.map(({ kind }) => kind)]).toEqual(['failed', null, ['failed']]);
    settings = { ...defaults, 'chat.model': path };
    const chat = runtime.generateAs('chat', options, () => {}, new CancelFlag());
    await settle();
    last().of('load').at(-1)!.fail('fileMissing', path);
    await expect(chat).rejects.toMatchObject({ code: 'fileMissing' });
  });
});

describe('a restart', () => {
  it('ends what runs and loads anew', async () => {
    const result = ask();
    await settle();
    const [first] = workers;
    await runtime.restart();
    expect((await result).reason).toBe('cancelled');
    expect([first.closed, workers.length, runtime.state]).toEqual([true, 2, 'ready']);
  });

  it('in the middle of a load leaves one model', async () => {
    auto = null;
    const result = ask().catch((error: unknown) => error);
    await settle();
    auto = model;
    await runtime.restart();
    await settle();
    expect(await result).toMatchObject({ reason: 'cancelled' });
    expect([workers.map(({ closed }) => closed), runtime.state, troubles]).toEqual([[true, false], 'ready', []]);
  });
});

describe('an inspection', () => {
  const inspect = (cancel = new CancelFlag()) => runtime.inspect('inspect', { text: 'a b', name: 'a.ts', attention: 'delta', most: 100 }, () => {}, cancel);

  it('loads the model as a completion does, and shows no other state than that it is ready', async () => {
    const result = inspect();
    await settle();
    expect(last().of('load')).toHaveLength(1);
    last().of('inspect')[0].answer({ schema: 2 });
    expect(await result).toEqual({ schema: 2 });
    expect(states).toEqual(['loading', 'ready']);
  });

  it('keeps the model for as long as it takes, though completions are off or nobody types', async () => {
    const result = inspect();
    await settle();
    settings = { ...defaults, 'completions.enabled': false, idleUnloadMinutes: 1 };
    runtime.settingsChanged();
    await vi.advanceTimersByTimeAsync(600_000);
    expect([workers.length, last().closed, last().of('unload').length]).toEqual([1, false, 0]);
    last().of('inspect')[0].answer({});
    await result;
    await vi.advanceTimersByTimeAsync(600_000);
    expect(last().closed).toBe(true);
  });

  it('runs beside completions, whose states are what they are without it', async () => {
    const result = inspect();
    await settle();
    const typed = ask();
    await answer();
    expect((await typed).text).toBe('x');
    expect(runtime.state).toBe('ready');
    last().of('inspect')[0].answer({});
    await result;
  });

  it('that fails is told by whoever asked, and another worker answers the next one', async () => {
    const result = expect(inspect()).rejects.toMatchObject({ code: 'workerDied' });
    await settle();
    last().die();
    await result;
    expect(troubles.filter(({ kind }) => kind === 'complaint')).toEqual([]);
    const again = inspect();
    await settle();
    expect(workers).toHaveLength(2);
    last().of('inspect')[0].fail('usage', 'The text is too short to inspect: it has fewer than two tokens');
    await expect(again).rejects.toMatchObject({ code: 'usage' });
    expect(runtime.state).toBe('ready');
  });

  it('that is cancelled while the model loads asks for nothing', async () => {
    auto = null;
    const cancel = new CancelFlag();
    const result = expect(inspect(cancel)).rejects.toMatchObject({ code: 'cancelled' });
    await settle();
    cancel.set();
    last().of('load')[0].answer(model);
    await result;
    expect(last().of('inspect')).toEqual([]);
  });
});
