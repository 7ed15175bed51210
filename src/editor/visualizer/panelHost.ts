// The visualizer's state, and everything that changes it: measuring, comparing, looking at one head. The page only shows it.
import { l10n } from 'vscode';
import { CancelFlag } from '../../shared/cancel.ts';
import { asDeltaError } from '../../shared/errors.ts';
import type { InspectReport } from '../../shared/inspectReport.ts';
import { PANEL_PROTOCOL, type ComparisonView, type FromPanel, type ModeName, type PanelState, type ToPanel } from '../../shared/panelProtocol.ts';
import { panelTexts } from '../../shared/panelWords.ts';
import type { LiveFigures } from '../../shared/liveFigures.ts';
import type { Calls, Event } from '../../session/protocol.ts';
import { localise } from '../messages.ts';
import type { RuntimeState } from '../runtime.ts';
import { dictionary } from '../words.ts';
import { exactFigures, figuresOf } from './modeFigures.ts';
import type { KeptMeasurement } from './kept.ts';

/** Tokens that are read of a file: dense keys and values of all of them are kept beside the model. */
export const MOST_TOKENS = 4096;

/** What the runtime does for the panel, behind everything that somebody waits for. */
export interface Inspecting {
  readonly state: RuntimeState;
  /** 0…1 while the model is loaded. */
  readonly progress: number;
  inspect<N extends 'inspect' | 'attentionMap'>(call: N, options: Calls[N]['options'], hear: (event: Event) => void, cancel: CancelFlag): Promise<Calls[N]['result']>;
}

/** A document of the editor: its address as text, and why it must not be read, one sentence, or null. */
export interface MeasurableFile {
  uri: string;
  name: string;
  refused: string | null;
  text: () => string;
}

export interface PanelHostNeeds {
  runtime: Inspecting;
  mode: () => ModeName;
  useMode: (mode: ModeName) => Promise<void>;
  /** Of the editor that is, or was last, active; null without one. */
  file: () => MeasurableFile | null;
  /** A file as it is now; null where it is gone. */
  read: (uri: string) => Promise<string | null>;
  /** What is known of the caches and of the last request. */
  rest: () => Promise<Pick<PanelState, 'cache' | 'time'>>;
  /** What attention counts at this moment; the document of the completion that is known is not told again. */
  look: (known: string | undefined) => Promise<LiveFigures | null>;
  reveal: (uri: string, line: number) => Promise<void>;
  copyMarkdown: (measurement: NonNullable<PanelState['measurement']>) => Promise<void>;
  saveJson: (report: InspectReport) => Promise<void>;
  saveImage: (png: Uint8Array, name: string) => Promise<void>;
  imageCopied: () => void;
  keep: (kept: KeptMeasurement | undefined) => void;
  version: string;
  now: () => number;
  post: (message: ToPanel) => void;
  warn: (sentence: string) => void;
}

const LINE_ENDS = /\r\n|\r|\n/;

export class PanelHost {
  private state: PanelState;
  private epoch = 0;
  private seq = 0;
  private running: CancelFlag | undefined;
  /** Address and text of what was measured. */
  private measured: { uri: string; text: string } | null = null;
  /** Address of the document of the suggestion that is shown. */
  private suggestedIn: string | null = null;
  private percent = -1;

  constructor(private readonly needs: PanelHostNeeds) {
    this.state = { file: null, mode: needs.mode(), busy: null, note: null, measurement: null, comparison: null, map: null, cache: null, live: null, suggestion: null, look: null, time: null };
  }

  hear(message: FromPanel): void {
    void this.act(message).catch((thrown) => this.needs.warn(`The visualizer could not do "${message.type}": ${asDeltaError(thrown).message}`));
  }

  /** What another life of the window measured: shown again, with the text as it is now. */
  async restore(kept: KeptMeasurement): Promise<void> {
    const text = await this.needs.read(kept.uri);
    if (this.measured || this.state.busy) return;
    this.measured = { uri: kept.uri, text: text ?? '' };
    this.change({ measurement: { report: kept.report, mode: kept.mode, at: kept.at, version: kept.version, lines: text?.split(LINE_ENDS) ?? [], stale: text === null || sumOf(text) !== kept.sum }, comparison: kept.comparison });
  }

