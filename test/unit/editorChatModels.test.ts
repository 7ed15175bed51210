// Without a chat model, with one that fails, and the ways to choose one: a question is kept until there is an answer to it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fake, Uri } from '../support/fakeVscode.ts';
import { offer, openChat, quiet, type ChatWindow } from '../support/chatWindow.ts';

let chat: ChatWindow;
const failed = { state: 'failed' as const, name: 'big', sentence: 'There is too little free memory.' };

async function begin(): Promise<void> {
  chat = await openChat(({ source }) => source.become({ state: 'none' }));
}
beforeEach(begin);
afterEach(async () => {
  for (const call of chat.source.calls) call.end();
  chat.chat.dispose();
  await quiet();
});

/** As the runtime follows the setting. */
function followSetting(state: 'ready' | 'failed' = 'ready'): void {
  chat.source.onLoad = () => {
    chat.source.become({ state: 'loading', name: 'small', share: 0.5 });
    chat.source.become(state === 'ready' ? { state: 'ready', name: 'small', context: 2048 } : failed);
  };
}

describe('without a chat model', () => {
  it('nobody looks for one until it is asked for', async () => {
    await chat.say({ type: 'ask', text: 'Why?' });
    expect([chat.offers.looked, chat.state.model]).toEqual([0, { state: 'none', offers: null, searching: false }]);
  });

  it('a question is kept, and sent when a model was chosen and is ready', async () => {
    await chat.say({ type: 'ask', text: 'Why?' });
    expect([chat.texts, chat.state.kept, chat.source.calls]).toEqual([['Why?', ' (waiting)'], true, []]);
    chat.offers.found = [offer('small'), offer('huge', 'It does not fit into the memory.')];
    chat.page.say({ type: 'findModels' });
    await Promise.resolve();
    await chat.wait();
    expect(chat.state.model).toMatchObject({ state: 'none', searching: false, offers: [{ id: 'small', refused: null }, { id: 'huge', refused: 'It does not fit into the memory.' }] });
    expect(JSON.stringify(chat.state.model)).not.toContain('/models/');
    followSetting();
    await chat.say({ type: 'useModel', offer: 'small' });
    expect(fake.settings['deltallm.chat.model']).toBe('/models/small.gguf');
    expect([chat.state.kept, chat.state.model, chat.source.calls.length]).toEqual([false, { state: 'ready', name: 'small' }, 1]);
    chat.call.write('Because.');
    chat.call.end();
    await chat.wait();
    expect(chat.texts).toEqual(['Why?', 'Because. (done)']);
  });

  it('a kept question waits through a reload', async () => {
    await chat.say({ type: 'ask', text: 'Why?' });
    const { memento } = chat;
    await chat.chat.close();
    chat.chat.dispose();
    expect(memento.size).toBe(1);
    chat.source.become({ state: 'none' });
    chat.start();
    await chat.show();
    expect([chat.texts, chat.state.kept]).toEqual([['Why?', ' (waiting)'], true]);
    chat.source.become({ state: 'unloaded', name: 'small' });
    await chat.wait();
    expect([chat.source.calls.length, chat.state.kept]).toEqual([1, false]);
  });

  it('a kept question can be given up, edited, and replaced', async () => {
    await chat.say({ type: 'ask', text: 'Why?' });
    await chat.say({ type: 'stop' });
    expect([chat.texts, chat.state.kept]).toEqual([['Why?', ' (stopped)'], false]);
    await chat.say({ type: 'regenerate', turn: chat.answer.id });
    expect([chat.texts, chat.state.kept]).toEqual([['Why?', ' (waiting)'], true]);
    await chat.say({ type: 'edit', turn: chat.question.id, text: 'How?' });
    expect([chat.texts, chat.state.kept]).toEqual([['How?', ' (waiting)'], true]);
    await chat.say({ type: 'ask', text: 'When?' });
    expect(chat.texts).toEqual(['How?', ' (stopped)', 'When?', ' (waiting)']);
    chat.source.become({ state: 'ready', name: 'small', context: 2048 });
    await chat.wait();
    expect(chat.source.calls.map(({ last }) => last)).toEqual(['How?\n\nWhen?']);
  });

  it('a file of the user can be chosen; one that cannot be used is listed with its reason', async () => {
    await chat.say({ type: 'ask', text: 'Why?' });
    chat.offers.found = [offer('mamba', 'The architecture "mamba" is not supported.')];
    fake.dialog = Uri.file('/models/mamba.gguf');
    await chat.say({ type: 'chooseFile' });
    expect(fake.settings['deltallm.chat.model']).toBeUndefined();
    expect(chat.state.model).toMatchObject({ offers: [{ id: 'mamba', refused: 'The architecture "mamba" is not supported.' }] });
    followSetting();
    fake.dialog = Uri.file('/elsewhere/own.gguf');
    await chat.say({ type: 'chooseFile' });
    expect([fake.settings['deltallm.chat.model'], chat.source.calls.length]).toEqual(['/elsewhere/own.gguf', 1]);
    expect(Object.values(fake.dialogs[0].filters)).toEqual([['gguf'], ['*']]);
  });

  it('what is no usable offer changes nothing', async () => {
    chat.offers.found = [offer('huge', 'It does not fit into the memory.')];
    await chat.say({ type: 'findModels' });
    for (const id of ['huge', 'none', '__proto__']) await chat.say({ type: 'useModel', offer: id });
    fake.dialog = undefined;
    await chat.say({ type: 'chooseFile' });
    expect([fake.settings, chat.source.loads]).toEqual([{}, 0]);
  });

  it('a search that fails ends, and the log says why', async () => {
    chat.offers.find = () => Promise.reject(new Error('no disk'));
    await chat.say({ type: 'findModels' });
    expect([chat.state.model, fake.logLines.join()]).toEqual([{ state: 'none', offers: [], searching: false }, expect.stringContaining('no disk')]);
  });

  it('a model is chosen from the palette as well', async () => {
    await chat.say({ type: 'ask', text: 'Why?' });
    chat.offers.found = [offer('small'), offer('huge', 'no')];
    followSetting();
    fake.pick = 'small';
    await chat.command('chat.chooseModel');
    await chat.wait();
    expect([fake.settings['deltallm.chat.model'], chat.source.calls.length]).toEqual(['/models/small.gguf', 1]);
  });
});

