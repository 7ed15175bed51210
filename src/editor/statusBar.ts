// One item in the status bar: how the runtime is, the figures in its tooltip, a menu behind it.
import { l10n, MarkdownString, StatusBarAlignment, ThemeColor, window, type Disposable, type StatusBarItem } from 'vscode';
import type { Tally } from '../completion/tally.ts';
import { outcome } from './lastRequest.ts';
import type { EditorRuntime, RuntimeState } from './runtime.ts';
import { localise } from './messages.ts';
import type { Settings } from './settingsTable.ts';
import { modeWord, stateWord } from './words.ts';

const icons: Record<RuntimeState, string> = {
  off: '$(circle-outline)', loading: '$(loading~spin)', ready: '$(circle-filled)', reading: '$(eye)', writing: '$(edit)', failed: '$(error)',
};
const SWITCHED_OFF = '$(circle-slash)';

type Seen = Pick<EditorRuntime, 'state' | 'progress' | 'model' | 'speed' | 'error' | 'safeMode' | 'onDidChange'>;

export class StatusBar implements Disposable {
  private readonly item: StatusBarItem;
  private readonly subscription: Disposable;

  constructor(
    private readonly runtime: Seen,
    private readonly settings: () => Settings,
    private readonly tally: Pick<Tally, 'answered' | 'counts'>,
    command: string,
  ) {
    this.item = window.createStatusBarItem('deltallm.status', StatusBarAlignment.Right, 100);
    this.item.name = 'DeltaLLM';
    this.item.command = command;
    this.subscription = runtime.onDidChange(() => this.update());
    this.update();
    this.item.show();
  }

  update(): void {
    const { state, progress } = this.runtime;
    const on = this.settings()['completions.enabled'];
    const failed = state === 'failed';
    const percent = state === 'loading' && progress > 0 ? ` ${Math.floor(100 * progress)} %` : '';
    const word = on || state !== 'off' ? stateWord(state) : l10n.t('switched off');
    this.item.text = `${on || failed ? icons[state] : SWITCHED_OFF} DeltaLLM${percent}`;
    this.item.accessibilityInformation = { label: `DeltaLLM: ${word}${percent}`, role: 'button' };
    this.item.backgroundColor = failed ? new ThemeColor('statusBarItem.errorBackground') : undefined;
    this.item.tooltip = this.tooltip(on, word);
  }

  dispose(): void {
    this.subscription.dispose();
    this.item.dispose();
  }

  private tooltip(on: boolean, word: string): MarkdownString {
    const { state, model, speed, error, safeMode } = this.runtime;
    const lines = [`DeltaLLM: ${word}`];
    if (error) lines.push(localise(error));
    if (!on) lines.push(l10n.t('Completions are switched off.'));
    else if (state === 'off') lines.push(l10n.t('The model loads with the first completion.'));
    if (model) {
      lines.push(l10n.t('Model: {0}, {1} million parameters', model.name, (model.parameters / 1e6).toFixed(0)));
      lines.push(l10n.t('Mode: {0}; kernels: {1}', modeWord(this.settings().mode), model.kernels));
    }
    if (speed) lines.push(l10n.t('Reads {0} and writes {1} tokens per second', Math.round(speed.prefill), Math.round(speed.decode)));
    const { answered } = this.tally;
    if (answered) {
      const { returned, suppressed } = this.tally.counts();
      lines.push(l10n.t('Suggestions: {0} shown, {1} held back', returned, suppressed));
      lines.push(l10n.t('The last one: {0}, {1} ms', outcome(answered), Math.round(answered.ms.total)));
    }
    if (safeMode) lines.push(l10n.t('Safe mode: slower kernels since a crash'));
    const tooltip = new MarkdownString();
    lines.forEach((line, index) => (index > 0 ? tooltip.appendMarkdown('\n\n') : tooltip).appendText(line));
    return tooltip;
  }
}
