// A window with the chat in it: VS Code, the answers and the models on the disk are stand-ins that a test moves by hand; the page does what the protocol says.
import { readFileSync } from 'node:fs';
import type { ModelOffer, ModelOffers } from '../../src/chat/modelOffers.ts';
import { startChat, type Chat } from '../../src/editor/chat/chat.ts';
import type { OwnFolder } from '../../src/editor/chat/ownFolder.ts';
import { SettingsReader } from '../../src/editor/settings.ts';
import { CHAT_PROTOCOL, type AnswerView, type ChatChange, type ChatState, type FromChatView, type QuestionView, type ToChatView } from '../../src/shared/chatProtocol.ts';
import { FakeAnswers } from './fakeAnswers.ts';
import { FakeClock, settled } from './fakeClock.ts';
import { fake, fakeWebviewView, Uri, window } from './fakeVscode.ts';

/** Everything that waits for a promise has gone on, also what goes through several turns of the event loop. */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await settled();
}

export class FakeOffers implements ModelOffers {
  found: ModelOffer[] = [];
  looked = 0;
  async find(): Promise<ModelOffer[]> {
    this.looked++;
    await settled();
    return this.found;
  }
  async look(path: string): Promise<ModelOffer> {
    return this.found.find((offer) => offer.path === path) ?? { id: path, path, name: path, origin: 'Chosen by you', detail: '', refused: null };
  }
}

/** `/storage/conversations` on the disk of the stand-in. */
const fakeFolder: OwnFolder = {
  names: async () => [...fake.disk.keys()].filter((path) => path.startsWith(STORAGE)).map((path) => path.slice(STORAGE.length)),
  read: async (name) => {
    const file = fake.disk.get(STORAGE + name);
    return file ? Buffer.from(file.text, 'latin1').toString('utf8') : null;
  },
  write: async (name, text) => void fake.disk.set(STORAGE + name, { text: Buffer.from(text).toString('latin1'), mtime: 1 }),
  remove: async (name) => void fake.disk.delete(STORAGE + name),
};
const STORAGE = '/storage/conversations/';

export const offer = (name: string, refused: string | null = null): ModelOffer => ({ id: name, path: `/models/${name}.gguf`, name, origin: 'Ollama', detail: '1.1 GB', refused });

export function apply(state: ChatState, change: ChatChange): void {
  const at = (id: string) => state.turns.findIndex((turn) => turn.id === id);
  if (change.kind === 'append' || change.kind === 'reasoning') {
    const turn = state.turns[at(change.turn)] as AnswerView;
    turn[change.kind === 'append' ? 'text' : 'reasoning'] += change.text;
  } else if (change.kind === 'turn') state.turns[at(change.turn.id) < 0 ? state.turns.length : at(change.turn.id)] = change.turn;
  else if (change.kind === 'truncate') state.turns.splice(at(change.turn));
  else Object.assign(state, change.surroundings);
}

export class ChatWindow {
  readonly clock = new FakeClock();
  source = new FakeAnswers();
  readonly offers = new FakeOffers();
  chat!: Chat;
  page!: ReturnType<typeof fakeWebviewView>;
  state!: ChatState;
  epoch: string | null = null;
  seq = 0;
  focused = 0;
  readonly memento = new Map<string, unknown>();
  private read = 0;
  private settings!: SettingsReader;

  constructor() {
    // The prompts of the package.
    for (const name of ['explain', 'fix', 'document', 'tests']) fake.disk.set(`/extension/prompts/${name}.md`, { text: readFileSync(`prompts/${name}.md`, 'latin1'), mtime: 1 });
    this.start();
  }

  /** As VS Code does when a window opens. */
  start(): void {
    this.settings = new SettingsReader(window.createOutputChannel() as never);
    this.chat = startChat({
      source: this.source, offers: this.offers, settings: this.settings, clock: this.clock, log: window.createOutputChannel() as never, extensionUri: Uri.file('/extension') as never, extensionVersion: '1.0.0',
      storageUri: Uri.file('/storage') as never, globalStorageUri: Uri.file('/global') as never, folder: fakeFolder,
      workspaceState: { get: (key: string) => this.memento.get(key), update: async (key: string, value: unknown) => void (value === undefined ? this.memento.delete(key) : this.memento.set(key, value)) } as never,
    });
  }

  /** The view is shown for the first time, or again: its page knows nothing. */
  async show(): Promise<void> {
    this.page = fakeWebviewView();
    Object.assign(this, { read: 0, epoch: null, seq: 0, state: undefined });
    fake.webviewProviders.get('deltallm.chat')!.resolveWebviewView(this.page.view);
    await this.say({ type: 'hello', protocol: CHAT_PROTOCOL, epoch: null, seq: 0 });
  }

  /** The window is closed and opened again, with another runtime; `crash`: nobody had time for anything. */
  async reload({ crash = false } = {}): Promise<void> {
    if (!crash) await this.chat.close();
    await quiet();
    this.chat.dispose();
    this.settings.dispose();
    this.source = new FakeAnswers();
    this.start();
    await this.show();
  }

  async say(message: FromChatView): Promise<void> {
    this.page.say(message);
    await quiet();
    await this.wait(40);
  }

  /** What was said to the page until now, after a moment. */
  async wait(ms = 100): Promise<void> {
    await this.clock.pass(ms);
    await quiet();
    this.hear();
  }

  get answer(): AnswerView {
    return this.state.turns.at(-1) as AnswerView;
  }

  get question(): QuestionView {
    return this.state.turns.at(-2) as QuestionView;
  }

  get call() {
    return this.source.calls.at(-1)!;
  }

  /** Texts of all turns, answers with their state. */
  get texts(): string[] {
    return this.state.turns.map((turn) => (turn.role === 'user' ? turn.text : `${turn.text} (${turn.state})`));
  }

  /** A question and its whole answer. */
  async ask(text: string, answer: string): Promise<void> {
    await this.say({ type: 'ask', text });
    this.call.write(answer);
    this.call.end();
    await this.wait();
  }

  async command(name: string, ...args: unknown[]): Promise<void> {
    const done = fake.commands.get(`deltallm.${name}`)!(...(args as never[]));
    await quiet();
    this.hear();
    void done;
  }

  private hear(): void {
    for (const message of this.page.posted.slice(this.read) as ToChatView[]) {
      this.read++;
      if (message.type === 'state') Object.assign(this, { state: structuredClone(message.state), epoch: message.epoch, seq: message.seq });
      else if (message.type === 'focus') this.focused++;
      else if (message.epoch === this.epoch) {
        if (message.seq !== this.seq + 1) throw new Error(`change ${message.seq} after ${this.seq}`);
        this.seq = message.seq;
        apply(this.state, structuredClone(message.change));
      }
    }
  }
}

/** `fake.reset()`, and a window whose chat is open. */
export async function openChat(setUp: (chat: ChatWindow) => void = () => {}): Promise<ChatWindow> {
  fake.reset();
  const chat = new ChatWindow();
  setUp(chat);
  await chat.show();
  return chat;
}

