// The visualizer's page: what it says and sends, by mouse and by keyboard, in every theme and at every width.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { figuresIn } from '../../media/visualizer/figures.ts';
import { keyWorkSkipped, regionsOfLines, sinkVerdict, withoutSinks } from '../../src/shared/inspectFigures.ts';
import { panelPage, standalonePage } from '../../src/shared/panelPage.ts';
import { panelTexts } from '../../src/shared/panelWords.ts';
import { checkAccessibility } from './support/accessibility.ts';
import { useBrowser } from './support/browser.ts';
import { PanelBench, type PanelOptions, type PanelPageView } from './support/panelBench.ts';
import { comparison, madeLive, madeReport, panel, recorded, states } from './support/panelStates.ts';
import { themes } from './support/themes.ts';

const plain = (text: string | null) => (text ?? '').replace(/[\u00a0\u202f]/g, ' ').replace(/\s+/g, ' ').trim();
const browser = useBrowser(PanelBench.start);

async function opened(state = states.measured, options: PanelOptions = {}): Promise<PanelPageView> {
  const view = await browser.open(options);
  await view.show(state);
  return view;
}
const said = async (view: PanelPageView) => (await view.posted()).filter(({ type }) => type !== 'hello');
const told = async (view: PanelPageView) => plain(await view.page.locator('[role="status"]').textContent());

describe('at 250, 600 and 1200 pixels', () => {
  it.each(Object.keys(states))('nothing scrolls sideways and no label is cut: %s', async (name) => {
    const view = await opened(states[name], { width: 250 });
    for (const width of [250, 600, 1200]) {
      await view.page.setViewportSize({ width, height: 900 });
      await view.settled();
      expect({ width, ...(await measured(view)) }).toEqual({ width, sideways: false, cut: [], empty: 0 });
    }
  });

  const measured = (view: PanelPageView) => view.page.evaluate(() => ({
    sideways: document.documentElement.scrollWidth > innerWidth || document.body.scrollWidth > innerWidth,
    cut: [...document.querySelectorAll('h1, h2, button, .muted, .note, .legend > *, .reading, .choices > *, dt, dd')].filter((element) => {
      const { left, right, width: own } = element.getBoundingClientRect();
      return own > 0 && !element.closest('.table, .pinned, .lines') && (left < -0.5 || right > innerWidth + 0.5 || element.scrollWidth > Math.ceil(element.clientWidth) + 1 && element.clientWidth > 0 && getComputedStyle(element).display !== 'inline');
    }).map((element) => element.outerHTML.slice(0, 160)),
    empty: [...document.querySelectorAll<HTMLCanvasElement>('.drawing canvas')].filter(({ width: own }) => own < 20).length,
  }));
});

describe('the sentence', () => {
  const check = (state: string, expected: RegExp) =>
    it(state, async () => {
      expect(plain(await (await opened(states[state])).page.locator('h1').textContent())).toMatch(expected);
    });
  check('measured', /^Skipped 33\.4 % of the key work\. Sinks kept: 98\.2 %\.$/);
  check('no-sinks', /^Skipped \d+\.\d % of the key work\. This model has no sinks\.$/);
  check('short', /^Nothing was skipped: the text is too short for far keys\.$/);
  check('empty', /^What does attention skip in your code\?$/);

  it('is 20 pixels high, and every figure beside it says what it was measured on', async () => {
    const view = await opened();
    expect(await view.page.locator('h1').evaluate((element) => getComputedStyle(element).fontSize)).toBe('20px');
    expect(plain(await view.page.locator('header .muted').textContent())).toMatch(/^Starter · balanced · queue\.ts · 667 tokens · \w+ kernels · .*2026.* · DeltaLLM 0\.1\.0$/);
    expect(await view.page.locator('body').evaluate((element) => getComputedStyle(element).fontVariantNumeric)).toBe('tabular-nums');
  });
});

