// The visualizer in a bare page of a real Chromium: the same page, policy and bundle as in the editor, a stand-in for the editor's side of it.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';
import { chromium as playwright, type Browser, type Page } from 'playwright-core';
import { PANEL_PROTOCOL, type FromPanel, type PanelState, type PanelWords, type ToPanel } from '../../../src/shared/panelProtocol.ts';
import { panelPage } from '../../../src/shared/panelPage.ts';
// @ts-expect-error plain JavaScript
import { chromium as chromiumPath } from '../../host/installServer.mjs';
// @ts-expect-error plain JavaScript
import { visualizerBundle } from '../../../scripts/visualizerBundle.mjs';
import { themes, type ThemeName } from './themes.ts';

export { missing } from './chatBench.ts';

/** A mark in the page's own record: a message has been made of its text. */
const MADE = 'made';

export interface PanelOptions {
  theme?: ThemeName;
  width?: number;
  height?: number;
  language?: string;
  /** Another page than the editor's: text of a whole file. */
  file?: string;
}

export class PanelBench {
  readonly #browser: Browser;
  readonly #server: Server;
  readonly #files: Map<string, string>;
  /** Paths that were asked for beside the page's own files. */
  readonly strays: string[];

  private constructor(browser: Browser, server: Server, files: Map<string, string>, strays: string[]) {
    this.#browser = browser;
    this.#server = server;
    this.#files = files;
    this.strays = strays;
  }

  static async start(): Promise<PanelBench> {
    const { outputFiles } = await build({ ...visualizerBundle, write: false, sourcemap: false });
    const files = new Map<string, string>(outputFiles!.map(({ path, text }: { path: string; text: string }) => [path.replace(/^.*[\\/]/, '/'), text]));
    const strays: string[] = [];
    const server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url!, 'http://localhost');
      const file = files.get(pathname);
      if (pathname === '/page') {
        const cspSource = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        const text = panelPage({ script: `${cspSource}/visualizer.js`, style: `${cspSource}/visualizer.css`, nonce: 'abcdefghijklmnop0123', cspSource, language: searchParams.get('language') ?? 'en' });
        response.writeHead(200, { 'content-type': 'text/html' }).end(text);
      } else if (file !== undefined) response.writeHead(200, { 'content-type': pathname.endsWith('.css') ? 'text/css' : pathname.endsWith('.html') ? 'text/html' : 'text/javascript' }).end(file);
      else {
        strays.push(request.url!);
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const browser = await playwright.launch({ executablePath: chromiumPath(), headless: true, args: ['--no-sandbox', '--disable-gpu', '--force-color-profile=srgb', '--font-render-hinting=none'] });
    return new PanelBench(browser, server, files, strays);
  }

