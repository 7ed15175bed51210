// The element that shows a picture: on a canvas, with a cursor that the arrow keys move from cell to cell, or as its table (T swaps them).
import { html, nothing, render, type TemplateResult } from 'lit';
import type { PanelContext } from './context.ts';
import { cellAt, outline, paintSteps, planOf, type Plan } from './paint.ts';
import type { Picture } from './picture.ts';

const MOVES: Readonly<Record<string, [row: number, column: number]>> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

export class PictureView extends HTMLElement {
  #picture: Picture | null = null;
  #context: PanelContext | null = null;
  #theme = -1;
  #plan: Plan | null = null;
  #cursor: { row: number; column: number } | null = null;
  #asTable = false;
  /** What is being drawn, out of sight; and what was drawn, for as long as only the cursor moves. */
  #drawing: { steps: Generator<void>; sheet: OffscreenCanvas; plan: Plan } | null = null;
  #drawn: { sheet: OffscreenCanvas; plan: Plan } | null = null;
  #isStale = true;
  readonly #step = (): boolean => this.#paint();
  readonly #sizes = new ResizeObserver(() => this.#anew());

  /** Drawn anew only where the picture or the theme is another one. */
  set content({ picture, context }: { picture: Picture; context: PanelContext }) {
    const same = picture === this.#picture && context === this.#context && context.ramp.version === this.#theme;
    this.#picture = picture;
    this.#context = context;
    this.#theme = context.ramp.version;
    if (same) return;
    if (this.#cursor && (this.#cursor.row >= picture.rows || this.#cursor.column >= picture.columns)) this.#cursor = null;
    this.#show();
    this.#anew();
  }

  connectedCallback(): void {
    this.#sizes.observe(this);
  }

  disconnectedCallback(): void {
    this.#sizes.disconnect();
    this.#context?.frames.drop(this.#step);
  }

  #again(): void {
    if (this.#picture && !this.#asTable) this.#context?.frames.take(this.#step);
  }

  /**
   * What was drawn holds no more; it stays in sight until its successor is complete. What is being drawn is completed first: of figures that change
   * faster than they are drawn, some must be seen.
   */
  #anew(): void {
    this.#isStale = true;
    this.#again();
  }

