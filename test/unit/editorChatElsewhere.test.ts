// The same model in VS Code's own chat: as a language model that anybody can ask, and as "@deltallm".
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as vscode from '../support/fakeVscode.ts';
import { ChatRequestTurn, ChatResponseMarkdownPart, ChatResponseTurn, EventEmitter, fake, LanguageModelChatMessageRole as Role, LanguageModelTextPart, Location, Range, Uri } from '../support/fakeVscode.ts';
import { tokensOf } from '../support/fakeAnswers.ts';
import { openChat, quiet, type ChatWindow } from '../support/chatWindow.ts';

let chat: ChatWindow;
beforeEach(async () => (chat = await openChat()));
afterEach(async () => {
  for (const call of chat.source.calls) call.end();
  chat.chat.dispose();
  await quiet();
});

class Token {
  isCancellationRequested = false;
  private readonly emitter = new EventEmitter<void>();
  listeners = 0;
  onCancellationRequested = (listener: () => void) => {
    this.listeners++;
    const { dispose } = this.emitter.event(listener);
    return { dispose: () => (this.listeners--, dispose()) };
  };
  cancel(): void {
    this.isCancellationRequested = true;
    this.emitter.fire();
  }
}

interface Model {
  provideLanguageModelChatInformation(): { id: string; name: string; maxInputTokens: number; maxOutputTokens: number }[];
  provideLanguageModelChatResponse(...args: unknown[]): Promise<void>;
  provideTokenCount(model: unknown, text: unknown): Promise<number>;
  onDidChangeLanguageModelChatInformation(listener: () => void): unknown;
}

describe('the language model', () => {
  const model = () => fake.languageModels.get('deltallm') as Model;
  const message = (role: number, ...texts: string[]) => ({ role, content: texts.map((text) => new LanguageModelTextPart(text)), name: undefined });
  const ask = (messages: unknown[], token = new Token()) => {
    const parts: string[] = [];
    const done = model().provideLanguageModelChatResponse({}, messages, { toolMode: 1 }, { report: ({ value }: LanguageModelTextPart) => parts.push(value) }, token);
    return { parts, done, token };
  };

  it('is listed by its name and its context, and gone where there is none that can answer', () => {
    let changes = 0;
    model().onDidChangeLanguageModelChatInformation(() => changes++);
    expect(model().provideLanguageModelChatInformation()).toEqual([expect.objectContaining({ id: 'chat', name: 'tiny', maxInputTokens: 2048, maxOutputTokens: 2048 })]);
    chat.source.become({ state: 'ready', name: 'tiny', context: 4096 });
    expect(changes).toBe(0);
    chat.source.become({ state: 'none' });
    expect([model().provideLanguageModelChatInformation(), changes]).toEqual([[], 1]);
    chat.source.become({ state: 'failed', name: 'big', sentence: 'x' });
    expect([model().provideLanguageModelChatInformation(), changes]).toEqual([[], 1]);
    chat.source.become({ state: 'unloaded', name: 'big' });
    expect([model().provideLanguageModelChatInformation().length, changes]).toEqual([1, 2]);
  });

  it('answers messages of every role piece by piece, and reads no parts but text', async () => {
    const { parts, done, token } = ask([message(3, 'Be brief.'), message(Role.User, 'One', '?'), message(Role.Assistant, 'First.'), { ...message(Role.User), content: [{ mimeType: 'image/png' }, new LanguageModelTextPart('Two?')] }]);
    expect(chat.call.options.messages).toEqual([{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'One?' }, { role: 'assistant', content: 'First.' }, { role: 'user', content: 'Two?' }]);
    chat.call.read(0, 10);
    chat.call.write('Sec');
    chat.call.write('ond.');
    chat.call.end();
    await done;
    expect([parts, token.listeners]).toEqual([['Sec', 'ond.'], 0]);
    // The conversation in the side bar is another one.
    await chat.wait();
    expect(chat.state.turns).toEqual([]);
  });

  it('gives the answer without what was thought before it', async () => {
    const { parts, done } = ask([message(Role.User, 'Why?')]);
    for (const piece of ['<thi', 'nk>Hm', 'm.</think>', '\n\nBe', 'cause <think>.']) chat.call.write(piece);
    chat.call.end();
    await done;
    expect(parts.join('')).toBe('Because <think>.');
  });

  it('ends when it is cancelled, and says nothing more', async () => {
    const { parts, done, token } = ask([message(Role.User, 'One?')]);
    chat.call.write('Fi');
    token.cancel();
    expect(chat.call.cancel.isSet).toBe(true);
    chat.call.write('rst');
    chat.call.end();
    await done;
    expect(parts).toEqual(['Fi']);
  });

  it('that was cancelled before it began begins with that', async () => {
    const token = new Token();
    token.isCancellationRequested = true;
    const { done } = ask([message(Role.User, 'One?')], token);
    expect(chat.call.cancel.isSet).toBe(true);
    chat.call.end();
    await done;
  });

  it('fails with one sentence', async () => {
    const { done } = ask([message(Role.User, 'One?')]);
    chat.call.fail('outOfMemory');
    await expect(done).rejects.toThrow(/^There is too little free memory[^\n]*\.$/);
  });

  it('counts tokens, and estimates them where nothing is loaded', async () => {
    expect(await model().provideTokenCount({}, 'abcdefgh')).toBe(tokensOf('abcdefgh'));
    expect(await model().provideTokenCount({}, message(Role.User, 'abcd', 'efgh'))).toBe(2);
    chat.source.become({ state: 'unloaded', name: 'tiny' });
    expect(await model().provideTokenCount({}, 'abcdefg')).toBe(2);
  });
});

