// What goes with a question: from where, with how many tokens, why not; what it costs; and the reading ahead while the user types.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MOST_ATTACHMENTS } from '../../src/editor/chat/nextQuestion.ts';
import { fake, FileType, Position, Range, Selection, TabInputText, Uri } from '../support/fakeVscode.ts';
import { tokensOf } from '../support/fakeAnswers.ts';
import { openChat, quiet, type ChatWindow } from '../support/chatWindow.ts';

let chat: ChatWindow;
beforeEach(async () => (chat = await openChat()));
afterEach(async () => {
  for (const call of chat.source.calls) call.end();
  chat.chat.dispose();
  await quiet();
});

const attach = async (...picks: (string | string[])[]) => {
  const original = fake.pick;
  // The first pick is of the menu, the second of the list behind it.
  const list = [...picks];
  Object.defineProperty(fake, 'pick', { configurable: true, get: () => list[Math.min(list.length - 1, fake.quickPicks.length - shown - 1)] });
  const shown = fake.quickPicks.length;
  await chat.say({ type: 'attach' });
  Object.defineProperty(fake, 'pick', { configurable: true, writable: true, value: original });
};
const disk = (path: string, text: string) => fake.disk.set(path, { text: Buffer.from(text).toString('latin1'), mtime: 1 });
const shown = () => chat.state.attachments.map(({ label, refused }) => (refused === null ? label : `${label}: ${refused}`));
const lastAhead = () => chat.source.aheads.at(-1)!;

describe('"+"', () => {
  it('takes what is selected, by whole lines, with its tokens', async () => {
    const editor = fake.open('one\ntwo\nthree\n');
    editor.selection = new Selection(new Position(0, 0), new Position(2, 0));
    await attach('Selection');
    expect(chat.state.attachments).toEqual([{ id: expect.any(String), kind: 'selection', label: 'sämple.typescript:1–2', detail: 'sämple.typescript', tokens: tokensOf('sämple.typescript, lines 1 to 2:\n```typescript\none\ntwo\n```'), refused: null }]);
  });

  it('takes files of the workspace, as they lie on the disk, several at once', async () => {
    disk('/work space/a.ts', 'const grün = 1;\n');
    disk('/work space/b/c.py', 'x = 2\n');
    await attach('Files…', ['a.ts', 'c.py']);
    expect(shown()).toEqual(['a.ts', 'c.py']);
    await chat.say({ type: 'ask', text: 'Why?' });
    expect(chat.call.last).toBe('a.ts:\n```ts\nconst grün = 1;\n```\n\nb/c.py:\n```py\nx = 2\n```\n\nWhy?');
    expect([chat.question.attachments.map(({ label }) => label), chat.state.attachments]).toEqual([['a.ts', 'c.py'], []]);
  });

  it('takes open editors, and files that were changed as they stand in the editor when they are sent', async () => {
    disk('/work space/a.ts', 'on disk');
    const { document } = fake.open('in the editor', 'typescript', Uri.file('/work space/a.ts'));
    fake.tabs.push({ label: 'a.ts', input: new TabInputText(document.uri) });
    await attach('Open editors…', ['a.ts']);
    document.change(0, 2, 'of');
    await chat.say({ type: 'ask', text: 'Why?' });
    expect(chat.call.last).toContain('\nof the editor\n');
  });

  it('takes problems, errors first, without hints', async () => {
    const { document } = fake.open('let a: number = "x";\nlet b;\n');
    const at = (line: number) => new Range(line, 0, line, 3);
    fake.diagnostics = [[document.uri, [{ range: at(1), message: 'Unused.', severity: 3 }, { range: at(1), message: 'No type.', severity: 1, source: 'lint' }, { range: at(0), message: 'Wrong\n type.', severity: 0, source: 'ts' }]]];
    await attach('Problems');
    await chat.say({ type: 'ask', text: 'Why?' });
    expect(chat.call.last).toBe('Problems in sämple.typescript:\n- line 1, error: Wrong type. (ts)\n- line 2, warning: No type. (lint)\n\nWhy?');
  });

  it('says so where there are no problems, and takes nothing where nothing is chosen', async () => {
    await attach('Problems');
    await attach('');
    expect([shown(), fake.messages.map(({ kind }) => kind)]).toEqual([[], ['info']]);
  });

  it('takes the selection from the palette as well, and says what is missing', async () => {
    await chat.command('chat.attachSelection');
    expect(fake.messages.length).toBe(1);
    const editor = fake.open('one\ntwo\n');
    editor.selection = new Selection(new Position(1, 0), new Position(1, 3));
    await chat.command('chat.attachSelection');
    await chat.wait();
    expect(shown()).toEqual(['sämple.typescript:2']);
  });
});

