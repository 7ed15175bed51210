// What may go with a question: the rules are those of completions, whatever is switched off there. Each text comes with the reason where it may not.
import { extname } from 'node:path/posix';
import { FileType, l10n, workspace, type TextDocument, type Uri } from 'vscode';
import { MOST_CHARACTERS, refusal } from '../../completion/eligible.ts';
import type { Refusal } from '../../completion/request.ts';
import { factsOf } from '../place.ts';

export type Excluded = () => readonly string[];

/** A text that was read, or one sentence why not. */
export type Attachable = { text: string; language: string } | { refused: string };

const sentences: Record<Refusal, () => string> = {
  disabled: () => l10n.t('This kind of document is never read.'),
  scheme: () => l10n.t('This kind of document is never read.'),
  excluded: () => l10n.t('It is never read: it may hold secrets, or your settings exclude it.'),
  tooLarge: () => l10n.t('It is too large.'),
};

/** Null for a document that may be read. */
export function refusedDocument(document: TextDocument, excluded: Excluded): string | null {
  const reason = refusal(factsOf(document), { enabled: true, languages: {}, exclude: excluded() });
  return reason && sentences[reason]();
}

/** Null for a file that may be read, as far as its name and its size say. */
export function refusedPath(uri: Uri, excluded: Excluded, bytes = 0): string | null {
  const reason = refusal({ scheme: uri.scheme, path: uri.path, languageId: '', characters: bytes }, { enabled: true, languages: {}, exclude: excluded() });
  return reason && sentences[reason]();
}

/** As it is open in the editor, or else as it lies on the disk. Never a secret, whatever its document would be. */
export async function readFile(uri: Uri, excluded: Excluded): Promise<Attachable> {
  const open = workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  if (open) {
    const refused = refusedDocument(open, excluded);
    return refused === null ? { text: open.getText(), language: open.languageId } : { refused };
  }
  try {
    const { size, type } = await workspace.fs.stat(uri);
    if ((type & FileType.File) === 0) return { refused: l10n.t('It is no file.') };
    const refused = refusedPath(uri, excluded, size);
    if (refused !== null) return { refused };
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await workspace.fs.readFile(uri));
    if (text.includes('\0') || text.length > MOST_CHARACTERS) return { refused: l10n.t('It is no text.') };
    return { text, language: extname(uri.path).slice(1) };
  } catch (thrown) {
    return { refused: thrown instanceof TypeError ? l10n.t('It is no text.') : l10n.t('It cannot be read.') };
  }
}

/** As the user knows it. */
export const pathOf = (uri: Uri): string => workspace.asRelativePath(uri, (workspace.workspaceFolders?.length ?? 0) > 1);
export const nameOf = (uri: Uri): string => uri.path.slice(uri.path.lastIndexOf('/') + 1);
