// The page of models in the side bar: its content, what it may load, and messages in both directions. It is made anew whenever it is shown and keeps nothing.
import { randomBytes } from 'node:crypto';
import { env, Uri, type Disposable, type WebviewView } from 'vscode';
import type { FromModels, ToModels } from '../../shared/modelsProtocol.ts';
import { modelsPage } from '../../shared/modelsPage.ts';
import { fromModels } from './fromModels.ts';

export class ModelsView {
  private view: WebviewView | undefined;
  /** The page has said hello since it was made. */
  private listens = false;

  constructor(
    private readonly extensionUri: Uri,
    private readonly hear: (message: FromModels) => void,
    private readonly refused: () => void,
  ) {}

  resolveWebviewView(view: WebviewView): void {
    const dist = Uri.joinPath(this.extensionUri, 'dist');
    const { webview } = view;
    webview.options = { enableScripts: true, enableCommandUris: false, localResourceRoots: [dist] };
    this.view = view;
    this.listens = false;
    const subscriptions: Disposable[] = [
      webview.onDidReceiveMessage((sent: unknown) => {
        const message = fromModels(sent);
        if (!message) return this.refused();
        if (message.type === 'hello') this.listens = true;
        this.hear(message);
      }),
      view.onDidChangeVisibility(() => {
        if (!view.visible) this.listens = false;
      }),
      view.onDidDispose(() => {
        for (const subscription of subscriptions) subscription.dispose();
        if (this.view === view) this.view = undefined;
      }),
    ];
    const address = (name: string): string => webview.asWebviewUri(Uri.joinPath(dist, name)).toString();
    webview.html = modelsPage({ script: address('models.js'), style: address('models.css'), nonce: randomBytes(16).toString('hex'), cspSource: webview.cspSource, language: env.language });
  }

  /** Does nothing where no page listens: it asks for everything when it comes. */
  post(message: ToModels): void {
    if (this.listens && this.view?.visible) void this.view.webview.postMessage(message);
  }
}
