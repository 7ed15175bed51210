// The hero: the file as a strip of its lines, each tinted by what the last rows looked at. Only the lines in sight exist; a thin canvas beside them has all.
import { html, nothing, render, type TemplateResult } from 'lit';
import { NEAR_LINE, UNREAD_LINE } from '../../src/shared/liveFigures.ts';
import type { PanelContext } from './context.ts';
import { icons } from './icons.ts';
import { readable } from './readable.ts';
import { MOST_TINT, type Strip } from './strips.ts';

/** Pixels of a line, as in the style sheet. */
const LINE = 18;
/** Lines drawn beyond those in sight. */
const MORE = 12;
/** From this share on a line's figure is printed beside it. */
const TOLD = 0.01;
/** Characters of a line that are shown: nobody reads on, and a line may have millions. */
const MOST_CHARACTERS = 400;
const OVERVIEW = 12;

export class CodeStrip extends HTMLElement {
  #strip: Strip | null = null;
  #context: PanelContext | null = null;
  #theme = -1;
  #cursor = 0;
  #asTable = false;
  /** True until the strip was scrolled to what is to be seen first. */
  #isNew = true;
  readonly #step = (): boolean => {
    this.#rows();
    this.#overview();
    return false;
  };
  readonly #sizes = new ResizeObserver(() => this.#again());

  set content({ strip, context }: { strip: Strip; context: PanelContext }) {
    if (strip === this.#strip && context === this.#context && context.ramp.version === this.#theme) return;
    if (strip.of !== this.#strip?.of) {
      this.#cursor = strip.focus;
      this.#isNew = true;
    }
    this.#strip = strip;
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
    if (this.#strip && !this.#asTable) this.#context?.frames.take(this.#step);
  }

  get #scroller(): HTMLElement {
    return this.querySelector<HTMLElement>('.lines')!;
  }

  get #count(): number {
    return this.#strip!.regions.length;
  }

  #show(): void {
    const { say, figures } = this.#context!;
    const { title, about, most } = this.#strip!;
    render(html`<figure class="picture strip" data-id="code" @keydown=${(event: KeyboardEvent) => this.#pressed(event)}>
      <figcaption><h2>${title}</h2>
        <button type="button" class="quiet" aria-pressed=${this.#asTable} aria-label=${say('{0}: as a table', say('Lines'))} title=${say('Table (T)')} @click=${() => this.#swap()}>${say('Table')}</button>
        <p class="muted">${about}</p></figcaption>
      ${this.#pinned()}
      ${this.#asTable ? this.#table() : html`<div class="code">
        <div class="lines" tabindex="0" role="listbox" aria-label=${say('Lines')} @scroll=${() => this.#again()} @focus=${() => this.#moveTo(this.#cursor)} @click=${(event: MouseEvent) => this.#clicked(event)}></div>
        <canvas class="overview" aria-hidden="true" @click=${(event: MouseEvent) => this.#jump(event)}></canvas></div>
        <p class="legend muted"><span>${figures.share(0)}</span><span class="ramp"></span><span>${most === MOST_TINT ? say('{0} and more', figures.share(MOST_TINT)) : figures.share(most)}</span><span>${say('by its square root')}</span><span class="swatch bracket"></span><span>${say('window, exact')}</span></p>`}
    </figure>`, this);
  }

  /** The sinks stay in sight whatever is scrolled to. */
  #pinned(): TemplateResult | typeof nothing {
    const { say, figures } = this.#context!;
    const { lines, sinkLines, sinks, source } = this.#strip!;
    const figure = html`<span class="figure">${say('sinks {0}', figures.share(sinks))}</span>`;
    if (sinkLines.length === 0) return source === 'measurement' ? nothing : html`<div class="pinned">${icons.anchor}<span class="pinnedText">${say('marks of the prompt')}</span>${figure}</div>`;
    const text = sinkLines.map((line) => shown(lines[line] ?? '').trim()).filter(Boolean).join(' ⏎ ');
    return html`<button type="button" class="pinned" title=${say('Go to line {0}', String(sinkLines[0] + 1))} @click=${() => this.#reveal(sinkLines[0])}>${icons.anchor}<span class="pinnedText">${text}</span>${figure}</button>`;
  }

  #rows(): void {
    if (this.#asTable) return;
    const scroller = this.#scroller;
    const count = this.#count;
    const height = scroller.clientHeight;
    if (this.#isNew) {
      // There must be something to scroll.
      render(html`<div class="space" role="presentation"></div>`, scroller);
      scroller.querySelector<HTMLElement>('.space')!.style.setProperty('height', `${count * LINE}px`);
      scroller.scrollTop = this.#strip!.focus * LINE - height / 2;
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
    // The line in use may be scrolled out of sight: then it is not there to be named.
    if (this.#cursor >= from && this.#cursor < to) scroller.setAttribute('aria-activedescendant', `line${this.#cursor}`);
    else scroller.removeAttribute('aria-activedescendant');
    // Tints are numbers, the style sheet makes colours of them.
    for (const row of space.children as HTMLCollectionOf<HTMLElement>) row.style.setProperty('--step', row.dataset.step!);
  }

  #row(line: number): TemplateResult {
    const { say, figures, ramp } = this.#context!;
    const { lines, shares, regions, sinkLines, cursor, most } = this.#strip!;
    const share = shares[line] ?? 0;
    const is = (at: number, region: number) => regions[at] === region;
    const isRead = !is(line, UNREAD_LINE);
    const isNear = is(line, NEAR_LINE);
    const classes = [isNear ? 'near' : 'far', ...(sinkLines.includes(line) ? ['sink'] : []), ...(isNear && !is(line - 1, NEAR_LINE) ? ['first'] : []), ...(isNear && !is(line + 1, NEAR_LINE) ? ['last'] : []), ...(isRead ? [] : ['unread']), ...(line === this.#cursor ? ['current'] : [])];
    const printed = share >= TOLD || (ramp.printing && share > 0) ? figures.share(share) : '';
    // Said where it begins and where it ends.
    const isBorder = !isRead && [line - 1, line + 1].some((at) => regions[at] !== undefined && !is(at, UNREAD_LINE));
    const tint = isRead && most > 0 ? Math.round(100 * Math.sqrt(Math.min(1, share / most))) : 0;
    const mark = line === cursor ? html`<span class="caret" title=${say('the suggestion goes here')}>▸</span>` : sinkLines.includes(line) ? icons.anchor : nothing;
    return html`<div class=${`line ${classes.join(' ')}`} id=${`line${line}`} role="option" aria-selected=${line === this.#cursor} aria-posinset=${line + 1} aria-setsize=${this.#count} data-line=${line} data-step=${tint}>
      <span class="number">${line + 1}</span><span class="mark">${mark}</span><span class="heat"></span><span class="source">${shown(lines[line] ?? '')}</span><span class="figure">${isRead ? printed : isBorder ? say('not read') : ''}</span></div>`;
  }

  #reading(line: number): string {
    const { say, figures } = this.#context!;
    const { lines, shares, regions, sinkLines } = this.#strip!;
    const text = shown(lines[line] ?? '').trim();
    if (regions[line] === UNREAD_LINE) return say('Line {0}, not read: {1}', String(line + 1), text);
    const place = sinkLines.includes(line) ? say('with sinks') : regions[line] === NEAR_LINE ? say('in the window') : say('far');
    return say('Line {0}, {1}, {2}: {3}', String(line + 1), figures.share(shares[line]), place, text);
  }

  #table(): TemplateResult {
    const { say, figures } = this.#context!;
    const { lines, shares, dense, regions } = this.#strip!;
    const read = Array.from({ length: shares.length }, (_, line) => line).filter((line) => regions[line] !== UNREAD_LINE);
    return html`<div class="table" tabindex="0" role="region" aria-label=${say('{0}, table', say('Lines'))}><table>
      <thead><tr><th scope="col">${say('Line')}</th>${dense ? html`<th scope="col">${say('dense')}</th>` : nothing}<th scope="col">${say('delta')}</th><th scope="col">${say('Text')}</th></tr></thead>
      <tbody>${read.map((line) => html`<tr><th scope="row">${line + 1}</th>${dense ? html`<td>${figures.share(dense[line])}</td>` : nothing}<td>${figures.share(shares[line])}</td><td class="source">${shown(lines[line] ?? '').trim()}</td></tr>`)}</tbody>
    </table></div>`;
  }

  #overview(): void {
    const canvas = this.querySelector<HTMLCanvasElement>('.overview');
    if (!canvas || !this.#context) return;
    const { ramp } = this.#context;
    const { shares, most, regions } = this.#strip!;
    const count = this.#count;
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
      for (let line = Math.floor(y / each); line < Math.max(Math.floor(y / each) + 1, (y + 1) / each) && line < shares.length; line++) share = Math.max(share, shares[line]);
      context.fillStyle = ramp.colour(most > 0 ? Math.sqrt(share / most) : 0);
      context.fillRect(3, y, OVERVIEW - 3, 1);
    }
    context.fillStyle = ramp.own('ink');
    for (let from = 0; from < count; from++) {
      let to = from;
      while (to < count && regions[to] === NEAR_LINE) to++;
      if (to > from) context.fillRect(0, from * each, 2, Math.max(2, (to - from) * each));
      from = to;
    }
    const { scrollTop, clientHeight } = this.#scroller;
    context.strokeStyle = ramp.own('ink');
    context.strokeRect(2.5, (scrollTop / LINE) * each + 0.5, OVERVIEW - 3, Math.max(3, Math.min(height, (clientHeight / LINE) * each) - 1));
  }

  #jump(event: MouseEvent): void {
    const { top, height } = (event.currentTarget as Element).getBoundingClientRect();
    const scroller = this.#scroller;
    scroller.scrollTop = ((event.clientY - top) / height) * this.#count * LINE - scroller.clientHeight / 2;
  }

  #clicked(event: MouseEvent): void {
    const row = (event.target as Element).closest<HTMLElement>('.line');
    if (!row) return;
    this.#moveTo(Number(row.dataset.line));
    this.#reveal(this.#cursor);
  }

  #reveal(line: number): void {
    if (this.#context!.hasHost) this.#context!.post({ type: 'reveal', of: this.#strip!.source, line });
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
    this.#cursor = Math.min(this.#count - 1, Math.max(0, line));
    const scroller = this.#scroller;
    const top = this.#cursor * LINE;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + LINE > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + LINE - scroller.clientHeight;
    this.#again();
    this.#context!.tell(this.#reading(this.#cursor));
  }
}

customElements.define('code-strip', CodeStrip);

const shown = (text: string): string => readable(text.slice(0, MOST_CHARACTERS));
