// One item in the status bar: how the runtime is, the figures in its tooltip, a menu behind it.
import { l10n, MarkdownString, StatusBarAlignment, ThemeColor, window, type Disposable, type StatusBarItem } from 'vscode';
import type { Refusal } from '../completion/request.ts';
import type { Tally } from '../completion/tally.ts';
import { clock } from './clock.ts';
import { FollowableState } from './followable.ts';
import { outcome } from './lastRequest.ts';
import type { EditorRuntime, RuntimeState } from './runtime.ts';
import { localise } from './messages.ts';
import type { Settings } from './settingsTable.ts';
import { whereTextGoes, type Whereabouts } from './remote/whereTextGoes.ts';
import type { TeamServer } from './remote/teamServer.ts';
import { activeLanguage } from './switches.ts';
import { modeWord, reasonWords, stateWord } from './words.ts';

const icons: Record<RuntimeState, string> = {
  off: '$(circle-outline)', loading: '$(loading~spin)', ready: '$(circle-filled)', reading: '$(eye)', writing: '$(edit)', failed: '$(error)',
};
const SWITCHED_OFF = '$(circle-slash)';
/** Text leaves this computer. */
const SERVER = '$(cloud)';

type Seen = Pick<EditorRuntime, 'state' | 'progress' | 'model' | 'speed' | 'error' | 'standIn' | 'safeMode' | 'onDidChange'>;

export class StatusBar implements Disposable {
  private readonly item: StatusBarItem;
  private readonly state: FollowableState;
  private readonly subscriptions: Disposable[];
  /** What the item shows. */
  private drawn = '';

  constructor(
    private readonly runtime: Seen,
    private readonly settings: () => Settings,
    private readonly tally: Pick<Tally, 'told' | 'counts'>,
    /** Why the active document is not completed, where there is one. */
    private readonly refusedHere: () => Refusal | null,
    command: string,
    /** The team's own server, where one may be named. */
    private readonly team?: TeamServer,
  ) {
    this.item = window.createStatusBarItem('deltallm.status', StatusBarAlignment.Right, 100);
    this.item.name = 'DeltaLLM';
    // The keyboard goes back into the editor afterwards.
    this.item.command = { command, title: 'DeltaLLM', arguments: [{ fromStatusBar: true }] };
    this.state = new FollowableState(() => runtime.state, clock, () => this.update());
    this.subscriptions = [runtime.onDidChange(() => this.update()), window.onDidChangeActiveTextEditor(() => this.update()), this.state, ...(team ? [team.onDidChange(() => this.update())] : [])];
    this.update();
    this.item.show();
  }

  update(): void {
    this.state.look();
    const { state: { shown: state }, runtime: { progress } } = this;
    const failed = state === 'failed';
    const off = this.offHere();
    const percent = state === 'loading' && progress > 0 ? ` ${Math.floor(100 * progress)} %` : '';
    const where = this.team ? whereTextGoes(this.team) : null;
    const served = !off && where?.completes === true;
    const word = off && (off.language || state === 'off') ? off.word : served ? l10n.t('on {0}', where.host) : stateWord(state);
    const text = `${off && !failed ? SWITCHED_OFF : served ? SERVER : icons[state]} DeltaLLM${percent}`;
    const [label, isAlarming, tooltip] = [`DeltaLLM: ${word}${percent}`, failed && !served, this.tooltip(off?.sentence, word, where)];
    // VS Code draws an item anew whatever is written into it.
    const drawn = JSON.stringify([text, label, isAlarming, tooltip.value]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.item.text = text;
    this.item.accessibilityInformation = { label, role: 'button' };
    this.item.backgroundColor = isAlarming ? new ThemeColor('statusBarItem.errorBackground') : undefined;
    this.item.tooltip = tooltip;
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
    this.item.dispose();
  }

  /** Why nothing is completed in the active document, or anywhere. */
  private offHere(): { language?: string; word: string; sentence: string } | null {
    if (!this.settings()['completions.enabled']) return { word: l10n.t('switched off'), sentence: l10n.t('Completions are switched off.') };
    const [refused, language] = [this.refusedHere(), activeLanguage()];
    if (refused === null || refused === 'scheme' || language === undefined) return null;
    if (refused !== 'disabled') return { language, word: reasonWords(refused), sentence: l10n.t('Nothing is completed here: {0}.', reasonWords(refused)) };
    return { language, word: l10n.t('switched off for {0}', language), sentence: l10n.t('Completions are switched off for {0}.', language) };
  }

  private tooltip(off: string | undefined, word: string, where: Whereabouts | null): MarkdownString {
    const { state, model, speed, error, standIn, safeMode } = this.runtime;
    const lines = [`DeltaLLM: ${word}`, ...(where?.sentences ?? [])];
    if (error) lines.push(localise(error));
    if (standIn) lines.push(localise(standIn), l10n.t('The embedded model completes meanwhile.'));
    if (off !== undefined) lines.push(off);
    else if (state === 'off' && !where?.completes) lines.push(l10n.t('The model loads with the first completion.'));
    if (model) {
      lines.push(l10n.t('Model: {0}, {1} million parameters', model.name, (model.parameters / 1e6).toFixed(0)));
      lines.push(l10n.t('Mode: {0}; kernels: {1}', modeWord(this.settings().mode), model.kernels));
    }
    if (speed) lines.push(l10n.t('Reads {0} and writes {1} tokens per second', Math.round(speed.prefill), Math.round(speed.decode)));
    const { told } = this.tally;
    if (told) {
      const { shown, suppressed } = this.tally.counts();
      lines.push(l10n.t('Suggestions: {0} shown, {1} held back', shown, suppressed));
      lines.push(l10n.t('The last one: {0}, {1} ms', outcome(told), Math.round(told.ms.total)));
    }
    if (safeMode) lines.push(l10n.t('Safe mode: slower kernels since a crash'));
    const tooltip = new MarkdownString();
    lines.forEach((line, index) => (index > 0 ? tooltip.appendMarkdown('\n\n') : tooltip).appendText(line));
    return tooltip;
  }
}
