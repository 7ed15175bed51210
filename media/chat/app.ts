// The view as a whole: the conversation above, the input below, a line of progress between them.
import { html, nothing, render, type TemplateResult } from 'lit';
import type { AnswerView, ChatState, FromChatView } from '../../src/shared/chatProtocol.ts';
import { Composer, type Draft } from './composer.ts';
import type { ViewContext } from './context.ts';
import { Frames } from './frames.ts';
import { modelPart } from './models.ts';
import { numbersIn } from './numbers.ts';
import { activity, isBusy } from './sentences.ts';
import { ChatStore } from './store.ts';
import { turnList } from './turns.ts';
import { speak } from '../speak.ts';

/** Pixels from the end within which the reader counts as being there. */
const NEAR = 16;

export class ChatApp {
  readonly store: ChatStore;
  readonly #root: HTMLElement;
  readonly #context: ViewContext;
  readonly #composer: Composer;
  /** True while the end is to stay in sight. */
  #atEnd = true;
  #told = '';
  #words: object | null = null;

  constructor(root: HTMLElement, post: (message: FromChatView) => void, draft: Draft, keep: (draft: Draft) => void) {
    this.#root = root;
    const frames = new Frames(() => this.#show(), () => this.#stayAtEnd());
    this.#context = { say: speak({}), numbers: numbersIn(document.documentElement.lang || 'en'), frames, post, copied: (button) => this.#copied(button) };
    this.store = new ChatStore(post, () => frames.request());
    this.#composer = new Composer(this.#context, draft, keep, () => (this.#atEnd = true));
    // Escape stops wherever the keyboard is.
    document.addEventListener('keydown', (event) => this.#pressed(event));
    document.addEventListener('click', (event) => this.#clicked(event));
    new ResizeObserver(() => this.#stayAtEnd()).observe(root);
  }

  /** Now or not at all: in a frame to come the user may be elsewhere. */
  focus(): void {
    this.#context.frames.show();
    this.#composer.focus();
  }

  get #scroller(): HTMLElement | null {
    return this.#root.querySelector('.conversation');
  }

  #stayAtEnd(): void {
    const scroller = this.#scroller;
    if (scroller && this.#atEnd) scroller.scrollTop = scroller.scrollHeight;
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller!;
    const atEnd = scrollHeight - scrollTop - clientHeight <= NEAR;
    if (atEnd === this.#atEnd) return;
    this.#atEnd = atEnd;
    this.#context.frames.request();
  }

  #pressed(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (event.key === 'Escape' && !event.isComposing) {
      if (this.#busyAnswer) this.#context.post({ type: 'stop' });
      else if (this.#composer.draft.editing !== null) this.#composer.cancelEdit();
    } else if (event.key === 'Enter' && target.dataset.target !== undefined) this.#open(target, event);
  }

  #clicked(event: Event): void {
    const link = event.target instanceof Element ? event.target.closest<HTMLElement>('a') : null;
    if (link) this.#open(link, event);
  }

  /** A link leads nowhere by itself: the host hears of it. */
  #open(link: HTMLElement, event: Event): void {
    event.preventDefault();
    const { target } = link.dataset;
    if (target !== undefined) this.#context.post({ type: 'open', href: target });
  }

  #copied(button: HTMLButtonElement): void {
    const { say } = this.#context;
    const label = say('Copy');
    button.textContent = say('Copied');
    this.#tell(say('Copied'));
    setTimeout(() => (button.textContent = label), 1500);
  }

  get #busyAnswer(): AnswerView | null {
    const last = this.store.state?.turns.at(-1);
    return last?.role === 'assistant' && isBusy(last.state) ? last : null;
  }

  /** For screen readers: what changed in kind, never each word. */
  #tell(sentence: string): void {
    const region = this.#root.querySelector('.told');
    if (region && sentence !== region.textContent) region.textContent = sentence;
  }

  #show(): void {
    const { state, words } = this.store;
    if (!state) return;
    if (words !== this.#words) {
      this.#words = words;
      this.#context.say = speak(words);
    }
    // At the end the button that leads there goes; the keyboard stays in the page.
    const onEnd = document.activeElement?.matches('.toEnd') ?? false;
    render(this.#page(state), this.#root);
    if (onEnd && this.#atEnd) this.#scroller!.focus({ preventScroll: true });
    const last = state.turns.at(-1);
    const telling = last?.role === 'assistant' ? `${last.id} ${last.state}` : state.model.state;
    if (telling !== this.#told) {
      this.#told = telling;
      this.#tell(this.#sentence(state));
    }
  }

  #sentence({ turns, model }: ChatState): string {
    const { say, numbers } = this.#context;
    const last = turns.at(-1);
    if (model.state === 'failed') return model.sentence;
    if (last?.role !== 'assistant') return model.state === 'loading' ? say('Loading {0}', model.name) : model.state === 'none' ? say('No chat model yet.') : '';
    if (last.state === 'reading' && last.reading) return say('Reading {0} tokens', numbers.whole(last.reading.total));
    if (isBusy(last.state)) return last.state === 'writing' ? say('Writing') : activity(last, this.#context);
    if (last.state === 'done') return say('The answer is complete.');
    return last.note ?? (last.state === 'stopped' ? say('Stopped.') : last.state === 'cut' ? say('The answer reached its limit.') : say('The answer failed.'));
  }

  #page(state: ChatState): TemplateResult {
    const { say } = this.#context;
    const busy = this.#busyAnswer;
    const end = () => {
      this.#atEnd = true;
      this.#context.frames.request();
    };
    return html`<h1 class="unseen">${state.title || say('Conversation')}</h1>
      <div class="conversation" role="log" aria-live="off" aria-label=${state.title || say('Conversation')} tabindex="0" @scroll=${() => this.#scrolled()}>
        <div class="turns">
          ${turnList(state, this.#context, { edit: (turn) => this.#composer.edit(turn.id, turn.text) })}
          ${modelPart(state, this.#context)}
        </div>
      </div>
      <div class="composer">
        ${this.#progress(state, busy)}
        ${this.#atEnd ? nothing : html`<button type="button" class="quiet toEnd" @click=${end}>${say('Go to the end')}</button>`}
        ${state.note ? html`<p class="note">${state.note}</p>` : nothing}
        ${this.#composer.render(state, busy !== null)}
        <div class="unseen told" role="status"></div>
      </div>`;
  }

  /** Two pixels high and always there, so that nothing moves when there is progress. */
  #progress({ model }: ChatState, busy: AnswerView | null): TemplateResult {
    const share = model.state === 'loading' ? model.share : busy?.state === 'reading' && busy.reading && busy.reading.total > 0 ? busy.reading.done / busy.reading.total : null;
    if (share === null) return html`<div class="progress"></div>`;
    return html`<progress class="progress" max="1" .value=${share} aria-label=${this.#context.say('Progress')}></progress>`;
  }
}
