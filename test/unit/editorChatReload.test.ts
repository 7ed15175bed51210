// What a window that is closed, reloaded or torn away leaves, and the history of a workspace.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConversationFiles, MOST_CONVERSATIONS } from '../../src/editor/chat/conversationFiles.ts';
import { ownFolder } from '../../src/editor/chat/ownFolder.ts';
import { fake } from '../support/fakeVscode.ts';
import { openChat, quiet, type ChatWindow } from '../support/chatWindow.ts';

let chat: ChatWindow;
beforeEach(async () => (chat = await openChat()));
afterEach(async () => {
  for (const call of chat.source.calls) call.end();
  chat.chat.dispose();
  await quiet();
});

const saved = () => [...fake.disk.keys()].filter((path) => /^\/storage\/conversations\/.*\.json$/.test(path));
const list = () => fake.lists.at(-1)!;
const titles = () => list().items.map(({ label }) => label);

describe('a conversation', () => {
  it('is there again after the window was reloaded, and goes on', async () => {
    await chat.ask('One?', 'First.');
    const { turns, title } = structuredClone(chat.state);
    await chat.reload();
    expect([chat.state.turns, chat.state.title]).toEqual([turns, title]);
    await chat.say({ type: 'ask', text: 'Two?' });
    expect(chat.call.options.messages.map(({ content }) => content)).toEqual(['One?', 'First.', 'Two?']);
  });

  it.each([['reloaded', false], ['torn away', true]])('whose answer was under way when the window was %s comes back stopped, with its text, and can be continued', async (_, crash) => {
    await chat.say({ type: 'ask', text: 'Count' });
    chat.call.write('one two');
    await chat.wait(1100);
    const [call] = chat.source.calls;
    await chat.reload({ crash });
    expect(call.cancel.isSet).toBe(true);
    expect(chat.texts).toEqual(['Count', 'one two (stopped)']);
    await chat.say({ type: 'continue' });
    expect(chat.call.options).toMatchObject({ continues: true, messages: [{ content: 'Count' }, { content: 'one two' }] });
    call.end();
  });

  it('of the last second is not lost in an orderly end', async () => {
    await chat.say({ type: 'ask', text: 'Count' });
    await chat.wait(1100);
    chat.call.write('one');
    await chat.reload();
    expect(chat.texts).toEqual(['Count', 'one (stopped)']);
  });

  it('is written once a second while an answer is written', async () => {
    await chat.say({ type: 'ask', text: 'Count' });
    const writes: string[] = [];
    const { set } = fake.disk;
    fake.disk.set = (path, entry) => {
      writes.push(path);
      return set.call(fake.disk, path, entry);
    };
    for (let n = 0; n < 100; n++) {
      chat.call.write('x');
      await chat.clock.pass(50);
    }
    await quiet();
    const written = writes.filter((path) => path.startsWith('/storage/conversations/'));
    expect(written.length).toBeGreaterThanOrEqual(4);
    expect(written.length).toBeLessThanOrEqual(6);
    expect([saved().length, saved()[0]]).toEqual([1, expect.stringMatching(/\.json$/)]);
  });

  it('that is only looked at is not written, and does not become the newest', async () => {
    await chat.ask('One?', 'First.');
    const [file] = saved();
    const before = fake.disk.get(file)!;
    await chat.reload();
    await chat.say({ type: 'newConversation' });
    expect(fake.disk.get(file)).toBe(before);
  });

  it('that is empty leaves nothing behind', async () => {
    await chat.say({ type: 'newConversation' });
    await chat.reload();
    expect([saved(), chat.state.turns, [...chat.memento]]).toEqual([[], [], []]);
  });
});