  /** The active editor or the settings are others. */
  surroundingsChanged(): void {
    const file = this.needs.file();
    this.change({ file: file?.name ?? null, mode: this.needs.mode() });
  }

  documentChanged(uri: string): void {
    const { measurement } = this.state;
    if (measurement && !measurement.stale && uri === this.measured?.uri) this.change({ measurement: { ...measurement, stale: true } });
  }

  /** While something runs, the model may be loaded first. */
  runtimeChanged(): void {
    const { busy } = this.state;
    const loading = this.needs.runtime.state === 'loading';
    if (busy && (loading || busy.loading)) this.change({ busy: { ...busy, loading, share: loading ? this.needs.runtime.progress : 0 } });
  }

  /** Requests have come to their end. */
  async restChanged(): Promise<void> {
    this.change(await this.needs.rest());
  }

  /** Something is read or written. */
  async look(): Promise<void> {
    const found = await this.needs.look(this.state.suggestion?.request);
    if (!found) return this.state.live ? this.change({ live: null }) : undefined;
    const { looked, ...live } = found;
    if (!looked) return this.change({ live });
    const { path, uri, text, ...look } = looked;
    if (text === null) return this.change({ live, look });
    this.suggestedIn = uri;
    this.change({ live, look, suggestion: { request: look.request, name: shortName(path), lines: text.split(LINE_ENDS) } });
  }

  /** The panel is closed: what runs for it ends. */
  closed(): void {
    this.running?.set();
  }

  private async act(message: FromPanel): Promise<void> {
    const { needs, state } = this;
    switch (message.type) {
      case 'hello':
        if (message.protocol !== PANEL_PROTOCOL) return;
        this.tellAll();
        await this.look();
        return this.restChanged();
      case 'measure': return this.measure();
      case 'compare': return this.compare();
      case 'map': return this.lookAt(message.layer, message.head);
      case 'cancel': return this.running?.set();
      case 'useMode':
        await needs.useMode(message.mode);
        return this.surroundingsChanged();
      case 'reveal': {
        const uri = message.of === 'measurement' ? this.measured?.uri : this.suggestedIn;
        if (uri) await needs.reveal(uri, message.line);
        return;
      }
      case 'copyMarkdown':
        if (state.measurement) await needs.copyMarkdown(state.measurement);
        return;
      case 'saveJson':
        if (state.measurement) await needs.saveJson(state.measurement.report);
        return;
      case 'saveImage': return needs.saveImage(message.png, 'deltallm.png');
      case 'imageCopied': return needs.imageCopied();
    }
  }

  /** The active file, in the mode of the settings; exact is what is compared with, so balanced stands for it. */
  async measure(): Promise<void> {
    const active = this.needs.file();
    if (this.state.busy || !active) return;
    if (active.refused !== null) return this.change({ note: active.refused });
    const file = { ...active, text: active.text() };
    const mode = this.needs.mode() === 'compact' ? 'compact' : 'balanced';
    await this.run('measuring', mode, file.name, async (step) => {
      const report = await this.inspect(file, mode, (share) => step(mode, share));
      this.measured = { uri: file.uri, text: file.text };
      this.change({ measurement: { report, mode, at: this.needs.now(), version: this.needs.version, lines: file.text.split(LINE_ENDS), stale: false }, comparison: null, map: null });
      this.remember();
    });
  }

