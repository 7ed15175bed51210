// The page of models: what is used, what is on this computer, what can be downloaded, and what lies on the disk.
import { html, nothing, render, type TemplateResult } from 'lit';
import type { DownloadRow, FromModels, ModelRole, ModelRow, ModelsState, ModelsWords, UseView } from '../../src/shared/modelsProtocol.ts';
import { addressesIn } from './dropped.ts';
import type { ModelsText } from '../../src/shared/modelsWords.ts';
import { speak, type Say } from '../speak.ts';

/** A number stays beside its unit, and no line begins with a dot. */
const withUnits = (text: string): string => text.replace(/(\d) (?=\p{Lu}{1,2}\b)/gu, '$1\u00a0').replaceAll(' · ', '\u00a0· ');

export class ModelsApp {
  readonly #root: HTMLElement;
  readonly #post: (message: FromModels) => void;
  #say: Say<ModelsText> = speak({});
  #state: ModelsState | null = null;
  #told = '';
  /** True while something is dragged over the page. */
  #over = false;
  /** What the page says to a drop that it can do nothing with. */
  #refusal = '';

  constructor(root: HTMLElement, post: (message: FromModels) => void) {
    this.#root = root;
    this.#post = post;
    document.addEventListener('dragover', (event) => {
      event.preventDefault();
      this.#drags(true);
    });
    document.addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) this.#drags(false);
    });
    document.addEventListener('drop', (event) => this.#dropped(event));
  }

  show(state: ModelsState, words: ModelsWords): void {
    this.#say = speak(words);
    this.#state = state;
    this.#show();
    const telling = this.#refusal || state.note || state.uses.map((use) => (use.sentence || `${this.#roleName(use.role)}: ${use.name} ${this.#stateOf(use)}`)).join(' ');
    if (telling === this.#told) return;
    this.#told = telling;
    this.#root.querySelector('.told')!.textContent = telling;
  }

  #drags(over: boolean): void {
    if (over === this.#over) return;
    this.#over = over;
    this.#show();
  }

  #dropped(event: DragEvent): void {
    event.preventDefault();
    this.#over = false;
    const uris = event.dataTransfer ? addressesIn(event.dataTransfer) : [];
    this.#refusal = uris.length === 0 ? this.#say('VS Code does not tell where that file lies: choose it by the button, or drop it from VS Code’s Explorer.') : '';
    if (uris.length > 0) this.#post({ type: 'drop', uris: uris.slice(0, 20) });
    this.#show();
  }

  #show(): void {
    if (this.#state) render(this.#page(this.#state), this.#root);
  }

  #roleName(role: ModelRole): string {
    return role === 'chat' ? this.#say('Chat') : this.#say('Completions');
  }

  #stateOf({ state, share }: UseView): string {
    if (state === 'loading') return this.#say('loading, {0} %', String(Math.floor(100 * share)));
    return state === 'failed' ? this.#say('failed') : state === 'ready' ? this.#say('ready') : this.#say('loads when it is needed');
  }

  #page(state: ModelsState): TemplateResult {
    const say = this.#say;
    const { uses, models, downloads, disk } = state;
    const note = this.#refusal || state.note;
    return html`<h1 class="unseen">${say('Models')}</h1>
      <dl class="uses">${uses.map((use) => this.#use(use))}</dl>
      ${state.server ? html`<p class="note server">${state.server} ${say('The models here stand in for it.')}</p>` : nothing}
      ${note ? html`<p class="note">${note}</p>` : nothing}
      <section aria-labelledby="here"><h2 id="here">${say('On this computer')}</h2>
        <ul aria-labelledby="here">${models.map((model) => this.#model(model))}</ul>
        ${state.searching ? html`<p class="muted">${say('Looking for models on this computer')}</p>` : state.searched && models.length === 1 ? html`<p class="muted">${say('No other model was found on this computer.')}</p>` : nothing}
        <div class="choices">
          <button type="button" class="second" ?disabled=${state.searching} @click=${() => this.#post({ type: 'find' })}>${state.searched ? say('Look again') : say('Find models of other programs')}</button>
          <button type="button" class="second" @click=${() => this.#post({ type: 'chooseFile' })}>${say('Choose a GGUF file…')}</button>
        </div>
        <p class="muted drop ${this.#over ? 'over' : ''}">${this.#over ? say('Drop a GGUF file here') : say('Or drop one here from the Explorer, with Shift held.')}</p>
      </section>
      ${downloads.length === 0 ? nothing : html`<section aria-labelledby="more"><h2 id="more">${say('Download')}</h2>
        <p class="muted">${say('From {0}. Nothing is asked of the network before you press a button here; the SHA-256 that the server names is checked when the file has come.', state.source)}</p>
        <ul aria-labelledby="more">${downloads.map((row) => this.#download(row))}</ul></section>`}
      <section aria-labelledby="carry"><h2 id="carry">${say('Without a network')}</h2>
        <p class="muted">${say('The list names each file with its address, size and SHA-256, as far as they are known here. Fetch the files on another computer, carry them over, and choose them above.')}</p>
        <div class="choices"><button type="button" class="second" @click=${() => this.#post({ type: 'copyList' })}>${say('Copy list')}</button></div></section>
      <section aria-labelledby="disk"><h2 id="disk">${say('On the disk')}</h2>
        ${disk.map((line) => html`<p class="muted">${withUnits(line)}</p>`)}
        <div class="choices"><button type="button" class="second" @click=${() => this.#post({ type: 'removeAll' })}>${say('Remove all data…')}</button></div></section>
      <div class="unseen told" role="status"></div>`;
  }

  #use(use: UseView): TemplateResult {
    const say = this.#say;
    const { role, name, state, share, sentence } = use;
    return html`<div class="use"><dt>${this.#roleName(role)}</dt><dd>
      ${state === 'none' ? html`<span class="muted">${say('None yet: use one of the models below.')}</span>` : html`<span class="name">${name}</span> <span class="muted">${this.#stateOf(use)}</span>`}
      ${state === 'loading' ? html`<progress max="1" .value=${share} aria-label=${this.#stateOf(use)}></progress>` : nothing}
      ${sentence ? html`<p class="error">${sentence}</p>` : nothing}</dd></div>`;
  }

  #model(model: ModelRow): TemplateResult {
    const { id, name, origin, detail, fit, refused, removable, can } = model;
    return html`<li class=${refused ? 'refused' : ''}><span class="name">${name}</span>
      <span class="detail">${withUnits(`${origin} · ${detail}`)}</span>
      ${fit ? html`<span class="detail">${withUnits(fit)}</span>` : nothing}
      ${refused ? html`<span class="detail">${refused}</span>` : nothing}
      ${can.length > 0 || removable ? html`<div class="choices">
        ${can.map((role) => this.#role(model, role))}
        ${removable ? html`<button type="button" class="quiet" aria-label=${this.#say('Delete {0}', name)} @click=${() => this.#post({ type: 'remove', id })}>${this.#say('Delete')}</button>` : nothing}
      </div>` : nothing}</li>`;
  }

  #role({ id, name, used }: ModelRow, role: ModelRole): TemplateResult {
    const say = this.#say;
    if (used.includes(role)) return html`<span class="used">${role === 'chat' ? say('In use for chat') : say('In use for completions')}</span>`;
    const [label, whole] = role === 'chat' ? [say('Use for chat'), say('Use for chat: {0}', name)] : [say('Use for completions'), say('Use for completions: {0}', name)];
    return html`<button type="button" class="second" aria-label=${whole} @click=${() => this.#post({ type: 'use', role, id })}>${label}</button>`;
  }

  #download({ id, name, licence, size, purpose, state, share, progress, sentence }: DownloadRow): TemplateResult {
    const say = this.#say;
    const runs = state === 'downloading' || state === 'checking';
    return html`<li><span class="name">${name}</span>
      <span class="detail">${purpose}</span>
      <span class="detail">${withUnits(`${size} · ${say('Licence: {0}', licence)}`)}</span>
      ${runs ? html`<progress max="1" .value=${share ?? nothing} aria-label=${name}></progress><span class="detail">${state === 'checking' ? say('Checking') : withUnits(progress)}</span>` : nothing}
      ${sentence ? html`<span class="error">${sentence}</span>` : nothing}
      <div class="choices">
        ${runs ? html`<button type="button" class="second" aria-label=${say('Cancel {0}', name)} @click=${() => this.#post({ type: 'cancel', id })}>${say('Cancel')}</button>`
        : html`<button type="button" class="second" aria-label=${state === 'begun' ? say('Go on with {0}', name) : say('Download {0}', name)} @click=${() => this.#post({ type: 'download', id })}>${state === 'begun' ? say('Go on') : say('Download')}</button>`}
      </div></li>`;
  }
}
