import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { activate, deactivate } from '../../src/extension.ts';
import { RuntimeClient } from '../../src/session/client.ts';
import { settled } from '../support/fakeClock.ts';
import { EventEmitter, fake, InlineCompletionTriggerKind, Position, Range, secrets, Selection, Uri, window, type FakeEditor, type InlineCompletionItem } from '../support/fakeVscode.ts';
import { FakeWorker, generated, scoresOf } from '../support/fakeWorker.ts';
import { until } from '../support/until.ts';

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const base = mkdtempSync(join(tmpdir(), 'deltallm-extension-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let workers: FakeWorker[];
let subscriptions: { dispose(): unknown }[];
let storage: string;

beforeEach(() => {
  fake.reset();
  [workers, subscriptions, storage] = [[], [], join(mkdtempSync(join(base, 'case-')), 'storage')];
  vi.spyOn(RuntimeClient, 'start').mockImplementation(() => {
    const worker = new FakeWorker();
    workers.push(worker);
    return worker.client as RuntimeClient;
  });
  activate({ subscriptions, extensionUri: Uri.file(base), globalStorageUri: Uri.file(storage), globalState: { get: () => undefined, update: async () => {} }, secrets, extension: { id: 'deltallm.deltallm', packageJSON: manifest } } as never);
});
afterEach(async () => {
  await deactivate();
  for (const subscription of subscriptions) subscription.dispose();
  vi.restoreAllMocks();
});

interface Ask {
  manual?: boolean;
  selected?: { range: Range; text: string };
  token?: Token;
}

class Token {
  isCancellationRequested = false;
  private readonly emitter = new EventEmitter<void>();
  onCancellationRequested = this.emitter.event;
  cancel(): void {
    this.isCancellationRequested = true;
    this.emitter.fire();
  }
}

type Provider = { provideInlineCompletionItems(...args: unknown[]): Promise<InlineCompletionItem[]> };

function ask({ document, selection }: FakeEditor, { manual = true, selected, token = new Token() }: Ask = {}): Promise<InlineCompletionItem[]> {
  const triggerKind = manual ? InlineCompletionTriggerKind.Invoke : InlineCompletionTriggerKind.Automatic;
  return (fake.providers[0] as Provider).provideInlineCompletionItems(document, selection.active, { triggerKind, selectedCompletionInfo: selected }, token);
}

/** A worker whose native part cannot be loaded. */
function startUnloadable(): RuntimeClient {
  const worker = new FakeWorker(null);
  workers.push(worker);
  void Promise.resolve().then(() => worker.of('load')[0].fail('addonMissing', 'linux-x64', '/a/deltallm.node'));
  return worker.client as RuntimeClient;
}

/** Waits for the `n`th generation and answers it. */
async function answer(text: string, n = 1): Promise<void> {
  await until(() => expect(workers.at(-1)?.of('generate').length).toBe(n));
  const call = workers.at(-1)!.of('generate')[n - 1];
  call.hear({ id: n, event: 'text', text, scores: scoresOf(text) });
  call.answer(generated(text));
}

const snapshotOf = (n = 0) => (workers.at(-1)!.of('generate')[n].options as { prompt: { snapshot: { before: string; after: string } } }).prompt.snapshot;

/** How VS Code is told to ask us. */
const trigger = { id: 'editor.action.inlineSuggest.trigger', args: [{ providerId: 'deltallm.deltallm:*', explicit: true }] };
/** How it is told to show our next text in the place of the one that is on the screen. */
const next = { id: 'editor.action.inlineSuggest.showNext', args: [] };
/** Where ghost text cannot be shown any more. */
const unfitPlaces: [string, (editor: FakeEditor) => void][] = [
  ['the cursor is elsewhere', (editor) => (editor.selection = new Selection(new Position(0, 0), new Position(0, 0)))],
  ['something is selected', (editor) => (editor.selection = new Selection(new Position(0, 0), editor.selection.active))],
  ['another editor is active', () => void fake.open('other', 'python')],
  ['the window is not in use', () => void (fake.window.state.focused = false)],
  ['the document is another version', ({ document }) => void document.version++],
];

describe('activation', () => {
  it('starts no worker, reads no document, writes nothing and runs no command', () => {
    expect([workers.length, fake.documentReads, existsSync(storage), fake.executed.length, fake.messages.length]).toEqual([0, 0, false, 0, 0]);
  });

  it('registers the commands of the manifest, one provider and one item in the status bar', () => {
    // Two are for us and VS Code alone: a line of the menu, and a suggestion that was taken.
    const internal = ['deltallm.copilot.toggle', 'deltallm.firstSuggestion.taken'];
    expect([...fake.commands.keys()].sort()).toEqual([...manifest.contributes.commands.map(({ command }: { command: string }) => command), ...internal].sort());
    expect([fake.providers.length, fake.statusBar.length, fake.statusBar[0].shown]).toEqual([1, 1, true]);
  });

  it('answers keys that were typed before it, and loads nothing where none were', async () => {
    const again = async (change: boolean, focused = true) => {
      await deactivate();
      for (const subscription of subscriptions.splice(0)) subscription.dispose();
      fake.executed.length = 0;
      const { document } = fake.open('const a = ');
      if (change) document.change(10, 0, '1');
      window.state.focused = focused;
      activate({ subscriptions, extensionUri: Uri.file(base), globalStorageUri: Uri.file(storage), globalState: { get: () => undefined, update: async () => {} }, secrets, extension: { id: 'deltallm.deltallm', packageJSON: manifest } } as never);
      return fake.executed.filter(({ id }) => id === trigger.id);
    };
    expect(await again(false)).toEqual([]);
    expect(await again(true, false)).toEqual([]);
    expect(await again(true)).toEqual([trigger]);
  });

  it('is undone without a trace', async () => {
    await deactivate();
    for (const subscription of subscriptions) subscription.dispose();
    expect([fake.providers.length, fake.commands.size, fake.statusBar[0].shown]).toEqual([0, 0, false]);
  });
});

describe('ghost text', () => {
  it('is asked for with what lies beside the document in its workspace folder, and with nothing elsewhere', async () => {
    const sets = () => workers[0].of('generate').map(({ options }) => (options as { neighbours?: unknown }).neighbours);
    const inEditor = async (path: string, n: number) => {
      const editor = fake.open('const total = ', 'typescript', Uri.file(path));
      fake.events.activeEditor.fire(editor);
      const items = ask(editor);
      await answer('1;', n);
      await items;
    };
    await inEditor('/work space/price.ts', 1);
    await inEditor('/work space/total.ts', 2);
    await inEditor('/elsewhere/total.ts', 3);
    expect(sets()).toEqual([undefined, { name: expect.any(String), folder: '/work space', documents: [{ path: '/work space/price.ts', text: 'const total = ' }] }, undefined]);
  });

  it('may be kept for the next start of files of a trusted workspace alone', async () => {
    const kept = () => workers[0].of('generate').map(({ options }) => (options as { prompt: { snapshot: { mayBeKept?: boolean } } }).prompt.snapshot.mayBeKept);
    for (const [n, uri] of [Uri.file('/work space/price.ts'), Uri.file('/elsewhere/price.ts'), Uri.parse('untitled:Untitled-1'), Uri.parse('vscode-vfs://host/work space/price.ts')].entries()) {
      const items = ask(fake.open(`const n${n} = `, 'typescript', uri));
      await answer('1;', n + 1);
      await items;
    }
    fake.trusted = false;
    const items = ask(fake.open('const restricted = ', 'typescript', Uri.file('/work space/price.ts')));
    await answer('1;', 5);
    await items;
    expect(kept()).toEqual([true, false, false, false, false]);
  });

  it('is what the model wrote, at the cursor', async () => {
    const editor = fake.open('const total = ');
    const items = ask(editor);
    await answer('sum(prices);');
    const [item] = await items;
    expect(item.insertText).toBe('sum(prices);');
    expect(item.range).toEqual(new Range(new Position(0, 14), new Position(0, 14)));
    expect(fake.statusBar[0].accessibilityInformation?.label).toBe('DeltaLLM: ready');
  });

  it('reads the document once, line ends as they are', async () => {
    const editor = fake.open('const a = 1;\r\nconst b = ');
    const items = ask(editor);
    await answer('2;');
    await items;
    expect([fake.documentReads, snapshotOf()]).toEqual([1, expect.objectContaining({ before: 'const a = 1;\r\nconst b = ', after: '' })]);
  });

  it('goes on from the item that is selected in the list, and replaces what that replaces', async () => {
    const editor = fake.open('console.lo;');
    const cursor = new Position(0, 10);
    editor.selection = new Selection(cursor, cursor);
    const range = new Range(new Position(0, 8), cursor);
    const items = ask(editor, { selected: { range, text: 'log' } });
    await answer('(total)');
    const [item] = await items;
    expect([item.insertText, item.range]).toEqual(['log(total)', range]);
    expect(snapshotOf()).toMatchObject({ before: 'console.log', after: ';' });
  });

  it.each([
    ['switched off', 'disabled', () => (fake.settings['deltallm.completions.enabled'] = false)],
    ['switched off for the language', 'disabled', () => (fake.settings['deltallm.completions.languages'] = { '*': true, typescript: false })],
    ['excluded', 'excluded', () => (fake.settings['deltallm.completions.exclude'] = ['**/*.typescript'])],
  ])('does not exist where it is %s, and the reason is kept', async (_, reason, setUp) => {
    setUp();
    fake.set('deltallm.threads', 1);
    expect(await ask(fake.open('const a = '), { manual: false })).toEqual([]);
    await fake.commands.get('deltallm.showLastRequest')!();
    expect([workers.length, fake.documentReads, fake.openedTexts.length]).toEqual([0, 0, 1]);
    expect(fake.openedTexts[0]).toMatch(reason === 'disabled' ? /switched off here/ : /is excluded/);
  });

  it.each(['output', 'vscode-scm', 'comment', 'vscode-chat-input', 'debug', 'vscode-settings', 'git', 'deltallm'])('does not exist in a document of the scheme %s', async (scheme) => {
    expect(await ask(fake.open('const a = ', 'typescript', Uri.from({ scheme, path: '/a.ts' })))).toEqual([]);
    expect(workers.length).toBe(0);
  });
});

describe('a text that names what does not exist', () => {
  const importing = async (text: string, eagerness = 'auto') => {
    fake.set('deltallm.completions.eagerness', eagerness);
    for (const name of ['order.ts', 'total.ts']) fake.disk.set(`/work space/${name}`, { text: '', mtime: 1 });
    const editor = fake.open("import { a } from './or", 'typescript', Uri.file('/work space/main.ts'));
    const items = ask(editor, { manual: false });
    await answer(text);
    return (await items).map(({ insertText }) => insertText);
  };

  it.each([
    ['is not shown', 'acle/driver', 'auto', []],
    ['is shown where the user wants to see everything', 'acle/driver', 'high', ['acle/driver']],
    ['becomes one that names what does', "ders';", 'auto', ["der';"]],
  ])('%s', async (_, text, eagerness, shown) => expect(await importing(text, eagerness)).toEqual(shown));

  it('is shown however unsure the model is where it names the one file that there is', async () => {
    fake.disk.set('/work space/order.ts', { text: '', mtime: 1 });
    fake.disk.set('/work space/total.ts', { text: '', mtime: 1 });
    const items = ask(fake.open("import { a } from './ord", 'typescript', Uri.file('/work space/main.ts')), { manual: false });
    await until(() => expect(workers[0]?.of('generate').length).toBe(1));
    workers[0].of('generate')[0].answer({ ...generated("er';"), scores: scoresOf("er';", -9) });
    expect((await items).map(({ insertText }) => insertText)).toEqual(["er';"]);
  });

  it('is told of in "Show Last Request"', async () => {
    await importing("acle/driver';");
    await fake.commands.get('deltallm.showLastRequest')!();
    expect(fake.openedTexts[0]).toMatch(/^held back: it names something that does not exist$[^]*^ {4}acle\/driver';$/m);
  });

  it('by a member that VS Code does not offer is not shown either', async () => {
    fake.perform = (id) => (id === 'vscode.executeCompletionItemProvider' ? { items: [{ label: 'map', kind: 1 }], isIncomplete: false } : undefined);
    const shown = async (text: string, n: number) => {
      const items = ask(fake.open(`const all${n} = items.`, 'typescript', Uri.file(`/work space/${n}.ts`)), { manual: false });
      await answer(text, n);
      return (await items).map(({ insertText }) => insertText);
    };
    expect([await shown('compact()', 1), await shown('map(one)', 2)]).toEqual([[], ['map(one)']]);
  });
});

describe('text that becomes longer after it was shown', () => {

  /** The first line is shown when the latency budget has run out; then the rest comes. */
  async function shownEarly(editor: FakeEditor, manual = false): Promise<() => Promise<void>> {
    fake.set('deltallm.completions.latencyBudget', 100);
    const items = ask(editor, { manual });
    await until(() => expect(workers[0]?.of('generate').length).toBe(1));
    const [call] = workers[0].of('generate');
    call.hear({ id: 1, event: 'text', text: '() {\n  return 1;\n', scores: scoresOf('() {\n  return 1;\n') });
    const [early] = await items;
    expect('() {\n  return 1;\n}'.startsWith(early.insertText)).toBe(true);
    expect(early.insertText.length).toBeLessThan(18);
    return async () => {
      call.answer(generated('() {\n  return 1;\n}'));
      await settled();
    };
  }

  it.each([
    ['in its place, with no moment without', false, [next]],
    ['anew where the user asked, for whom VS Code asks nobody twice', true, [{ id: 'editor.action.inlineSuggest.hide', args: [] }, trigger]],
  ])('is shown %s, once', async (_, manual, executed) => {
    const editor = fake.open('function one');
    const finish = await shownEarly(editor, manual);
    expect(fake.executed).toEqual([]);
    let again: Promise<InlineCompletionItem[]> | undefined;
    fake.perform = (id) => (id.endsWith('hide') ? undefined : (again = ask(editor)));
    await finish();
    expect((await again)?.map(({ insertText }) => insertText)).toEqual(['() {\n  return 1;\n}']);
    expect(fake.executed).toEqual(executed);
    await fake.commands.get('deltallm.showLastRequest')!();
    expect(fake.openedTexts[0]).toContain(`\nAsked for by the ${manual ? 'user' : 'editor'}\n`);
  });

  it.each(unfitPlaces)('is not asked for when %s', async (_, act) => {
    const editor = fake.open('function one');
    const finish = await shownEarly(editor);
    act(editor);
    await finish();
    expect(fake.executed).toEqual([]);
  });
});

describe('a text that comes after VS Code has ceased to wait', () => {
  const late = async (act: (editor: FakeEditor) => unknown = () => {}) => {
    const editor = fake.open('function one');
    const token = new Token();
    const items = ask(editor, { token });
    await until(() => expect(workers[0]?.of('generate').length).toBe(1));
    token.cancel();
    expect(await items).toEqual([]);
    await act(editor);
    await answer('() {}');
    await settled();
    return editor;
  };

  it('is offered once, and is there when VS Code asks', async () => {
    const editor = await late();
    expect(fake.executed.map(({ id }) => id)).toEqual(['editor.action.inlineSuggest.trigger']);
    expect((await ask(editor, { manual: false })).map(({ insertText }) => insertText)).toEqual(['() {}']);
    expect([fake.executed.length, workers[0].of('generate').length]).toEqual([1, 1]);
  });

  it('gives way to a text for the item that is selected by then, which VS Code would not ask for itself', async () => {
    let again: Promise<InlineCompletionItem[]> | undefined;
    await late((editor) => {
      fake.perform = () => (again = ask(editor, { selected: { range: new Range(new Position(0, 9), new Position(0, 12)), text: 'oneMore' } }));
    });
    await answer('() {}', 2);
    expect((await again)?.map(({ insertText }) => insertText)).toEqual(['oneMore() {}']);
    expect(fake.executed.length).toBe(1);
  });

  it.each<[string, (editor: FakeEditor) => unknown]>([
    ['the cursor is elsewhere', (editor) => (editor.selection = new Selection(new Position(0, 0), new Position(0, 0)))],
    ['the user typed on', ({ document }) => document.change(12, 0, '(')],
  ])('is not offered when %s', async (_, act) => {
    await late(act);
    expect(fake.executed).toEqual([]);
  });
});

describe('settings that change while something is written', () => {
  let again: Promise<InlineCompletionItem[]> | undefined;
  beforeEach(() => (again = undefined));

  /** VS Code asks, and asks again when it is told to. */
  const begin = async ({ selected }: Ask = {}) => {
    const editor = fake.open('const total = ');
    fake.perform = () => (again = ask(editor, { selected }));
    const items = ask(editor, { manual: false });
    await until(() => expect(workers[0]?.of('generate').length).toBe(1));
    return { editor, items, cancel: workers[0].of('generate')[0].cancel! };
  };
  const change = () => fake.set('deltallm.completions.maxTokens', 20);

  it('leave nobody without ghost text: VS Code is told to ask once more', async () => {
    const { items, cancel } = await begin();
    change();
    expect([await items, cancel.isSet, fake.executed]).toEqual([[], true, [trigger]]);
    workers[0].of('generate')[0].answer(generated(''));
    await answer('sum();', 2);
    expect((await again)?.map(({ insertText }) => insertText)).toEqual(['sum();']);
    await fake.commands.get('deltallm.showLastRequest')!();
    expect(fake.openedTexts[0]).toMatch(/^Asked for by the editor$/m);
    change();
    fake.set('deltallm.completions.maxTokens', 21);
    expect(fake.executed.length).toBe(1);
  });

  it('are asked about in the pause of a request, too', async () => {
    const items = ask(fake.open('const total = '), { manual: false });
    fake.perform = () => (again = Promise.resolve([]));
    change();
    expect([await items, workers.length, fake.executed]).toEqual([[], 0, [trigger]]);
  });

  it('leave the item that is selected by then its text', async () => {
    await begin({ selected: { range: new Range(new Position(0, 14), new Position(0, 14)), text: 'sum' } });
    change();
    workers[0].of('generate')[0].answer(generated(''));
    await answer('();', 2);
    expect((await again)?.map(({ insertText }) => insertText)).toEqual(['sum();']);
  });

  it('do nothing when no value is another one', async () => {
    const { items, cancel } = await begin();
    fake.set('deltallm.completions.maxTokens', 96);
    expect([cancel.isSet, fake.executed]).toEqual([false, []]);
    await answer('sum();');
    expect((await items)[0].insertText).toBe('sum();');
  });

  it('do not make VS Code ask while nothing is written', async () => {
    const { items } = await begin();
    await answer('sum();');
    await items;
    change();
    expect(fake.executed).toEqual([]);
  });

  it('do not take a wish of the user for their own', async () => {
    const { editor } = await begin();
    fake.perform = undefined;
    change();
    await settled();
    workers[0].of('generate')[0].answer(generated(''));
    const items = ask(editor);
    await answer('sum();', 2);
    await items;
    await fake.commands.get('deltallm.showLastRequest')!();
    expect(fake.openedTexts[0]).toMatch(/^Asked for by the user$/m);
  });

  it.each(unfitPlaces)('do not make VS Code ask when %s', async (_, act) => {
    const { editor } = await begin();
    act(editor);
    change();
    expect(fake.executed).toEqual([]);
  });
});

describe('what nobody waits for', () => {
  const begin = async () => {
    const editor = fake.open('const total = ');
    const items = ask(editor);
    await until(() => expect(workers[0]?.of('generate').length).toBe(1));
    return { editor, items, cancel: workers[0].of('generate')[0].cancel! };
  };

  it.each<[string, (editor: FakeEditor) => void]>([
    ['the document is closed', ({ document }) => fake.events.closed.fire(document)],
    ['another editor is active', () => fake.events.activeEditor.fire(undefined)],
    ['completions are switched off', () => fake.set('deltallm.completions.enabled', false)],
    ['the cursor goes elsewhere', (editor) => {
      const start = new Position(0, 2);
      fake.events.selection.fire({ textEditor: editor, selections: [new Selection(start, start)] });
    }],
    ['something is selected', (editor) => {
      fake.events.selection.fire({ textEditor: editor, selections: [new Selection(new Position(0, 0), editor.selection.active)] });
    }],
    ['a key disagrees with what was written', (editor) => {
      workers[0].of('generate')[0].hear({ id: 1, event: 'text', text: 'sum(', scores: scoresOf('sum(') });
      editor.document.change(14, 0, 'x');
    }],
  ])('is cancelled when %s', async (_, act) => {
    const { editor, cancel } = await begin();
    expect(cancel.isSet).toBe(false);
    act(editor);
    expect(cancel.isSet).toBe(true);
  });

  it('is not: a cursor that follows what is typed', async () => {
    const { editor, cancel } = await begin();
    editor.document.change(14, 0, 's');
    const cursor = new Position(0, 15);
    fake.events.selection.fire({ textEditor: editor, selections: [new Selection(cursor, cursor)] });
    expect(cancel.isSet).toBe(false);
  });
});

describe('failures', () => {
  it('of loading are told once, in one message with a way out, and the editor goes on', async () => {
    vi.mocked(RuntimeClient.start).mockImplementation(startUnloadable);
    const editor = fake.open('const total = ');
    for (let n = 0; n < 3; n++) expect(await ask(editor)).toEqual([]);
    expect(fake.messages).toEqual([{ kind: 'error', text: expect.stringContaining('linux-x64'), buttons: ['Restart', 'Show Log'] }]);
    expect(fake.statusBar[0].backgroundColor?.id).toBe('statusBarItem.errorBackground');
  });

  it('of the worker are told once, and the request is answered all the same', async () => {
    const items = ask(fake.open('const total = '));
    await until(() => expect(workers[0]?.of('generate').length).toBe(1));
    workers[0].die();
    await until(() => expect(workers.length).toBe(2));
    await answer('sum();');
    expect((await items)[0].insertText).toBe('sum();');
    expect(fake.messages.map(({ kind, buttons }) => [kind, buttons])).toEqual([['warning', ['Show Log']]]);
  });
});

describe('a restart of the runtime', () => {
  const restart = () => fake.commands.get('deltallm.restart')!();

  it('leaves nobody without ghost text who waits for it: VS Code is told to ask once more', async () => {
    const editor = fake.open('const total = ');
    let again: Promise<InlineCompletionItem[]> | undefined;
    fake.perform = () => (again = ask(editor));
    const items = ask(editor, { manual: false });
    await until(() => expect(workers[0]?.of('generate').length).toBe(1));
    const restarted = restart();
    expect([await items, fake.executed]).toEqual([[], [trigger]]);
    await until(() => expect(workers.length).toBe(2));
    await answer('sum();');
    await restarted;
    expect((await again)?.map(({ insertText }) => insertText)).toEqual(['sum();']);
  });

  it('brings what the runtime failed to answer, at the place where it was asked for', async () => {
    vi.mocked(RuntimeClient.start).mockImplementationOnce(startUnloadable);
    const editor = fake.open('const total = ');
    expect([await ask(editor, { manual: false }), fake.messages.length]).toEqual([[], 1]);
    let again: Promise<InlineCompletionItem[]> | undefined;
    fake.perform = () => (again = ask(editor));
    const restarted = restart();
    await until(() => expect(workers.length).toBe(2));
    await answer('sum();');
    await restarted;
    expect([(await again)?.map(({ insertText }) => insertText), fake.executed]).toEqual([['sum();'], [trigger]]);
  });

  it('does not make VS Code ask for what has its answer', async () => {
    const items = ask(fake.open('const total = '));
    await answer('sum();');
    await items;
    await restart();
    expect(fake.executed).toEqual([]);
  });
});

describe('deactivation', () => {
  it('lets the worker end, in the middle of a generation too', async () => {
    const items = ask(fake.open('const total = '));
    await until(() => expect(workers[0]?.of('generate').length).toBe(1));
    await deactivate();
    expect(workers[0].closed).toBe(true);
    expect(await items).toEqual([]);
    expect(fake.messages).toEqual([]);
  });

  it('does nothing when nothing was started', async () => {
    await deactivate();
    await deactivate();
    expect(workers).toEqual([]);
  });
});
