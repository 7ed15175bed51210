// A conversation as the user sees it: every operation and every state.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fake, TextEditorSelectionChangeKind } from '../support/fakeVscode.ts';
import { openChat, quiet, type ChatWindow } from '../support/chatWindow.ts';

let chat: ChatWindow;
beforeEach(async () => (chat = await openChat()));
afterEach(async () => {
  for (const call of chat.source.calls) call.end();
  chat.chat.dispose();
  await quiet();
  await chat.clock.pass(5000);
  // Nothing ticks when nothing happens.
  expect(chat.clock.pending).toBe(0);
  expect(chat.source.listeners).toBe(0);
});

const contents = () => chat.call.options.messages.map(({ role, content }) => `${role}: ${content}`);

describe('before anything was asked', () => {
  it('nothing is loaded, counted, read or written, and no timer runs', () => {
    expect([chat.source.calls.length, chat.source.loads, chat.source.counted, chat.clock.pending, fake.disk.size]).toEqual([0, 0, [], 0, 4]);
    expect(chat.state).toMatchObject({ turns: [], model: { state: 'ready', name: 'tiny' }, attachments: [], estimate: null, kept: false, note: null });
  });

  it('every text of the view comes in the language of the user', () => {
    const words = (chat.page.posted[0] as { words: Record<string, string> }).words;
    expect(words['Send']).toBe('Send');
    expect(Object.keys(words).length).toBeGreaterThan(40);
  });
});

describe('a question', () => {
  it('is answered piece by piece: it waits, reads with what is left, writes, and is done with its figures', async () => {
    await chat.say({ type: 'ask', text: 'Why?' });
    expect([chat.texts, contents()]).toEqual([['Why?', ' (waiting)'], ['user: Why?']]);
    chat.call.read(0, 800);
    await chat.wait();
    expect(chat.answer).toMatchObject({ state: 'reading', reading: { done: 0, total: 800, secondsLeft: 8 } });
    await chat.wait(900);
    chat.call.read(0.5, 800);
    await chat.wait();
    expect(chat.answer.reading).toEqual({ done: 400, total: 800, secondsLeft: 1 });
    chat.call.write('Because');
    chat.call.write(' so.');
    await chat.wait();
    expect(chat.answer).toMatchObject({ state: 'writing', text: 'Because so.', reading: null });
    chat.call.end();
    await chat.wait();
    expect(chat.answer).toMatchObject({ state: 'done', text: 'Because so.', figures: { reused: 60, computed: 40, written: 10, firstWord: expect.closeTo(1.14, 3), rate: 10 } });
    expect(chat.state.title).toBe('Why?');
  });

  it('goes with all that was said before, and by the name of its conversation', async () => {
    await chat.ask('One?', 'First.');
    await chat.say({ type: 'ask', text: 'Two?' });
    expect(contents()).toEqual(['user: One?', 'assistant: First.', 'user: Two?']);
    expect(new Set(chat.source.calls.map(({ options }) => options.conversation)).size).toBe(1);
  });

  it('of nothing is none', async () => {
    await chat.say({ type: 'ask', text: ' \n ' });
    expect([chat.state.turns, chat.source.calls]).toEqual([[], []]);
  });

  it('while another one is answered stops that, whose text stays', async () => {
    await chat.say({ type: 'ask', text: 'One?' });
    const [first] = chat.source.calls;
    first.write('Half');
    await chat.say({ type: 'ask', text: 'Two?' });
    expect([first.cancel.isSet, chat.source.calls.length]).toEqual([true, 1]);
    first.end();
    await chat.wait();
    expect(chat.texts).toEqual(['One?', 'Half (stopped)', 'Two?', ' (waiting)']);
    expect(chat.source.calls.length).toBe(2);
  });

  it('that got no answer is asked together with the next one', async () => {
    await chat.say({ type: 'ask', text: 'One?' });
    chat.call.fail('outOfMemory');
    await chat.say({ type: 'ask', text: 'Two?' });
    expect(contents()).toEqual(['user: One?\n\nTwo?']);
  });
});

