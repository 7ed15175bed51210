// The document that the panel is about: of the active editor, or of the one that was active before the panel got the keyboard.
import { window, workspace, type Disposable, type TextDocument } from 'vscode';
import { refusedDocument, nameOf } from '../chat/attachable.ts';
import type { MeasurableFile } from './panelHost.ts';

/** What we show ourselves is not measured. */
const own = /^deltallm|^output$|^debug$/;

export class LastEditor implements Disposable {
  private document: TextDocument | undefined;
  private readonly subscriptions: Disposable[];

  constructor(private readonly excluded: () => readonly string[], changed: () => void) {
    this.take(window.activeTextEditor?.document ?? window.visibleTextEditors[0]?.document);
    this.subscriptions = [
      window.onDidChangeActiveTextEditor((editor) => {
        this.take(editor?.document);
        changed();
      }),
      // Told some time after its last editor went; a change of language tells it too, and the document lives on.
      workspace.onDidCloseTextDocument((document) => document === this.document && document.isClosed && changed()),
    ];
  }

  get file(): MeasurableFile | null {
    const { document } = this;
    if (!document || document.isClosed) return null;
    return { uri: document.uri.toString(), name: nameOf(document.uri), refused: refusedDocument(document, this.excluded), text: () => document.getText() };
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private take(document: TextDocument | undefined): void {
    if (document && !own.test(document.uri.scheme)) this.document = document;
  }
}
