// What went wrong, said once, in one sentence, with what the user can do.
import { commands, l10n, window, type Disposable } from 'vscode';
import { modelFileCodes } from '../shared/errors.ts';
import type { EditorRuntime, Trouble } from './runtime.ts';
import { localise } from './messages.ts';

interface Action {
  label: string;
  act: () => unknown;
}

export function showTroubles(runtime: Pick<EditorRuntime, 'onTrouble' | 'restart' | 'forgiveCrash'>, showLog: () => void): Disposable {
  const log: Action = { label: l10n.t('Show Log'), act: showLog };
  const restart: Action = { label: l10n.t('Restart'), act: () => runtime.restart() };
  const setting: Action = { label: l10n.t('Open Setting'), act: () => commands.executeCommand('workbench.action.openSettings', 'deltallm.model.path') };
  const reload: Action = { label: l10n.t('Reload Window'), act: () => commands.executeCommand('workbench.action.reloadWindow') };
  const again: Action = { label: l10n.t('Try Again'), act: () => runtime.forgiveCrash() };

  return runtime.onTrouble((trouble: Trouble) => {
    if (trouble.kind === 'safeMode') {
      return void offer(window.showWarningMessage, l10n.t('DeltaLLM did not end well the last time and now uses slower, safer kernels.'), [again, log]);
    }
    const sentence = localise(trouble.error);
    if (trouble.kind === 'restarted') return void offer(window.showWarningMessage, l10n.t('{0} It was started again.', sentence), [log]);
    if (trouble.kind === 'standIn') return void offer(window.showWarningMessage, l10n.t('{0} The embedded model completes meanwhile.', sentence), [setting, log]);
    if (trouble.kind === 'complaint') return void offer(window.showWarningMessage, sentence, [log]);
    void offer(window.showErrorMessage, sentence, [trouble.error.code === 'crashed' ? again : trouble.error.code === 'workerHangs' ? reload : modelFileCodes.has(trouble.error.code) ? setting : restart, log]);
  });
}

async function offer(show: (message: string, ...labels: string[]) => Thenable<string | undefined>, sentence: string, actions: readonly Action[]): Promise<void> {
  const chosen = await show(sentence, ...actions.map(({ label }) => label));
  await actions.find(({ label }) => label === chosen)?.act();
}
