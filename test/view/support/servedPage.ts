// A page of the extension in a real Chromium with no editor around it: the same page, policy and bundle, served from this computer.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build, type BuildOptions } from 'esbuild';
import { chromium as playwright, type Browser, type Page } from 'playwright-core';
import type { WebviewPage } from '../../../src/shared/webviewPage.ts';
// @ts-expect-error plain JavaScript
import { chromium as chromiumPath } from '../../host/installServer.mjs';
import { themes, type ThemeName } from './themes.ts';

/** Why there can be no tests of the view here; undefined: there can. In CI there must be. */
export const missing: string | undefined = chromiumPath() || process.env.CI ? undefined : 'Chromium is not installed (apt-get install --no-install-recommends chromium fonts-dejavu-core), and CHROMIUM names none';

/** What a page has not done by then it will not do, however slow the machine is. */
const MOST_MS = 300_000;

const TYPES: Record<string, string> = { css: 'text/css', html: 'text/html', js: 'text/javascript' };

export interface Size {
  width: number;
  height: number;
}

export class ServedPage {
  private constructor(
    readonly browser: Browser,
    private readonly server: Server,
    /** What is served beside the page, by path. */
    readonly files: Map<string, string>,
    /** Paths that were asked for beside those. */
    readonly strays: string[],
  ) {}

  /** @param bundle of the page: one script and one style sheet, `/<name>.js` and `/<name>.css` @param pageOf its text */
  static async start(bundle: BuildOptions, name: string, pageOf: (page: WebviewPage) => string): Promise<ServedPage> {
    const { outputFiles } = await build({ ...bundle, write: false, sourcemap: false });
    const files = new Map<string, string>(outputFiles!.map(({ path, text }) => [path.replace(/^.*[\\/]/, '/'), text]));
    const strays: string[] = [];
    const server = createServer((request, response) => {
      const cspSource = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const { pathname, searchParams } = new URL(request.url!, cspSource);
      const isPage = pathname === '/page';
      const text = isPage ? pageOf({ script: `${cspSource}/${name}.js`, style: `${cspSource}/${name}.css`, nonce: 'abcdefghijklmnop0123', cspSource, language: searchParams.get('language') ?? 'en' }) : files.get(pathname);
      if (text === undefined) strays.push(request.url!);
      response.writeHead(text === undefined ? 404 : 200, { 'content-type': TYPES[isPage ? 'html' : pathname.split('.').at(-1)!] ?? 'text/plain' }).end(text);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const browser = await playwright.launch({ executablePath: chromiumPath(), headless: true, timeout: MOST_MS, args: ['--no-sandbox', '--disable-gpu', '--force-color-profile=srgb', '--font-render-hinting=none'] });
    return new ServedPage(browser, server, files, strays);
  }

  get address(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** A page that is yet to be opened, in the colours of a theme where there is one; what it complains of goes to `errors`. */
  async newPage(viewport: Size, errors: string[], theme?: ThemeName): Promise<Page> {
    const page = await this.browser.newPage({ viewport });
    page.setDefaultTimeout(MOST_MS);
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => (message.type() === 'error' || message.type() === 'warning') && !message.text().includes('favicon') && errors.push(message.text()));
    await page.addInitScript((dress) => {
      const violations: string[] = [];
      Object.assign(window, { violations });
      document.addEventListener('securitypolicyviolation', (event) => violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
      if (!dress) return;
      const put = () => {
        // A document begins without elements.
        if (!document.body) return;
        for (const [name, value] of Object.entries(dress.variables)) document.documentElement.style.setProperty(`--vscode-${name}`, value);
        document.body.classList.add(dress.kind);
      };
      put();
      document.addEventListener('DOMContentLoaded', put);
    }, theme && themes[theme]);
    return page;
  }

  async close(): Promise<void> {
    await this.browser.close();
    await new Promise((done) => this.server.close(done));
  }
}

/** One open page. */
export class PageView {
  constructor(
    readonly page: Page,
    /** What the page complained of. */
    readonly errors: readonly string[],
  ) {}

  /** Until nothing changes for five frames. */
  settled(): Promise<void> {
    return this.page.evaluate(
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

  violations(): Promise<string[]> {
    return this.page.evaluate(() => (window as never as { violations: string[] }).violations);
  }

  close(): Promise<void> {
    return this.page.close();
  }
}
