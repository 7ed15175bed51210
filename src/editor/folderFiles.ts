// Files of a document's own folder that nobody has opened, read through VS Code and never while somebody waits.
import { FileType, Uri, workspace, type TextDocument } from 'vscode';
import { posix } from 'node:path';
import { besideFile } from '../completion/beside.ts';
import type { Clock } from '../completion/source.ts';
import { MOST_CHARACTERS, MOST_DOCUMENTS } from '../session/neighbourSet.ts';
import { wideEncoding } from '../shared/encoding.ts';

/** Reading what a virtual file system holds may mean fetching it from somewhere; these are disks. */
const DISKS = new Set(['file', 'vscode-remote']);
/** Before the folder is looked at again. */
const REFRESH_MS = 10_000;

export interface FolderFile {
  readonly uri: string;
  readonly path: string;
  /** Changes with the text: time of change and bytes. */
  readonly version: string;
  readonly text: string;
}

export class FolderFiles {
  /** Of the one folder that was last asked for. */
  private folder = '';
  private files: FolderFile[] = [];
  private lookedAt = -Infinity;
  private looking = false;

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  /** What is known of the folder by now. `mayRead`: of a path and its bytes. None in Restricted Mode. */
  beside(document: TextDocument, mayRead: (path: string, bytes: number) => boolean): readonly FolderFile[] {
    const { uri } = document;
    if (!workspace.isTrusted || !DISKS.has(uri.scheme)) return [];
    const folder = uri.with({ path: posix.dirname(uri.path) });
    if (folder.toString() !== this.folder) {
      this.folder = folder.toString();
      this.files = [];
      this.lookedAt = -Infinity;
    }
    if (!this.looking && this.clock.now() - this.lookedAt >= REFRESH_MS) void this.look(folder, document, mayRead);
    return this.files;
  }

  private async look(folder: Uri, { uri, languageId }: TextDocument, mayRead: (path: string, bytes: number) => boolean): Promise<void> {
    this.looking = true;
    this.lookedAt = this.clock.now();
    try {
      // Exactly a file: a link may lead out of the workspace.
      const names = (await workspace.fs.readDirectory(folder)).filter(([, type]) => type === FileType.File).map(([name]) => name);
      const found: FolderFile[] = [];
      let room = MOST_CHARACTERS;
      for (const name of besideFile(uri.path, languageId, names)) {
        if (found.length === MOST_DOCUMENTS || room <= 0 || folder.toString() !== this.folder) break;
        const file = await this.read(Uri.joinPath(folder, name), mayRead);
        if (!file) continue;
        found.push(file);
        room -= file.text.length;
      }
      if (folder.toString() === this.folder) this.files = found;
    } catch {
      // A folder that cannot be listed has no neighbours.
    } finally {
      this.looking = false;
    }
  }

  /** From memory where it did not change; null where it may not or cannot be read. */
  private async read(uri: Uri, mayRead: (path: string, bytes: number) => boolean): Promise<FolderFile | null> {
    try {
      const { mtime, size } = await workspace.fs.stat(uri);
      if (!mayRead(uri.path, size)) return null;
      const version = `${mtime} ${size}`;
      const known = this.files.find((file) => file.uri === uri.toString() && file.version === version);
      if (known) return known;
      const bytes = await workspace.fs.readFile(uri);
      if (wideEncoding(bytes)) return null;
      const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      return { uri: uri.toString(), path: uri.path, version, text };
    } catch {
      return null;
    }
  }
}