describe('"stop"', () => {
  it('keeps the text, and "continue" goes on behind it', async () => {
    await chat.say({ type: 'ask', text: 'Count' });
    chat.call.write('one two');
    await chat.say({ type: 'stop' });
    expect(chat.call.cancel.isSet).toBe(true);
    chat.call.end();
    await chat.wait();
    expect(chat.answer).toMatchObject({ state: 'stopped', text: 'one two' });
    await chat.say({ type: 'continue' });
    expect([contents(), chat.call.options.continues]).toEqual([['user: Count', 'assistant: one two'], true]);
    chat.call.write(' three');
    chat.call.end();
    await chat.wait();
    expect(chat.answer).toMatchObject({ state: 'done', text: 'one two three', figures: { written: 20 } });
  });

  it('before the first word leaves an empty answer that can be had again', async () => {
    await chat.say({ type: 'ask', text: 'Count' });
    await chat.say({ type: 'stop' });
    chat.call.end();
    await chat.wait();
    expect(chat.answer).toMatchObject({ state: 'stopped', text: '' });
    await chat.say({ type: 'continue' });
    expect([contents(), chat.call.options.continues]).toEqual([['user: Count'], undefined]);
  });

  it('does nothing when nothing runs, nor does "continue" after an end', async () => {
    await chat.say({ type: 'stop' });
    await chat.ask('One?', 'First.');
    await chat.say({ type: 'continue' });
    await chat.say({ type: 'stop' });
    expect([chat.texts, chat.source.calls.length]).toEqual([['One?', 'First. (done)'], 1]);
  });
});

describe('an answer', () => {
  it('that a limit ended can go on', async () => {
    await chat.say({ type: 'ask', text: 'Count' });
    chat.call.write('one');
    chat.call.end({ reason: 'length' });
    await chat.wait();
    expect(chat.answer.state).toBe('cut');
    await chat.say({ type: 'continue' });
    expect(chat.call.options.continues).toBe(true);
  });

  it('is had again, and what followed it goes', async () => {
    await chat.ask('One?', 'First.');
    const first = chat.answer.id;
    await chat.ask('Two?', 'Second.');
    await chat.say({ type: 'regenerate', turn: first });
    expect([chat.texts, contents()]).toEqual([['One?', ' (waiting)'], ['user: One?']]);
    chat.call.write('Other.');
    chat.call.end();
    await chat.wait();
    expect(chat.texts).toEqual(['One?', 'Other. (done)']);
  });

  it('is another one each time it is had again, and the surest where there was none', async () => {
    const attempts = () => chat.source.calls.map(({ options }) => options.attempt);
    await chat.ask('One?', 'First.');
    for (const text of ['Second.', 'Third.']) {
      await chat.say({ type: 'regenerate', turn: chat.answer.id });
      chat.call.write(text);
      chat.call.end({ reason: 'length' });
      await chat.wait();
    }
    await chat.say({ type: 'continue' });
    chat.call.end();
    expect(attempts()).toEqual([0, 1, 2, 2]);
    await chat.say({ type: 'ask', text: 'Two?' });
    chat.call.fail('outOfMemory');
    await chat.wait();
    await chat.say({ type: 'regenerate', turn: chat.answer.id });
    expect(attempts().slice(4)).toEqual([0, 0]);
  });

  it('with thoughts is shown without them, and they do not go with the next question', async () => {
    await chat.say({ type: 'ask', text: 'One?' });
    for (const piece of ['<th', 'ink>', 'hm', 'mm', '</think>', '\n\n', 'Yes', '.']) {
      chat.call.write(piece);
      await chat.wait(40);
      expect(chat.answer.text + chat.answer.reasoning).not.toMatch(/[<>]/);
    }
    expect(chat.answer).toMatchObject({ text: 'Yes.', reasoning: 'hmmm' });
    chat.call.end();
    await chat.say({ type: 'ask', text: 'Two?' });
    expect(contents()).toEqual(['user: One?', 'assistant: Yes.', 'user: Two?']);
    await chat.say({ type: 'copyAnswer', turn: chat.state.turns[1].id });
    expect(fake.clipboard).toBe('Yes.');
  });

  it('that fails says so in one sentence, with the text so far, and can be had again', async () => {
    await chat.say({ type: 'ask', text: 'One?' });
    chat.call.write('Fir');
    chat.call.fail('outOfMemory');
    await chat.wait();
    expect(chat.answer).toMatchObject({ state: 'failed', text: 'Fir', note: expect.stringMatching(/^There is too little free memory.*\.$/) });
    expect(fake.messages).toEqual([]);
    await chat.say({ type: 'regenerate', turn: chat.answer.id });
    chat.call.write('First.');
    chat.call.end();
    await chat.wait();
    expect(chat.texts).toEqual(['One?', 'First. (done)']);
  });

  it('that ended because the runtime was started anew has stopped, not failed', async () => {
    await chat.say({ type: 'ask', text: 'One?' });
    chat.call.write('Fir');
    chat.call.fail('cancelled');
    await chat.wait();
    expect(chat.answer).toMatchObject({ state: 'stopped', text: 'Fir', note: null });
  });
});