describe('the recorded example', () => {
  it('is labelled as one, dimmed, leads nowhere, and goes when something was measured', async () => {
    const view = await opened(states.empty);
    expect(plain(await view.page.locator('.exampleLabel').textContent())).toMatch(/^Recorded example: .* Not your file\.$/);
    expect(Number(await view.page.locator('.example canvas').first().evaluate((canvas) => getComputedStyle(canvas).opacity))).toBeLessThan(0.7);
    await view.page.locator('.line').first().click();
    expect(await said(view)).toEqual([]);
    await view.page.getByRole('button', { name: 'Measure this file' }).click();
    expect(await said(view)).toEqual([{ type: 'measure' }]);
    await view.change({ measurement: recorded });
    expect(await view.page.locator('.example').count()).toBe(0);
  });
});

describe('the code', () => {
  it('has the sinks on top, the window as a bracket, and leads to the line that is clicked', async () => {
    const view = await opened();
    const { windowLine, sinkLines } = regionsOfLines(recorded.report);
    expect(plain(await view.page.locator('.pinned').textContent())).toContain('// One queue of passes');
    expect(await view.page.locator('.line.first').getAttribute('data-line')).toBe(String(windowLine));
    await view.page.locator(`.line[data-line="${windowLine + 1}"]`).click();
    await view.page.locator('.pinned').click();
    expect(await said(view)).toEqual([{ type: 'reveal', of: 'measurement', line: windowLine + 1 }, { type: 'reveal', of: 'measurement', line: sinkLines[0] }]);
  });

  it('is walked by the keyboard, line by line, and each is told with its share', async () => {
    const view = await opened();
    await view.page.locator('.lines').focus();
    await view.page.keyboard.press('Home');
    expect(await told(view)).toMatch(/^Line 1, [\d.]+ %, with sinks: \/\/ One queue/);
    await view.page.keyboard.press('ArrowDown');
    await view.page.keyboard.press('Enter');
    expect(await said(view)).toEqual([{ type: 'reveal', of: 'measurement', line: 1 }]);
    await view.page.keyboard.press('End');
    await view.settled();
    const active = await view.page.locator('.lines').getAttribute('aria-activedescendant');
    expect(await view.page.locator(`#${active}`).getAttribute('aria-selected')).toBe('true');
    await view.page.keyboard.press('t');
    await view.settled();
    expect(await view.page.locator('.strip tbody tr').count()).toBe(recorded.report.looked.lines.tokens.length);
    await view.page.keyboard.press('T');
    await view.settled();
    expect(await view.page.locator('.strip .lines').count()).toBe(1);
  });

  it('shows what each line got of the attention that was not on the sinks', async () => {
    const view = await opened();
    const { lines, sinks } = recorded.report.looked;
    const shares = withoutSinks(lines.delta, sinks.delta);
    expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 2);
    await view.page.locator('.strip button.quiet').click();
    const cells = await view.page.locator('.strip tbody tr').evaluateAll((rows) => rows.map((row) => row.querySelectorAll('td')[1].textContent));
    expect(cells.map(plain)).toEqual(shares.map((share) => plain(figuresIn('en').share(share))));
  });

  it('holds few elements of a long file, and reaches its end', async () => {
    const view = await opened(states.large);
    expect(await view.page.locator('.line').count()).toBeLessThan(120);
    await view.page.locator('.lines').focus();
    await view.page.keyboard.press('End');
    await view.settled();
    expect(await view.page.locator('.line').last().getAttribute('data-line')).toBe(String(states.large.measurement!.lines.length - 1));
  });

  it('names the line in use as long as it is in the page', async () => {
    const view = await opened(states.large);
    const lines = view.page.locator('.lines');
    await lines.focus();
    await view.page.keyboard.press('End');
    await view.settled();
    const last = `line${states.large.measurement!.lines.length - 1}`;
    expect(await lines.getAttribute('aria-activedescendant')).toBe(last);
    await lines.evaluate((element) => (element.scrollTop = 0));
    await view.settled();
    expect([await view.page.locator(`#${last}`).count(), await lines.getAttribute('aria-activedescendant')]).toEqual([0, null]);
    await view.page.keyboard.press('End');
    await view.settled();
    expect(await lines.getAttribute('aria-activedescendant')).toBe(last);
  });
});