  #show(): void {
    const picture = this.#picture!;
    const { say } = this.#context!;
    render(html`<figure class="picture" data-id=${picture.id} @keydown=${(event: KeyboardEvent) => this.#pressed(event)}>
      <figcaption><h2>${picture.title}</h2>
        <button type="button" class="quiet" aria-pressed=${this.#asTable} aria-label=${say('{0}: as a table', picture.title)} title=${say('Table (T)')} @click=${() => this.#swap()}>${say('Table')}</button>
        <p class="muted">${picture.about}</p></figcaption>
      ${this.#asTable ? this.#table(picture) : this.#canvas(picture)}
    </figure>`, this);
  }

  #canvas(picture: Picture): TemplateResult {
    const { say } = this.#context!;
    const act = (event: MouseEvent) => {
      this.#pointed(event);
      if (this.#cursor) picture.act?.run(this.#cursor.row, this.#cursor.column);
    };
    return html`<div class="drawing" tabindex="0" role="application" aria-roledescription=${say('picture')} aria-label=${`${picture.title}. ${say('Arrow keys move from value to value, T shows the table.')}${picture.act ? ` ${picture.act.label}` : ''}`}
        @focus=${() => this.#moveTo(this.#cursor ?? { row: 0, column: 0 })} @mousemove=${(event: MouseEvent) => this.#pointed(event)} @mouseleave=${() => this.#left()} @click=${act}><canvas aria-hidden="true"></canvas></div>
      ${picture.kind === 'bars' || picture.kind === 'columns' ? nothing : this.#legend(picture)}
      <p class="reading"></p>`;
  }

  #legend({ mostText, legend }: Picture): TemplateResult {
    const { figures } = this.#context!;
    return html`<p class="legend muted"><span>${figures.share(0)}</span><span class="ramp"></span><span>${mostText}</span>${legend ? html`<span class="swatch outlined"></span><span>${legend.outline}</span><span class="swatch filled"></span><span>${legend.fill}</span>` : nothing}</p>`;
  }

  #table(picture: Picture): TemplateResult {
    const { say } = this.#context!;
    const { rows, columns } = picture;
    const own = picture.table?.() ?? {
      head: ['', ...Array.from({ length: columns }, (_, column) => picture.columnName(column))],
      rows: Array.from({ length: rows }, (_, row) => [picture.rowName(row), ...Array.from({ length: columns }, (__, column) => this.#printed(picture, row, column))]),
    };
    return html`<div class="table" tabindex="0" role="region" aria-label=${say('{0}, table', picture.title)}><table>
      <thead><tr>${own.head.map((name, i) => (name === '' && i === 0 ? html`<td></td>` : html`<th scope="col">${name}</th>`))}</tr></thead>
      <tbody>${own.rows.map(([name, ...values]) => html`<tr><th scope="row">${name}</th>${values.map((value) => html`<td>${value}</td>`)}</tr>`)}</tbody>
    </table></div>`;
  }

  /** What a value is held against stands before it. */
  #printed(picture: Picture, row: number, column: number): string {
    const { figures } = this.#context!;
    const value = figures.share(picture.value(row, column));
    return picture.reference ? `${figures.share(picture.reference(row, column))} → ${value}` : value;
  }

  /** A bounded part of the picture; true where more is left. */
  #paint(): boolean {
    const canvas = this.querySelector('canvas');
    const picture = this.#picture;
    if (!canvas || !picture || !this.#context || this.#asTable) return false;
    const { ramp } = this.#context;
    if (this.#isStale || this.#drawing) {
      if (!this.#drawing) {
        const available = this.querySelector('.drawing')!.clientWidth;
        if (available === 0) return false;
        const plan = planOf(picture, available, ramp.printing);
        const sheet = new OffscreenCanvas(Math.ceil(plan.width * scale()), Math.ceil(plan.height * scale()));
        const context = sheet.getContext('2d')!;
        context.scale(scale(), scale());
        this.#isStale = false;
        this.#drawing = { plan, sheet, steps: paintSteps(context, picture, plan, ramp, getComputedStyle(this).fontFamily) };
      }
      if (!this.#drawing.steps.next().done) return true;
      this.#drawn = this.#drawing;
      this.#drawing = null;
    }
    const { plan, sheet } = this.#drawn!;
    this.#plan = plan;
    // Through the object model, which the policy of the page allows.
    canvas.style.setProperty('width', `${plan.width}px`);
    canvas.style.setProperty('height', `${plan.height}px`);
    Object.assign(canvas, { width: sheet.width, height: sheet.height });
    const context = canvas.getContext('2d')!;
    context.drawImage(sheet, 0, 0);
    context.scale(scale(), scale());
    if (this.#cursor) outline(context, picture, plan, this.#cursor, ramp);
    return this.#isStale;
  }

  #swap(): void {
    this.#asTable = !this.#asTable;
    this.#show();
    this.#anew();
    this.querySelector<HTMLElement>(this.#asTable ? '.table' : '.drawing')!.focus();
  }

  #pressed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 't' || event.key === 'T') {
      event.preventDefault();
      return this.#swap();
    }
    const picture = this.#picture!;
    if (this.#asTable || !(event.target as Element).matches('.drawing')) return;
    const { row, column } = this.#cursor ?? { row: 0, column: 0 };
    const move = MOVES[event.key];
    if (move) this.#moveTo({ row: row + move[0], column: column + move[1] });
    else if (event.key === 'Home') this.#moveTo({ row, column: 0 });
    else if (event.key === 'End') this.#moveTo({ row, column: picture.columns - 1 });
    else if (event.key === 'Enter' && picture.act) picture.act.run(row, column);
    else return;
    event.preventDefault();
  }

  #moveTo({ row, column }: { row: number; column: number }): void {
    const { rows, columns } = this.#picture!;
    this.#cursor = { row: Math.min(rows - 1, Math.max(0, row)), column: Math.min(columns - 1, Math.max(0, column)) };
    this.#again();
    const reading = this.#reading();
    this.querySelector('.reading')!.textContent = reading;
    this.#context!.tell(reading);
  }

  #pointed(event: MouseEvent): void {
    const canvas = this.querySelector('canvas');
    if (!canvas || !this.#plan) return;
    const { left, top } = canvas.getBoundingClientRect();
    const cell = cellAt(this.#picture!, this.#plan, event.clientX - left, event.clientY - top);
    if (!cell || (cell.row === this.#cursor?.row && cell.column === this.#cursor.column)) return;
    this.#cursor = cell;
    this.#again();
    this.querySelector('.reading')!.textContent = this.#reading();
  }

  #left(): void {
    if (this.querySelector('.drawing')?.matches(':focus')) return;
    this.#cursor = null;
    this.#again();
    const reading = this.querySelector('.reading');
    if (reading) reading.textContent = '';
  }

  #reading(): string {
    return this.#cursor ? this.#picture!.read(this.#cursor.row, this.#cursor.column) : '';
  }
}

/** Points of the screen to a pixel of the page. */
const scale = (): number => Math.max(1, devicePixelRatio || 1);

customElements.define('picture-view', PictureView);