describe('a question that is edited', () => {
  it('is asked anew where it stood, with the texts that went with it, and what followed it goes', async () => {
    fake.open('let a = 1;\nlet b = 2;\n');
    fake.pick = 'This file';
    await chat.say({ type: 'attach' });
    await chat.ask('One?', 'First.');
    const first = chat.question.id;
    await chat.ask('Two?', 'Second.');
    await chat.say({ type: 'edit', turn: first, text: 'Uno?' });
    expect(chat.texts).toEqual(['Uno?', ' (waiting)']);
    expect(chat.question.attachments.map(({ label }) => label)).toEqual(['sämple.typescript']);
    expect(contents()).toEqual([expect.stringMatching(/^user: sämple\.typescript:\n```typescript\nlet a = 1;\nlet b = 2;\n```\n\nUno\?$/)]);
  });

  it('is left alone where there is no such question, or no text', async () => {
    await chat.ask('One?', 'First.');
    const { id } = chat.question;
    for (const message of [{ turn: id, text: '  ' }, { turn: 'none', text: 'x' }, { turn: chat.answer.id, text: 'x' }]) await chat.say({ type: 'edit', ...message });
    for (const turn of ['none', id]) await chat.say({ type: 'regenerate', turn });
    expect([chat.texts, chat.source.calls.length]).toEqual([['One?', 'First. (done)'], 1]);
  });
});

describe('what was left out', () => {
  it('is marked, said, and not sent again', async () => {
    await chat.ask('One?', 'First.');
    await chat.ask('Two?', 'Second.');
    await chat.say({ type: 'ask', text: 'Three?' });
    chat.call.write('Third.');
    chat.call.end({ dropped: 2 });
    await chat.wait();
    expect(chat.state.turns.map(({ dropped }) => dropped)).toEqual([true, true, false, false, false, false]);
    expect(chat.state.note).toMatch(/oldest turns/);
    await chat.say({ type: 'ask', text: 'Four?' });
    expect(contents()).toEqual(['user: Two?', 'assistant: Second.', 'user: Three?', 'assistant: Third.', 'user: Four?']);
    expect(chat.state.note).toBeNull();
  });

  it('of memory is said, and so is a file without a template', async () => {
    chat.source.unloaded('The model for completions was unloaded.');
    await chat.wait();
    expect(chat.state.note).toBe('The model for completions was unloaded.');
    await chat.say({ type: 'ask', text: 'One?' });
    chat.call.write('First.');
    chat.call.end({ template: 'fallback' });
    await chat.wait();
    expect(chat.state.note).toMatch(/no chat template/);
  });
});

describe('a new conversation', () => {
  it('begins empty; what ran has stopped and is in the history', async () => {
    await chat.say({ type: 'ask', text: 'One?' });
    chat.call.write('Fir');
    await chat.say({ type: 'newConversation' });
    chat.call.end();
    await chat.wait();
    expect([chat.state.turns, chat.state.title]).toEqual([[], '']);
    await chat.ask('Other?', 'Yes.');
    expect([contents(), chat.source.calls[0].options.conversation === chat.call.options.conversation]).toEqual([['user: Other?'], false]);
    await chat.say({ type: 'history' });
    expect(fake.lists[0].items.map(({ label }) => label).sort()).toEqual(['One?', 'Other?']);
  });
});