describe('a picture', () => {
  it('is walked from cell to cell, says each value, and becomes its table', async () => {
    const view = await opened();
    const drawing = view.page.locator('picture-view.sinks .drawing');
    await drawing.focus();
    const { dense, delta } = recorded.report.layers[0].heads[0].sinkMass!;
    const { share } = figuresIn('en');
    expect(await told(view)).toBe(plain(`Layer 0, Head 0: dense ${share(dense)}, delta ${share(delta)}`));
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight', 'ArrowLeft', 'ArrowLeft', 'End']) await view.page.keyboard.press(key);
    expect(await told(view)).toMatch(/^Layer 2, Head 7: dense/);
    expect(plain(await view.page.locator('picture-view.sinks .reading').textContent())).toBe(await told(view));
    await view.page.keyboard.press('Enter');
    expect(await said(view)).toEqual([{ type: 'map', layer: 2, head: 7 }]);
    await view.page.keyboard.press('t');
    await view.settled();
    expect(await view.page.locator('picture-view.sinks tbody tr').count()).toBe(12);
    expect(plain(await view.page.locator('picture-view.sinks tbody td').first().textContent())).toBe(plain(`${share(dense)} → ${share(delta)}`));
  });

  it('prints every figure of the report in its tables', async () => {
    const view = await opened();
    for (const button of await view.page.locator('picture-view button.quiet').all()) await button.click();
    const { share } = figuresIn('en');
    const cells = async (id: string) => (await view.page.locator(`picture-view.${id} tbody td`).allTextContents()).map(plain);
    const { layers } = recorded.report;
    expect(await cells('keys')).toEqual(layers.flatMap(({ kvHeads }) => kvHeads.map(({ keySparsity }) => plain(share(keySparsity)))));
    expect(await cells('work')).toEqual(layers.flatMap(({ kvHeads }) => kvHeads.map(({ attentionSparsity }) => plain(share(attentionSparsity)))));
    expect(await cells('error')).toEqual(layers.map(({ outputError }) => plain(share(outputError))));
    expect(await cells('agreement')).toHaveLength(recorded.report.next.klByBlock.length);
  });

  it('is tinted more where there is more, and by one hue', async () => {
    const view = await opened(panel({ measurement: recorded }), { theme: 'light' });
    const pixels = await view.page.locator('picture-view.keys canvas').evaluate((canvas: HTMLCanvasElement) => {
      const copy = Object.assign(document.createElement('canvas'), { width: canvas.width, height: canvas.height });
      const context = copy.getContext('2d', { willReadFrequently: true })!;
      context.drawImage(canvas, 0, 0);
      const scale = canvas.width / parseFloat(canvas.style.width);
      const height = (parseFloat(canvas.style.height) - 17) / 12;
      return Array.from({ length: 12 }, (_, row) => [...context.getImageData(Math.round(32 * scale), Math.round((16 + (row + 0.3) * height) * scale), 1, 1).data.slice(0, 3)]);
    });
    const order = (values: number[]) => values.map((value, i) => ({ value, i })).sort((a, b) => a.value - b.value).map(({ i }) => i);
    const values = recorded.report.layers.map(({ kvHeads }) => kvHeads[0].keySparsity!);
    const red = pixels.map(([own]) => 255 - own);
    expect(order(values).at(-1)).toBe(order(red).at(-1));
    expect(order(values)[0]).toBe(order(red)[0]);
  });

  it('prints values in high contrast, and is drawn anew when the theme changes', async () => {
    const view = await opened(states.large, { theme: 'hc-light' });
    const width = () => view.page.locator('picture-view.sinks canvas').evaluate((canvas: HTMLCanvasElement) => parseFloat(canvas.style.width));
    expect(await width()).toBeGreaterThan(32 * 36);
    await view.page.evaluate(() => document.body.classList.remove('vscode-high-contrast-light'));
    await view.settled();
    await view.page.evaluate(() => window.dispatchEvent(new Event('resize')));
    expect((await view.page.locator('.line').first().locator('.figure').count())).toBe(1);
  });
});

