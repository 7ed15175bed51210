// The page as a whole: the sentence on top, the code on the left, the small multiples on the right.
import { html, nothing, render, type TemplateResult } from 'lit';
import { Frames } from '../chat/frames.ts';
import type { FromPanel, LiveView, MeasurementView, PanelState } from '../../src/shared/panelProtocol.ts';
import './codeStrip.ts';
import type { PanelContext } from './context.ts';
import { recordedExample } from './example.ts';
import { figuresIn } from './figures.ts';
import { copyPicture } from './share.ts';
import { mapPicture, picturesOf } from './panes.ts';
import type { Picture } from './picture.ts';
import './pictureView.ts';
import { Ramp } from './ramp.ts';
import { livePictures, liveSentence } from './live.ts';
import { busyPart, cachePart, caption, comparisonPart, headline, measuredEndPart, suggestionPart, timePart, wrotePart } from './sections.ts';
import { PanelStore } from './store.ts';
import { stripOfMeasurement, stripOfSuggestion, type Strip } from './strips.ts';
import { speak } from '../speak.ts';

/** Whose tints the strip of code has. */
type Source = Strip['source'];

export class VisualizerApp {
  readonly store: PanelStore;
  readonly #root: HTMLElement;
  #context: PanelContext;
  #words: object | null = null;
  #withText = false;
  /** What the user wants to see of the code; null: whatever came last. */
  #chosen: Source | null = null;
  /** What came last, and what it was. */
  #latest: { source: Source; suggestion: string | null; measuredAt: number | null } = { source: 'suggestion', suggestion: null, measuredAt: null };
  /** Pictures by what they are made from: the same as long as that is the same. */
  #made = new WeakMap<object, Picture[]>();
  #told = '';

  constructor(root: HTMLElement, post: (message: FromPanel) => void, hasHost: boolean) {
    this.#root = root;
    const frames = new Frames(() => this.#show(), () => {});
    this.#context = { say: speak({}), figures: figuresIn(document.documentElement.lang || 'en'), ramp: new Ramp(), frames, post, hasHost, tell: (sentence) => this.#tell(sentence) };
    this.store = new PanelStore(post, () => frames.request());
    // VS Code changes the theme under the page's feet.
    const dressed = new MutationObserver(() => this.#dressed());
    dressed.observe(document.documentElement, { attributes: true, attributeFilter: ['style', 'class'] });
    dressed.observe(document.body, { attributes: true, attributeFilter: ['class', 'data-vscode-theme-id'] });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#dressed());
  }

  #dressed(): void {
    this.#context.ramp.read();
    this.#context.frames.request();
  }

  #tell(sentence: string): void {
    const region = this.#root.querySelector('.told');
    if (region && region.textContent !== sentence) region.textContent = sentence;
  }

