// What lies beside a document: what the user has open or had open last in the same workspace folder, then files that it imports from, then files of its own folder.
import { window, workspace, type Disposable, type TextDocument, type TextEditor } from 'vscode';
import { isRelated } from '../completion/beside.ts';
import type { Clock } from '../completion/source.ts';
import { bounded, MOST_CHARACTERS, MOST_DOCUMENTS, type NeighbourDocument, type NeighbourSet } from '../session/neighbourSet.ts';
import { FolderFiles } from './folderFiles.ts';
import { ImportedFiles } from './importedFiles.ts';
import { factsOf, refusalBy } from './place.ts';
import type { Settings } from './settingsTable.ts';

/** Documents that the user was in; of those that are closed by now none takes part. */
const MOST_RECENT = 32;

export class NeighbourDocuments implements Disposable {
  /** URIs, the last one first. */
  private recent: string[] = [];
  private readonly files: FolderFiles;
  private readonly imported: ImportedFiles;
  private made: { key: string; set: NeighbourSet } | undefined;
  private sets = 0;
  private readonly subscriptions: Disposable[];

  constructor(
    private readonly settings: () => Settings,
    clock: Pick<Clock, 'now'>,
  ) {
    this.files = new FolderFiles(clock);
    this.imported = new ImportedFiles(clock);
    this.visited(window.activeTextEditor);
    this.subscriptions = [
      window.onDidChangeActiveTextEditor((editor) => this.visited(editor)),
      // Versions begin anew when it is opened again.
      workspace.onDidCloseTextDocument(() => (this.made = undefined)),
    ];
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  /** The same object as long as nothing in it changed. Undefined outside of a workspace folder, and where nothing lies beside it. */
  of(document: TextDocument): NeighbourSet | undefined {
    const root = workspace.getWorkspaceFolder(document.uri)?.uri;
    const folder = root?.toString();
    if (root === undefined || folder === undefined || !this.settings()['completions.neighbours']) return undefined;
    const open = this.openBeside(document, folder);
    const isOpen = new Set(workspace.textDocuments.map(({ uri }) => uri.toString()));
    const mayRead = (path: string, bytes: number): boolean => bytes <= MOST_CHARACTERS && refusalBy(this.settings(), { ...factsOf(document), path }) === null;
    // What was read may be excluded by now.
    const imported = this.imported.beside(document, mayRead);
    const named = new Set(imported.map(({ uri }) => uri));
    const closed = [...imported, ...this.files.beside(document, mayRead).filter(({ uri }) => !named.has(uri))].filter(({ uri, path, text }) => !isOpen.has(uri) && mayRead(path, text.length));
    const key = JSON.stringify([folder, ...open.map(({ uri, version }) => [uri.toString(), version]), ...closed.map(({ uri, version }) => [uri, version])]);
    if (this.made?.key !== key) {
      const documents = bounded(texts([...open.map((other) => () => ({ path: other.uri.path, text: other.getText() })), ...closed.map((file) => () => file)]));
      this.made = { key, set: { name: `${folder} ${++this.sets}`, folder: root.path, documents } };
    }
    return this.made.set.documents!.length > 0 ? this.made.set : undefined;
  }

  /** Visible ones first, then by when the user was there. */
  private openBeside(document: TextDocument, folder: string): TextDocument[] {
    const known = new Map(workspace.textDocuments.map((other) => [other.uri.toString(), other]));
    const uris = new Set([...window.visibleTextEditors.map((editor) => editor.document.uri.toString()), ...this.recent]);
    uris.delete(document.uri.toString());
    const found: TextDocument[] = [];
    for (const uri of uris) {
      const other = known.get(uri);
      if (!other || other.uri.scheme !== document.uri.scheme || !isRelated(document.languageId, other.languageId)) continue;
      if (workspace.getWorkspaceFolder(other.uri)?.uri.toString() !== folder || refusalBy(this.settings(), factsOf(other)) !== null) continue;
      if (found.push(other) === MOST_DOCUMENTS) break;
    }
    return found;
  }

  private visited(editor: TextEditor | undefined): void {
    if (!editor) return;
    const uri = editor.document.uri.toString();
    this.recent = [uri, ...this.recent.filter((other) => other !== uri)].slice(0, MOST_RECENT);
  }
}

function* texts(documents: readonly (() => NeighbourDocument)[]): Generator<NeighbourDocument> {
  for (const document of documents) yield document();
}