describe('what stands beside the strip', () => {
  it('is the text that its tints belong to, and said to be measured', async () => {
    const view = await opened();
    const { looked } = recorded.report;
    expect(plain(await view.page.locator('.suggestion .muted').textContent())).toBe(`Measured, not suggested: the tints are what its last ${looked.rows} tokens looked at.`);
    const shown = (await view.page.locator('.suggestion pre').textContent())!;
    expect(recorded.lines.slice(0, looked.lines.tokens.length).join('\n').endsWith(shown)).toBe(true);
    expect(shown.trim()).not.toBe('');
  });
});

describe('the last suggestion', () => {
  const { look, suggestion } = states.suggested;
  const strip = (view: PanelPageView) => view.page.locator('.strip');

  it('tints the lines by what it looked at, without the sinks, and says so', async () => {
    const view = await opened(states.suggested);
    expect(await strip(view).locator('h2').textContent()).toBe('What the last suggestion looked at');
    expect(plain(await strip(view).locator('p.muted').first().textContent())).toBe(
      'Share of the attention by line, mean of all layers and heads and of the tokens that were sampled (3). The sinks’ 31.0 % are left out, the rest is made 100 % again; 13.0 % of it is on the suggestion itself, 2.9 % on the marks of the prompt and on other files.');
    expect(await view.page.locator('.suggestion pre').textContent()).toBe(look!.written);
    expect(plain(await view.page.locator('.suggestion .muted').textContent())).toBe('In queue.ts, line 51, as the model wrote it.');
    expect(await view.page.locator('.line .caret').count()).toBe(1);
    expect(await view.page.locator('.line.first').getAttribute('data-line')).toBe('30');
    expect(await view.page.locator('.line.last').getAttribute('data-line')).toBe('50');
    await strip(view).locator('button.quiet').click();
    const rows = await strip(view).locator('tbody tr').evaluateAll((all) => all.map((row) => [row.querySelector('th')!.textContent, row.querySelector('td')!.textContent]));
    expect(rows.map(([line, share]) => [line, plain(share)])).toEqual(suggestion!.lines.flatMap((_, line) => (look!.regions[line] === 0 ? [] : [[String(line + 1), plain(figuresIn('en').share(look!.lines[line] / (1 - look!.sinks)))]])));
  });

  it('leads into its own document, and goes on where it is scrolled to', async () => {
    const view = await opened(states.suggested);
    await view.page.locator('.line[data-line="50"]').click();
    await view.page.locator('.pinned').click();
    expect(await said(view)).toEqual([{ type: 'reveal', of: 'suggestion', line: 50 }, { type: 'reveal', of: 'suggestion', line: 4 }]);
    await view.page.locator('.lines').evaluate((lines) => (lines.scrollTop = 0));
    const legend = await strip(view).locator('.legend').textContent();
    const shares = Float32Array.from(look!.lines, (_, line) => (line === 7 ? 0.05 : 0));
    await view.change({ look: { ...look!, lines: shares, rows: 4 } });
    expect(await view.page.locator('.lines').evaluate((lines) => lines.scrollTop)).toBe(0);
    expect(await strip(view).locator('.legend').textContent()).toBe(legend);
    const tints = await view.page.locator('.line').evaluateAll((all) => all.map((line) => [(line as HTMLElement).dataset.line, (line as HTMLElement).dataset.step]).filter(([, tint]) => tint !== '0'));
    expect(tints).toEqual([['7', String(Math.round(100 * Math.sqrt(0.05 / (1 - look!.sinks) / 0.1)))]]);
  });

  it('takes turns with what was measured: the newest is shown, unless the other is chosen', async () => {
    const view = await opened({ ...states.suggested, suggestion: null, look: null });
    const title = () => strip(view).locator('h2').textContent();
    expect(await view.page.locator('.which').count()).toBe(0);
    expect(await title()).toContain('What the last 32 tokens looked at');
    await view.change({ suggestion, look });
    expect(await title()).toBe('What the last suggestion looked at');
    await view.page.getByRole('button', { name: 'Measured file' }).click();
    await view.settled();
    expect(await title()).toContain('What the last 32 tokens looked at');
    await view.change({ suggestion: { ...suggestion!, request: 'second' }, look: { ...look!, request: 'second' } });
    expect(await title()).toContain('What the last 32 tokens looked at');
    await view.page.getByRole('button', { name: 'Last suggestion' }).click();
    await view.change({ measurement: { ...recorded, at: recorded.at + 1 } });
    expect(await title()).toContain('What the last 32 tokens looked at');
    await view.change({ suggestion: { ...suggestion!, request: 'third' }, look: { ...look!, request: 'third' } });
    expect(await title()).toBe('What the last suggestion looked at');
  });

  it('stands by itself before anything was measured, and takes the place of the example', async () => {
    const view = await opened(states['suggested-first']);
    expect(await view.page.locator('.example, .which').count()).toBe(0);
    expect(plain(await view.page.locator('.pinned').textContent())).toBe('marks of the promptsinks 31.0 %');
    await view.page.getByRole('button', { name: 'Measure this file' }).click();
    expect(await said(view)).toEqual([{ type: 'measure' }]);
  });

  it('of another document than the one that is there tints nothing', async () => {
    const view = await opened({ ...states['suggested-first'], look: { ...look!, request: 'another' } });
    expect(await view.page.locator('.example').count()).toBe(1);
  });
});

