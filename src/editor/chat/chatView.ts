// The page in the side bar: its content, what it may load, and messages in both directions. It is made anew whenever it is shown and keeps nothing.
import { randomBytes } from 'node:crypto';
import { commands, env, TextEditorSelectionChangeKind, Uri, window, type Disposable, type WebviewView, type WebviewViewProvider } from 'vscode';
import type { FromChatView, ToChatView } from '../../shared/chatProtocol.ts';
import { fromView } from './fromView.ts';

export const VIEW = 'deltallm.chat';

export interface PageParts {
  script: string;
  style: string;
  nonce: string;
  cspSource: string;
  language: string;
}

export interface ChatViewNeeds {
  extensionUri: Uri;
  page: (parts: PageParts) => string;
  hear: (message: FromChatView) => void;
  /** A page that could not be read. */
  refused: (message: unknown) => void;
}

export class ChatView implements WebviewViewProvider, Disposable {
  private view: WebviewView | undefined;
  /** The page has said hello since it was made: before that nothing reaches it. */
  private listens = false;
  /** It has got the conversation. */
  private isFilled = false;
  /** The user asked for the keyboard in the input and has done nothing since in an editor. */
  private wantsFocus = false;
  private subscriptions: Disposable[] = [];
  private readonly elsewhere: Disposable[];

  constructor(private readonly needs: ChatViewNeeds) {
    const goesOn = (): void => void (this.wantsFocus = false);
    this.elsewhere = [
      window.onDidChangeActiveTextEditor(goesOn),
      // What a command or another extension selects is no act of his.
      window.onDidChangeTextEditorSelection(({ kind }) => {
        if (kind === TextEditorSelectionChangeKind.Keyboard || kind === TextEditorSelectionChangeKind.Mouse) goesOn();
      }),
    ];
  }

  resolveWebviewView(view: WebviewView): void {
    this.release();
    const dist = Uri.joinPath(this.needs.extensionUri, 'dist');
    const { webview } = view;
    webview.options = { enableScripts: true, enableCommandUris: false, localResourceRoots: [dist] };
    const address = (name: string): string => webview.asWebviewUri(Uri.joinPath(dist, name)).toString();
    this.view = view;
    this.subscriptions = [
      webview.onDidReceiveMessage((message: unknown) => this.received(message)),
      view.onDidChangeVisibility(() => {
        if (!view.visible) this.listens = this.isFilled = false;
      }),
      view.onDidDispose(() => {
        if (this.view === view) this.release();
      }),
    ];
    webview.html = this.needs.page({
      script: address('chat.js'), style: address('chat.css'), nonce: randomBytes(16).toString('hex'), cspSource: webview.cspSource, language: env.language,
    });
  }

  /** Does nothing where no page listens: it asks for everything when it comes. */
  post(message: ToChatView): void {
    if (!this.listens || !this.view?.visible) return;
    void this.view.webview.postMessage(message);
    // Before it has something to show there is no input.
    this.isFilled ||= message.type === 'state';
    if (message.type === 'state') this.passFocus();
  }

  /**
   * Shows the side bar with the keyboard in the input, unless the user goes on elsewhere before the input is there. VS Code's own focusing of a webview acts
   * once more a moment later, wherever the keyboard is by then: here the page alone takes it.
   */
  async focus(): Promise<void> {
    this.wantsFocus = true;
    await commands.executeCommand(`${VIEW}.focus`, { preserveFocus: true });
    this.passFocus();
  }

  dispose(): void {
    for (const subscription of this.elsewhere) subscription.dispose();
    this.release();
  }

  private received(sent: unknown): void {
    const message = fromView(sent);
    if (!message) return this.needs.refused(sent);
    if (message.type === 'hello') this.listens = true;
    this.needs.hear(message);
  }

  private passFocus(): void {
    if (!this.wantsFocus || !this.isFilled || !this.listens || !this.view?.visible) return;
    this.wantsFocus = false;
    this.post({ type: 'focus' });
  }

  private release(): void {
    for (const subscription of this.subscriptions.splice(0)) subscription.dispose();
    this.view = undefined;
    this.listens = this.isFilled = false;
  }
}
