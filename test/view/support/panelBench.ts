// The visualizer with no editor around it, and a stand-in for the editor's side of it.
import { PANEL_PROTOCOL, type FromPanel, type PanelState, type PanelWords, type ToPanel } from '../../../src/shared/panelProtocol.ts';
import { panelPage } from '../../../src/shared/panelPage.ts';
// @ts-expect-error plain JavaScript
import { visualizerBundle } from '../../../scripts/bundles.mjs';
import { PageView, ServedPage } from './servedPage.ts';
import type { ThemeName } from './themes.ts';

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
  private constructor(private readonly served: ServedPage) {}

  static async start(): Promise<PanelBench> {
    return new PanelBench(await ServedPage.start(visualizerBundle, 'visualizer', panelPage));
  }

  get strays(): string[] {
    return this.served.strays;
  }

  async open({ theme = 'dark', width = 1200, height = 900, language = 'en', file }: PanelOptions = {}): Promise<PanelPageView> {
    const errors: string[] = [];
    const page = await this.served.newPage({ width, height }, errors, file === undefined ? theme : undefined);
    await page.addInitScript((isFile) => {
      const posted: unknown[] = [];
      const tasks: number[] = [];
      Object.assign(window, { posted, tasks });
      if (!isFile) Object.assign(window, { acquireVsCodeApi: () => ({ postMessage: (message: unknown) => posted.push(message), getState: () => undefined, setState: () => {} }) });
      new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask', buffered: true });
    }, file !== undefined);
    if (file !== undefined) this.served.files.set('/file.html', file);
    await page.goto(`${this.served.address}${file === undefined ? `/page?language=${language}` : '/file.html'}`);
    return new PanelPageView(page, errors);
  }

  /** From now on, what the main thread of this page does is noted. */
  trace({ page }: PanelPageView): Promise<void> {
    return this.served.browser.startTracing(page, { categories: ['toplevel', 'blink.user_timing'] });
  }

  /**
   * Milliseconds of processor of every task since then: time on the wall is the whole machine's. Without those in which messages were made: in the editor
   * they come from another process.
   */
  async tasks(): Promise<number[]> {
    const { traceEvents } = JSON.parse((await this.served.browser.stopTracing()).toString('utf8')) as { traceEvents: { name: string; ts: number; dur?: number; tdur?: number; pid: number; tid: number; args: { name?: string } }[] };
    const mains = new Set(traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(({ pid, tid }) => `${pid} ${tid}`));
    const made = traceEvents.filter(({ name }) => name === MADE).map(({ ts }) => ts);
    return traceEvents
      .filter(({ name, ts, dur, tdur, pid, tid }) => name === 'ThreadControllerImpl::RunTask' && tdur !== undefined && mains.has(`${pid} ${tid}`) && !made.some((at) => at >= ts && at <= ts + dur!))
      .map(({ tdur }) => tdur! / 1000);
  }

  close(): Promise<void> {
    return this.served.close();
  }
}

/** One page, with the host's side of it. */
export class PanelPageView extends PageView {
  seq = 0;

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

  posted(): Promise<FromPanel[]> {
    return this.page.evaluate(() => (window as never as { posted: FromPanel[] }).posted);
  }
}
