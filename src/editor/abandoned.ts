// VS Code's cancellation token as the completer knows it: nobody waits for the answer any more.
import type { CancellationToken } from 'vscode';
import type { Abandoned } from '../completion/waiting.ts';

export function abandonedOf(token: CancellationToken): Abandoned {
  return {
    get isSet() {
      return token.isCancellationRequested;
    },
    onSet(listener) {
      const subscription = token.onCancellationRequested(listener);
      return () => subscription.dispose();
    },
  };
}
