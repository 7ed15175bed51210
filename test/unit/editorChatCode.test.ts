// What is done with what a model wrote: code is copied, inserted or proposed as a diff; a link opens what is harmless or nothing.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { difference } from '../../src/editor/chat/proposals.ts';
import { fake, FileType, Position, Selection, Uri, type FakeEditor, type TabInputTextDiff } from '../support/fakeVscode.ts';
import { openChat, quiet, type ChatWindow } from '../support/chatWindow.ts';

let chat: ChatWindow;
beforeEach(async () => (chat = await openChat()));
afterEach(async () => {
  chat.chat.dispose();
  await quiet();
});

const text = 'const a = 1;\nconst b = 2;\nconst c = 3;\n';
const code = (action: 'copy' | 'insert' | 'apply', block: string) => chat.say({ type: 'code', action, language: 'typescript', text: block });

/** An editor with the second line selected. */
function editor(): FakeEditor {
  const opened = fake.open(text);
  opened.selection = new Selection(new Position(1, 0), new Position(1, 12));
  opened.selections = [opened.selection];
  fake.documentReads = 0;
  return opened;
}

describe('a code block', () => {
  it('is copied as it is', async () => {
    await code('copy', 'x = 1;\n');
    expect(fake.clipboard).toBe('x = 1;\n');
  });

  it('is inserted in the place of what is selected, in one step of undo', async () => {
    const { document } = editor();
    await code('insert', 'const b = 5;');
    expect([document.getText(), fake.edits.length]).toEqual([text.replace('b = 2', 'b = 5'), 1]);
  });

  it.each(['insert', 'apply'] as const)('needs an editor to %s it', async (action) => {
    await code(action, 'x');
    expect([fake.messages.map(({ kind }) => kind), fake.edits, fake.tabs]).toEqual([['info'], [], []]);
  });

  it('that cannot be inserted is said', async () => {
    editor();
    fake.mayEdit = false;
    await code('insert', 'x');
    expect(fake.messages.map(({ kind }) => kind)).toEqual(['warning']);
  });
});

describe('a proposal', () => {
  const shown = () => (fake.tabs[0]?.input as TabInputTextDiff | undefined)?.modified as Uri | undefined;
  const proposed = () => fake.contents.get('deltallm-proposal')!.provideTextDocumentContent(shown()!);
  let opened: FakeEditor;
  beforeEach(async () => {
    opened = editor();
    await code('apply', 'const b = 7;');
  });

  it("stands in VS Code's own diff editor beside the file, which it does not touch", () => {
    expect(fake.executed.filter(({ id }) => id === 'vscode.diff').map(({ args }) => String(args[0]))).toEqual([opened.document.uri.toString()]);
    expect([proposed(), opened.document.getText(), fake.edits]).toEqual([text.replace('b = 2', 'b = 7'), text, []]);
    expect(fake.contextKeys['deltallm.proposalOpen']).toBe(true);
  });

  it('is accepted as one step of undo that changes nothing else, and its tab closes', async () => {
    await chat.command('proposal.accept');
    expect(opened.document.getText()).toBe(text.replace('b = 2', 'b = 7'));
    expect(fake.edits).toEqual([[{ uri: opened.document.uri.toString(), text: '7' }]]);
    expect([fake.tabs, fake.contextKeys['deltallm.proposalOpen']]).toEqual([[], false]);
  });

  it('is discarded without a trace', async () => {
    const uri = shown()!;
    await chat.command('proposal.discard', uri);
    expect([fake.tabs, opened.document.getText(), fake.contextKeys['deltallm.proposalOpen']]).toEqual([[], text, false]);
    await chat.command('proposal.accept', uri);
    expect(fake.edits).toEqual([]);
  });

  it('is refused when the file has changed meanwhile, and stays to be looked at', async () => {
    opened.document.change(0, 0, '// new\n');
    await chat.command('proposal.accept');
    expect([opened.document.getText(), fake.edits, fake.tabs.length]).toEqual([`// new\n${text}`, [], 1]);
    expect(fake.messages).toEqual([{ kind: 'warning', text: expect.stringMatching(/^The file has changed.*\.$/), buttons: [] }]);
  });

  it('that VS Code does not let happen is said, and stays', async () => {
    fake.mayEdit = false;
    await chat.command('proposal.accept');
    expect([fake.messages.length, fake.tabs.length, opened.document.getText()]).toEqual([1, 1, text]);
  });

  it('whose tab the user closes is gone', async () => {
    const tabs = fake.tabs.splice(0);
    fake.events.tabs.fire({ closed: tabs });
    await quiet();
    expect(fake.contextKeys['deltallm.proposalOpen']).toBe(false);
  });

  it('can stand beside another one, and the one that is meant is accepted', async () => {
    const first = shown()!;
    await code('apply', 'const b = 8;');
    expect(fake.tabs.length).toBe(2);
    await chat.command('proposal.accept', first);
    expect([opened.document.getText(), fake.tabs.length]).toEqual([text.replace('b = 2', 'b = 7'), 1]);
  });

  it.each([['', /no code/], ['somethingElse();', /not clear where/]])('of %j where no place is sure is refused in one sentence', async (block, sentence) => {
    fake.tabs.length = 0;
    opened.selection = new Selection(new Position(0, 0), new Position(0, 0));
    await code('apply', block);
    expect([fake.tabs, fake.messages.map(({ text }) => text)]).toEqual([[], [expect.stringMatching(sentence)]]);
  });

  it('of what stands there already is none', async () => {
    fake.tabs.length = 0;
    await code('apply', 'const b = 2;');
    expect([fake.tabs, fake.messages.map(({ kind }) => kind)]).toEqual([[], ['info']]);
  });
});

