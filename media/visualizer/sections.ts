// What stands around the pictures: the sentence, how it was measured, what can be done, the comparison, the cache and the time.
import { html, nothing, type TemplateResult } from 'lit';
import { keyWorkSkipped, sinkVerdict } from '../../src/shared/inspectFigures.ts';
import type { ComparisonView, MeasurementView, ModeName, PanelState } from '../../src/shared/panelProtocol.ts';
import type { PanelContext } from './context.ts';

type Speaking = Pick<PanelContext, 'say' | 'figures'>;

/** "Skipped 61 % of the key work. Sinks kept: 99.2 %." */
export function headline({ report }: Pick<MeasurementView, 'report'>, { say, figures }: Speaking): string {
  const verdict = sinkVerdict(report);
  if (verdict.kind === 'unmeasured') return say('Nothing was skipped: the text is too short for far keys.');
  const skipped = say('Skipped {0} of the key work.', figures.share(keyWorkSkipped(report)));
  return `${skipped} ${verdict.kind === 'kept' ? say('Sinks kept: {0}.', figures.share(verdict.share)) : say('This model has no sinks.')}`;
}

export const modeWord = (mode: ModeName, { say }: Pick<PanelContext, 'say'>): string => (mode === 'exact' ? say('exact') : mode === 'balanced' ? say('balanced') : say('compact'));

/** What was measured, on what, with what, when. */
export function caption({ report, mode, at, version }: MeasurementView, { say, figures, ...context }: Speaking): string {
  const { text, model, kernels } = report;
  const read = text.tokens < text.total ? say('the first {0} of {1} tokens', figures.whole(text.tokens), figures.whole(text.total)) : say('{0} tokens', figures.whole(text.tokens));
  return [model, modeWord(mode, { say, ...context }), text.name.split(/[\\/]/).at(-1), read, say('{0} kernels', kernels), figures.when(at), `DeltaLLM ${version}`].join(' · ');
}

export function busyPart({ busy }: PanelState, context: PanelContext): TemplateResult | typeof nothing {
  if (!busy) return nothing;
  const { say, figures, post } = context;
  const what = busy.loading ? say('Loading the model') : busy.what === 'mapping' ? say('Looking at one head of {0}', busy.name) : busy.what === 'comparing' ? say('Comparing on {0}: {1}', busy.name, busy.mode ? modeWord(busy.mode, context) : '') : say('Measuring {0}', busy.name);
  return html`<div class="busy"><span>${what} · ${figures.share(busy.share)}</span><progress max="1" .value=${busy.share} aria-label=${what}></progress>
    <button type="button" class="second" @click=${() => post({ type: 'cancel' })}>${say('Cancel')}</button></div>`;
}

export function comparisonPart(comparison: ComparisonView, mode: ModeName, context: PanelContext): TemplateResult {
  const { say, figures, post, hasHost } = context;
  const { columns } = comparison;
  const row = (name: string, of: (figures: NonNullable<ComparisonView['columns'][number]['figures']>) => string) => html`<tr><th scope="row">${name}</th>${columns.map(({ figures: own }) => html`<td>${own ? of(own) : '…'}</td>`)}</tr>`;
  return html`<section class="comparison" aria-labelledby="comparison"><h2 id="comparison">${say('Modes side by side')}</h2>
    <p class="muted">${say('{0} on {1}, {2} tokens. The mode exact is what the others are compared with.', comparison.model, comparison.name, figures.whole(comparison.tokens))}${comparison.stopped ? ` ${say('Stopped before it was complete.')}` : ''}</p>
    <div class="table" tabindex="0" role="region" aria-label=${say('{0}, table', say('Modes side by side'))}><table>
      <thead><tr><td></td>${columns.map((column) => html`<th scope="col">${modeWord(column.mode, context)}${column.mode === mode ? html` <span class="muted">${say('in use')}</span>` : nothing}</th>`)}</tr></thead>
      <tbody>
        ${row(say('Zeros in the far keys'), (own) => figures.share(own.keySparsity))}
        ${row(say('Key work left out'), (own) => figures.share(own.keyWork))}
        ${row(say('Sinks kept'), (own) => figures.share(own.sinksKept))}
        ${row(say('Error of the output'), (own) => figures.share(own.outputError))}
        ${row(say('Same next token'), (own) => figures.share(own.top1))}
        ${row(say('KL, mean'), (own) => figures.nats(own.kl))}
        ${row(say('Cache for these tokens'), (own) => figures.bytes(own.bytes))}
      </tbody>
      ${hasHost ? html`<tfoot><tr><td></td>${columns.map((column) => html`<td><button type="button" class="second" ?disabled=${column.mode === mode} @click=${() => post({ type: 'useMode', mode: column.mode })}>${say('Use {0}', modeWord(column.mode, context))}</button></td>`)}</tr></tfoot>` : nothing}
    </table></div></section>`;
}