  #show(): void {
    const { state, words } = this.store;
    if (!state) return;
    if (words !== this.#words) {
      this.#words = words;
      this.#context = { ...this.#context, say: speak(words) };
      this.#made = new WeakMap();
      this.#strips = new WeakMap();
    }
    render(this.#page(state), this.#root);
    const telling = state.busy ? `${state.busy.what} ${state.busy.mode}` : (state.note ?? (state.measurement ? headline(state.measurement, this.#context) : ''));
    if (telling !== this.#told) {
      this.#told = telling;
      this.#tell(state.busy ? (this.#root.querySelector('.busy span')?.textContent ?? '') : telling);
    }
  }

  #pictures(measurement: MeasurementView, isExample: boolean): Picture[] {
    const known = this.#made.get(measurement);
    if (known) return known;
    const ask = isExample || !this.#context.hasHost ? undefined : (layer: number, head: number) => this.#context.post({ type: 'map', layer, head });
    const made = picturesOf(measurement.report, this.#context, ask);
    this.#made.set(measurement, made);
    return made;
  }

  /** The newest of the two, unless the user chose. A measurement was asked for: it is shown whatever was chosen before. */
  #source({ measurement, suggestion, look }: PanelState): Source {
    const [request, at] = [suggestion?.request ?? null, measurement?.at ?? null];
    if (at !== this.#latest.measuredAt) {
      this.#latest = { ...this.#latest, source: 'measurement', measuredAt: at };
      this.#chosen = null;
    }
    if (request !== this.#latest.suggestion) this.#latest = { ...this.#latest, source: 'suggestion', suggestion: request };
    const hasSuggestion = suggestion !== null && look?.request === suggestion.request;
    if (!measurement || !hasSuggestion) return hasSuggestion ? 'suggestion' : 'measurement';
    return this.#chosen ?? this.#latest.source;
  }

  #page(state: PanelState): TemplateResult {
    const { measurement, note } = state;
    const source = this.#source(state);
    const isExample = !measurement && source === 'measurement';
    return html`<div class="page">
      ${measurement ? this.#head(measurement, state) : this.#empty(state)}
      ${note ? html`<p class="note">${note}</p>` : nothing}
      ${busyPart(state, this.#context)}
      ${isExample ? nothing : this.#body(measurement, state, source)}
      ${state.live ? this.#live(state.live, source) : nothing}
      ${isExample && (state.cache?.length || state.time) ? html`<div class="panes">${cachePart(state, this.#context)}${timePart(state, this.#context)}</div>` : nothing}
      ${isExample ? this.#example() : nothing}
      <div class="told" role="status"></div>
    </div>`;
  }

  #empty(state: PanelState): TemplateResult {
    const { say, post } = this.#context;
    return html`<header><h1 class="headline">${say('What does attention skip in your code?')}</h1>
      <p class="muted">${state.file ? say('Reads {0} twice on this computer, with dense and with delta attention. Nothing leaves it.', state.file) : say('Open a file first: it is read twice on this computer, with dense and with delta attention. Nothing leaves it.')}</p>
      <div class="choices"><button type="button" class="main" ?disabled=${state.busy !== null || state.file === null} @click=${() => post({ type: 'measure' })}>${say('Measure this file')}</button></div></header>`;
  }

  #head(measurement: MeasurementView, state: PanelState): TemplateResult {
    const { say, post, hasHost } = this.#context;
    const idle = state.busy === null;
    return html`<header><h1 class="headline">${headline(measurement, this.#context)}</h1>
      <p class="muted">${caption(measurement, this.#context)}</p>
      ${measurement.stale ? html`<p class="note">${say('The file has changed since it was measured.')}</p>` : nothing}
      <div class="choices">
        ${hasHost ? html`<button type="button" class="main" ?disabled=${!idle || state.file === null} title=${state.file ?? ''} @click=${() => post({ type: 'measure' })}>${say('Measure this file')}</button>
          <button type="button" class="second" ?disabled=${!idle} @click=${() => post({ type: 'compare' })}>${say('Compare modes')}</button>` : nothing}
        <button type="button" class="second" @click=${() => void this.#copyImage(measurement)}>${say('Copy image')}</button>
        <label><input type="checkbox" .checked=${this.#withText} @change=${(event: Event) => (this.#withText = (event.target as HTMLInputElement).checked)}>${say('with source text')}</label>
        ${hasHost ? html`<button type="button" class="second" @click=${() => post({ type: 'copyMarkdown' })}>${say('Copy as Markdown')}</button>
          <button type="button" class="second" @click=${() => post({ type: 'saveJson' })}>${say('Save JSON…')}</button>` : nothing}
      </div></header>`;
  }

  async #copyImage(measurement: MeasurementView): Promise<void> {
    const { say, post, hasHost } = this.#context;
    const copied = await copyPicture(measurement, this.#pictures(measurement, false), this.#withText, this.#context);
    if (copied === 'clipboard') {
      this.#tell(say('The image is in the clipboard.'));
      if (hasHost) post({ type: 'imageCopied' });
    } else if (hasHost) post({ type: 'saveImage', png: copied });
    else this.#tell(say('The image could not be copied here.'));
  }

  #example(): TemplateResult {
    const { say } = this.#context;
    return html`<div class="example" aria-label=${say('Recorded example')} role="group"><p class="exampleLabel">${say('Recorded example: src/session/queue.ts of DeltaLLM with the model that comes with it. Not your file.')}</p><p class="headline">${headline(recordedExample, this.#context)}</p><p class="muted">${caption(recordedExample, this.#context)}</p>
      <div class="body"><code-strip .content=${{ strip: this.#strip(recordedExample, () => stripOfMeasurement(recordedExample, this.#context)), context: this.#quiet }}></code-strip><div class="panes">${measuredEndPart(recordedExample, this.#context)}${this.#multiples(recordedExample, true)}</div></div></div>`;
  }

  #body(measurement: MeasurementView | null, state: PanelState, source: Source): TemplateResult {
    const { map, comparison, suggestion, look } = state;
    const context = this.#context;
    return html`<div class="body">
      <div class="side">
        ${measurement && suggestion && look?.request === suggestion.request ? this.#choice(source) : nothing}
        <code-strip .content=${{ strip: source === 'suggestion' ? this.#strip(look!, () => stripOfSuggestion(suggestion!, look!, context)) : this.#strip(measurement!, () => stripOfMeasurement(measurement!, context)), context }}></code-strip>
      </div>
      <div class="panes">
        ${source === 'suggestion' ? suggestionPart(suggestion!, look!, context) : measuredEndPart(measurement!, context)}
        ${measurement ? this.#multiples(measurement, false) : nothing}
        ${map ? html`<picture-view class="map" .content=${{ picture: this.#mapOf(map), context }}></picture-view>` : nothing}
        ${comparison ? comparisonPart(comparison, state.mode, context) : nothing}
        ${cachePart(state, context)} ${timePart(state, context)}
      </div>
    </div>`;
  }

  #multiples(measurement: MeasurementView, isExample: boolean): TemplateResult[] {
    const context = isExample ? this.#quiet : this.#context;
    return this.#pictures(measurement, isExample).map((picture) => html`<picture-view class=${picture.id} .content=${{ picture, context }}></picture-view>`);
  }

  #choice(source: Source): TemplateResult {
    const { say } = this.#context;
    const button = (own: Source, name: string) => html`<button type="button" class="choice" aria-pressed=${source === own} @click=${() => this.#choose(own)}>${name}</button>`;
    return html`<div class="which" role="group" aria-label=${say('What the tints are of')}>${button('suggestion', say('Last suggestion'))}${button('measurement', say('Measured file'))}</div>`;
  }

  #choose(source: Source): void {
    this.#chosen = source;
    this.#context.frames.request();
  }

  /** The same strip as long as what it is made from is the same. */
  #strips = new WeakMap<object, Strip>();
  #strip(of: object, make: () => Strip): Strip {
    const known = this.#strips.get(of);
    const strip = known ?? make();
    if (!known) this.#strips.set(of, strip);
    return strip;
  }

  /** What is counted while the model works stands by itself: it is of the requests, not of the file. */
  #live(live: LiveView, source: Source): TemplateResult {
    let pictures = this.#made.get(live);
    if (!pictures) this.#made.set(live, (pictures = livePictures(live, this.#context)));
    return html`<section class="live" aria-labelledby="live"><h2 id="live">${this.#context.say('Live')}</h2><p class="muted">${liveSentence(live, this.#context)}</p>
      ${source === 'suggestion' && live.role === 'completion' ? nothing : wrotePart(live, this.#context)}
      <div class="panes">${pictures.map((picture) => html`<picture-view class=${picture.id} .content=${{ picture, context: this.#context }}></picture-view>`)}</div></section>`;
  }

  #mapOf(map: NonNullable<PanelState['map']>): Picture {
    const known = this.#made.get(map)?.[0];
    if (known) return known;
    const made = mapPicture(map, this.#context);
    this.#made.set(map, [made]);
    return made;
  }

  #quietContext: { of: PanelContext; context: PanelContext } | null = null;
  /** Of the example, whose lines lead nowhere. */
  get #quiet(): PanelContext {
    if (this.#quietContext?.of !== this.#context) this.#quietContext = { of: this.#context, context: { ...this.#context, hasHost: false } };
    return this.#quietContext!.context;
  }
}
