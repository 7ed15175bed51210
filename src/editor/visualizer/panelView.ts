// The panel in the editor area: its page, what the page may load, and messages in both directions. VS Code brings it back when a window is opened again.
import { randomBytes } from 'node:crypto';
import { env, Uri, ViewColumn, window, type Disposable, type WebviewPanel } from 'vscode';
import type { FromPanel, ToPanel } from '../../shared/panelProtocol.ts';
import type { PanelPage } from '../../shared/panelPage.ts';
import { fromPanel } from './fromPanel.ts';

export const VISUALIZER = 'deltallm.visualizer';

export interface PanelViewNeeds {
  extensionUri: Uri;
  page: (parts: PanelPage) => string;
  title: string;
  hear: (message: FromPanel) => void;
  /** A message that is none. */
  refused: () => void;
  /** The user closed it. */
  closed: () => void;
}

export class PanelView implements Disposable {
  /** Called when there is a panel that was not there before. */
  onShown: () => void = () => {};
  private panel: WebviewPanel | undefined;
  /** The page has said hello since it was made: before that nothing reaches it. */
  private listens = false;
  private subscriptions: Disposable[] = [];
  private readonly serializer: Disposable;

  constructor(private readonly needs: PanelViewNeeds) {
    this.serializer = window.registerWebviewPanelSerializer(VISUALIZER, { deserializeWebviewPanel: async (panel) => this.take(panel) });
  }

  get isOpen(): boolean {
    return this.panel !== undefined;
  }

  /** Somebody sees it. */
  get inSight(): boolean {
    return this.listens && this.panel?.visible === true;
  }

  /** The column that it stands in. */
  get column(): ViewColumn | undefined {
    return this.panel?.viewColumn;
  }

  /** Beside the code that it is about. */
  show(): void {
    if (this.panel) return this.panel.reveal();
    this.take(window.createWebviewPanel(VISUALIZER, this.needs.title, { viewColumn: ViewColumn.Beside, preserveFocus: false }, this.options));
  }

  /** Does nothing where no page listens: it asks for everything when it comes. */
  post(message: ToPanel): void {
    if (this.inSight) void this.panel!.webview.postMessage(message);
  }

  dispose(): void {
    this.serializer.dispose();
    this.panel?.dispose();
    this.release();
  }

  private get options(): { enableScripts: boolean; enableCommandUris: boolean; localResourceRoots: Uri[] } {
    return { enableScripts: true, enableCommandUris: false, localResourceRoots: [Uri.joinPath(this.needs.extensionUri, 'dist')] };
  }

  private take(panel: WebviewPanel): void {
    // There is one panel: whoever brings another one has the newer.
    this.panel?.dispose();
    this.release();
    const { webview } = panel;
    webview.options = this.options;
    const address = (name: string): string => webview.asWebviewUri(Uri.joinPath(this.needs.extensionUri, 'dist', name)).toString();
    this.panel = panel;
    this.subscriptions = [
      webview.onDidReceiveMessage((message: unknown) => this.received(message)),
      // A page that is hidden is gone: it asks anew when it is shown.
      panel.onDidChangeViewState(() => {
        if (!panel.visible) this.listens = false;
      }),
      panel.onDidDispose(() => {
        if (this.panel !== panel) return;
        this.release();
        this.needs.closed();
      }),
    ];
    webview.html = this.needs.page({
      script: address('visualizer.js'), style: address('visualizer.css'), nonce: randomBytes(16).toString('hex'), cspSource: webview.cspSource, language: env.language,
    });
    this.onShown();
  }

  private received(sent: unknown): void {
    const message = fromPanel(sent);
    if (!message) return this.needs.refused();
    if (message.type === 'hello') this.listens = true;
    this.needs.hear(message);
  }

  private release(): void {
    for (const subscription of this.subscriptions.splice(0)) subscription.dispose();
    this.panel = undefined;
    this.listens = false;
  }
}