describe('messages that no view of ours sends', () => {
  it('change nothing and are said once in the log, not shown', async () => {
    await chat.ask('One?', 'First.');
    const before = structuredClone(chat.state);
    for (const hostile of [null, 7, 'ask', [], {}, { type: 'ask' }, { type: 'ask', text: 7 }, { type: 'eval', text: 'x' }, { type: 'code', action: 'run', language: '', text: '' }, { type: '__proto__' }]) chat.page.say(hostile);
    await chat.wait();
    expect([chat.state, chat.source.calls.length, fake.messages, fake.executed]).toEqual([before, 1, [], []]);
    expect(fake.logLines.filter((line) => /chat view/.test(line)).length).toBeGreaterThan(0);
  });

  it('of another version of the protocol get nothing', async () => {
    const { length } = chat.page.posted;
    await chat.say({ type: 'hello', protocol: 99, epoch: null, seq: 0 });
    expect(chat.page.posted.length).toBe(length);
  });
});

describe('the page', () => {
  it('may load two files of ours and nothing else, and is made anew each time', async () => {
    const { webview } = chat.page.view;
    expect(webview.options).toMatchObject({ enableScripts: true, enableCommandUris: false });
    expect((webview.options.localResourceRoots as { path: string }[]).map(({ path }) => path)).toEqual(['/extension/dist']);
    expect(webview.html).toContain('default-src &#39;none&#39;');
    const { html } = webview;
    await chat.show();
    expect(chat.page.view.webview.html).not.toBe(html);
  });

  it('that is hidden gets nothing, and everything when it is shown again, in the middle of an answer too', async () => {
    await chat.say({ type: 'ask', text: 'One?' });
    chat.call.write('Fir');
    await chat.wait();
    chat.page.show(false);
    const { length } = chat.page.posted;
    chat.call.write('st');
    await chat.wait();
    expect(chat.page.posted.length).toBe(length);
    await chat.show();
    expect(chat.texts).toEqual(['One?', 'First (writing)']);
    chat.call.write('.');
    chat.call.end();
    await chat.wait();
    expect(chat.texts).toEqual(['One?', 'First. (done)']);
  });

  it('gets the keyboard when a command opens it, also when it has to be made first', async () => {
    await chat.command('chat.open');
    // VS Code's own way of giving it takes it once more a moment later, wherever it is then.
    expect([fake.executed.at(-1), chat.focused]).toEqual([{ id: 'deltallm.chat.focus', args: [{ preserveFocus: true }] }, 1]);
    chat.page.show(false);
    await chat.command('chat.open');
    expect(chat.focused).toBe(1);
    await chat.show();
    expect(chat.focused).toBe(2);
    // The page has an input only when it has something to show.
    expect((chat.page.posted as { type: string }[]).map(({ type }) => type).filter((type) => type !== 'change')).toEqual(['state', 'focus']);
  });

  const { Keyboard, Mouse, Command } = TextEditorSelectionChangeKind;
  it.each([
    ['goes to another editor', 0, () => fake.events.activeEditor.fire(undefined)],
    ['types on', 0, () => fake.events.selection.fire({ textEditor: fake.window.activeTextEditor!, selections: [], kind: Keyboard })],
    ['clicks into an editor', 0, () => fake.events.selection.fire({ textEditor: fake.window.activeTextEditor!, selections: [], kind: Mouse })],
    ['does nothing, while a command selects something', 1, () => fake.events.selection.fire({ textEditor: fake.window.activeTextEditor!, selections: [], kind: Command })],
    ['does nothing', 1, () => {}],
  ])('gets the keyboard, made anew, only if the user did nothing else meanwhile: he %s (%i)', async (_, focused, act) => {
    chat.page.show(false);
    await chat.command('chat.open');
    act();
    await chat.show();
    expect(chat.focused).toBe(focused);
  });
});