describe('what lies in the folder', () => {
  const damaged: [string, (text: string) => string][] = [
    ['is cut short', (text) => text.slice(0, -20)],
    ['is empty', () => ''],
    ['is no object', () => '[]'],
    ['is of another format', (text) => text.replace('"version":1', '"version":2')],
    ['has a turn of an unknown kind', (text) => text.replace('"role":"user"', '"role":"system"')],
    ['has half a turn', (text) => text.replace(/"reasoning":"[^"]*",/, '')],
    ['has another name than its identifier', (text) => text.replace(/"id":"[^"]*"/, '"id":"other"')],
    ['has figures that are none', (text) => text.replace(/"rate":\d+/, '"rate":"fast"')],
  ];

  it.each(damaged)('and %s is left out, said once in the log, and nothing else suffers', async (_, damage) => {
    await chat.ask('One?', 'First.');
    const [file] = saved();
    await chat.say({ type: 'newConversation' });
    await chat.ask('Two?', 'Second.');
    await chat.say({ type: 'newConversation' });
    fake.disk.get(file)!.text = damage(fake.disk.get(file)!.text);
    for (let n = 0; n < 2; n++) {
      await chat.say({ type: 'history' });
      expect(titles()).toEqual(['Two?']);
      list().hide();
    }
    expect(fake.logLines.filter((line) => /damaged/.test(line)).length).toBe(1);
    expect(fake.messages).toEqual([]);
  });

  it('and was the shown conversation, but is damaged, gives an empty one', async () => {
    await chat.ask('One?', 'First.');
    fake.disk.get(saved()[0])!.text = '{';
    await chat.reload();
    expect(chat.state.turns).toEqual([]);
    await chat.ask('Two?', 'Second.');
    expect(chat.texts).toEqual(['Two?', 'Second. (done)']);
  });

  it('never becomes more than a bounded number: the oldest go', async () => {
    await chat.ask('First?', 'x');
    const [file] = saved();
    const { text } = fake.disk.get(file)!;
    const { id, changed } = JSON.parse(text);
    for (let n = 0; n < MOST_CONVERSATIONS; n++) fake.disk.set(`/storage/conversations/c${n}.json`, { text: text.replaceAll(id, `c${n}`).replace(String(changed), String(changed - 500 + n)), mtime: 1 });
    await chat.say({ type: 'newConversation' });
    await chat.ask('Newest?', 'x');
    await chat.wait(1000);
    const is = (name: string) => saved().includes(`/storage/conversations/${name}.json`);
    expect([saved().length, saved().includes(file), is('c0'), is('c1'), is('c2')]).toEqual([MOST_CONVERSATIONS, true, false, false, true]);
  });
});

describe('the folder of conversations', () => {
  const path = mkdtempSync(join(tmpdir(), 'deltallm-conversations-'));
  afterAll(() => rmSync(path, { recursive: true, force: true }));

  it('is made when something is written; a file holds all of a text or what it held before', async () => {
    const folder = ownFolder(join(path, 'not made yet'));
    expect([await folder.names(), await folder.read('a.json', 10)]).toEqual([[], null]);
    await folder.write('a.json', 'grün');
    await folder.write('a.json', 'grüner');
    expect([await folder.names(), await folder.read('a.json', 10), await folder.read('a.json', 6)]).toEqual([['a.json'], 'grüner', null]);
    await folder.remove('a.json');
    await folder.remove('a.json');
    expect(await folder.names()).toEqual([]);
  });

  it('that cannot be written says so once in the log, and the chat goes on', async () => {
    writeFileSync(join(path, 'file'), '');
    const lines: string[] = [];
    const files = new ConversationFiles(ownFolder(join(path, 'file', 'below')), { warn: (line: string) => lines.push(line) } as never);
    for (let n = 0; n < 2; n++) await files.write({ id: 'a', name: null, changed: 1, turns: [] });
    expect([lines.length, await files.list()]).toEqual([1, []]);
  });
});

describe('the history', () => {
  beforeEach(async () => {
    await chat.ask('One?', 'First.');
    await chat.say({ type: 'newConversation' });
    for (const first = Date.now(); Date.now() === first; ) await new Promise(setImmediate);
    await chat.ask('Two?', 'Second.');
    await chat.say({ type: 'history' });
  });

  it('lists the newest first, with what to search in, and opens what is chosen', async () => {
    expect(titles()).toEqual(['Two?', 'One?']);
    expect(list().items[1]).toMatchObject({ detail: 'One? · First.' });
    expect(list()).toMatchObject({ matchOnDetail: true });
    list().choose('One?');
    await chat.wait();
    expect(chat.texts).toEqual(['One?', 'First. (done)']);
    await chat.reload();
    expect(chat.texts).toEqual(['One?', 'First. (done)']);
  });

  it('renames, also the one that is shown', async () => {
    fake.input = ' Uno ';
    list().press('One?', 0);
    await chat.wait();
    expect(titles()).toEqual(['Two?', 'Uno']);
    fake.input = 'Due';
    list().press('Two?', 0);
    await chat.wait();
    expect([titles(), chat.state.title]).toEqual([['Due', 'Uno'], 'Due']);
    fake.input = undefined;
    list().press('Due', 0);
    await chat.wait();
    expect(titles()).toEqual(['Due', 'Uno']);
  });

  it('deletes, and where that was the shown one, an empty one takes its place', async () => {
    list().press('One?', 1);
    await chat.wait();
    expect([titles(), saved().length, chat.texts]).toEqual([['Two?'], 1, ['Two?', 'Second. (done)']]);
    list().press('Two?', 1);
    await chat.wait();
    expect([titles(), saved(), chat.state.turns]).toEqual([[], [], []]);
    await chat.reload();
    expect(chat.state.turns).toEqual([]);
  });

  it('that is closed changes nothing', async () => {
    list().hide();
    await chat.wait();
    expect(chat.texts).toEqual(['Two?', 'Second. (done)']);
  });

  it('opened from the palette stops what runs only when another one is chosen', async () => {
    list().hide();
    await chat.say({ type: 'ask', text: 'Three?' });
    chat.call.write('Thi');
    await chat.command('chat.history');
    expect(chat.call.cancel.isSet).toBe(false);
    list().choose('One?');
    await quiet();
    expect(chat.call.cancel.isSet).toBe(true);
    chat.call.end();
    await chat.wait();
    expect(chat.texts).toEqual(['One?', 'First. (done)']);
  });
});
