// A large model's whole day in the panel, told by the real host: what a frame draws and makes is bounded, whatever there is to show.
import { describe, expect, it } from 'vitest';
import { PanelHost } from '../../src/editor/visualizer/panelHost.ts';
import { PANEL_PROTOCOL, type FromPanel, type ToPanel } from '../../src/shared/panelProtocol.ts';
import type { LiveLooked } from '../../src/shared/liveFigures.ts';
import type { CancelFlag } from '../../src/shared/cancel.ts';
import { useBrowser } from './support/browser.ts';
import { PanelBench, type PanelPageView } from './support/panelBench.ts';
import { madeLive, madeMap, madeReport, madeSuggestion, states } from './support/panelStates.ts';

const shape = { layers: 32, heads: 32, kvHeads: 8 };
const TOKENS = 16_384;
const text = Array.from({ length: Math.ceil(TOKENS / 10) }, (_, i) => `${'  '.repeat(i % 4)}const value${i} = await read(${i}); // the line of number ${i}`).join('\n');

/** A frame takes 16 steps at most, each of 128 cells, a cell being a field, an outline and a figure; and the strip beside the lines a mark a pixel. */
const MOST_MARKS = 16 * 128 * 3 + 1000;
/** The figures by themselves, the lines of code in sight. */
const MOST_ELEMENTS = 600;

/** What the host tells on its way from an empty panel to a comparison and the attention of a head, with a completion written meanwhile. */
async function messages(): Promise<ToPanel[]> {
  const posted: ToPanel[] = [];
  const inspect = async (call: string, _: unknown, hear: (event: { id: number; event: 'progress'; stage: string; share: number }) => void, __: CancelFlag) => {
    for (let percent = 0; percent <= 100; percent += 5) hear({ id: 1, event: 'progress', stage: '', share: percent / 100 });
    return call === 'inspect' ? madeReport({ ...shape, tokens: TOKENS }) : ({ ...madeMap(TOKENS), schema: 2, model: 'Made-up-1B' } as unknown);
  };
  let position = TOKENS - 100;
  const lines = text.split('\n');
  const { look } = madeSuggestion(lines, { cursor: lines.length - 40, from: 200, near: lines.length - 120 });
  const looked = (known: string | undefined): LiveLooked => ({ ...look!, path: 'long.ts', uri: null, text: known === look!.request ? null : text });
  const host = new PanelHost({
    runtime: { state: 'ready', progress: 0, inspect: inspect as never }, mode: () => 'balanced', useMode: async () => {}, file: () => ({ uri: 'file:///long.ts', name: 'long.ts', refused: null, text: () => text }), read: async () => text,
    rest: async () => ({ cache: states.live.cache, time: states.live.time }), look: async (known) => ({ ...madeLive({ ...shape, position: position++ }), looked: looked(known) }),
    reveal: async () => {}, copyMarkdown: async () => {}, saveJson: async () => {}, saveImage: async () => {}, imageCopied: () => {}, keep: () => {}, version: '0.1.0', now: () => 1_795_874_485_000, post: (message) => posted.push(structuredClone(message)), warn: (sentence) => expect.unreachable(sentence),
  });
  const does = async (message: FromPanel) => {
    host.hear(message);
    for (let i = 0; i < 50; i++) await Promise.resolve();
  };
  await does({ type: 'hello', protocol: PANEL_PROTOCOL, epoch: null, seq: 0 });
  await does({ type: 'measure' });
  for (let i = 0; i < 8; i++) await host.look();
  await does({ type: 'compare' });
  await does({ type: 'map', layer: 8, head: 3 });
  for (let i = 0; i < 4; i++) await host.look();
  return posted;
}

interface Watched {
  marks: number[];
  elements: number[];
}

/** Counts by frame from now on. */
const watch = (view: PanelPageView) =>
  view.page.evaluate(() => {
    const watched: Watched = { marks: [0], elements: [0] };
    const add = (to: number[], n: number) => (to[to.length - 1] += n);
    for (const pen of [CanvasRenderingContext2D.prototype, OffscreenCanvasRenderingContext2D.prototype] as unknown as Record<string, (...given: unknown[]) => unknown>[]) {
      for (const name of ['fillRect', 'strokeRect', 'fillText', 'drawImage', 'putImageData', 'stroke']) {
        const own = pen[name];
        pen[name] = function (...given) {
          add(watched.marks, 1);
          return own.apply(this, given);
        };
      }
    }
    const document_ = Document.prototype as unknown as Record<string, (node: Node, deep: boolean) => Node>;
    const { importNode } = document_;
    document_.importNode = function (node, deep) {
      add(watched.elements, (node as DocumentFragment).querySelectorAll?.('*').length ?? 1);
      return importNode.call(this, node, deep);
    };
    const frame = () => {
      watched.marks.push(0);
      watched.elements.push(0);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    Object.assign(window, { watched });
  });
const watched = (view: PanelPageView) => view.page.evaluate(() => (window as never as { watched: Watched }).watched);

const browser = useBrowser(PanelBench.start);

describe('32 layers of 32 heads at 16 k tokens, told by the host', () => {
  it.each(['dark', 'hc-light'] as const)('are drawn a bounded part a frame, in %s', async (theme) => {
    const view = await browser.open({ theme });
    await browser.bench.trace(view);
    await watch(view);
    const all = await messages();
    expect(all.length).toBeGreaterThan(60);
    for (const message of all) {
      view.seq = message.seq;
      await view.send(message);
      // A frame between two, as there is one between two messages of a real run.
      await view.page.evaluate(() => new Promise(requestAnimationFrame));
    }
    await view.settled();
    await view.page.locator('picture-view.sinks .drawing').focus();
    for (let i = 0; i < 20; i++) await view.page.keyboard.press('ArrowDown');
    await view.page.locator('.lines').focus();
    for (const key of ['Home', 'PageDown', 'End']) await view.page.keyboard.press(key);
    await view.settled();
    const tasks = await browser.bench.tasks();
    const { marks, elements } = await watched(view);
    console.log(`${theme}: longest task ${Math.max(...tasks).toFixed(1)} ms of processor, of ${tasks.length}; most marks of a frame ${Math.max(...marks)}, most elements ${Math.max(...elements)}`);
    expect(view.errors).toEqual([]);
    expect(await view.page.locator('picture-view').count()).toBe(11);
    expect(marks.reduce((a, b) => a + b, 0)).toBeGreaterThan(3 * MOST_MARKS);
    expect(Math.max(...marks)).toBeLessThanOrEqual(MOST_MARKS);
    expect(Math.max(...elements)).toBeLessThanOrEqual(MOST_ELEMENTS);
  });
});
