// Read-only documents that show what happened: "Show Last Prompt", "Show Last Request", "Show Cache". They are made when they are opened.
import { EventEmitter, Uri, window, workspace, type Disposable } from 'vscode';

/** Our own scheme: nothing is ever completed in it. */
const SCHEME = 'deltallm';

export class Documents implements Disposable {
  private readonly changed = new EventEmitter<Uri>();
  private readonly registration: Disposable;

  /** File name → text. */
  constructor(private readonly texts: Readonly<Record<string, () => string | Promise<string>>>) {
    this.registration = workspace.registerTextDocumentContentProvider(SCHEME, {
      onDidChange: this.changed.event,
      provideTextDocumentContent: (uri) => this.texts[uri.path]?.() ?? '',
    });
  }

  async show(name: string): Promise<void> {
    const uri = Uri.from({ scheme: SCHEME, path: name });
    this.changed.fire(uri);
    await window.showTextDocument(await workspace.openTextDocument(uri), { preview: true });
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }
}
