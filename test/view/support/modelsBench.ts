// The page of models in a bare page of a real Chromium: the same page, policy and bundle as in the editor, a stand-in for the editor's side of it.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';
import { chromium as playwright, type Browser, type Page } from 'playwright-core';
import { MODELS_PROTOCOL, type FromModels, type ModelsState } from '../../../src/shared/modelsProtocol.ts';
import { modelsPage } from '../../../src/shared/modelsPage.ts';
// @ts-expect-error plain JavaScript
import { chromium as chromiumPath } from '../../host/installServer.mjs';
// @ts-expect-error plain JavaScript
import { modelsBundle } from '../../../scripts/modelsBundle.mjs';
import { themes, type ThemeName } from './themes.ts';

export interface ModelsPageOptions {
  theme?: ThemeName;
  width?: number;
  height?: number;
}

export class ModelsBench {
  private constructor(
    private readonly browser: Browser,
    private readonly server: Server,
    /** Paths that were asked for beside the page's own files. */
    readonly strays: string[],
  ) {}

  static async start(): Promise<ModelsBench> {
    const { outputFiles } = await build({ ...modelsBundle, write: false, sourcemap: false });
    const files = new Map<string, string>(outputFiles!.map(({ path, text }: { path: string; text: string }) => [path.replace(/^.*[\\/]/, '/'), text]));
    const strays: string[] = [];
    const server = createServer((request, response) => {
      const cspSource = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const file = request.url === '/page' ? modelsPage({ script: `${cspSource}/models.js`, style: `${cspSource}/models.css`, nonce: 'abcdefghijklmnop0123', cspSource, language: 'en' }) : files.get(request.url!);
      if (file === undefined) strays.push(request.url!);
      response.writeHead(file === undefined ? 404 : 200, { 'content-type': request.url === '/page' ? 'text/html' : request.url!.endsWith('.css') ? 'text/css' : 'text/javascript' }).end(file);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const browser = await playwright.launch({ executablePath: chromiumPath(), headless: true, args: ['--no-sandbox', '--disable-gpu', '--force-color-profile=srgb', '--font-render-hinting=none'] });
    return new ModelsBench(browser, server, strays);
  }

  async open({ theme = 'dark', width = 340, height = 1200 }: ModelsPageOptions = {}): Promise<ModelsView> {
    const page = await this.browser.newPage({ viewport: { width, height } });
    const view = new ModelsView(page);
    page.on('pageerror', (error) => view.errors.push(String(error)));
    page.on('console', (message) => (message.type() === 'error' || message.type() === 'warning') && !message.text().includes('favicon') && view.errors.push(message.text()));
    await page.addInitScript(({ variables, kind, background }) => {
      const posted: unknown[] = [];
      Object.assign(window, { posted, violations: [] as string[], acquireVsCodeApi: () => ({ postMessage: (message: unknown) => posted.push(message) }) });
      document.addEventListener('securitypolicyviolation', (event) => (window as never as { violations: string[] }).violations.push(`${event.violatedDirective} ${event.blockedURI}`));
      document.addEventListener('DOMContentLoaded', () => {
        for (const [name, value] of Object.entries(variables)) document.documentElement.style.setProperty(`--vscode-${name}`, value);
        document.documentElement.style.backgroundColor = background;
        document.body.classList.add(kind);
      });
    }, themes[theme]);
    await page.goto(`http://127.0.0.1:${(this.server.address() as AddressInfo).port}/page`);
    return view;
  }

  async close(): Promise<void> {
    await this.browser.close();
    await new Promise((done) => this.server.close(done));
  }
}

/** One page, with the host's side of it. */
export class ModelsView {
  /** What the page complained of. */
  readonly errors: string[] = [];

  constructor(readonly page: Page) {}

  show(state: ModelsState): Promise<void> {
    return this.page.evaluate((message) => new Promise<void>((done) => {
      addEventListener('message', () => done(), { once: true });
      postMessage(message, '*');
    }), { type: 'state', protocol: MODELS_PROTOCOL, state, words: {} });
  }

  /** What the page sent, its hello left out. */
  async posted(): Promise<FromModels[]> {
    const all = await this.page.evaluate(() => (window as never as { posted: FromModels[] }).posted.splice(0));
    return all.filter(({ type }) => type !== 'hello');
  }

  violations(): Promise<string[]> {
    return this.page.evaluate(() => (window as never as { violations: string[] }).violations);
  }

  close(): Promise<void> {
    return this.page.close();
  }
}