describe('live', () => {
  it('has reading and writing apart, on axes that do not move, and what was written', async () => {
    const view = await opened(states.live);
    expect(plain(await view.page.locator('.live > .muted').first().textContent())).toMatch(/^Made-up-1B since it was loaded: 1 200 tokens read, [\d.]+ % of the key work skipped; 31 written, [\d.]+ % skipped\.$/);
    expect(await view.page.locator('.live pre').textContent()).toContain('this.waiting.filter');
    const axes = () => view.page.locator('.live .legend').allTextContents();
    const before = await axes();
    await view.change({ live: madeLive({ layers: 12, heads: 8, kvHeads: 1, position: 70 }) });
    expect(await axes()).toEqual(before);
    const { reading } = states.live.live!;
    await view.page.locator('picture-view.liveReading button.quiet').click();
    const cells = (await view.page.locator('picture-view.liveReading tbody td').allTextContents()).map(plain);
    expect(cells).toEqual(Array.from(reading.dense, (dense, i) => plain(figuresIn('en').share((2 * (dense - reading.required[i])) / dense))));
  });

  it('joins blocks where there are many, and loses none of the attention', async () => {
    const view = await opened(states['live-large']);
    await view.page.locator('picture-view.liveBlocks button.quiet').click();
    const rows = await view.page.locator('picture-view.liveBlocks tbody tr').evaluateAll((all) => all.map((row) => [...row.querySelectorAll('td')].map((cell) => parseFloat(cell.textContent!) / 100)));
    const { sample, shape } = states['live-large'].live!;
    expect([rows.length, rows[0].length]).toEqual([32, 48]);
    rows.forEach((row, layer) => {
      const sinks = sample!.sinks.subarray(layer * shape.heads, (layer + 1) * shape.heads).reduce((a, b) => a + b, 0) / shape.heads;
      expect(row.reduce((a, b) => a + b, sinks)).toBeCloseTo(1, 1);
    });
  });
});

describe('the cache and the time', () => {
  it('are tables and bars whose sums are what the whole is said to be', async () => {
    const view = await opened();
    const [cache] = states.measured.cache!;
    const rows = await view.page.locator('.cache tbody tr').evaluateAll((all) => all.map((row) => Number(row.querySelector('td')!.textContent)));
    expect(rows.reduce((a, b) => a + b, 0)).toBe(cache.blocks);
    expect(plain(await view.page.locator('.cache tfoot td').first().textContent())).toBe(String(cache.blocks));
    const times = await view.page.locator('.time .parts .figure').allTextContents();
    expect(times.length).toBe(9);
    expect(times.reduce((sum, text) => sum + parseFloat(text), 0)).toBe(states.measured.time!.total);
  });
});

