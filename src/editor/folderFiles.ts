// Files of a document's own folder that nobody has opened, read through VS Code and never while somebody waits.
import { FileType, Uri, workspace, type TextDocument } from 'vscode';
import { posix } from 'node:path';
import { besideFile } from '../completion/beside.ts';
import type { Clock } from '../completion/source.ts';
import { MOST_CHARACTERS, MOST_DOCUMENTS } from '../session/neighbourSet.ts';
import { mayLookBeside, readDiskFile, type DiskFile, type MayRead } from './diskFile.ts';

/** Before the folder is looked at again. */
const REFRESH_MS = 10_000;

export class FolderFiles {
  /** Of the one folder that was last asked for. */
  private folder = '';
  private files: DiskFile[] = [];
  private lookedAt = -Infinity;
  private looking = false;

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  /** What is known of the folder by now. `mayRead`: of a path and its bytes. None in Restricted Mode. */
  beside(document: TextDocument, mayRead: MayRead): readonly DiskFile[] {
    const { uri } = document;
    if (!mayLookBeside(uri)) return [];
    const folder = uri.with({ path: posix.dirname(uri.path) });
    if (folder.toString() !== this.folder) {
      this.folder = folder.toString();
      this.files = [];
      this.lookedAt = -Infinity;
    }
    if (!this.looking && this.clock.now() - this.lookedAt >= REFRESH_MS) void this.look(folder, document, mayRead);
    return this.files;
  }

  private async look(folder: Uri, { uri, languageId }: TextDocument, mayRead: MayRead): Promise<void> {
    this.looking = true;
    this.lookedAt = this.clock.now();
    try {
      // Exactly a file: a link may lead out of the workspace.
      const names = (await workspace.fs.readDirectory(folder)).filter(([, type]) => type === FileType.File).map(([name]) => name);
      const found: DiskFile[] = [];
      let room = MOST_CHARACTERS;
      for (const name of besideFile(uri.path, languageId, names)) {
        if (found.length === MOST_DOCUMENTS || room <= 0 || folder.toString() !== this.folder) break;
        const file = await readDiskFile(Uri.joinPath(folder, name), mayRead, this.files);
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
}