describe('"@deltallm"', () => {
  const ask = (prompt: string, { history = [] as unknown[], references = [] as unknown[] } = {}, token = new Token()) => {
    const said: string[] = [];
    const buttons: string[] = [];
    const progress: string[] = [];
    const stream = { markdown: (text: string) => said.push(text), progress: (text: string) => progress.push(text), reference: () => {}, button: ({ command }: { command: string }) => buttons.push(command) };
    const done = fake.participants.get('deltallm.participant')!({ prompt, references }, { history }, stream, token) as Promise<{ errorDetails?: { message: string } }>;
    return { said, progress, buttons, done, token };
  };

  it('answers with what was said before to it, and not to others', async () => {
    const answered = (text: string, participant = 'deltallm.participant') => new ChatResponseTurn([new ChatResponseMarkdownPart({ value: text })], participant);
    const asked = (text: string, participant = 'deltallm.participant') => new ChatRequestTurn(text, participant);
    const history = [asked('Never answered'), asked('One?'), answered('First.'), asked('Other?', 'x.y'), answered('Other.', 'x.y'), asked('Failed?')];
    const { said, done } = ask('Two?', { history });
    await quiet();
    expect(chat.call.options.messages.map(({ content }) => content)).toEqual(['One?', 'First.', 'Two?']);
    chat.call.write('Second.');
    chat.call.end();
    await done;
    expect(said).toEqual(['Second.']);
  });

  it('says that it thinks, and not what', async () => {
    const { said, progress, done } = ask('Why?');
    await quiet();
    for (const piece of ['<think>Hm', 'm', '.</think>\nBe', 'cause.']) chat.call.write(piece);
    chat.call.end();
    await done;
    expect([said.join(''), progress]).toEqual(['Because.', ['Thinking']]);
  });

  it('reads what is attached, files first, the question last, and says what may not be read', async () => {
    fake.disk.set('/work space/a.ts', { text: 'const a = 1;', mtime: 1 });
    fake.disk.set('/work space/.env', { text: 'TOKEN=1', mtime: 1 });
    const { document } = fake.open('one\ntwo\nthree', 'typescript', Uri.file('/work space/b.ts'));
    const references = [{ value: Uri.file('/work space/a.ts') }, { value: Uri.file('/work space/.env') }, { value: new Location(document.uri, new Range(1, 0, 1, 3)) }, { value: 'some text' }, { value: {} }];
    const { said, done } = ask('Why?', { references });
    await quiet();
    expect(chat.call.last).toBe('a.ts:\n```ts\nconst a = 1;\n```\n\nb.ts, line 2:\n```typescript\ntwo\n```\n\n```\nsome text\n```\n\nWhy?');
    chat.call.end();
    await done;
    expect(said).toEqual([expect.stringMatching(/^\.env: It is never read/)]);
  });

  it('ends when it is cancelled', async () => {
    const { done, token } = ask('Why?');
    await quiet();
    token.cancel();
    expect(chat.call.cancel.isSet).toBe(true);
    chat.call.end();
    await done;
    expect(token.listeners).toBe(0);
  });

  it('fails with one sentence', async () => {
    const { done } = ask('Why?');
    await quiet();
    chat.call.fail('workerDied', 'x');
    expect((await done).errorDetails?.message).toMatch(/^The language-model worker stopped unexpectedly\.$/);
  });

  it('without a model says so, with a button to choose one', async () => {
    chat.source.become({ state: 'none' });
    const { said, buttons, done } = ask('Why?');
    await done;
    expect([said.length, buttons, chat.source.calls]).toEqual([1, ['deltallm.chat.chooseModel'], []]);
  });
});

describe('a VS Code without a chat of its own', () => {
  it('has the side bar all the same', async () => {
    chat.chat.dispose();
    const [lm, participants] = [{ ...vscode.lm }, { ...vscode.chat }];
    Object.assign(vscode.lm, { registerLanguageModelChatProvider: undefined });
    Object.assign(vscode.chat, { createChatParticipant: undefined });
    chat.start();
    Object.assign(vscode.lm, lm);
    Object.assign(vscode.chat, participants);
    await chat.show();
    await chat.ask('One?', 'First.');
    expect([chat.texts, fake.languageModels.size, fake.participants.size]).toEqual([['One?', 'First. (done)'], 0, 0]);
  });
});
