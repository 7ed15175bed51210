// Files that a document imports from, found by the language service, never waited for: whole where they are small, otherwise the declarations that are used.
import { commands, Position, Range, workspace, type Location, type LocationLink, type TextDocument, type Uri } from 'vscode';
import { isRelated } from '../completion/beside.ts';
import { declarationsOf, importedNames, type ImportedName } from '../completion/imports.ts';
import type { Clock } from '../completion/source.ts';
import { MOST_DOCUMENTS } from '../session/neighbourSet.ts';
import { languageOf } from '../shared/languages.ts';
import { mayLookBeside, readDiskFile, type DiskFile, type MayRead } from './diskFile.ts';

const COMMAND = 'vscode.executeDefinitionProvider';
/** Milliseconds that a document's names may take together; a service that takes longer is busy, or has only just started, and is left alone for a while. */
const LIMIT_MS = 2000;
/** Before a document's names are looked at again, and before a busy service is asked again. */
const REST_MS = 10_000;
/** Imports stand in the first lines. */
const BEGINNING = new Range(0, 0, 400, 0);
/** A larger file stands there with its declarations only. */
const WHOLE_CHARACTERS = 16_000;

/** A file, and the lines on which what is imported is declared. */
interface Target {
  uri: Uri;
  lines: number[];
}

/** What was asked about a document. */
interface Asked {
  uri: string;
  version: number;
  names: string;
  /** All names were answered, and something was found: a service that has only just started finds nothing yet. */
  isComplete: boolean;
}

export class ImportedFiles {
  /** Of the one document that was last asked for. */
  private asked: Asked = { uri: '', version: -1, names: '', isComplete: false };
  private files: readonly DiskFile[] = [];
  /** As they were read. */
  private read: readonly DiskFile[] = [];
  private looksAgainAt = -Infinity;
  private restsUntil = -Infinity;
  private isLooking = false;

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  /** What is known by now. None in Restricted Mode. */
  beside(document: TextDocument, mayRead: MayRead): readonly DiskFile[] {
    if (!mayLookBeside(document.uri)) return [];
    const uri = document.uri.toString();
    if (uri !== this.asked.uri) {
      this.asked = { uri, version: -1, names: '', isComplete: false };
      this.files = [];
      this.looksAgainAt = -Infinity;
    }
    const now = this.clock.now();
    if (!this.isLooking && now >= this.looksAgainAt && now >= this.restsUntil && (document.version !== this.asked.version || !this.asked.isComplete)) void this.look(document, mayRead);
    return this.files;
  }

  private async look(document: TextDocument, mayRead: MayRead): Promise<void> {
    this.isLooking = true;
    this.looksAgainAt = this.clock.now() + REST_MS;
    const uri = document.uri.toString();
    const { version } = document;
    const isWanted = () => this.asked.uri === uri;
    try {
      const imported = importedNames(document.getText(BEGINNING), document.languageId);
      const names = JSON.stringify(imported);
      if (names !== this.asked.names || !this.asked.isComplete) {
        const { targets, isComplete } = await this.targetsOf(document, imported, isWanted);
        const read: DiskFile[] = [];
        const files: DiskFile[] = [];
        for (const target of targets) {
          const file = await readDiskFile(target.uri, mayRead, this.read);
          if (!file || !isRelated(document.languageId, languageOf(file.path, file.text))) continue;
          read.push(file);
          files.push(file.text.length <= WHOLE_CHARACTERS ? file : { ...file, version: `${file.version} ${target.lines.join()}`, text: declarationsOf(file.text, target.lines) });
        }
        if (!isWanted()) return;
        [this.files, this.read] = [files, read];
        this.asked = { uri, version, names, isComplete: isComplete && (targets.length > 0 || imported.length === 0) };
      } else if (isWanted()) this.asked.version = version;
    } catch {
      // A service that fails has found nothing.
      this.restsUntil = this.clock.now() + REST_MS;
    } finally {
      this.isLooking = false;
    }
  }

  /** Where the names are declared, of the document's own workspace folder, by file. */
  private async targetsOf(document: TextDocument, names: readonly ImportedName[], isWanted: () => boolean): Promise<{ targets: Target[]; isComplete: boolean }> {
    const folder = workspace.getWorkspaceFolder(document.uri)?.uri.toString();
    const targets = new Map<string, Target>();
    const began = this.clock.now();
    for (const { line, character } of names) {
      if (!isWanted()) return { targets: [], isComplete: false };
      const found = await commands.executeCommand<(Location | LocationLink)[] | undefined>(COMMAND, document.uri, new Position(line, character));
      for (const place of found ?? []) {
        const [uri, { start }] = 'targetUri' in place ? [place.targetUri, place.targetRange] : [place.uri, place.range];
        if (uri.scheme !== document.uri.scheme || uri.toString() === document.uri.toString() || workspace.getWorkspaceFolder(uri)?.uri.toString() !== folder) continue;
        const known = targets.get(uri.toString());
        if (known) known.lines.push(start.line);
        else if (targets.size < MOST_DOCUMENTS) targets.set(uri.toString(), { uri, lines: [start.line] });
      }
      if (this.clock.now() - began <= LIMIT_MS) continue;
      this.restsUntil = this.clock.now() + REST_MS;
      return { targets: [...targets.values()], isComplete: false };
    }
    return { targets: [...targets.values()], isComplete: true };
  }
}
