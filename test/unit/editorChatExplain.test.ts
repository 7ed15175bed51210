// "Explain", "Fix" and their like: what the model is asked, from where, and whose prompts count.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CodeActionKind, CodeActionTriggerKind, fake, Position, Range, Selection, Uri, type CodeAction, type FakeEditor } from '../support/fakeVscode.ts';
import { openChat, quiet, type ChatWindow } from '../support/chatWindow.ts';

let chat: ChatWindow;
let editor: FakeEditor;
const text = 'import a from "a";\n\nclass Account {\n  deposit(sum: number) {\n    this.total += sum;\n    return this.total;\n  }\n}\n';
const symbols = [{ name: 'Account', range: new Range(2, 0, 7, 1), children: [{ name: 'deposit', range: new Range(3, 2, 6, 3), children: [] }] }];

beforeEach(async () => {
  chat = await openChat();
  editor = fake.open(text);
  editor.selection = new Selection(new Position(4, 0), new Position(5, 22));
  fake.perform = (id) => (id === 'vscode.executeDocumentSymbolProvider' ? symbols : undefined);
});
afterEach(async () => {
  for (const call of chat.source.calls) call.end();
  chat.chat.dispose();
  await quiet();
});

const explain = async (name = 'explain', ...args: unknown[]) => {
  await chat.command(name, ...args);
  await chat.wait();
};
const own = (name: string, prompt: string) => fake.disk.set(`/work space/.deltallm/prompts/${name}.md`, { text: prompt, mtime: 1 });

describe('"Explain"', () => {
  it('opens the chat and asks with what is selected and what encloses it; the user sees a short question', async () => {
    await explain();
    expect([fake.executed.some(({ id }) => id === 'deltallm.chat.focus'), chat.focused]).toEqual([true, 1]);
    expect(chat.question).toMatchObject({ text: 'Explain sämple.typescript:5–6', attachments: [{ label: 'sämple.typescript:5–6', kind: 'selection' }, { label: 'sämple.typescript:4–7', kind: 'symbol' }] });
    expect(chat.call.last).toContain('lines 5 to 6:\n```typescript\n    this.total += sum;\n    return this.total;\n```');
    expect(chat.call.last).toContain('lines 4 to 7, Account.deposit:\n```typescript\n  deposit(sum: number) {\n');
    expect(chat.call.last).toContain('It is Account.deposit.');
    expect(chat.call.last.match(/this\.total \+= sum/g)).toHaveLength(2);
    chat.call.write('It adds.');
    chat.call.end();
    await chat.wait();
    expect(chat.texts).toEqual(['Explain sämple.typescript:5–6', 'It adds. (done)']);
  });

  it('of nothing that is selected is about what encloses the cursor', async () => {
    editor.selection = new Selection(new Position(4, 6), new Position(4, 6));
    await explain();
    expect(chat.question.text).toBe('Explain sämple.typescript:4–7');
    expect(chat.call.last.match(/this\.total \+= sum/g)).toHaveLength(1);
  });

  it('of a whole function has the class around it', async () => {
    editor.selection = new Selection(new Position(3, 2), new Position(6, 3));
    await explain();
    expect(chat.question.attachments.map(({ label }) => label)).toEqual(['sämple.typescript:4–7', 'sämple.typescript:3–8']);
  });

  it.each<[string, () => unknown]>([
    ['knows no symbols', () => undefined], ['knows no provider', () => { throw new Error('none'); }], ['does not answer in time', () => new Promise(() => {})],
    ['gives a flat list', () => symbols.map(({ name, range }) => ({ name, location: { range } }))],
  ])('goes on with the lines around where VS Code %s', async (_, answer) => {
    fake.perform = (id) => (id === 'vscode.executeDocumentSymbolProvider' ? answer() : undefined);
    await chat.command('explain');
    await chat.wait(2000);
    expect(chat.call.last).toContain('class Account {');
    expect(chat.clock.pending).toBe(0);
  });

  it('leaves the surroundings away where they do not fit', async () => {
    chat.source.become({ state: 'ready', name: 'tiny', context: 180 });
    await explain();
    expect(chat.call.last.match(/this\.total \+= sum/g)).toHaveLength(1);
    expect(chat.question.attachments.map(({ kind }) => kind)).toEqual(['selection']);
  });

  it('stops what is answered, and leaves what the user attached to his own question', async () => {
    fake.pick = 'This file';
    await chat.say({ type: 'attach' });
    fake.pick = undefined;
    await chat.say({ type: 'ask', text: 'x' });
    await chat.say({ type: 'attach' });
    const [first] = chat.source.calls;
    first.write('Half');
    const asking = chat.command('explain');
    await asking;
    first.end();
    await chat.wait();
    expect([first.cancel.isSet, chat.texts]).toEqual([true, ['x', 'Half (stopped)', 'Explain sämple.typescript:5–6', ' (waiting)']]);
  });

  it('is kept without a model', async () => {
    chat.source.become({ state: 'none' });
    await explain();
    expect([chat.texts, chat.state.kept]).toEqual([['Explain sämple.typescript:5–6', ' (waiting)'], true]);
  });

  it('that is edited keeps its code', async () => {
    await explain();
    await chat.say({ type: 'stop' });
    chat.call.end();
    await chat.wait();
    await chat.say({ type: 'edit', turn: chat.question.id, text: 'Explain it in German' });
    expect(chat.texts).toEqual(['Explain it in German', ' (waiting)']);
    expect(chat.call.last).toMatch(/this\.total \+= sum[^]*Explain it in German$/);
  });

  it('needs an editor, and a document that may be read', async () => {
    fake.open('TOKEN=1', 'plaintext', Uri.file('/work space/.env')).selection = new Selection(new Position(0, 0), new Position(0, 7));
    await explain();
    Object.assign(fake.window, { activeTextEditor: undefined });
    await explain();
    expect([fake.messages.map(({ kind }) => kind), chat.source.calls]).toEqual([['warning', 'info'], []]);
  });
});

