// The page of models with no editor around it, and a stand-in for the editor's side of it.
import { MODELS_PROTOCOL, type FromModels, type ModelsState } from '../../../src/shared/modelsProtocol.ts';
import { modelsPage } from '../../../src/shared/modelsPage.ts';
// @ts-expect-error plain JavaScript
import { modelsBundle } from '../../../scripts/bundles.mjs';
import { PageView, ServedPage } from './servedPage.ts';
import { themes, type ThemeName } from './themes.ts';

export interface ModelsPageOptions {
  theme?: ThemeName;
  width?: number;
  height?: number;
}

export class ModelsBench {
  private constructor(private readonly served: ServedPage) {}

  static async start(): Promise<ModelsBench> {
    return new ModelsBench(await ServedPage.start(modelsBundle, 'models', modelsPage));
  }

  get strays(): string[] {
    return this.served.strays;
  }

  async open({ theme = 'dark', width = 340, height = 1200 }: ModelsPageOptions = {}): Promise<ModelsView> {
    const errors: string[] = [];
    const page = await this.served.newPage({ width, height }, errors, theme);
    await page.addInitScript((background) => {
      const posted: unknown[] = [];
      Object.assign(window, { posted, acquireVsCodeApi: () => ({ postMessage: (message: unknown) => posted.push(message) }) });
      document.addEventListener('DOMContentLoaded', () => (document.documentElement.style.background = background));
    }, themes[theme].background);
    await page.goto(`${this.served.address}/page`);
    return new ModelsView(page, errors);
  }

  close(): Promise<void> {
    return this.served.close();
  }
}

/** One page, with the host's side of it. */
export class ModelsView extends PageView {
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
}