describe('what may not be read', () => {
  it.each<[string, string, () => void, RegExp]>([
    ['.env', 'a file with secrets', () => disk('/work space/.env', 'TOKEN=1'), /never read/],
    ['id_rsa', 'a key', () => disk('/work space/id_rsa', 'KEY'), /never read/],
    ['private.ts', 'what the user excludes', () => (disk('/work space/private.ts', 'x'), fake.set('deltallm.completions.exclude', ['private.*'])), /never read/],
    ['large.json', 'a file that is too large', () => disk('/work space/large.json', 'x'.repeat(1_000_001)), /too large/],
    ['picture.png', 'what is no text', () => disk('/work space/picture.png', 'a\0b'), /no text/],
  ])('%s (%s) is shown struck through with the reason, and does not go with the question', async (name, _, setUp, reason) => {
    setUp();
    await attach('Files…', [name]);
    expect(chat.state.attachments).toEqual([expect.objectContaining({ label: name, refused: expect.stringMatching(reason), tokens: null })]);
    await chat.say({ type: 'ask', text: 'Why?' });
    expect([chat.call.last, chat.source.counted.join()]).toEqual(['Why?', expect.not.stringMatching(/TOKEN|KEY/)]);
  });

  it('what cannot be read at all says so', async () => {
    disk('/work space/gone.ts', 'x');
    fake.tabs.push({ label: 'gone.ts', input: new TabInputText(Uri.file('/work space/gone.ts')) });
    fake.disk.delete('/work space/gone.ts');
    await attach('Open editors…', ['gone.ts']);
    expect(shown()).toEqual([expect.stringMatching(/cannot be read/)]);
    fake.disk.set('/work space/gone.ts', { text: '', mtime: 1, type: FileType.Directory });
    await attach('Open editors…', ['gone.ts']);
    expect(shown()).toEqual([expect.stringMatching(/no file/)]);
  });

  it('is the same whether completions are switched on or off', async () => {
    fake.set('deltallm.completions.enabled', false);
    fake.set('deltallm.completions.languages', { '*': false });
    disk('/work space/a.ts', 'x');
    await attach('Files…', ['a.ts']);
    expect(shown()).toEqual(['a.ts']);
  });

  it('problems in a file with secrets are not told', async () => {
    fake.diagnostics = [[Uri.file('/work space/.env'), [{ range: new Range(0, 0, 0, 1), message: 'TOKEN=1 is odd', severity: 0 }]]];
    await attach('Problems');
    expect(shown()).toEqual([]);
  });
});

describe('what does not fit', () => {
  it('is told with its tokens and the room that there is, and is fit again when there is room', async () => {
    chat.source.become({ state: 'ready', name: 'tiny', context: 400 });
    disk('/work space/a.ts', 'a'.repeat(800));
    disk('/work space/b.ts', 'b'.repeat(800));
    disk('/work space/c.ts', 'c'.repeat(1300));
    await attach('Files…', ['a.ts', 'b.ts', 'c.ts']);
    expect(shown()).toEqual(['a.ts', expect.stringMatching(/^b\.ts: It has \d+ tokens, and there is room for \d+ beside the rest\.$/), expect.stringMatching(/^c\.ts: It has \d+ tokens, more than the \d+ that the model can read\.$/)]);
    await chat.say({ type: 'detach', id: chat.state.attachments[0].id });
    expect(shown()).toEqual(['b.ts', expect.stringMatching(/^c\.ts: /)]);
    await chat.say({ type: 'ask', text: 'Why?' });
    expect(chat.call.last).toMatch(/b{800}/);
    expect(chat.call.last).not.toMatch(/c{800}/);
    expect(chat.question.attachments.map(({ label }) => label)).toEqual(['b.ts']);
  });

  it('is found out before the question is sent, however soon that is', async () => {
    chat.source.become({ state: 'ready', name: 'tiny', context: 400 });
    disk('/work space/c.ts', 'c'.repeat(1300));
    chat.source.count = async (texts) => {
      await quiet();
      return texts.map(tokensOf);
    };
    const picks = ['Files…', ['c.ts']];
    Object.defineProperty(fake, 'pick', { configurable: true, get: () => picks[Math.min(1, fake.quickPicks.length)] });
    chat.page.say({ type: 'attach' });
    await quiet();
    Object.defineProperty(fake, 'pick', { configurable: true, writable: true, value: undefined });
    await chat.say({ type: 'ask', text: 'Why?' });
    await chat.wait(500);
    expect(chat.call.last).toBe('Why?');
  });

  it('beyond a bounded number is refused, and the same text twice is once', async () => {
    const names = Array.from({ length: MOST_ATTACHMENTS + 2 }, (_, n) => `f${n}.ts`);
    for (const name of names) disk(`/work space/${name}`, name);
    await attach('Files…', names);
    expect([shown().length, fake.messages.length]).toEqual([MOST_ATTACHMENTS, 2]);
    await attach('Files…', ['f1.ts']);
    expect(shown().length).toBe(MOST_ATTACHMENTS);
  });
});

