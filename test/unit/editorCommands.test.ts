import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { activate, deactivate } from '../../src/extension.ts';
import { RuntimeClient } from '../../src/session/client.ts';
import { fake, InlineCompletionTriggerKind, type InlineCompletionItem, secrets } from '../support/fakeVscode.ts';
import { Uri } from '../support/fakeVscode.ts';
import { FakeWorker, generated } from '../support/fakeWorker.ts';
import { until } from '../support/until.ts';

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const base = mkdtempSync(join(tmpdir(), 'deltallm-editorCommands-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let workers: FakeWorker[];
const subscriptions: { dispose(): unknown }[] = [];

beforeEach(() => {
  fake.reset();
  workers = [];
  vi.spyOn(RuntimeClient, 'start').mockImplementation(() => {
    workers.push(new FakeWorker());
    return workers.at(-1)!.client as RuntimeClient;
  });
  activate({ subscriptions, extensionUri: Uri.file(base), globalStorageUri: Uri.file(join(base, 'storage')), globalState: { get: () => undefined, update: async () => {} }, secrets, extension: { id: 'deltallm.deltallm', packageJSON: manifest } } as never);
});
afterEach(async () => {
  await deactivate();
  for (const subscription of subscriptions.splice(0)) subscription.dispose();
  vi.restoreAllMocks();
});

const run = (name: string) => fake.commands.get(`deltallm.${name}`)!() as Promise<void>;
type Provider = { provideInlineCompletionItems(...args: unknown[]): Promise<InlineCompletionItem[]> };

/** One request that is answered with `text`. */
async function complete(text: string, before = 'const secretPassword = '): Promise<void> {
  const { document, selection } = fake.open(before);
  const token = { isCancellationRequested: false, onCancellationRequested: () => ({ dispose() {} }) };
  const context = { triggerKind: InlineCompletionTriggerKind.Invoke, selectedCompletionInfo: undefined };
  const items = (fake.providers[0] as Provider).provideInlineCompletionItems(document, selection.active, context, token);
  await until(() => expect(workers[0]?.of('generate').length).toBe(1));
  const prompt = { text: `<fim>${before}`, spans: [{ name: 'prefix' as const, start: 0, end: 4, tokens: 0, dropped: true }, { name: 'prefix' as const, start: 4, end: before.length, tokens: 9, dropped: false }], neighbours: ['/work space/beside.ts'] };
  workers[0].of('generate')[0].answer({ ...generated(text), prompt });
  await items;
}

describe('"Show Last Prompt"', () => {
  it('shows exactly what the model saw, what was dropped, what was computed, and the time of each stage', async () => {
    await complete('prompt();');
    await run('showLastPrompt');
    const [text] = fake.openedTexts;
    expect(text).toContain('\n<fim>const secretPassword = \n');
    expect(text).toContain('- before the cursor: characters 0 to 4, dropped because the token budget of the prompt was used up');
    expect(text).toContain('though the model did not see it:\n+ /work space/beside.ts\n');
    expect(text).toContain('Tokens: 40 in the prompt, 0 of them known from before, 47 computed, 8 written');
    expect(text).toMatch(/Milliseconds: \d+ pause, \d+ waiting, 100 reading, 70 writing, \d+ in all/);
  });

  it('says so when there was none', async () => {
    await run('showLastPrompt');
    expect(fake.openedTexts).toEqual(['No prompt was made yet.\n']);
  });
});

describe('"Show Last Request"', () => {
  it('counts what was returned and what was not, with the reasons, and no code but what was held back', async () => {
    await complete('prompt();');
    fake.set('deltallm.completions.exclude', ['**']);
    await (fake.providers[0] as Provider).provideInlineCompletionItems(fake.open('x').document, { line: 0, character: 1 }, { triggerKind: 1 }, {});
    await run('showLastRequest');
    const [text] = fake.openedTexts;
    expect(text).toMatch(/^ +1 {2}shown$/m);
    expect(text).toMatch(/^ +1 {4}newly written$/m);
    expect(text).toMatch(/^ +1 {4}the document is excluded$/m);
    expect(text).not.toMatch(/secretPassword|prompt\(\)/);
  });
});

describe('"Clear Caches"', () => {
  it('has the worker forget, then removes what is on the disk, and starts nothing', async () => {
    const kept = join(base, 'storage', 'read');
    fake.disk.set(kept, { text: '', mtime: 1 });
    await run('clearCaches');
    expect([workers.length, fake.disk.has(kept)]).toEqual([0, false]);
    fake.disk.set(kept, { text: '', mtime: 1 });
    await complete('prompt();');
    const cleared = run('clearCaches');
    await until(() => expect(workers[0].of('clearCaches').length).toBe(1));
    expect(fake.disk.has(kept)).toBe(true);
    workers[0].of('clearCaches')[0].answer(null);
    await cleared;
    expect(fake.disk.has(kept)).toBe(false);
  });
});

describe('"Show Cache"', () => {
  it('says of each file what is kept, and how it was read', async () => {
    await complete('prompt();');
    const showing = run('showCache');
    await until(() => expect(workers[0].of('census').length).toBe(1));
    const group = { path: '/work space/a.ts', blocks: 12, tokens: 760, reused: 9, exact: 5, delta: 8, approximate: 3, moved: 0, superseded: 2, bytes: 4.2e6 };
    workers[0].of('census')[0].answer([{ model: 'tiny', roles: ['completion', 'chat'], blocks: 13, bytes: 4.5e6, budget: 1e9, float16: 9e6, groups: [group, { ...group, path: null, approximate: 0, superseded: 0, moved: 4 }], underWay: { blocks: 1, bytes: 3e5 }, saved: 900, computed: 100 }]);
    await showing;
    const [text] = fake.openedTexts;
    for (const part of ['tiny', 'completions, chat', '13 blocks of 64 tokens, 4.5 of 1000 MB', '900 known from before, 100 computed', '/work space/a.ts\n    12 blocks, 760 tokens, 4.2 MB; 9 blocks were used again', '3 were read before the text above them changed', '2 are of a text that is no more', 'Conversations', '4 are used at another place']) expect(text).toContain(part);
    expect(text).not.toContain(' 0 are ');
  });

  it('says so where nothing is loaded, and loads nothing', async () => {
    await run('showCache');
    expect([fake.openedTexts, workers.length]).toEqual([['No model is loaded: nothing is kept.\n'], 0]);
  });
});

describe('"Copy Diagnostics"', () => {
  it('holds the machine, the model and the figures, and neither code nor a folder of the user', async () => {
    fake.settings['deltallm.model.path'] = '/home/jane doe/models/big.gguf';
    fake.settings['deltallm.chat.model'] = '/home/jane doe/models/talking.gguf';
    fake.settings['deltallm.completions.exclude'] = ['**/secret-project/**'];
    fake.set('deltallm.threads', 2);
    await complete('prompt();');
    const copying = run('copyDiagnostics');
    await until(() => expect(workers[0].of('memory').length).toBe(1));
    workers[0].of('memory')[0].answer({ cacheBytes: 3e6, cacheBlocks: 7 });
    await copying;
    for (const part of ['CPU: ', 'Kernels: avx2', 'Model: tiny', 'Model file: big.gguf', 'Chat model file: talking.gguf', '3 MB in 7 blocks', 'writes 100 tokens', 'Editor: Visual Studio Code 1.106.1', `DeltaLLM: ${manifest.version}`, 'returned 1']) {
      expect(fake.clipboard).toContain(part);
    }
    expect(fake.clipboard).not.toMatch(/jane|secret|prompt\(\)/);
  });

  it('works before anything was started, and tells of the last errors', async () => {
    await run('copyDiagnostics');
    expect(fake.clipboard).toContain('Last errors:\n  none');
    expect(workers).toEqual([]);
  });
});

describe('switches', () => {
  it('turn completions off, and on again without leaving a setting behind', async () => {
    await run('completions.toggle');
    expect(fake.settings['deltallm.completions.enabled']).toBe(false);
    expect(fake.statusBar[0].text).toContain('circle-slash');
    await run('completions.toggle');
    expect(fake.settings['deltallm.completions.enabled']).toBeUndefined();
    expect(fake.statusBar[0].text).not.toContain('circle-slash');
  });

  it('turn one language off and leave the others, and on again without leaving a setting behind', async () => {
    fake.open('x', 'python');
    await run('completions.toggleLanguage');
    expect(fake.settings['deltallm.completions.languages']).toEqual({ python: false });
    await run('completions.toggleLanguage');
    expect(fake.settings['deltallm.completions.languages']).toBeUndefined();
  });

  it('write what differs from the user, in the settings of a workspace that has its own', async () => {
    fake.open('x', 'python');
    fake.settings['deltallm.completions.languages'] = { ruby: false };
    fake.workspaceSettings['deltallm.completions.languages'] = { go: false };
    fake.set('deltallm.threads', 1);
    await run('completions.toggleLanguage');
    expect([fake.settings, fake.workspaceSettings].map((all) => all['deltallm.completions.languages'])).toEqual([{ ruby: false }, { go: false, python: false }]);
    await run('completions.toggleLanguage');
    expect(fake.workspaceSettings['deltallm.completions.languages']).toEqual({ go: false });
  });

  it('need an editor for a language', async () => {
    await run('completions.toggleLanguage');
    expect([fake.settings, fake.messages.length]).toEqual([{}, 1]);
  });
});

describe('"Complete at the Cursor"', () => {
  it('asks VS Code as the user would', async () => {
    await run('completions.trigger');
    expect(fake.executed).toEqual([{ id: 'editor.action.inlineSuggest.trigger', args: [{ explicit: true }] }]);
  });

  it('offers to switch completions on for a language that is off, and the status bar says so meanwhile', async () => {
    const editor = fake.open('x', 'markdown');
    fake.events.activeEditor.fire(editor);
    const { text, accessibilityInformation, tooltip } = fake.statusBar[0];
    expect([text, accessibilityInformation!.label, (tooltip as { value: string }).value]).toEqual(['$(circle-slash) DeltaLLM', 'DeltaLLM: switched off for markdown', expect.stringContaining('Completions are switched off for markdown.')]);
    // Nothing is drawn anew that says the same.
    let drawn = 0;
    Object.defineProperty(fake.statusBar[0], 'backgroundColor', { configurable: true, set: () => void drawn++, get: () => undefined });
    fake.events.activeEditor.fire(editor);
    expect(drawn).toBe(0);
    fake.click = 'Switch On';
    await run('completions.trigger');
    expect(drawn).toBeGreaterThan(0);
    expect([fake.executed, fake.settings['deltallm.completions.languages']]).toEqual([[], { markdown: true }]);
    expect(fake.statusBar[0].text).toBe('$(circle-outline) DeltaLLM');
  });

  it('says that a suggestion is coming where it takes longer than a moment', async () => {
    vi.useFakeTimers();
    try {
      const { document, selection } = fake.open('const a = ');
      const token = { isCancellationRequested: false, onCancellationRequested: () => ({ dispose() {} }) };
      const items = (fake.providers[0] as Provider).provideInlineCompletionItems(document, selection.active, { triggerKind: InlineCompletionTriggerKind.Invoke, selectedCompletionInfo: undefined }, token);
      await vi.advanceTimersByTimeAsync(200);
      expect(fake.statusMessages).toEqual([]);
      await vi.advanceTimersByTimeAsync(200);
      expect(fake.statusMessages).toEqual(['$(loading~spin) A suggestion is being written.']);
      workers[0].of('generate')[0].answer(generated('1;'));
      await items;
    } finally {
      vi.useRealTimers();
    }
  });

  it('offers to switch completions on', async () => {
    fake.set('deltallm.completions.enabled', false);
    fake.click = 'Switch On';
    await run('completions.trigger');
    expect([fake.executed, fake.settings['deltallm.completions.enabled']]).toEqual([[], undefined]);
  });
});

describe('the menu', () => {
  it('runs what is chosen, and every entry is a command that exists', async () => {
    fake.open('x');
    fake.pick = 'deltallm.completions.toggle';
    await run('menu');
    expect(fake.settings['deltallm.completions.enabled']).toBe(false);
    const [{ items }] = fake.quickPicks;
    for (const { command } of items) expect([...fake.commands.keys(), 'workbench.action.openSettings', 'workbench.action.openWalkthrough', 'editor.action.inlineSuggest.snooze']).toContain(command);
  });
});

describe('the menu behind the status bar', () => {
  const focus = 'workbench.action.focusActiveEditorGroup';
  const click = () => {
    const { command, arguments: args } = fake.statusBar[0].command as unknown as { command: string; arguments: never[] };
    return fake.commands.get(command)!(...args) as Promise<void>;
  };

  it('gives the keyboard back to the editor before it completes there', async () => {
    fake.open('x');
    fake.pick = 'deltallm.completions.trigger';
    await click();
    expect(fake.executed.map(({ id }) => id)).toEqual([focus, 'editor.action.inlineSuggest.trigger']);
  });

  it('gives it back on Escape too, and one more Enter would switch nothing', async () => {
    fake.open('x');
    await click();
    expect(fake.executed.map(({ id }) => id)).toEqual([focus]);
    expect(fake.quickPicks[0].items[0].command).toBe('deltallm.completions.trigger');
  });

  it('leaves it where it is when it was opened from the palette, or where there is no editor', async () => {
    await click();
    fake.open('x');
    await run('menu');
    expect(fake.executed).toEqual([]);
    expect(fake.quickPicks[0].items[0].command).toBe('deltallm.chat.open');
  });
});

describe('"Restart Runtime"', () => {
  it('ends the worker and loads anew', async () => {
    await complete('prompt();');
    await run('restart');
    expect(workers.map(({ closed }) => closed)).toEqual([true, false]);
    expect(fake.statusBar[0].accessibilityInformation?.label).toBe('DeltaLLM: ready');
  });
});
