// VS Code's cancellation token as the runtime knows it.
import type { CancellationToken } from 'vscode';
import { CancelFlag } from '../../shared/cancel.ts';

/** `release` ends the listening, when nothing is left to cancel. */
export function flagOf(token: CancellationToken): { flag: CancelFlag; release: () => void } {
  const flag = new CancelFlag();
  if (token.isCancellationRequested) flag.set();
  const subscription = token.onCancellationRequested(() => flag.set());
  return { flag, release: () => subscription.dispose() };
}