  private async compare(): Promise<void> {
    const { measured } = this;
    const { measurement } = this.state;
    if (this.state.busy || !measured || !measurement) return;
    if (measured.text === '') return this.change({ note: textGone() });
    const file = { name: measurement.report.text.name, text: measured.text };
    const columns: ComparisonView['columns'] = [{ mode: 'exact', figures: null }, { mode: 'balanced', figures: null }, { mode: 'compact', figures: null }];
    const { text, model } = measurement.report;
    const show = (stopped: boolean): void => this.change({ comparison: { name: shortName(text.name), tokens: text.tokens, model, columns: columns.map((column) => ({ ...column })), stopped } });
    // What was measured a moment ago need not be measured again.
    const known = measurement.stale ? null : measurement;
    const done = await this.run('comparing', 'balanced', shortName(text.name), async (step) => {
      show(false);
      for (const [i, mode] of (['balanced', 'compact'] as const).entries()) {
        const report = known?.mode === mode ? known.report : await this.inspect(file, mode, (share) => step(mode, (i + share) / 2));
        columns[i + 1].figures = figuresOf(report);
        columns[0].figures ??= exactFigures(report);
        show(false);
      }
    });
    if (!done) show(true);
    this.remember();
  }

  private async lookAt(layer: number, head: number): Promise<void> {
    const { measured } = this;
    const { measurement } = this.state;
    if (this.state.busy || !measured || !measurement) return;
    if (measured.text === '') return this.change({ note: textGone() });
    const { name, tokens } = measurement.report.text;
    await this.run('mapping', null, shortName(name), async (step) => {
      const { schema: _, model: __, ...map } = await this.needs.runtime.inspect('attentionMap', { text: measured.text, name, layer, head, most: tokens }, (event) => {
        if (event.event === 'progress') step(null, event.share);
      }, this.running!);
      this.change({ map: { ...map, name: shortName(name) } });
    });
  }

  private inspect({ text, name }: { text: string; name: string }, mode: 'balanced' | 'compact', step: (share: number) => void): Promise<InspectReport> {
    return this.needs.runtime.inspect('inspect', { text, name, attention: mode === 'balanced' ? 'delta' : 'compact', most: MOST_TOKENS }, (event) => {
      if (event.event === 'progress') step(event.share);
    }, this.running!);
  }

  /** One thing at a time, with progress; false where it was cancelled or failed. */
  private async run(what: NonNullable<PanelState['busy']>['what'], first: ModeName | null, name: string, work: (step: (mode: ModeName | null, share: number) => void) => Promise<void>): Promise<boolean> {
    const flag = (this.running = new CancelFlag());
    this.percent = -1;
    this.change({ busy: { what, mode: first, name, share: 0, loading: this.needs.runtime.state === 'loading' }, note: null });
    try {
      await work((mode, share) => {
        const percent = Math.floor(100 * share);
        if (percent === this.percent || flag !== this.running) return;
        this.percent = percent;
        this.change({ busy: { what, mode, name, share, loading: false } });
      });
      return true;
    } catch (thrown) {
      const error = asDeltaError(thrown);
      this.change({ note: error.code === 'cancelled' || flag.isSet ? l10n.t('Stopped.') : localise(error) });
      return false;
    } finally {
      this.running = undefined;
      this.change({ busy: null });
      void this.restChanged();
    }
  }

  private remember(): void {
    const { measurement, comparison } = this.state;
    if (!measurement || !this.measured) return;
    const { report, mode, at, version } = measurement;
    this.needs.keep({ uri: this.measured.uri, sum: sumOf(this.measured.text), report, mode, at, version, comparison });
  }

  private change(parts: Partial<PanelState>): void {
    this.state = { ...this.state, ...parts };
    this.needs.post({ type: 'change', epoch: String(this.epoch), seq: ++this.seq, parts });
  }

  private tellAll(): void {
    this.epoch++;
    this.state = { ...this.state, file: this.needs.file()?.name ?? null, mode: this.needs.mode() };
    this.needs.post({ type: 'state', protocol: PANEL_PROTOCOL, epoch: String(this.epoch), seq: this.seq, state: this.state, words: dictionary(panelTexts) });
  }
}

const textGone = (): string => l10n.t('The text that was measured is not at hand any more: measure a file again.');
const shortName = (name: string): string => name.split(/[\\/]/).at(-1)!;

/** A sum over the text: another text has another one, in all likelihood. Nothing of the text can be read from it. */
function sumOf(text: string): string {
  let sum = 0;
  for (let i = 0; i < text.length; i++) sum = (Math.imul(sum, 31) + text.charCodeAt(i)) | 0;
  return `${text.length} ${sum}`;
}