/** One bar in parts, each with its label: no colours to be told apart. */
function parted(parts: readonly { name: string; value: number; text: string }[], whole: number): TemplateResult {
  const shown = parts.filter(({ value }) => value > 0);
  return html`<dl class="parts">${shown.map(({ name, value, text }) => html`<div><dt>${name}</dt><dd class="track"><svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"><rect class="rest" width="100" height="1"></rect><rect class="part" width=${Math.min(100, (100 * value) / Math.max(whole, 1e-9))} height="1"></rect></svg></dd><dd class="figure">${text}</dd></div>`)}</dl>`;
}

export function cachePart({ cache, measurement }: PanelState, { say, figures }: Speaking): TemplateResult | typeof nothing {
  const own = measurement?.report.whole.bytes;
  if (!cache && !own) return nothing;
  return html`<section aria-labelledby="cache"><h2 id="cache">${say('KV cache')}</h2>
    ${own ? html`<p class="muted">${say('Of the measured text, as allocated with one cache for each head, and the same tokens in float16.')}</p>${parted([{ name: say('delta'), value: own.allocated, text: figures.bytes(own.allocated) }, { name: say('float16'), value: own.float16, text: figures.bytes(own.float16) }], Math.max(own.allocated, own.float16))}` : nothing}
    ${cache ? html`<p class="muted">${say('Of this window: {0} blocks of 64 tokens. In the last requests {1} tokens of prompts were known already, {2} were read.', figures.whole(cache.blocks), figures.whole(cache.reused), figures.whole(cache.computed))}</p>
      ${parted([{ name: say('In use'), value: cache.bytes, text: say('{0} of {1}', figures.bytes(cache.bytes), figures.bytes(cache.budget)) }], cache.budget)}` : nothing}
  </section>`;
}

export function timePart({ time }: PanelState, { say, figures }: Speaking): TemplateResult | typeof nothing {
  if (!time) return nothing;
  const { pause, waiting, reading, writing, total, computed, written } = time;
  const rate = (tokens: number, ms: number) => (tokens > 0 && ms > 0 ? ` · ${say('{0} tokens a second', figures.whole((1000 * tokens) / ms))}` : '');
  const rest = Math.max(0, total - pause - waiting - reading - writing);
  return html`<section aria-labelledby="time"><h2 id="time">${say('Where the time of the last request went')}</h2>
    <p class="muted">${say('{0} in all, {1} tokens read, {2} written.', figures.milliseconds(total), figures.whole(computed), figures.whole(written))}</p>
    ${parted([
      { name: say('Pause'), value: pause, text: figures.milliseconds(pause) }, { name: say('Queue'), value: waiting, text: figures.milliseconds(waiting) },
      { name: say('Reading'), value: reading, text: `${figures.milliseconds(reading)}${rate(computed, reading)}` }, { name: say('Writing'), value: writing, text: `${figures.milliseconds(writing)}${rate(written, writing)}` },
      { name: say('Rest'), value: rest, text: figures.milliseconds(rest) },
    ], total)}</section>`;
}
