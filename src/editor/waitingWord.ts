// Whoever asked for a suggestion is told that it is coming, where it takes longer than he expects.
import { l10n, window } from 'vscode';
import { clock } from './clock.ts';

/** Milliseconds. */
const PATIENCE_MS = 300;

/** In the status bar, until `answer` is there. */
export function sayThatItComes(answer: Promise<unknown>, isLoading: () => boolean): void {
  const unwait = clock.wait(PATIENCE_MS, () => {
    const sentence = isLoading() ? l10n.t('The model is being loaded: the suggestion follows.') : l10n.t('A suggestion is being written.');
    window.setStatusBarMessage(`$(loading~spin) ${sentence}`, answer);
  });
  answer.then(unwait, unwait);
}