describe('the others', () => {
  it.each([['fix', 'Fix'], ['document', 'Write a doc comment for'], ['tests', 'Write tests for']])('%s asks by its own prompt', async (name, title) => {
    fake.diagnostics = [[editor.document.uri, [{ range: new Range(4, 4, 4, 9), message: 'Not a number.', severity: 0 }, { range: new Range(0, 0, 0, 1), message: 'Elsewhere.', severity: 0 }]]];
    await explain(name);
    expect(chat.question.text).toBe(`${title} sämple.typescript:5–6`);
    expect(chat.call.last.includes('- line 5, error: Not a number.')).toBe(name === 'fix');
    expect(chat.call.last).not.toMatch(/Elsewhere|\{\{/);
  });

  it('"Fix" of a code action is about the place that it names, in whatever document', async () => {
    const { document } = editor;
    fake.open('other', 'python', Uri.file('/work space/other.py'));
    await explain('fix', document.uri, new Range(4, 0, 4, 22));
    expect(chat.question.text).toBe('Fix sämple.typescript:5');
  });

  it('from the context menu, which names the document alone, are about what is selected in it', async () => {
    await explain('explain', editor.document.uri, { groupId: 0 });
    expect(chat.question.text).toBe('Explain sämple.typescript:5–6');
  });
});

describe("the user's own prompts", () => {
  it('take the place of ours, with their name', async () => {
    own('explain', '---\nname: For children\n---\nLike a tale:\n\n{{selection}}');
    await explain();
    expect(chat.question.text).toBe('For children: sämple.typescript:5–6');
    expect(chat.call.last).toMatch(/^Like a tale:\n\nsämple\.typescript, lines 5 to 6:/);
  });

  it('that do not say where the code goes have it first', async () => {
    own('explain', 'Tell me.');
    await explain();
    expect(chat.call.last).toMatch(/^sämple\.typescript, lines 5 to 6:[^]*```\n\nTell me\.$/);
  });

  it.each([['of an unknown place', 'See {{secrets}}'], ['without text', '---\nname: x\n---\n'], ['that is a book', 'x'.repeat(200_000)]])('%s are said, and ours is used', async (_, prompt) => {
    own('explain', prompt);
    await explain();
    expect(fake.messages.map(({ text: said }) => said)).toEqual([expect.stringContaining('.deltallm/prompts/explain.md')]);
    expect(chat.call.last).toContain('Explain this code.');
  });

  it('do not count in Restricted Mode, where the chat works as ever', async () => {
    fake.trusted = false;
    own('explain', 'Do what I say.');
    await explain();
    expect([chat.call.last.includes('Do what I say.'), chat.call.last.includes('Explain this code.'), fake.diskReads.filter((path) => path.includes('.deltallm'))]).toEqual([false, true, []]);
  });
});

describe('code actions', () => {
  const actions = (range: Range, { diagnostics = [] as unknown[], invoked = true, only = undefined as CodeActionKind | undefined, document = editor.document } = {}) => {
    const triggerKind = invoked ? CodeActionTriggerKind.Invoke : CodeActionTriggerKind.Automatic;
    return fake.codeActions[0].provideCodeActions(document, range, { diagnostics, triggerKind, only }) as CodeAction[];
  };
  const selected = new Range(4, 0, 5, 3);
  const problem = { message: 'x' };

  it('are offered for what is selected, when somebody asks for them', () => {
    expect(actions(selected).map(({ kind, command }) => [kind.value, command!.command])).toEqual([['deltallm', 'deltallm.explain'], ['deltallm', 'deltallm.document'], ['deltallm', 'deltallm.tests']]);
    expect(actions(selected, { invoked: false })).toEqual([]);
    expect(actions(new Range(4, 0, 4, 0))).toEqual([]);
  });

  it('"Fix" is a quick fix where there is a problem', async () => {
    const [fix] = actions(new Range(4, 0, 4, 0), { diagnostics: [problem], invoked: false });
    expect([fix.kind.value, fix.diagnostics, fix.command!.arguments]).toEqual(['quickfix', [problem], [editor.document.uri, new Range(4, 0, 4, 0)]]);
  });

  it('keep to what VS Code asks for, and are not offered where nothing may be read', () => {
    expect(actions(selected, { diagnostics: [problem], only: CodeActionKind.QuickFix }).map(({ command }) => command!.command)).toEqual(['deltallm.fix']);
    expect(actions(selected, { only: CodeActionKind.Refactor })).toEqual([]);
    const { document } = fake.open('TOKEN=1', 'plaintext', Uri.file('/work space/.env'));
    expect(actions(new Range(0, 0, 0, 3), { diagnostics: [problem], document })).toEqual([]);
  });
});
