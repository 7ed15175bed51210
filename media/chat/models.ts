// What stands in the place of a model: that there is none yet, those that could be, the one that loads, the one that failed.
import { html, nothing, type TemplateResult } from 'lit';
import type { ChatState, OfferView } from '../../src/shared/chatProtocol.ts';
import type { ViewContext } from './context.ts';

export function modelPart({ model, kept, turns }: ChatState, context: ViewContext): TemplateResult | typeof nothing {
  const { say, numbers, post } = context;
  if (model.state === 'ready') {
    if (turns.length > 0) return nothing;
    const { name, server } = model;
    const [about, who] = server === undefined ? [say('Ask about a selection, a file or an error. Everything stays on this computer.'), say('{0} answers on this computer.', name)] : [say('Ask about a selection, a file or an error. What you ask goes to {0}.', server), say('{0} answers there.', name)];
    return html`<section class="model"><p>${about}</p><p class="muted">${who}</p>${earlier(context)}</section>`;
  }
  if (model.state === 'loading') {
    return html`<section class="model"><p class="muted">${say('Loading {0}', model.name)} · ${say('{0} %', numbers.percent(model.share))}</p></section>`;
  }
  const failed = model.state === 'failed';
  return html`<section class="model">
    ${failed ? html`<p class="outcome error">${model.sentence}</p>` : html`<p>${say('No chat model yet.')}</p>`}
    ${kept ? html`<p>${say('Your question is kept and sent when a model is ready.')}</p>` : nothing}
    ${model.searching ? html`<p class="muted">${say('Looking for models on this computer')}</p>` : nothing}
    ${model.offers ? offers(model.offers, context) : nothing}
    <div class="choices">
      ${failed ? html`<button type="button" class="main" @click=${() => post({ type: 'retry' })}>${say('Try again')}</button>` : nothing}
      ${model.offers === null && !model.searching ? html`<button type="button" class=${failed ? 'second' : 'main'} @click=${() => post({ type: 'findModels' })}>${say('Find models on this computer')}</button>` : nothing}
      <button type="button" class="second" @click=${() => post({ type: 'chooseFile' })}>${say('Choose a GGUF file…')}</button>
    </div>
    ${turns.length === 0 && !failed ? earlier(context) : nothing}
  </section>`;
}

/** A number stays beside its unit. */
const withUnits = (text: string): string => text.replace(/(\d) (?=\p{Lu}{1,2}\b)/gu, '$1\u00a0');

const earlier = ({ say, post }: ViewContext): TemplateResult => html`<p><button type="button" class="text" @click=${() => post({ type: 'history' })}>${say('Earlier conversations')}</button></p>`;

function offers(list: readonly OfferView[], { say, post }: ViewContext): TemplateResult {
  if (list.length === 0) return html`<p class="muted">${say('No model that can answer was found on this computer.')}</p>`;
  const about = ({ name, origin, detail, refused }: OfferView) => html`<span class="name">${name}</span><span class="detail">${origin} · ${withUnits(detail)}</span>${refused === null ? nothing : html`<span class="detail">${refused}</span>`}`;
  return html`<ul class="offers" aria-label=${say('Models on this computer')}>
    ${list.map((offer) => html`<li>${
      offer.refused === null
        ? html`<button type="button" class="offer" title=${say('Use {0}', offer.name)} @click=${() => post({ type: 'useModel', offer: offer.id })}>${about(offer)}</button>`
        : html`<div class="offer refused">${about(offer)}</div>`
    }</li>`)}
  </ul>`;
}
