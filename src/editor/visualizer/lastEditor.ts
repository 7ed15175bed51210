// The document that the panel is about: of the active editor, or of the one that was active before the panel got the keyboard.
import { window, type Disposable, type TextDocument } from 'vscode';
import { refusedDocument, nameOf } from '../chat/attachable.ts';
import type { MeasurableFile } from './panelHost.ts';

/** What we show ourselves is not measured. */
const own = /^deltallm|^output$|^debug$/;

export class LastEditor implements Disposable {
  private document: TextDocument | undefined;
  private readonly subscription: Disposable;

  constructor(private readonly excluded: () => readonly string[], changed: () => void) {
    this.take(window.activeTextEditor?.document ?? window.visibleTextEditors[0]?.document);
    this.subscription = window.onDidChangeActiveTextEditor((editor) => {
      this.take(editor?.document);
      changed();
    });
  }

  get file(): MeasurableFile | null {
    const { document } = this;
    if (!document || document.isClosed) return null;
    return { uri: document.uri.toString(), name: nameOf(document.uri), refused: refusedDocument(document, this.excluded), text: () => document.getText() };
  }

  dispose(): void {
    this.subscription.dispose();
  }

  private take(document: TextDocument | undefined): void {
    if (document && !own.test(document.uri.scheme)) this.document = document;
  }
}