describe('what can be done', () => {
  const check = (state: string, button: string, expected: object) =>
    it(`${state}: ${button}`, async () => {
      const view = await opened(states[state]);
      await view.page.getByRole('button', { name: button, exact: true }).click();
      expect(await said(view)).toEqual([expected]);
    });
  check('measured', 'Measure this file', { type: 'measure' });
  check('measured', 'Compare modes', { type: 'compare' });
  check('measured', 'Copy as Markdown', { type: 'copyMarkdown' });
  check('measured', 'Save JSON…', { type: 'saveJson' });
  check('measuring', 'Cancel', { type: 'cancel' });
  check('compared', 'Use compact', { type: 'useMode', mode: 'compact' });

  it('nothing is measured twice at a time, and the mode in use is not chosen again', async () => {
    const view = await opened(states.comparing);
    for (const name of ['Measure this file', 'Compare modes', 'Use balanced']) expect(await view.page.getByRole('button', { name, exact: true }).isDisabled()).toBe(true);
  });

  it('the image is 1600 × 900, and holds no text of the file unless that is wanted', async () => {
    const view = await opened();
    const image = async () => {
      await view.page.evaluate(() => {
        Object.assign(window, { written: [] as string[] });
        Object.defineProperty(navigator, 'clipboard', { configurable: true, value: { write: () => Promise.reject(new Error('not here')) } });
        const fillText = CanvasRenderingContext2D.prototype.fillText;
        CanvasRenderingContext2D.prototype.fillText = function (text: string, ...rest) {
          if (this.canvas.width === 1600) (window as never as { written: string[] }).written.push(text);
          return (fillText as (...all: unknown[]) => void).call(this, text, ...rest);
        };
      });
      await view.page.getByRole('button', { name: 'Copy image' }).click();
      await view.page.waitForFunction(() => (window as never as { posted: { type: string }[] }).posted.some(({ type }) => type === 'saveImage'));
      return view.page.evaluate(async () => {
        const { posted, written } = window as never as { posted: { type: string; png: Uint8Array }[]; written: string[] };
        const { png } = posted.find(({ type }) => type === 'saveImage')!;
        posted.length = 0;
        const picture = await createImageBitmap(new Blob([png as never], { type: 'image/png' }));
        return { width: picture.width, height: picture.height, signature: [...png.slice(0, 4)], written };
      });
    };
    const without = await image();
    expect(without).toMatchObject({ width: 1600, height: 900, signature: [0x89, 0x50, 0x4e, 0x47] });
    expect(without.written.map(plain)).toContain('Skipped 33.4 % of the key work. Sinks kept: 98.2 %.');
    expect(without.written.map(plain).some((text) => /Starter · balanced · queue\.ts · .*DeltaLLM 0\.1\.0/.test(text))).toBe(true);
    expect(without.written.filter((text) => text.includes('import type'))).toEqual([]);
    await view.page.getByLabel('with source text').check();
    expect((await image()).written.filter((text) => text.includes('import type')).length).toBeGreaterThan(0);
  });
});

describe('what the host tells', () => {
  it('is applied in order; where something is missing, the page asks', async () => {
    const view = await opened();
    await view.change({ note: 'First.' });
    expect(plain(await view.page.locator('.note').textContent())).toBe('First.');
    await view.send({ type: 'change', epoch: 'one', seq: 9, parts: { note: 'Too early.' } });
    await view.settled();
    expect(plain(await view.page.locator('.note').textContent())).toBe('First.');
    expect((await view.posted()).filter(({ type }) => type === 'hello')).toHaveLength(2);
  });

  it('is not heard where it speaks another protocol', async () => {
    const view = await browser.open();
    await view.send({ type: 'state', protocol: 99, epoch: 'x', seq: 0, state: states.measured, words: {} });
    await view.settled();
    expect(await view.page.locator('h1').count()).toBe(0);
  });

  it('comes in the user’s language', async () => {
    const view = await opened(states.empty);
    await view.show(states.empty, { 'Measure this file': 'Diese Datei messen' });
    expect(await view.page.getByRole('button', { name: 'Diese Datei messen' }).count()).toBe(1);
  });
});

