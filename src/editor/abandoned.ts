// VS Code's cancellation token as the completer knows it: nobody waits for the answer any more.
import type { CancellationToken } from 'vscode';

export interface Abandoned {
  readonly isSet: boolean;
  /** Calls `listener` when it is set, at once if it is; returns what ends the listening. */
  onSet(listener: () => void): () => void;
}

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
