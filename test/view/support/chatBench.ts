// The chat view in a bare page of a real Chromium: the same page, policy and bundle as in the editor, a stand-in for the editor's side of it.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';
import { chromium as playwright, type Browser, type Page } from 'playwright-core';
import { CHAT_PROTOCOL, type ChatChange, type ChatState, type ChatWords, type FromChatView, type ToChatView } from '../../../src/shared/chatProtocol.ts';
import { chatPage } from '../../../src/shared/chatPage.ts';
// @ts-expect-error plain JavaScript
import { chromium as chromiumPath } from '../../host/installServer.mjs';
// @ts-expect-error plain JavaScript
import { chatBundle } from '../../../scripts/chatBundle.mjs';
import { themes, type ThemeName } from './themes.ts';

/** Why there can be no tests of the view here; undefined: there can. In CI there must be. */
export const missing: string | undefined = chromiumPath() || process.env.CI ? undefined : 'Chromium is not installed (apt-get install --no-install-recommends chromium fonts-dejavu-core), and CHROMIUM names none';

export interface BenchOptions {
  theme?: ThemeName;
  width?: number;
  height?: number;
  /** What an earlier life of the view kept. */
  kept?: unknown;
  language?: string;
}

export class ChatBench {
  readonly #browser: Browser;
  readonly #server: Server;
  /** Paths that were asked for beside the page's own files. */
  readonly strays: string[] = [];

  private constructor(browser: Browser, server: Server) {
    this.#browser = browser;
    this.#server = server;
  }

  static async start(): Promise<ChatBench> {
    const { outputFiles } = await build({ ...chatBundle, write: false, sourcemap: false });
    const files = new Map(outputFiles!.map(({ path, text }) => [path.replace(/^.*[\\/]/, '/'), text]));
    const bench: { strays: string[] } = { strays: [] };
    const server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url!, 'http://localhost');
      const file = files.get(pathname);
      if (pathname === '/page') {
        const { port } = server.address() as AddressInfo;
        const cspSource = `http://127.0.0.1:${port}`;
        const text = chatPage({ script: `${cspSource}/chat.js`, style: `${cspSource}/chat.css`, nonce: 'abcdefghijklmnop0123', cspSource, language: searchParams.get('language') ?? 'en' });
        response.writeHead(200, { 'content-type': 'text/html' }).end(text);
      } else if (file !== undefined) response.writeHead(200, { 'content-type': pathname.endsWith('.css') ? 'text/css' : 'text/javascript' }).end(file);
      else {
        bench.strays.push(request.url!);
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const browser = await playwright.launch({ executablePath: chromiumPath(), headless: true, args: ['--no-sandbox', '--disable-gpu', '--force-color-profile=srgb', '--font-render-hinting=none'] });
    const made = new ChatBench(browser, server);
    bench.strays = made.strays;
    return made;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async open({ theme = 'dark', width = 320, height = 640, kept, language = 'en' }: BenchOptions = {}): Promise<ChatView> {
    const page = await this.#browser.newPage({ viewport: { width, height } });
    const view = new ChatView(page);
    page.on('pageerror', (error) => view.errors.push(String(error)));
    page.on('console', (message) => (message.type() === 'error' || message.type() === 'warning') && !message.text().includes('favicon') && view.errors.push(message.text()));
    await page.addInitScript(
      ({ variables, kind, background, kept: state }) => {
        const posted: unknown[] = [];
        let kept = state;
        Object.assign(window, {
          posted,
          keptState: () => kept,
          acquireVsCodeApi: () => ({ postMessage: (message: unknown) => posted.push(message), getState: () => kept, setState: (changed: unknown) => (kept = changed) }),
          violations: [] as string[],
        });
        document.addEventListener('securitypolicyviolation', (event) => (window as never as { violations: string[] }).violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
        const dress = () => {
          // A document begins without elements.
          if (!document.body) return;
          for (const [name, value] of Object.entries(variables)) document.documentElement.style.setProperty(`--vscode-${name}`, value);
          document.documentElement.style.background = background;
          document.body.classList.add(kind);
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
      { ...themes[theme], kept },
    );
    await page.goto(`${this.address}/page?language=${language}`);
    return view;
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await new Promise((done) => this.#server.close(done));
  }
}

/** One page, with the host's side of the conversation. */
export class ChatView {
  readonly page: Page;
  /** What the page complained of. */
  readonly errors: string[] = [];
  epoch = 'one';
  seq = 0;

  constructor(page: Page) {
    this.page = page;
  }

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

  /** Until nothing changes for three frames. */
  async settled(): Promise<void> {
    await this.page.evaluate(
      () =>
        new Promise<void>((done) => {
          let quiet = 0;
          const observer = new MutationObserver(() => (quiet = 0));
          observer.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
          const frame = () => {
            if (++quiet > 3) {
              observer.disconnect();
              done();
            } else requestAnimationFrame(frame);
          };
          requestAnimationFrame(frame);
        }),
    );
  }

  posted(): Promise<FromChatView[]> {
    return this.page.evaluate(() => (window as never as { posted: FromChatView[] }).posted);
  }

  violations(): Promise<string[]> {
    return this.page.evaluate(() => (window as never as { violations: string[] }).violations);
  }

  close(): Promise<void> {
    return this.page.close();
  }
}
