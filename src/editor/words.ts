// The completer's reasons and the runtime's states in the user's language.
import { l10n } from 'vscode';
import type { NoneReason, Origin, RequestRecord } from '../completion/request.ts';
import type { RuntimeState } from './runtime.ts';
import type { Settings } from './settingsTable.ts';

const states: Record<RuntimeState, () => string> = {
  off: () => l10n.t('off'),
  loading: () => l10n.t('loading'),
  ready: () => l10n.t('ready'),
  reading: () => l10n.t('reading'),
  writing: () => l10n.t('writing'),
  failed: () => l10n.t('failed'),
};

const reasons: Record<NoneReason, () => string> = {
  disabled: () => l10n.t('completions are switched off here'),
  scheme: () => l10n.t('this kind of document is never completed'),
  excluded: () => l10n.t('the document is excluded'),
  tooLarge: () => l10n.t('the document is too large'),
  insideWord: () => l10n.t('the cursor is inside a word'),
  midLine: () => l10n.t('there is more text right of the cursor'),
  afterStatement: () => l10n.t('the statement is complete'),
  longLine: () => l10n.t('the line is too long'),
  emptyDocument: () => l10n.t('there is no text yet'),
  selection: () => l10n.t('text is selected'),
  superseded: () => l10n.t('a later request took its place'),
  cancelled: () => l10n.t('the editor no longer wanted the answer'),
  lowConfidence: () => l10n.t('the model was not sure enough'),
  empty: () => l10n.t('the model had nothing to add'),
  repetition: () => l10n.t('the model repeated itself'),
  invented: () => l10n.t('it names something that does not exist'),
  noFim: () => l10n.t('the model cannot complete at a cursor'),
  unavailable: () => l10n.t('the model was not available'),
};

const answers: Record<RequestRecord['answer'], () => string> = {
  returned: () => l10n.t('shown'),
  suppressed: () => l10n.t('held back'),
  superseded: () => l10n.t('given up'),
};

const origins: Record<Origin, () => string> = {
  generation: () => l10n.t('newly written'),
  reattached: () => l10n.t('being written already'),
  typedThrough: () => l10n.t('times the rest of one, while it was typed'),
  cache: () => l10n.t('from recent suggestions'),
};

const modes: Record<Settings['mode'], () => string> = {
  exact: () => l10n.t('exact'),
  balanced: () => l10n.t('balanced'),
  compact: () => l10n.t('compact'),
};

/** Texts of a page in the user's language, by the English ones. */
export const dictionary = (texts: readonly string[]): Record<string, string> => Object.fromEntries(texts.map((text) => [text, l10n.bundle?.[text] ?? text]));

export const stateWord = (state: RuntimeState): string => states[state]();
export const reasonWords = (reason: NoneReason): string => reasons[reason]();
export const answerWord = (answer: RequestRecord['answer']): string => answers[answer]();
export const originWords = (origin: Origin): string => origins[origin]();
export const modeWord = (mode: Settings['mode']): string => modes[mode]();