  async open({ theme = 'dark', width = 1200, height = 900, language = 'en', file }: PanelOptions = {}): Promise<PanelPageView> {
    const page = await this.#browser.newPage({ viewport: { width, height } });
    const view = new PanelPageView(page);
    page.on('pageerror', (error) => view.errors.push(String(error)));
    page.on('console', (message) => (message.type() === 'error' || message.type() === 'warning') && !message.text().includes('favicon') && view.errors.push(message.text()));
    await page.addInitScript(
      ({ variables, kind, isFile }) => {
        const posted: unknown[] = [];
        const tasks: number[] = [];
        Object.assign(window, { posted, tasks, violations: [] as string[] });
        if (!isFile) Object.assign(window, { acquireVsCodeApi: () => ({ postMessage: (message: unknown) => posted.push(message), getState: () => undefined, setState: () => {} }) });
        new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask', buffered: true });
        document.addEventListener('securitypolicyviolation', (event) => (window as never as { violations: string[] }).violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
        const dress = () => {
          // A document begins without elements.
          if (!document.body || isFile) return;
          for (const [name, value] of Object.entries(variables)) document.documentElement.style.setProperty(`--vscode-${name}`, value);
          document.body.classList.add(kind);
        };
        dress();
        document.addEventListener('DOMContentLoaded', dress);
      },
      { ...themes[theme], isFile: file !== undefined },
    );
    const address = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    if (file !== undefined) this.#files.set('/file.html', file);
    await page.goto(file === undefined ? `${address}/page?language=${language}` : `${address}/file.html`);
    return view;
  }

  /** From now on, what the main thread of this page does is noted. */
  trace({ page }: PanelPageView): Promise<void> {
    return this.#browser.startTracing(page, { categories: ['toplevel', 'blink.user_timing'] });
  }

  /**
   * Milliseconds of processor of every task since then: time on the wall is the whole machine's. Without those in which messages were made: in the editor
   * they come from another process.
   */
  async tasks(): Promise<number[]> {
    const { traceEvents } = JSON.parse((await this.#browser.stopTracing()).toString('utf8')) as { traceEvents: { name: string; ts: number; dur?: number; tdur?: number; pid: number; tid: number; args: { name?: string } }[] };
    const mains = new Set(traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(({ pid, tid }) => `${pid} ${tid}`));
    const made = traceEvents.filter(({ name }) => name === MADE).map(({ ts }) => ts);
    return traceEvents
      .filter(({ name, ts, dur, tdur, pid, tid }) => name === 'ThreadControllerImpl::RunTask' && tdur !== undefined && mains.has(`${pid} ${tid}`) && !made.some((at) => at >= ts && at <= ts + dur!))
      .map(({ tdur }) => tdur! / 1000);
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await new Promise((done) => this.#server.close(done));
  }
}

/** One page, with the host's side of it. */
export class PanelPageView {
  readonly page: Page;
  /** What the page complained of. */
  readonly errors: string[] = [];
  seq = 0;

  constructor(page: Page) {
    this.page = page;
  }

  async send(...messages: ToPanel[]): Promise<void> {
    // Typed arrays do not travel as JSON.
    const plain = messages.map((message) => JSON.parse(JSON.stringify(message, (_, value) => (value instanceof Float32Array ? { floats: Array.from(value) } : value instanceof Float64Array ? { doubles: Array.from(value) } : value instanceof Uint8Array ? { bytes: Array.from(value) } : value))) as unknown);
    await this.page.evaluate(async ({ all, MADE }) => {
      const revive = (value: unknown): unknown => {
        if (Array.isArray(value)) return value.map(revive);
        if (typeof value !== 'object' || value === null) return value;
        if ('floats' in value) return Float32Array.from(value.floats as number[]);
        if ('bytes' in value && Array.isArray(value.bytes)) return Uint8Array.from(value.bytes as number[]);
        if ('doubles' in value) return Float64Array.from(value.doubles as number[]);
        return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revive(inner)]));
      };
      const revived = all.map(revive);
      performance.mark(MADE);
      // A task of its own: in the editor, what the messages are made of has come before.
      await new Promise((done) => setTimeout(done));
      for (const data of revived) window.dispatchEvent(new MessageEvent('message', { data }));
    }, { all: plain, MADE });
  }

  async show(state: PanelState, words: PanelWords = {}): Promise<void> {
    await this.send({ type: 'state', protocol: PANEL_PROTOCOL, epoch: 'one', seq: this.seq, state, words });
    await this.settled();
  }

  async change(parts: Partial<PanelState>): Promise<void> {
    await this.send({ type: 'change', epoch: 'one', seq: ++this.seq, parts });
    await this.settled();
  }

  /** Until nothing changes for five frames. */
  async settled(): Promise<void> {
    await this.page.evaluate(
      () =>
        new Promise<void>((done) => {
          let quiet = 0;
          const observer = new MutationObserver(() => (quiet = 0));
          observer.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
          const frame = () => {
            if (++quiet > 5) {
              observer.disconnect();
              done();
            } else requestAnimationFrame(frame);
          };
          requestAnimationFrame(frame);
        }),
    );
  }

  posted(): Promise<FromPanel[]> {
    return this.page.evaluate(() => (window as never as { posted: FromPanel[] }).posted);
  }

  violations(): Promise<string[]> {
    return this.page.evaluate(() => (window as never as { violations: string[] }).violations);
  }

  close(): Promise<void> {
    return this.page.close();
  }
}
