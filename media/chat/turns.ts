// The turns of a conversation: what was asked, what was answered, and what can be done with either.
import { html, nothing, type TemplateResult } from 'lit';
import { guard } from 'lit/directives/guard.js';
import { repeat } from 'lit/directives/repeat.js';
import type { AnswerView, AttachmentView, ChatState, ModelView, QuestionView } from '../../src/shared/chatProtocol.ts';
import type { ViewContext } from './context.ts';
import { icons } from './icons.ts';
import { activity, figuresLine, furtherFigures, isBusy } from './sentences.ts';
import './answer/answerText.ts';

export interface TurnActions {
  edit(turn: QuestionView): void;
}

export function turnList({ turns, model }: ChatState, context: ViewContext, actions: TurnActions): unknown {
  const lastDropped = turns.findLastIndex(({ dropped }) => dropped);
  // What is asked of the last answer depends on its being the last.
  return repeat(turns, ({ id }) => id, (turn, index) => {
    const last = index === turns.length - 1;
    const divided = index === lastDropped;
    const told = last && turn.role === 'assistant' && isToldBelow(turn, model);
    return guard([turn, last, divided, told, context.say], () => html`${turn.role === 'user' ? question(turn, context, actions) : answer(turn, last, told, context)}${divided ? divider(context) : nothing}`);
  });
}

/** What the model says of itself stands in its own place, with what can be done: what an answer without a word waits for, or failed for, is not said twice. */
const isToldBelow = ({ state, text, note }: AnswerView, model: ModelView): boolean =>
  text === '' && ((model.state === 'loading' && state === 'waiting') || (model.state === 'failed' && state === 'failed' && note === model.sentence));

const divider = ({ say, post }: ViewContext): TemplateResult => html`<div class="divider">
  <span>${say('The turns above no longer fit into what the model can read. They take no part in the answer.')}</span>
  <button type="button" class="quiet" @click=${() => post({ type: 'newConversation' })}>${say('New conversation')}</button>
</div>`;

function question(turn: QuestionView, { say }: ViewContext, { edit }: TurnActions): TemplateResult {
  return html`<article class="turn question ${turn.dropped ? 'dropped' : ''}" data-turn=${turn.id} aria-label=${say('Your question')}>
    <div class="asked">${turn.text}</div>
    <span class="actions"><button type="button" class="quiet sign" title=${say('Edit and send again')} aria-label=${say('Edit and send again')} @click=${() => edit(turn)}>${icons.edit}</button></span>
    ${turn.attachments.length > 0 ? html`<ul class="attached">${turn.attachments.map((attachment) => html`<li>${attachmentName(attachment, say)}</li>`)}</ul>` : nothing}
  </article>`;
}

/** What did not fit is struck through, with the reason. */
export function attachmentName({ label, detail, refused }: AttachmentView, say: ViewContext['say']): TemplateResult {
  if (refused === null) return html`<span class="name" title=${detail}>${label}</span>`;
  return html`<s class="name" title=${detail}>${label}</s> <span class="reason">${say('Left out: {0}', refused)}</span>`;
}

function answer(turn: AnswerView, last: boolean, told: boolean, context: ViewContext): TemplateResult {
  const { say } = context;
  const busy = isBusy(turn.state);
  const text = (source: string, ended: boolean) => html`<answer-text .context=${context} .content=${{ text: source, ended }}></answer-text>`;
  return html`<article class="turn answer ${turn.dropped ? 'dropped' : ''} ${last ? 'last' : ''}" data-turn=${turn.id} data-state=${turn.state} aria-label=${say('Answer')} aria-busy=${busy ? 'true' : 'false'} ?hidden=${told && turn.reasoning === ''}>
    ${turn.reasoning === '' ? nothing : html`<details class="reasoning"><summary>${say('Reasoning')}</summary>${text(turn.reasoning, !busy || turn.text !== '')}</details>`}
    ${turn.text === '' ? nothing : text(turn.text, !busy)}
    ${told ? nothing : foot(turn, last, context)}
  </article>`;
}

/** Below an answer, in one place whatever its state: what it is at, what became of it, what can be done. */
function foot(turn: AnswerView, last: boolean, context: ViewContext): TemplateResult {
  const { say, post } = context;
  if (isBusy(turn.state)) return html`<div class="foot"><span class="sentence">${activity(turn, context)}</span></div>`;
  const goOn = last && (turn.state === 'stopped' || turn.state === 'cut');
  const sentence = turn.state === 'failed' ? turn.note ?? say('The answer failed.') : turn.state === 'stopped' ? turn.note ?? say('Stopped.') : turn.state === 'cut' ? turn.note ?? say('The answer reached its limit.') : turn.note;
  const regenerate = () => post({ type: 'regenerate', turn: turn.id });
  const copy = (event: Event) => {
    post({ type: 'copyAnswer', turn: turn.id });
    context.copied(event.currentTarget as HTMLButtonElement);
  };
  return html`${sentence ? html`<p class="outcome ${turn.state === 'failed' ? 'error' : ''}">${sentence}</p>` : nothing}
    <div class="foot">
      <span class="actions">
        ${goOn ? html`<button type="button" class="quiet" @click=${() => post({ type: 'continue' })}>${say('Continue')}</button>` : nothing}
        ${turn.text !== '' ? html`<button type="button" class="quiet" title=${say('Copy the answer')} @click=${copy} .textContent=${say('Copy')}></button>` : nothing}
        <button type="button" class="quiet" @click=${regenerate}>${turn.state === 'failed' ? say('Try again') : say('Regenerate')}</button>
      </span>
      ${last && turn.figures ? html`<span class="figures" title=${furtherFigures(turn.figures, context)}>${figuresLine(turn.figures, context)}</span>` : nothing}
    </div>`;
}
