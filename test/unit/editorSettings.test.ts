import { homedir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { defaultCacheBytes } from '../../src/session/cacheBudget.ts';
import { loadPlan, modelPath } from '../../src/editor/loadPlan.ts';
import { SettingsReader } from '../../src/editor/settings.ts';
import { settingsTable, type SettingName } from '../../src/editor/settingsTable.ts';
import { fake, window } from '../support/fakeVscode.ts';

beforeEach(() => fake.reset());
const reader = () => new SettingsReader(window.createOutputChannel() as never);

describe('a setting', () => {
  const wrong: [SettingName, unknown[]][] = [
    ['completions.enabled', ['yes', 1, null]],
    ['completions.languages', [true, null, ['python'], { python: 'no' }]],
    ['completions.eagerness', ['maximal', 2, null]],
    ['completions.latencyBudget', [0, 99, 30_001, 1.5, '1000', Number.NaN, Infinity]],
    ['completions.maxTokens', [0, -1, 1025, 2.5, '96']],
    ['completions.promptTokens', [-1, 16_385, 2.5, '8192']],
    ['completions.exclude', ['*.env', [1], {}, null]],
    ['completions.neighbours', ['no', 0, null]],
    ['completions.nextAhead', ['no', 0, null]],
    ['model.path', [null, 7, ['a.gguf']]],
    ['chat.model', [null, 7, ['a.gguf']]],
    ['models.mirror', [null, 7, ['https://mirror.example']]],
    ['remote.url', [null, 7, ['https://gpu.team.example']]],
    ['remote.use', ['all', true, null]],
    ['remote.completionModel', [null, 7]],
    ['remote.chatModel', [null, 7]],
    ['remote.prompt', ['fim', null]],
    ['mode', ['dense', 'Exact', null]],
    ['threads', [-1, 65, 1.5, '2']],
    ['cacheMegabytes', [-1, 1.5, 65_537, '1024']],
    ['diskCacheMegabytes', [-1, 65_537, 0.5, '1024']],
    ['idleUnloadMinutes', [-1, 1441, 0.5, null]],
  ];

  it('of every name is tried here', () => {
    expect(wrong.map(([name]) => name).sort()).toEqual(Object.keys(settingsTable).sort());
  });

  it.each(wrong)('%s falls back to its default for a value that cannot be used, and the log says so once', (name, values) => {
    for (const value of values) {
      fake.reset();
      fake.settings[`deltallm.${name}`] = value;
      const settings = reader();
      expect(settings.current[name]).toEqual(settingsTable[name].default);
      fake.set('deltallm.completions.enabled', name === 'completions.enabled' ? value : true);
      expect(settings.current[name]).toEqual(settingsTable[name].default);
      expect(fake.logLines.length).toBe(1);
      expect(fake.logLines[0]).toContain(`deltallm.${name}`);
      expect(fake.messages).toEqual([]);
      settings.dispose();
    }
  });

  it('is read again when it changes, and listeners hear of ours only', () => {
    const settings = reader();
    let heard = 0;
    settings.onChange(() => heard++);
    expect(settings.current['completions.maxTokens']).toBe(96);
    fake.set('deltallm.completions.maxTokens', 20);
    fake.set('editor.fontSize', 12);
    expect([settings.current['completions.maxTokens'], heard]).toEqual([20, 1]);
  });

  it('is the same when it is written to what it was, and nobody hears of it', () => {
    const settings = reader();
    let heard = 0;
    settings.onChange(() => heard++);
    const values: [string, unknown, number][] = [
      ['completions.maxTokens', 20, 1],
      ['completions.maxTokens', 20, 1],
      ['completions.exclude', ['**/*.md'], 2],
      ['completions.exclude', ['**/*.md'], 2],
      ['completions.maxTokens', undefined, 3],
      ['completions.maxTokens', settingsTable['completions.maxTokens'].default, 3],
      ['completions.maxTokens', 'many', 3],
    ];
    expect(settings.current['completions.enabled']).toBe(true);
    for (const [name, value, times] of values) {
      fake.set(`deltallm.${name}`, value);
      expect(heard).toBe(times);
    }
  });
});

describe('the load that settings ask for', () => {
  it('leaves what is not set to the worker, and forces kernels only in safe mode', () => {
    const { current } = reader();
    expect(loadPlan(current, null)).toEqual({ role: 'completion', model: '', threads: 0, attention: 'delta', cacheBytes: defaultCacheBytes(), background: true, kept: { limitBytes: 1024e6 } });
    expect(loadPlan({ ...current, cacheMegabytes: 100 }, null)).toMatchObject({ cacheBytes: 100e6 });
    expect(loadPlan(current, 'scalar')).toMatchObject({ kernels: 'scalar' });
    expect(loadPlan({ ...current, mode: 'exact' }, null)).toMatchObject({ attention: 'dense' });
  });
});

describe('the cache of a machine', () => {
  it.each([[1e9, 256e6], [8e9, 500e6], [16e9, 1000e6], [64e9, 4000e6], [512e9, 4096e6]])('with %d bytes of memory takes %d', (memory, bytes) => expect(defaultCacheBytes(memory)).toBe(bytes));
});

describe('the path of a model', () => {
  it.each([['~/models/a b.gguf', join(homedir(), 'models/a b.gguf')], ['  /models/a.gguf ', '/models/a.gguf'], ['', ''], ['~user/a.gguf', '~user/a.gguf']])('%j is opened as %j', (path, expected) => {
    fake.reset();
    fake.settings['deltallm.model.path'] = path;
    expect(modelPath(reader().current)).toBe(expected);
  });
});
