// One moment at the cursor as plain, immutable data: what is asked about, and where the answer goes.
import { Range, workspace, type InlineCompletionContext, type Position, type TextDocument } from 'vscode';
import { refusal, type DocumentFacts } from '../completion/eligible.ts';
import type { Refusal } from '../completion/request.ts';
import type { Snapshot } from '../prompt/snapshot.ts';
import type { Settings } from './settingsTable.ts';

export interface Place {
  readonly snapshot: Snapshot;
  /** What an item replaces. */
  readonly range: Range;
  /** What an item must begin with: the selected item of IntelliSense's list. */
  readonly lead: string;
}

/** Without reading the text. */
export function factsOf(document: TextDocument): DocumentFacts {
  const characters = document.offsetAt(document.lineAt(document.lineCount - 1).range.end);
  return { scheme: document.uri.scheme, path: document.uri.path, languageId: document.languageId, characters };
}

/** Why nothing is completed in such a document; null where it is. */
export const refusalBy = (settings: Settings, facts: DocumentFacts): Refusal | null =>
  refusal(facts, { enabled: settings['completions.enabled'], languages: settings['completions.languages'], exclude: settings['completions.exclude'] });

/** Reads the text once. An item that is selected in IntelliSense's list counts as inserted. Line ends stay as they are. */
export function placeOf(document: TextDocument, position: Position, { selectedCompletionInfo: selected }: Pick<InlineCompletionContext, 'selectedCompletionInfo'>): Place {
  const text = document.getText();
  const range = selected?.range ?? new Range(position, position);
  const lead = selected?.text ?? '';
  const snapshot = Object.freeze({
    path: document.uri.path,
    uri: document.uri.toString(),
    mayBeKept: mayBeKept(document),
    languageId: document.languageId,
    before: text.slice(0, document.offsetAt(range.start)) + lead,
    after: text.slice(document.offsetAt(range.end)),
  });
  return { snapshot, range, lead };
}

/** Whether what is read of a document may lie on the disk: a file of a trusted workspace. Whatever is excluded or may hold secrets is never asked about. */
const mayBeKept = ({ uri }: TextDocument): boolean => uri.scheme === 'file' && workspace.isTrusted && workspace.getWorkspaceFolder(uri) !== undefined;
