// The chat view with no editor around it, and a stand-in for the editor's side of it.
import { CHAT_PROTOCOL, type ChatChange, type ChatState, type ChatWords, type FromChatView, type ToChatView } from '../../../src/shared/chatProtocol.ts';
import { chatPage } from '../../../src/shared/chatPage.ts';
// @ts-expect-error plain JavaScript
import { chatBundle } from '../../../scripts/bundles.mjs';
import { PageView, ServedPage } from './servedPage.ts';
import { themes, type ThemeName } from './themes.ts';

export interface BenchOptions {
  theme?: ThemeName;
  width?: number;
  height?: number;
  /** What an earlier life of the view kept. */
  kept?: unknown;
  language?: string;
}

export class ChatBench {
  private constructor(private readonly served: ServedPage) {}

  static async start(): Promise<ChatBench> {
    return new ChatBench(await ServedPage.start(chatBundle, 'chat', chatPage));
  }

  get strays(): string[] {
    return this.served.strays;
  }

  get address(): string {
    return this.served.address;
  }

  async open({ theme = 'dark', width = 320, height = 640, kept, language = 'en' }: BenchOptions = {}): Promise<ChatView> {
    const errors: string[] = [];
    const page = await this.served.newPage({ width, height }, errors, theme);
    await page.addInitScript(
      ({ background, kept: state }) => {
        const posted: unknown[] = [];
        let kept = state;
        Object.assign(window, {
          posted,
          keptState: () => kept,
          acquireVsCodeApi: () => ({ postMessage: (message: unknown) => posted.push(message), getState: () => kept, setState: (changed: unknown) => (kept = changed) }),
        });
        const dress = () => {
          // A document begins without elements.
          if (!document.body) return;
          document.documentElement.style.background = background;
          // What the editor gives every webview.
          const usual = new CSSStyleSheet();
          usual.replaceSync(`@layer vscode-default {
            body { margin: 0; padding: 0 20px; background: transparent; }
            code { padding: 1px 3px; border-radius: 4px; color: var(--vscode-textPreformat-foreground); background: var(--vscode-textPreformat-background); }
            pre code { padding: 0; }
            blockquote { background: var(--vscode-textBlockQuote-background); border-color: var(--vscode-textBlockQuote-border); }
            a { color: var(--vscode-textLink-foreground); }
            :is(a, input, select, textarea):focus { outline: 1px solid -webkit-focus-ring-color; outline-offset: -1px; }
            ::-webkit-scrollbar { width: 10px; height: 10px; }
          }`);
          document.adoptedStyleSheets = [usual];
        };
        dress();
        document.addEventListener('DOMContentLoaded', dress);
      },
      { background: themes[theme].background, kept },
    );
    await page.goto(`${this.served.address}/page?language=${language}`);
    return new ChatView(page, errors);
  }

  close(): Promise<void> {
    return this.served.close();
  }
}

/** One page, with the host's side of the conversation. */
export class ChatView extends PageView {
  epoch = 'one';
  seq = 0;

  /** Several messages arrive in one go, as they do when the view was busy. */
  async send(...messages: ToChatView[]): Promise<void> {
    await this.page.evaluate((all) => all.forEach((data) => window.dispatchEvent(new MessageEvent('message', { data }))), messages);
  }

  async show(state: ChatState, words: ChatWords = {}): Promise<void> {
    await this.send({ type: 'state', protocol: CHAT_PROTOCOL, epoch: this.epoch, seq: this.seq, state, words });
    await this.settled();
  }

  async change(...changes: ChatChange[]): Promise<void> {
    await this.send(...changes.map((change): ToChatView => ({ type: 'change', epoch: this.epoch, seq: ++this.seq, change })));
    await this.settled();
  }

  posted(): Promise<FromChatView[]> {
    return this.page.evaluate(() => (window as never as { posted: FromChatView[] }).posted);
  }
}
