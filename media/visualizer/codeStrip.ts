// The hero: the file as a strip of its lines, each tinted by what the last rows looked at. Only the lines in sight exist; a thin canvas beside them has all.
import { html, nothing, render, type TemplateResult } from 'lit';
import { regionsOfLines, withoutSinks } from '../../src/shared/inspectFigures.ts';
import type { MeasurementView } from '../../src/shared/panelProtocol.ts';
import type { PanelContext } from './context.ts';
import { icons } from './icons.ts';
import { readable } from './readable.ts';

/** Pixels of a line, as in the style sheet. */
const LINE = 18;
/** Lines drawn beyond those in sight. */
const MORE = 12;
/** From this share on a line's figure is printed beside it. */
const TOLD = 0.01;
/** What tints most: one line, that of the cursor, often has far more than all others. */
const MOST_TINT = 0.1;
/** Characters of a line that are shown: nobody reads on, and a line may have millions. */
const MOST_CHARACTERS = 400;
const OVERVIEW = 12;

interface Lines {
  dense: number[];
  delta: number[];
  most: number;
  sinkLines: number[];
  windowLine: number;
  count: number;
}

export class CodeStrip extends HTMLElement {
  #measurement: MeasurementView | null = null;
  #context: PanelContext | null = null;
  #theme = -1;
  #lines: Lines = { dense: [], delta: [], most: 0, sinkLines: [], windowLine: 0, count: 0 };
  #cursor = 0;
  #asTable = false;
  /** True until the strip was scrolled to where the window begins. */
  #isNew = true;
  readonly #step = (): boolean => {
    this.#rows();
    this.#overview();
    return false;
  };
  readonly #sizes = new ResizeObserver(() => this.#again());

  set content({ measurement, context }: { measurement: MeasurementView; context: PanelContext }) {
    const same = measurement === this.#measurement && context === this.#context && context.ramp.version === this.#theme;
    if (same) return;
    if (measurement !== this.#measurement) {
      const { report } = measurement;
      const { looked } = report;
      const delta = withoutSinks(looked.lines.delta, looked.sinks.delta);
      this.#lines = { dense: withoutSinks(looked.lines.dense, looked.sinks.dense), delta, most: Math.min(MOST_TINT, Math.max(0, ...delta)), ...regionsOfLines(report), count: Math.max(measurement.lines.length, delta.length) };
      // What looked is at the end; the sinks are pinned above.
      this.#cursor = this.#lines.windowLine;
      this.#isNew = true;
    }
    this.#measurement = measurement;
    this.#context = context;
    this.#theme = context.ramp.version;
    this.#show();
    this.#again();
  }

  connectedCallback(): void {
    this.#sizes.observe(this);
  }

  disconnectedCallback(): void {
    this.#sizes.disconnect();
    this.#context?.frames.drop(this.#step);
  }

  #again(): void {
    if (this.#measurement && !this.#asTable) this.#context?.frames.take(this.#step);
  }

  get #scroller(): HTMLElement {
    return this.querySelector<HTMLElement>('.lines')!;
  }

  #show(): void {
    const { say, figures } = this.#context!;
    const { report } = this.#measurement!;
    const { rows, sinks } = report.looked;
    render(html`<figure class="picture strip" data-id="code" @keydown=${(event: KeyboardEvent) => this.#pressed(event)}>
      <figcaption><h2>${say('What the last {0} tokens looked at', figures.whole(rows))}</h2>
        <button type="button" class="quiet" aria-pressed=${this.#asTable} aria-label=${say('{0}: as a table', say('Lines'))} title=${say('Table (T)')} @click=${() => this.#swap()}>${say('Table')}</button>
        <p class="muted">${say('Share of the attention by line, mean of all layers and heads, delta attention. The sinks’ {0} are left out, the rest is made 100 % again.', figures.share(sinks.delta))}</p></figcaption>
      ${this.#pinned()}
      ${this.#asTable ? this.#table() : html`<div class="code">
        <div class="lines" tabindex="0" role="listbox" aria-label=${say('Lines')} aria-activedescendant=${`line${this.#cursor}`} @scroll=${() => this.#again()} @focus=${() => this.#moveTo(this.#cursor)} @click=${(event: MouseEvent) => this.#clicked(event)}></div>
        <canvas class="overview" aria-hidden="true" @click=${(event: MouseEvent) => this.#jump(event)}></canvas></div>
        <p class="legend muted"><span>${figures.share(0)}</span><span class="ramp"></span><span>${this.#lines.most === MOST_TINT ? say('{0} and more', figures.share(MOST_TINT)) : figures.share(this.#lines.most)}</span><span>${say('by its square root')}</span><span class="swatch bracket"></span><span>${say('window, exact')}</span></p>`}
    </figure>`, this);
  }

  /** The sinks stay in sight whatever is scrolled to. */
  #pinned(): TemplateResult | typeof nothing {
    const { say, figures } = this.#context!;
    const { lines, report } = this.#measurement!;
    const { sinkLines } = this.#lines;
    if (sinkLines.length === 0) return nothing;
    const text = sinkLines.map((line) => shown(lines[line] ?? '')).join(' ⏎ ');
    return html`<button type="button" class="pinned" title=${say('Go to line {0}', String(sinkLines[0] + 1))} @click=${() => this.#reveal(sinkLines[0])}>${icons.anchor}<span class="pinnedText">${text}</span><span class="figure">${say('sinks {0}', figures.share(report.looked.sinks.delta))}</span></button>`;
  }

  #rows(): void {
    if (this.#asTable) return;
    const scroller = this.#scroller;
    const { count, windowLine } = this.#lines;
    const height = scroller.clientHeight;
    if (this.#isNew) {
      // There must be something to scroll.
      render(html`<div class="space" role="presentation"></div>`, scroller);
      scroller.querySelector<HTMLElement>('.space')!.style.setProperty('height', `${count * LINE}px`);
      scroller.scrollTop = windowLine * LINE - height / 2;
      this.#isNew = false;
    }
    const from = Math.max(0, Math.floor(scroller.scrollTop / LINE) - MORE);
    const to = Math.min(count, Math.ceil((scroller.scrollTop + height) / LINE) + MORE);
    const rows: TemplateResult[] = [];
    for (let line = from; line < to; line++) rows.push(this.#row(line));
    render(html`<div class="space" role="presentation">${rows}</div>`, scroller);
    const space = scroller.querySelector<HTMLElement>('.space')!;
    space.style.setProperty('height', `${count * LINE}px`);
    space.style.setProperty('padding-top', `${from * LINE}px`);
    // Tints are numbers, the style sheet makes colours of them.
    for (const row of space.children as HTMLCollectionOf<HTMLElement>) row.style.setProperty('--step', row.dataset.step!);
  }

  #row(line: number): TemplateResult {
    const { say, figures, ramp } = this.#context!;
    const { lines, report } = this.#measurement!;
    const { delta, most, windowLine, sinkLines, count } = this.#lines;
    const share = delta[line];
    const read = share !== undefined;
    const isWindow = read && line >= windowLine;
    const regions = [isWindow ? 'near' : 'far', ...(sinkLines.includes(line) ? ['sink'] : []), ...(line === windowLine ? ['first'] : []), ...(read && line === delta.length - 1 ? ['last'] : []), ...(read ? [] : ['unread']), ...(line === this.#cursor ? ['current'] : [])];
    const printed = read && report.looked.lines.tokens[line] > 0 && (share >= TOLD || (ramp.printing && share > 0)) ? figures.share(share) : '';
    const tint = read && most > 0 ? Math.round(100 * Math.sqrt(Math.min(1, share / most))) : 0;
    return html`<div class=${`line ${regions.join(' ')}`} id=${`line${line}`} role="option" aria-selected=${line === this.#cursor} aria-posinset=${line + 1} aria-setsize=${count} data-line=${line} data-step=${tint}>
      <span class="number">${line + 1}</span><span class="mark">${sinkLines.includes(line) ? icons.anchor : nothing}</span><span class="heat"></span><span class="source">${shown(lines[line] ?? '')}</span><span class="figure">${read ? printed : line === delta.length && report.text.tokens < report.text.total ? say('not read') : ''}</span></div>`;
  }

  #reading(line: number): string {
    const { say, figures } = this.#context!;
    const { lines } = this.#measurement!;
    const share = this.#lines.delta[line];
    const text = shown(lines[line] ?? '').trim();
    const place = this.#lines.sinkLines.includes(line) ? say('with sinks') : line >= this.#lines.windowLine ? say('in the window') : say('far');
    return share === undefined ? say('Line {0}, not read: {1}', String(line + 1), text) : say('Line {0}, {1}, {2}: {3}', String(line + 1), figures.share(share), place, text);
  }

  #table(): TemplateResult {
    const { say, figures } = this.#context!;
    const { dense, delta } = this.#lines;
    const { lines } = this.#measurement!;
    return html`<div class="table" tabindex="0" role="region" aria-label=${say('{0}, table', say('Lines'))}><table>
      <thead><tr><th scope="col">${say('Line')}</th><th scope="col">${say('dense')}</th><th scope="col">${say('delta')}</th><th scope="col">${say('Text')}</th></tr></thead>
      <tbody>${delta.map((share, line) => html`<tr><th scope="row">${line + 1}</th><td>${figures.share(dense[line])}</td><td>${figures.share(share)}</td><td class="source">${shown(lines[line] ?? '').trim()}</td></tr>`)}</tbody>
    </table></div>`;
  }

  #overview(): void {
    const canvas = this.querySelector<HTMLCanvasElement>('.overview');
    if (!canvas || !this.#context) return;
    const { ramp } = this.#context;
    const { delta, most, windowLine, count } = this.#lines;
    const height = canvas.clientHeight;
    const scale = Math.max(1, devicePixelRatio || 1);
    canvas.width = OVERVIEW * scale;
    canvas.height = Math.max(1, height * scale);
    const context = canvas.getContext('2d')!;
    context.scale(scale, scale);
    const each = height / Math.max(count, 1);
    // Where a pixel stands for many lines it shows the most of them.
    for (let y = 0; y < height; y++) {
      let share = 0;
      for (let line = Math.floor(y / each); line < Math.max(Math.floor(y / each) + 1, (y + 1) / each) && line < delta.length; line++) share = Math.max(share, delta[line]);
      context.fillStyle = ramp.colour(most > 0 ? Math.sqrt(share / most) : 0);
      context.fillRect(3, y, OVERVIEW - 3, 1);
    }
    context.fillStyle = ramp.own('ink');
    context.fillRect(0, windowLine * each, 2, Math.max(2, (delta.length - windowLine) * each));
    const { scrollTop, clientHeight } = this.#scroller;
    context.strokeStyle = ramp.own('ink');
    context.strokeRect(2.5, (scrollTop / LINE) * each + 0.5, OVERVIEW - 3, Math.max(3, Math.min(height, (clientHeight / LINE) * each) - 1));
  }

  #jump(event: MouseEvent): void {
    const { top, height } = (event.currentTarget as Element).getBoundingClientRect();
    const scroller = this.#scroller;
    scroller.scrollTop = ((event.clientY - top) / height) * this.#lines.count * LINE - scroller.clientHeight / 2;
  }

  #clicked(event: MouseEvent): void {
    const row = (event.target as Element).closest<HTMLElement>('.line');
    if (!row) return;
    this.#moveTo(Number(row.dataset.line));
    this.#reveal(this.#cursor);
  }

  #reveal(line: number): void {
    if (this.#context!.hasHost) this.#context!.post({ type: 'reveal', line });
  }

  #swap(): void {
    this.#asTable = !this.#asTable;
    this.#show();
    this.#again();
    this.querySelector<HTMLElement>(this.#asTable ? '.table' : '.lines')!.focus();
  }

  #pressed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 't' || event.key === 'T') {
      event.preventDefault();
      return this.#swap();
    }
    if (this.#asTable || !(event.target as Element).matches('.lines')) return;
    const page = Math.max(1, Math.floor(this.#scroller.clientHeight / LINE) - 1);
    const moves: Record<string, number> = { ArrowUp: -1, ArrowDown: 1, PageUp: -page, PageDown: page, Home: -Infinity, End: Infinity };
    if (event.key in moves) this.#moveTo(this.#cursor + moves[event.key]);
    else if (event.key === 'Enter') this.#reveal(this.#cursor);
    else return;
    event.preventDefault();
  }

  #moveTo(line: number): void {
    this.#cursor = Math.min(this.#lines.count - 1, Math.max(0, line));
    const scroller = this.#scroller;
    const top = this.#cursor * LINE;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + LINE > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + LINE - scroller.clientHeight;
    scroller.setAttribute('aria-activedescendant', `line${this.#cursor}`);
    this.#again();
    this.#context!.tell(this.#reading(this.#cursor));
  }
}

customElements.define('code-strip', CodeStrip);

const shown = (text: string): string => readable(text.slice(0, MOST_CHARACTERS));
