// The first minutes with the extension: the walkthrough, the first suggestion that is taken, and GitHub Copilot beside it.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { activate, deactivate } from '../../src/extension.ts';
import { WALKTHROUGH } from '../../src/editor/firstRun.ts';
import { RuntimeClient } from '../../src/session/client.ts';
import { fake, InlineCompletionTriggerKind, secrets, Selection, Uri, window, type FakeDocument, type InlineCompletionItem } from '../support/fakeVscode.ts';
import { FakeWorker, generated, scoresOf } from '../support/fakeWorker.ts';
import { until } from '../support/until.ts';

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const words = JSON.parse(readFileSync('package.nls.json', 'utf8')) as Record<string, string>;
const base = mkdtempSync(join(tmpdir(), 'deltallm-firstRun-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
const token = { isCancellationRequested: false, onCancellationRequested: () => ({ dispose() {} }) };

let worker: FakeWorker | undefined;
let subscriptions: { dispose(): unknown }[];
beforeEach(() => {
  fake.reset();
  [worker, subscriptions] = [undefined, []];
  vi.spyOn(RuntimeClient, 'start').mockImplementation(() => (worker = new FakeWorker()).client as RuntimeClient);
  activate({ subscriptions, extensionUri: Uri.file(base), globalStorageUri: Uri.file(join(base, 'storage')), globalState: { get: () => undefined, update: async () => {} }, secrets, extension: { id: 'deltallm.deltallm', packageJSON: manifest } } as never);
});
afterEach(async () => {
  await deactivate();
  for (const subscription of subscriptions) subscription.dispose();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const run = (name: string, ...args: unknown[]) => fake.commands.get(`deltallm.${name}`)!(...(args as never[]));

/** What is suggested at the cursor of the active editor. */
async function suggested(text: string): Promise<InlineCompletionItem> {
  const { document, selection } = window.activeTextEditor!;
  const before = worker?.of('generate').length ?? 0;
  const asked = (fake.providers[0] as { provideInlineCompletionItems(...args: unknown[]): Promise<InlineCompletionItem[]> }).provideInlineCompletionItems(document, selection.active, { triggerKind: InlineCompletionTriggerKind.Invoke }, token);
  await until(() => expect(worker?.of('generate').length).toBeGreaterThan(before));
  const call = worker!.of('generate').at(-1)!;
  call.hear({ id: 1, event: 'text', text, scores: scoresOf(text) });
  call.answer(generated(text));
  return (await asked)[0];
}

describe('the walkthrough', () => {
  const [{ steps, id }] = manifest.contributes.walkthroughs as { id: string; steps: { id: string; title: string; description: string; media: { svg: string; altText: string }; completionEvents: string[] }[] }[];
  const commandsOf = (text: string) => [...text.matchAll(/\(command:([\w.]+)\)/g)].map(([, command]) => command);

  it('has four steps, each with a picture in the colours of the theme, one command, and an event that ends it', () => {
    expect(WALKTHROUGH).toBe(`deltallm.deltallm#${id}`);
    expect(steps).toHaveLength(4);
    for (const { title, description, media, completionEvents } of steps) {
      for (const key of [title, description, media.altText]) expect(words[key.slice(1, -1)]).toBeTruthy();
      expect(existsSync(media.svg)).toBe(true);
      const picture = readFileSync(media.svg, 'utf8');
      expect([...picture.matchAll(/(?:fill|stroke)="(?!none|var\(--vscode-)([^"]*)"/g)].map(([, colour]) => colour)).toEqual([]);
      const [command, ...others] = commandsOf(words[description.slice(1, -1)]);
      expect([others, fake.commands.has(command)]).toEqual([[], true]);
      expect(completionEvents.length).toBeGreaterThan(0);
      for (const event of completionEvents) expect(event).toMatch(/^on(Command|Context|View):deltallm\./);
    }
  });

  it('opens by a command and from the menu, and nothing else is said at the start', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    expect([fake.messages, fake.executed]).toEqual([[], []]);
    const opened = () => fake.executed.filter(({ id: command }) => command === 'workbench.action.openWalkthrough');
    const opening = run('getStarted');
    // VS Code has not listed it yet, and would open one of its own.
    await vi.advanceTimersByTimeAsync(1500);
    expect([opened(), fake.statusMessages]).toEqual([[], ['The first steps open in a moment.']]);
    await vi.advanceTimersByTimeAsync(500);
    await opening;
    fake.pick = 'deltallm.getStarted';
    await run('menu');
    expect(fake.statusMessages).toHaveLength(1);
    expect(opened()).toEqual(Array.from({ length: 2 }, () => ({ id: 'workbench.action.openWalkthrough', args: [WALKTHROUGH, false] })));
  });
});

describe('the first suggestion', () => {
  it('is asked for in an untitled file that names the keys, and ends the step when it is taken', async () => {
    await run('tryIt');
    const { document, options } = fake.shownDocuments[0] as { document: FakeDocument; options: { selection: Selection } };
    expect([document.uri.scheme, document.languageId]).toEqual(['untitled', 'typescript']);
    const [text, at] = [document.getText(), document.offsetAt(options.selection.active)];
    for (const key of ['Tab', 'Ctrl+→', 'Esc']) expect(text.slice(0, at).split('\n').slice(-4).join()).toContain(key);
    expect([text.slice(0, at).split('\n').at(-1), text.slice(at)]).toEqual(['  const result:', '\n}\n']);
    expect(fake.executed.map(({ id }) => id)).toContain('editor.action.inlineSuggest.trigger');

    window.activeTextEditor!.selection = options.selection;
    const item = await suggested(' number[] = [];');
    expect(item.command).toEqual({ command: 'deltallm.firstSuggestion.taken', title: 'DeltaLLM' });
    expect(fake.contextKeys['deltallm.firstSuggestionTaken']).toBeUndefined();
    await fake.commands.get(item.command!.command)!();
    expect(fake.contextKeys['deltallm.firstSuggestionTaken']).toBe(true);
    // Once: VS Code remembers it.
    document.change(at, 0, ' number[] = [];');
    const end = document.positionAt(at + ' number[] = [];'.length);
    window.activeTextEditor!.selection = new Selection(end, end);
    expect((await suggested('\n  return result;')).command).toBeUndefined();
  });

  it('elsewhere is as it ever was', async () => {
    await run('tryIt');
    fake.open('const a =');
    expect((await suggested(' 1;')).command).toBeUndefined();
  });
});

describe('beside GitHub Copilot', () => {
  const line = async (): Promise<string | undefined> => {
    fake.quickPicks.length = 0;
    await run('menu');
    return fake.quickPicks[0].items.find(({ command }) => command === 'deltallm.copilot.toggle')?.label;
  };

  it('the menu has one line, which writes Copilot’s own setting for this language, says so, and takes it back', async () => {
    fake.open('x');
    expect(await line()).toBeUndefined();
    fake.installed = ['GitHub.copilot-chat'];
    fake.settings['github.copilot.enable'] = { '*': true, markdown: false };
    expect(await line()).toBe('$(arrow-swap) Let DeltaLLM complete typescript here, not GitHub Copilot');
    fake.pick = 'deltallm.copilot.toggle';
    await run('menu');
    expect(fake.settings['github.copilot.enable']).toEqual({ '*': true, markdown: false, typescript: false });
    expect(fake.statusMessages.at(-1)).toBe('GitHub Copilot is off for typescript by its setting "github.copilot.enable"; the menu switches it on again.');
    fake.pick = undefined;
    expect(await line()).toBe('$(arrow-swap) Let GitHub Copilot complete typescript again');
    await run('copilot.toggle', 'typescript');
    expect(fake.settings['github.copilot.enable']).toEqual({ '*': true, markdown: false, typescript: true });
    expect(fake.messages).toEqual([]);
  });

  it('nothing is written where it is not installed, or without a file', async () => {
    await run('copilot.toggle', 'typescript');
    fake.installed = ['GitHub.copilot'];
    expect(await line()).toBeUndefined();
    await run('copilot.toggle');
    expect(fake.settings).toEqual({});
  });

  it('snoozing is VS Code’s own', async () => {
    fake.open('x');
    fake.pick = 'editor.action.inlineSuggest.snooze';
    await run('menu');
    expect(fake.executed.at(-1)).toEqual({ id: 'editor.action.inlineSuggest.snooze', args: [] });
  });
});
