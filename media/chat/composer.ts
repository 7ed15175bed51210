// Where a question is written: the input, and below it one line with what goes along and what it costs.
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { ChatState } from '../../src/shared/chatProtocol.ts';
import type { ViewContext } from './context.ts';
import { icons } from './icons.ts';
import { estimateLine } from './sentences.ts';
import { attachmentName } from './turns.ts';

/** After so many milliseconds without a key, the host hears what is in the input. */
const PAUSE = 250;

export interface Draft {
  text: string;
  /** The turn whose question is being edited. */
  editing: string | null;
}

export class Composer {
  draft: Draft;
  readonly #context: ViewContext;
  readonly #keep: (draft: Draft) => void;
  readonly #sent: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #state: ChatState | null = null;
  #busy = false;

  /** `keep` stores the draft for the view's next life; `sent` is called when a question was sent. */
  constructor(context: ViewContext, draft: Draft, keep: (draft: Draft) => void, sent: () => void) {
    this.#context = context;
    this.draft = draft;
    this.#keep = keep;
    this.#sent = sent;
  }

  get #input(): HTMLTextAreaElement | null {
    return document.querySelector('textarea');
  }

  focus(): void {
    this.#input?.focus();
  }

  edit(turn: string, text: string): void {
    this.#change({ text, editing: turn });
    this.#context.frames.show();
    this.focus();
    this.#input?.setSelectionRange(text.length, text.length);
  }

  #change(draft: Draft): void {
    this.draft = draft;
    this.#keep(draft);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#context.post({ type: 'typing', text: this.draft.text }), PAUSE);
  }

  #send(): void {
    const { text, editing } = this.draft;
    if (text.trim() === '' || this.#busy) return;
    const known = editing !== null && this.#state?.turns.some(({ id }) => id === editing);
    this.#context.post(known ? { type: 'edit', turn: editing, text } : { type: 'ask', text });
    this.#change({ text: '', editing: null });
    clearTimeout(this.#timer);
    this.#sent();
    this.#context.frames.request();
  }

  cancelEdit(): void {
    this.#change({ text: '', editing: null });
    this.#context.frames.request();
  }

  #pressed(event: KeyboardEvent): void {
    // Enter ends the composing of a character, and nothing else.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === 'Enter' && !event.shiftKey && !event.altKey && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.#send();
    } else if (event.key === 'ArrowUp' && this.draft.text === '' && !event.shiftKey) {
      const last = this.#state?.turns.findLast(({ role }) => role === 'user');
      if (last?.role !== 'user') return;
      event.preventDefault();
      this.edit(last.id, last.text);
    }
  }

  render(state: ChatState, busy: boolean): TemplateResult {
    this.#state = state;
    this.#busy = busy;
    const { say, post } = this.#context;
    const { text, editing } = this.draft;
    const written = (event: Event) => {
      this.#change({ ...this.draft, text: (event.target as HTMLTextAreaElement).value });
      this.#context.frames.request();
    };
    return html`${editing === null ? nothing : html`<div class="editing"><span>${say('Editing an earlier question. What follows it goes when you send.')}</span><button type="button" class="quiet" @click=${() => this.cancelEdit()}>${say('Cancel')}</button></div>`}
      ${state.model.state === 'ready' && state.model.server !== undefined ? html`<p class="muted goesTo">${say('Goes to {0}', state.model.server)}</p>` : nothing}
      <textarea rows="1" aria-label=${say('Question')} placeholder=${say('Ask about your code')} .value=${live(text)} @input=${written} @keydown=${(event: KeyboardEvent) => this.#pressed(event)}></textarea>
      <div class="below">
        <div class="goesAlong">
          <button type="button" class="quiet sign" title=${say('Attach a selection, a file or problems')} aria-label=${say('Attach a selection, a file or problems')} @click=${() => post({ type: 'attach' })}>${icons.plus}</button>
          ${this.#attachments(state)}
          ${this.#estimate(state)}
        </div>
        ${busy
          ? html`<button type="button" class="quiet sign" title=${say('Stop')} aria-label=${say('Stop')} @click=${() => (post({ type: 'stop' }), this.focus())}>${icons.stop}</button>`
          : html`<button type="button" class="quiet sign" title=${say('Send')} aria-label=${say('Send')} ?disabled=${text.trim() === ''} @click=${() => (this.#send(), this.focus())}>${icons.send}</button>`}
      </div>`;
  }

  #attachments({ attachments, estimate }: ChatState): TemplateResult | typeof nothing {
    if (attachments.length === 0) return nothing;
    const { say, numbers, post } = this.#context;
    const several = attachments.length > 1;
    return html`<ul class="attached ${estimate ? '' : 'only'}">${attachments.map((attachment) => html`<li>${attachmentName(attachment, say)}${several && attachment.refused === null && attachment.tokens !== null ? html` <span class="tokens">${numbers.short(attachment.tokens)}</span>` : nothing}<button type="button" class="quiet sign" title=${say('Remove {0}', attachment.label)} aria-label=${say('Remove {0}', attachment.label)} @click=${() => post({ type: 'detach', id: attachment.id })}>${icons.remove}</button></li> `)}</ul>`;
  }

  #estimate({ estimate }: ChatState): TemplateResult | typeof nothing {
    if (!estimate) return nothing;
    const { say, numbers } = this.#context;
    const title = say('{0} of {1} tokens', numbers.whole(estimate.tokens), numbers.whole(estimate.most));
    return html`<span class="estimate" title=${title}>${estimateLine(estimate, this.#context)}</span>`;
  }
}