describe('the estimate', () => {
  it('is the whole of what will be read, and the seconds to the first word by the measured speed', async () => {
    expect(chat.state.estimate).toBeNull();
    disk('/work space/a.ts', 'a'.repeat(4000));
    await attach('Files…', ['a.ts']);
    await chat.say({ type: 'typing', text: 'x'.repeat(40) });
    const { tokens, most, secondsToFirstWord } = chat.state.estimate!;
    expect(most).toBe(4096 - 1024);
    expect(tokens).toBeGreaterThan(1010);
    expect(tokens).toBeLessThan(1040);
    expect(secondsToFirstWord).toBeCloseTo(tokens / 100, 5);
    await chat.say({ type: 'ask', text: 'Why?' });
    expect(chat.state.estimate).toBeNull();
  });

  it('knows no seconds before a speed was measured, and nothing without a loaded model', async () => {
    chat.source.chatSpeed = undefined;
    await chat.say({ type: 'typing', text: 'Why?' });
    expect(chat.state.estimate).toMatchObject({ secondsToFirstWord: null });
    chat.source.become({ state: 'unloaded', name: 'tiny' });
    await chat.say({ type: 'typing', text: 'Why not?' });
    expect(chat.state.estimate).toBeNull();
    chat.source.become({ state: 'ready', name: 'tiny', context: 4096 });
    await chat.wait();
    expect(chat.state.estimate).not.toBeNull();
  });

  it('counts what was said before, of which the cache knows what was read', async () => {
    await chat.ask('One?', 'y'.repeat(4000));
    await chat.say({ type: 'typing', text: 'Two?' });
    const { tokens, secondsToFirstWord } = chat.state.estimate!;
    expect(tokens).toBeGreaterThan(1000);
    // 110 of them are in the cache, as the last answer said.
    expect(secondsToFirstWord).toBeCloseTo((tokens - 110) / 100, 5);
    const { length } = chat.source.counted;
    await chat.say({ type: 'typing', text: 'Two??' });
    expect(chat.source.counted.slice(length)).toEqual(['Two??']);
  });
});

describe('reading ahead', () => {
  it('reads what will be asked while the user types, and the next key cancels it', async () => {
    disk('/work space/a.ts', 'const a = 1;');
    await attach('Files…', ['a.ts']);
    expect(lastAhead().options.messages.map(({ content }) => content)).toEqual(['a.ts:\n```ts\nconst a = 1;\n```']);
    await chat.say({ type: 'typing', text: 'Wh' });
    const [first, second] = chat.source.aheads;
    expect([first.cancel.isSet, second.cancel.isSet]).toEqual([true, false]);
    expect(second.options.messages.at(-1)!.content).toBe('a.ts:\n```ts\nconst a = 1;\n```\n\nWh');
    await chat.say({ type: 'ask', text: 'Why?' });
    expect(second.cancel.isSet).toBe(true);
    expect(chat.call.last.startsWith('a.ts:\n```ts\nconst a = 1;\n```\n\nWh')).toBe(true);
    expect(chat.call.options.conversation).toBe(second.options.conversation);
  });

  it('is worth what it read', async () => {
    await chat.say({ type: 'typing', text: 'x'.repeat(400) });
    expect(chat.state.estimate!.secondsToFirstWord).toBeGreaterThan(1);
    lastAhead().done();
    await chat.wait();
    expect(chat.state.estimate!.secondsToFirstWord).toBe(0);
    // Another model knows nothing of it.
    chat.source.become({ state: 'unloaded', name: 'tiny' });
    chat.source.become({ state: 'ready', name: 'tiny', context: 4096 });
    await chat.wait();
    expect(chat.state.estimate!.secondsToFirstWord).toBeGreaterThan(1);
  });

  it('is left alone while an answer is written, without a model, and where nothing is typed', async () => {
    await chat.say({ type: 'typing', text: '' });
    await chat.say({ type: 'ask', text: 'One?' });
    await chat.say({ type: 'typing', text: 'Two?' });
    chat.call.end();
    await chat.wait();
    chat.source.become({ state: 'unloaded', name: 'tiny' });
    await chat.say({ type: 'typing', text: 'Three?' });
    expect(chat.source.aheads).toEqual([]);
  });

  it('that fails is for the log alone', async () => {
    chat.source.readAhead = () => Promise.reject(new Error('no memory'));
    await chat.say({ type: 'typing', text: 'Why?' });
    expect([fake.messages, fake.logLines.filter((line) => line.includes('no memory')).length]).toEqual([[], 1]);
    chat.source.count = () => Promise.reject(new Error('no worker'));
    await chat.say({ type: 'typing', text: 'Why not?' });
    await chat.say({ type: 'ask', text: 'Why?' });
    expect(chat.call.last).toBe('Why?');
  });
});
