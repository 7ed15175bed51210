// What stands around the pictures: the sentence, how it was measured, what can be done, the comparison, the cache and the time.
import { html, nothing, type TemplateResult } from 'lit';
import { keyWorkSkipped, sinkVerdict } from '../../src/shared/inspectFigures.ts';
import type { CacheView, ComparisonView, LiveView, MeasurementView, ModeName, PanelState, LookView, SuggestionView } from '../../src/shared/panelProtocol.ts';
import type { PanelContext } from './context.ts';
import { readable } from './readable.ts';

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

/** Documents that are listed by name. */
const MOST_NAMED = 6;

export function cachePart({ cache, measurement }: PanelState, context: Speaking): TemplateResult | typeof nothing {
  const { say, figures } = context;
  const own = measurement?.report.whole.bytes;
  if (!cache?.length && !own) return nothing;
  return html`<section class="cache" aria-labelledby="cache"><h2 id="cache">${say('KV cache')}</h2>
    ${own ? html`<p class="muted">${say('Of the measured text, as allocated with one cache for each head, and the same tokens in float16.')}</p>${parted([{ name: say('delta'), value: own.allocated, text: figures.bytes(own.allocated) }, { name: say('float16'), value: own.float16, text: figures.bytes(own.float16) }], Math.max(own.allocated, own.float16))}` : nothing}
    ${(cache ?? []).map((one) => cacheOf(one, context))}
  </section>`;
}

function cacheOf({ model, roles, blocks, bytes, budget, float16, groups, underWay, saved, computed }: CacheView[number], { say, figures }: Speaking): TemplateResult {
  const of = roles.map((role) => (role === 'chat' ? say('chat') : say('completions'))).join(', ');
  const [named, others] = [groups.slice(0, MOST_NAMED), groups.slice(MOST_NAMED)];
  const known = bytes - underWay.bytes;
  const row = (name: string, all: readonly (typeof groups)[number][]) => {
    const total = (part: (group: (typeof groups)[number]) => number) => figures.whole(all.reduce((n, group) => n + part(group), 0));
    return html`<tr><th scope="row">${name}</th><td>${total((group) => group.blocks)}</td><td>${total((group) => group.reused)}</td><td>${total((group) => group.blocks - group.reused)}</td><td>${total((group) => group.exact)}</td><td>${total((group) => group.delta)}</td><td>${figures.bytes(all.reduce((n, group) => n + group.bytes, 0))}</td></tr>`;
  };
  return html`<p class="muted">${say('{0}, for {1}: {2} tokens of prompts were known already since it was loaded and need not be read, {3} were computed.', model, of, figures.whole(saved), figures.whole(computed))}</p>
    ${parted([{ name: say('In use'), value: bytes, text: say('{0} of {1}', figures.bytes(bytes), figures.bytes(budget)) }], budget)}
    ${known > 0 ? parted([{ name: say('as stored'), value: known, text: figures.bytes(known) }, { name: say('float16'), value: float16, text: figures.bytes(float16) }], Math.max(known, float16)) : nothing}
    <div class="table" tabindex="0" role="region" aria-label=${say('{0}, table', say('Blocks of 64 tokens by file'))}><table>
      <thead><tr><th scope="col">${say('Blocks of 64 tokens by file')}</th><th scope="col">${say('blocks')}</th><th scope="col">${say('reused')}</th><th scope="col">${say('computed')}</th><th scope="col">${say('with exact form')}</th><th scope="col">${say('with delta form')}</th><th scope="col">${say('bytes')}</th></tr></thead>
      <tbody>${named.map((group) => row(group.path ?? say('without a file'), [group]))}
        ${others.length > 0 ? row(say('{0} others', figures.whole(others.length)), others) : nothing}
        ${underWay.blocks > 0 ? html`<tr><th scope="row">${say('of what runs now')}</th><td>${figures.whole(underWay.blocks)}</td><td></td><td></td><td></td><td></td><td>${figures.bytes(underWay.bytes)}</td></tr>` : nothing}</tbody>
      <tfoot><tr><th scope="row">${say('all')}</th><td>${figures.whole(blocks)}</td><td></td><td></td><td></td><td></td><td>${figures.bytes(bytes)}</td></tr></tfoot>
    </table></div>`;
}