describe('a model that fails', () => {
  beforeEach(async () => {
    chat.source.become({ state: 'unloaded', name: 'big' });
    await chat.say({ type: 'ask', text: 'Why?' });
    chat.source.become({ state: 'loading', name: 'big', share: 0.4 });
    await chat.wait();
    expect(chat.state.model).toEqual({ state: 'loading', name: 'big', share: 0.4 });
    chat.source.become(failed);
    chat.call.fail('outOfMemory');
    await chat.wait();
  });

  it('says why, and the question waits for another one', async () => {
    expect(chat.state).toMatchObject({ kept: true, model: { state: 'failed', name: 'big', sentence: failed.sentence } });
    expect(chat.answer).toMatchObject({ state: 'failed', note: expect.stringContaining('too little free memory') });
    chat.offers.found = [offer('small')];
    await chat.say({ type: 'findModels' });
    expect(chat.state.model).toMatchObject({ state: 'failed', offers: [{ id: 'small' }] });
    followSetting();
    await chat.say({ type: 'useModel', offer: 'small' });
    expect([chat.texts, chat.state.kept, chat.source.calls.length]).toEqual([['Why?', ' (waiting)'], false, 2]);
  });

  it('is tried again when the user says so, and not by itself', async () => {
    chat.source.become({ state: 'unloaded', name: 'big' });
    await chat.wait();
    expect(chat.source.calls.length).toBe(1);
    followSetting();
    await chat.say({ type: 'retry' });
    expect([chat.source.loads, chat.source.calls.length, chat.texts]).toEqual([1, 2, ['Why?', ' (waiting)']]);
  });

  it('is left alone by another window, too', async () => {
    const { memento } = chat;
    await chat.chat.close();
    chat.chat.dispose();
    chat.start();
    chat.source.become({ state: 'unloaded', name: 'big' });
    await chat.show();
    expect([memento.size, chat.state.kept, chat.source.calls.length, chat.answer.state]).toEqual([1, true, 1, 'failed']);
    chat.source.become({ state: 'unloaded', name: 'other' });
    await chat.wait();
    expect(chat.source.calls.length).toBe(2);
  });

  it('is replaced by another one in the settings: the question goes to that', async () => {
    chat.source.become({ state: 'unloaded', name: 'small' });
    await chat.wait();
    expect([chat.source.calls.length, chat.state.kept]).toEqual([2, false]);
  });

  it('again, is said again and holds nothing up', async () => {
    followSetting('failed');
    await chat.say({ type: 'retry' });
    expect([chat.source.calls.length, chat.state.model.state]).toEqual([1, 'failed']);
    await chat.say({ type: 'newConversation' });
    expect(chat.state).toMatchObject({ turns: [], kept: false });
  });
});

describe('a model for completions that turns out to be none for this', () => {
  it('keeps the question, and is not loaded over and over', async () => {
    chat.source.become({ state: 'unloaded', name: 'coder.gguf' });
    await chat.say({ type: 'ask', text: 'Why?' });
    chat.source.become({ state: 'loading', name: 'coder.gguf', share: 0.5 });
    chat.source.become({ state: 'none' });
    chat.call.fail('outOfMemory');
    await chat.wait();
    expect([chat.texts, chat.state.kept, chat.state.model.state]).toEqual([['Why?', ' (waiting)'], true, 'none']);
    // Unused for a while it is unloaded, and nobody knows any more what it is.
    chat.source.become({ state: 'unloaded', name: 'coder.gguf' });
    await chat.wait();
    expect(chat.source.calls.length).toBe(1);
    chat.source.become({ state: 'ready', name: 'talker', context: 2048 });
    await chat.wait();
    expect(chat.source.calls.length).toBe(2);
  });
});

describe('while a model loads for a minute', () => {
  it('the view is answered, and the question can be stopped', async () => {
    chat.source.become({ state: 'unloaded', name: 'big' });
    chat.source.loadChatModel = () => new Promise(() => {});
    await chat.say({ type: 'retry' });
    await chat.show();
    await chat.say({ type: 'ask', text: 'Why?' });
    await chat.say({ type: 'stop' });
    expect(chat.call.cancel.isSet).toBe(true);
    chat.call.end();
    await chat.wait();
    expect(chat.texts).toEqual(['Why?', ' (stopped)']);
  });
});
