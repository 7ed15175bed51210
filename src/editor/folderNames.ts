// The names in the folders around a document, listed through VS Code and kept until something comes or goes there.
import { FileType, Uri, workspace, type Disposable, type TextDocument } from 'vscode';
import { posix } from 'node:path';
import type { Folder } from '../completion/existing.ts';

/** Listing what a virtual file system holds may mean fetching it from somewhere; these are disks. */
const DISKS = new Set(['file', 'vscode-remote']);
/** Folders that are kept; those asked for longest ago go first. */
const MOST_FOLDERS = 200;
/** A folder with more names is data. */
const MOST_NAMES = 5000;
/** Folders beside and below that are listed before anybody asks for them. */
const MOST_AHEAD = 24;
/** Of these there are too many, and nobody names them by a path. */
const UNLISTED = /(?:^|\/)(?:node_modules|\.git)(?:\/|$)/;

export class FolderNames implements Disposable {
  /** By URI. */
  private readonly folders = new Map<string, Folder>();
  /** Folders of documents, by URI, whose surroundings have been asked for; they are asked for again when something comes or goes anywhere. */
  private readonly ahead = new Set<string>();
  private watching: Disposable[] = [];

  /** `mayName`: which files may be named in a document at all. */
  constructor(private readonly mayName: (beside: TextDocument) => (path: string) => boolean) {}

  dispose(): void {
    for (const part of this.watching) part.dispose();
  }

  /** What may be named is something else now. */
  clear(): void {
    this.folders.clear();
    this.ahead.clear();
  }

  /** What is in a folder by its path from the document's own. What is nobody's business is not known: outside the workspace folder, in Restricted Mode. */
  of(document: TextDocument, path: string): Folder {
    const root = workspace.getWorkspaceFolder(document.uri)?.uri;
    if (!root || !workspace.isTrusted || !DISKS.has(document.uri.scheme)) return undefined;
    const folder = parentOf(document.uri).with({ path: posix.resolve(posix.dirname(document.uri.path), path) });
    if ((folder.path !== root.path && !folder.path.startsWith(`${root.path}/`)) || UNLISTED.test(folder.path.slice(root.path.length))) return undefined;
    if (!this.folders.has(folder.toString())) void this.list(folder, document);
    return this.folders.get(folder.toString());
  }

  /** Lists what a text in this document may name, so that it is known when one does. */
  listAhead(document: TextDocument): void {
    const here = parentOf(document.uri).toString();
    if (this.ahead.has(here)) return;
    const around = ['', '..'].map((path) => [path, this.of(document, path)] as const);
    if (around.every(([, names]) => names instanceof Set || names === null)) this.ahead.add(here);
    for (const [path, names] of around) {
      const ahead = (names instanceof Set ? [...names] : []).filter((name) => name.endsWith('/')).slice(0, MOST_AHEAD);
      for (const name of ahead) this.of(document, posix.join(path, name.slice(0, -1)));
    }
  }

  private async list(folder: Uri, document: TextDocument): Promise<void> {
    const key = folder.toString();
    this.watch();
    this.folders.set(key, 'listing');
    for (const oldest of this.folders.keys()) {
      if (this.folders.size <= MOST_FOLDERS) break;
      this.folders.delete(oldest);
      this.ahead.clear();
    }
    const mayName = this.mayName(document);
    const names = await workspace.fs.readDirectory(folder).then(
      (entries) => (entries.length > MOST_NAMES ? undefined : new Set(entries.flatMap(([name, type]) => (type & FileType.Directory ? [`${name}/`] : mayName(`${folder.path}/${name}`) ? [name] : [])))),
      (error: { code?: string }) => (error.code === 'FileNotFound' || error.code === 'FileNotADirectory' ? null : undefined),
    );
    // Something came or went there meanwhile.
    if (this.folders.has(key)) this.folders.set(key, names);
    if (names && !document.isClosed && key === parentOf(document.uri).toString()) this.listAhead(document);
  }

  private watch(): void {
    if (this.watching.length > 0) return;
    const watcher = workspace.createFileSystemWatcher('**/*', false, true, false);
    // What is being listed may lack it, too.
    const forget = (uri: Uri): void => {
      for (const folder of [uri, parentOf(uri)]) this.folders.delete(folder.toString());
      this.ahead.clear();
    };
    this.watching = [watcher, watcher.onDidCreate(forget), watcher.onDidDelete(forget)];
  }
}

const parentOf = (uri: Uri): Uri => uri.with({ path: posix.dirname(uri.path) });