export function timePart({ time }: PanelState, { say, figures }: Speaking): TemplateResult | typeof nothing {
  if (!time) return nothing;
  const { pause, waiting, tokenize, queue, attention, products, head, sampling, reading, writing, total, computed, written } = time;
  const rate = (tokens: number, ms: number) => (tokens > 0 && ms > 0 ? say('{0} tokens a second', figures.whole((1000 * tokens) / ms)) : '–');
  const stages = [[say('Pause'), pause], [say('Until it began'), waiting], [say('Making tokens'), tokenize], [say('Queue'), queue], [say('Attention'), attention], [say('Products'), products], [say('Head'), head], [say('Choosing tokens'), sampling]] as const;
  // What was written behind the answer counts too.
  const known = stages.reduce((sum, [, ms]) => sum + ms, 0);
  const whole = Math.max(total, known, pause + waiting + tokenize + queue + reading + writing);
  const read = computed - Math.max(0, written - 1);
  return html`<section class="time" aria-labelledby="time"><h2 id="time">${say('Where the time of the last request went')}</h2>
    <p class="muted">${say('{0} in all. {1} tokens read in {2}, {3}; {4} written in {5}, {6}.', figures.milliseconds(whole), figures.whole(read), figures.milliseconds(reading), rate(read, reading), figures.whole(written), figures.milliseconds(writing), rate(written, writing))}</p>
    ${parted([...stages, [say('Rest'), whole - known] as const].map(([name, value]) => ({ name, value, text: figures.milliseconds(value) })), whole)}</section>`;
}

/** Lines of a suggestion that are shown: the last ones. */
const MOST_LINES = 14;
const lastLines = (text: string): string => readable(text.split('\n').slice(-MOST_LINES).join('\n'));

/** What the tints of the strip belong to: a measurement has no suggestion, its rows are the end of the text. */
export function measuredEndPart({ report, lines }: MeasurementView, { say, figures }: Speaking): TemplateResult | typeof nothing {
  const { looked } = report;
  let token = 0;
  const first = looked.lines.tokens.findIndex((count) => (token += count) > looked.from);
  const text = lines.slice(Math.max(0, first), looked.lines.tokens.length).join('\n');
  if (text.trim() === '') return nothing;
  return html`<section class="suggestion" aria-labelledby="end"><h2 id="end">${say('The end of the measured text')}</h2>
    <p class="muted">${say('Measured, not suggested: the tints are what its last {0} tokens looked at.', figures.whole(looked.rows))}</p>
    <pre tabindex="0" aria-labelledby="end">${lastLines(text)}</pre></section>`;
}

/** What the tints of the strip belong to. */
export function suggestionPart({ name }: SuggestionView, { written, cursor }: LookView, { say }: Speaking): TemplateResult {
  return html`<section class="suggestion" aria-labelledby="suggested"><h2 id="suggested">${say('The last suggestion')}</h2>
    <p class="muted">${say('In {0}, line {1}, as the model wrote it.', name, String(cursor + 1))}</p>
    <pre tabindex="0" aria-labelledby="suggested">${lastLines(written)}</pre></section>`;
}

/** What the model wrote last, as far as it is. */
export function wrotePart({ wrote, sample }: LiveView, { say }: Speaking): TemplateResult | typeof nothing {
  if (!wrote || wrote.text.trim() === '') return nothing;
  return html`<h3 id="wrote">${say('What the model wrote last')}</h3><p class="muted">${wrote.path ? say('In {0}.', wrote.path) : say('In a conversation.')}${sample ? ` ${say('The last row below is one of it.')}` : nothing}</p>
    <pre tabindex="0" aria-labelledby="wrote">${lastLines(wrote.text)}</pre>`;
}
