// The page of models as long as nobody has opened it: its view and its commands are registered, and the rest is a bundle of its own that the first of them loads.
import { commands, window, type Disposable } from 'vscode';
import type { ModelsNeeds, ModelsPage } from './models.ts';

export const MODELS_VIEW = 'deltallm.models';

export interface Models extends Disposable {
  /** Downloads pause; fulfils when nothing is written any more. */
  close(): Promise<void>;
}

export function modelsOnDemand(needs: ModelsNeeds, load: () => (needs: ModelsNeeds) => ModelsPage): Models {
  let made: ModelsPage | undefined;
  const page = (): ModelsPage => (made ??= load()(needs));
  const open = async (): Promise<void> => void (await commands.executeCommand(`${MODELS_VIEW}.focus`));
  const subscriptions = [
    window.registerWebviewViewProvider(MODELS_VIEW, { resolveWebviewView: (view) => page().show(view) }),
    commands.registerCommand('deltallm.models.manage', open),
    commands.registerCommand('deltallm.removeAllData', async () => {
      await open();
      page().removeAll();
    }),
  ];
  return {
    close: async () => made?.close(),
    dispose() {
      for (const subscription of subscriptions) subscription.dispose();
      made?.dispose();
    },
  };
}