describe('names and texts from anywhere', () => {
  const evil = '<img src=x onerror="stolen=1"><script>stolen=1</script>\u202e${stolen=1}';
  it('are shown as they are and do nothing', async () => {
    const report = { ...recorded.report, model: evil, text: { ...recorded.report.text, name: `/a/${evil.replaceAll('/', '∕')}` } };
    const view = await opened(panel({ file: evil, note: evil, measurement: { ...recorded, report, lines: recorded.lines.map(() => evil + 'x'.repeat(100_000)) }, comparison: comparison({ name: evil, model: evil }), busy: { what: 'mapping', mode: null, name: evil, share: 0.5, loading: false } }));
    for (const button of await view.page.getByRole('button', { name: /as a table$/ }).all()) await button.click();
    await view.settled();
    expect(await view.page.evaluate(() => ({ stolen: 'stolen' in window, images: document.images.length, scripts: document.scripts.length, sideways: document.documentElement.scrollWidth > innerWidth }))).toEqual({ stolen: false, images: 0, scripts: 1, sideways: false });
    expect(plain(await view.page.locator('td.source').first().textContent())).toContain('<img src=x');
    expect((await view.page.locator('td.source').first().textContent())!.length).toBeLessThan(500);
    expect(await view.page.locator('td.source').first().textContent()).not.toContain('\u202e');
  });
});