describe('the difference of two texts', () => {
  it('makes the one of the other, and cuts neither a character nor a line end', () => {
    const line = fc.array(fc.constantFrom('a', 'b', '\n', '\r\n', '🍐', '🍎', ' '), { maxLength: 12 }).map((parts) => parts.join(''));
    fc.assert(fc.property(line, line, (before, after) => {
      const { start, end, replacement } = difference(before, after);
      expect(before.slice(0, start) + replacement + before.slice(end)).toBe(after);
      for (const at of [start, end]) expect(before.slice(at - 1, at + 1)).not.toMatch(/^(?:[\ud800-\udbff][\udc00-\udfff]|\r\n)$/);
    }), { numRuns: 2000 });
  });
});

describe('a link', () => {
  const open = (href: string) => chat.say({ type: 'open', href });

  it.each(['https://example.org/a?b=c', 'HTTP://example.org'])("to the web (%s) is opened after VS Code's own question", async (href) => {
    await open(href);
    expect([fake.openedLinks, fake.shownDocuments]).toEqual([[href], []]);
  });

  it.each([['src/engine.ts', undefined], ['./src/engine.ts#L40', 39], ['src/engine.ts:12', 11], ['src%2Fengine.ts', undefined], ['src/engine.ts:12-14', 11]])('to a file of the workspace (%s) opens it', async (href, line) => {
    fake.disk.set('/work space/src/engine.ts', { text: '', mtime: 1 });
    await open(href);
    expect(fake.shownDocuments.map(({ document, options }) => [String(document), options?.selection?.start.line])).toEqual([['file:///work space/src/engine.ts', line]]);
  });

  it.each([
    'command:workbench.action.quit', 'javascript:alert(1)', 'file:///etc/passwd', '/etc/passwd', '../secret.ts', 'src/../../secret.ts', 'src/%2e%2e/%2e%2e/secret.ts', 'C:\\secret.ts', '..\\secret.ts', 'vscode://x/y',
    'data:text/html,x', 'https:', 'https://', 'http:// a', 'mailto:a@b.c', 'missing.ts', 'src', '', '#L1', '%', 'a\u0000b', `https://example.org/${'x'.repeat(3000)}`, 'vscode-remote:/x', 'untitled:x',
  ])('to anything else (%s) opens nothing', async (href) => {
    fake.disk.set('/secret.ts', { text: '', mtime: 1 });
    fake.disk.set('/work space/src', { text: '', mtime: 1, type: FileType.Directory });
    await open(href);
    expect([fake.openedLinks, fake.shownDocuments, fake.executed, fake.messages]).toEqual([[], [], [], []]);
  });
});