describe('as a file of its own', () => {
  const parts = () => ({ script: readFileSync('dist/visualizer.js', 'utf8').replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n'), style: readFileSync('dist/visualizer.css', 'utf8').replace(/\n\/\*# sourceMappingURL=.*\s*$/, '\n') });
  const hash = (text: string) => createHash('sha256').update(text).digest('base64');

  it('shows the same without an editor, and lets nothing else run', async () => {
    const { script, style } = parts();
    const state = panel({ file: null, measurement: { ...recorded, lines: ['</script><script>stolen=1</script>', ...recorded.lines.slice(1)] } });
    const file = standalonePage({ script, style, state: JSON.stringify(state), scriptHash: hash(script), styleHash: hash(style), title: '</title><script>stolen=1</script>' });
    const view = await browser.open({ file });
    await view.settled();
    expect(plain(await view.page.locator('h1').textContent())).toMatch(/^Skipped 33\.4 %/);
    expect(await view.page.getByRole('button', { name: 'Measure this file' }).count()).toBe(0);
    expect(await view.page.evaluate(() => 'stolen' in window)).toBe(false);
    expect(plain(await view.page.locator('.pinned').textContent())).toContain('</script>');
    await view.page.locator('picture-view.keys .drawing').focus();
    expect(await told(view)).toMatch(/^Layer 0, KV head 0: \d/);
    await checkAccessibility(view, 'a file', { all: 200, contrast: 20 });
  });
});

describe('figures', () => {
  it('have their unit, and never look like all or nothing where they are not', () => {
    const { share, bytes, nats, milliseconds, whole, hundredths } = figuresIn('en');
    expect([0, 1, 0.612, 0.99214, 0.99996, 0.0004, null].map((value) => plain(share(value)))).toEqual(['0 %', '100 %', '61.2 %', '99.21 %', '100.00 %', '0.04 %', '–']);
    expect([plain(bytes(5.66e6)), plain(nats(0.00556)), plain(milliseconds(310)), plain(whole(16_384)), hundredths(0.613), hundredths(0.012)]).toEqual(['5.66 MB', '0.00556 nats', '310 ms', '16 384', '61', '1.2']);
    expect(plain(figuresIn('de').share(0.5))).toBe('50,0 %');
    expect(plain(figuresIn('no such language').share(0.5))).toBe('50.0 %');
  });

  it('of the verdict come from the heads that have sinks', () => {
    const report = madeReport({ layers: 2, heads: 2, kvHeads: 1, tokens: 300 });
    const masses = [[0.5, 0.4], [0.02, 0.0], [0.1, 0.11], [0.3, 0.3]];
    const layers = report.layers.map((layer, l) => ({ ...layer, heads: layer.heads.map((head, h) => ({ ...head, sinkMass: { dense: masses[2 * l + h][0], delta: masses[2 * l + h][1] } })) }));
    expect(sinkVerdict({ layers })).toEqual({ kind: 'kept', share: expect.closeTo(1 - 0.13 / 0.92, 9), worst: { layer: 0, head: 0, share: expect.closeTo(0.8, 9) } });
    expect(keyWorkSkipped({ whole: { ...report.whole, multiplyAdds: { dense: 200, required: 140, executed: 1 } }, shape: report.shape })).toBeCloseTo(0.6, 9);
  });
});

const sources = [...readdirSync('media/visualizer', { encoding: 'utf8' }), '../controls.css'].filter((path) => /\.(ts|css)$/.test(path)).map((path) => ({ path, text: readFileSync(`media/visualizer/${path}`, 'utf8') }));

describe('the sources', () => {
  it('say every text of the list, each once in it', () => {
    expect(new Set(panelTexts).size).toBe(panelTexts.length);
    const all = sources.map(({ text }) => text).join('\n');
    expect(panelTexts.filter((text) => !all.includes(`say('${text.replaceAll("'", "\\'")}'`))).toEqual([]);
    expect(panelTexts.filter((text) => text.includes('!'))).toEqual([]);
  });

  it('have no colours but the theme’s', () => {
    // What a contrast is computed from, and the system's own colours for a file without an editor, are no exceptions that grow.
    const styles = sources.filter(({ path }) => path.endsWith('.css') && path !== 'standalone.css');
    expect(styles.length).toBeGreaterThan(3);
    const literal = /#[0-9a-f]{3,8}\b(?![^\n]*\{)|\b(?:rgba?|hsla?|hwb|lab|lch|oklch)\(|:\s*[^;]*\b(?:white|black|red|green|blue|yellow|orange|gr[ae]y|canvas|canvastext)\b/gi;
    expect(styles.flatMap(({ path, text }) => (text.replace(/\/\*[\s\S]*?\*\//g, '').match(literal) ?? []).map((found) => `${path}: ${found}`))).toEqual([]);
    const mixes = styles.flatMap(({ text }) => text.match(/color-mix\([^;]*/g) ?? []);
    expect(mixes.length).toBeGreaterThan(1);
    expect(mixes.filter((mix) => !/^color-mix\(in oklab, var\(--(?:hue|vscode-editor-foreground)\) calc\(var\(--step\) \* [\d.]+%\), var\(--(?:ground|vscode-descriptionForeground)\)\)/.test(mix))).toEqual([]);
    expect(sources.filter(({ path, text }) => path.endsWith('.ts') && /#[0-9a-f]{6}\b|style=/i.test(text)).map(({ path }) => path)).toEqual([]);
  });

  it('move nothing', () => {
    expect(sources.filter(({ path, text }) => path.endsWith('.css') && /animation|@keyframes|transition(?!: opacity (?:\d{1,2}|1[01]\d|120)ms)/.test(text)).map(({ path }) => path)).toEqual([]);
  });

  it('use theme variables that all four themes know, or that have another in their place', () => {
    const css = sources.filter(({ path }) => path.endsWith('.css') && path !== 'standalone.css').map(({ text }) => text).join('\n');
    const known = Object.values(themes).map(({ variables }) => new Set(Object.keys(variables)));
    const used = [...new Set([...css.matchAll(/var\(--vscode-([\w-]+)\)/g)].map(([, name]) => name))];
    expect(used.length).toBeGreaterThan(10);
    expect(used.filter((name) => !known.every((names) => names.has(name)) && !/hover|contrastBorder/i.test(name))).toEqual([]);
  });
});

describe('the page', () => {
  const page = (over = {}) => panelPage({ script: 'https://h/v.js', style: 'https://h/v.css', nonce: 'a'.repeat(20), cspSource: 'https://h', language: 'en', ...over });
  it('lets in one script by its nonce and one style sheet, and nothing inline', () => {
    expect(page()).toContain(`default-src &#39;none&#39;; script-src &#39;nonce-${'a'.repeat(20)}&#39;; style-src https://h;`);
    expect(page()).not.toMatch(/unsafe|\son\w+=|style=/);
    expect(page({ language: '"><script>' })).toContain('lang="&#34;&#62;&#60;script&#62;"');
    expect(() => page({ nonce: "x' 'unsafe-inline" })).toThrow();
  });
});
