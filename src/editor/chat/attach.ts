// The "+" beside the input: what is selected, files, open editors and problems become texts that go with the question.
import { DiagnosticSeverity, l10n, languages, TabInputText, window, workspace, type Diagnostic, type QuickPickItem, type TextDocument, type TextEditor, type Uri } from 'vscode';
import type { Range } from 'vscode';
import { attachmentText } from '../../chat/attachments.ts';
import type { AttachmentView } from '../../shared/chatProtocol.ts';
import { nameOf, pathOf, readFile, refusedDocument, refusedPath, type Attachable, type Excluded } from './attachable.ts';

/** The list of files to choose from; who has more types a part of the name into VS Code's own search first. */
const MOST_FILES = 20_000;
const MOST_PROBLEMS = 100;

/** A text that may go with a question, or why not. */
export interface Attached {
  id: string;
  kind: AttachmentView['kind'];
  label: string;
  detail: string;
  /** Of the document. */
  uri: string;
  /** As the model reads it. */
  text: string;
  refused: string | null;
}

let ids = 0;

/** Refused ones have no text. */
const attached = (kind: Attached['kind'], label: string, uri: Uri, read: Attachable): Attached => {
  const common = { id: `a${Date.now().toString(36)}${++ids}`, kind, label, detail: pathOf(uri), uri: uri.toString() };
  return 'refused' in read ? { ...common, text: '', refused: read.refused } : { ...common, text: textOf(kind, label, uri, read), refused: null };
};

const textOf = (kind: Attached['kind'], label: string, uri: Uri, { text, language }: { text: string; language: string }): string => attachmentText({ kind, label, detail: pathOf(uri), language, text });

/** A file that is open says what it says now; what was selected of it stays as it was. */
export function asOpen({ kind, label, uri }: Attached): string | null {
  const document = kind === 'file' ? workspace.textDocuments.find((open) => open.uri.toString() === uri) : undefined;
  return document ? textOf(kind, label, document.uri, { text: document.getText(), language: document.languageId }) : null;
}

/** "engine.ts:40–92", by whole lines. */
export function rangeAttachment(document: TextDocument, range: Range, kind: 'selection' | 'symbol', excluded: Excluded): Attached {
  const refused = refusedDocument(document, excluded);
  const last = range.end.character === 0 && range.end.line > range.start.line ? range.end.line - 1 : range.end.line;
  const lines = last === range.start.line ? `${last + 1}` : `${range.start.line + 1}–${last + 1}`;
  const read = refused === null ? { text: document.getText(range), language: document.languageId } : { refused };
  return attached(kind, `${nameOf(document.uri)}:${lines}`, document.uri, read);
}

export const fileAttachment = async (uri: Uri, excluded: Excluded): Promise<Attached> => attached('file', nameOf(uri), uri, await readFile(uri, excluded));

/** What VS Code has found wrong in a document, or everywhere. Those of files that may not be read are not told. */
export function problemsAttachment(excluded: Excluded, only?: Uri): Attached | null {
  const all: [Uri, readonly Diagnostic[]][] = only ? [[only, languages.getDiagnostics(only)]] : [...languages.getDiagnostics()];
  const lines: string[] = [];
  for (const [uri, diagnostics] of all) {
    const document = workspace.textDocuments.find((open) => open.uri.toString() === uri.toString());
    if ((document ? refusedDocument(document, excluded) : refusedPath(uri, excluded)) !== null) continue;
    for (const { message, range, severity, source } of [...diagnostics].sort((a, b) => a.severity - b.severity)) {
      if (severity > DiagnosticSeverity.Warning) continue;
      const said = document?.lineAt(Math.min(range.start.line, document.lineCount - 1)).text.trim() ?? '';
      lines.push(`${pathOf(uri)}:${range.start.line + 1}: ${severity === DiagnosticSeverity.Error ? 'error' : 'warning'}: ${message.replace(/\s+/g, ' ')}${source ? ` (${source})` : ''}${said === '' ? '' : `\n    ${said}`}`);
      if (lines.length >= MOST_PROBLEMS) break;
    }
    if (lines.length >= MOST_PROBLEMS) break;
  }
  if (lines.length === 0) return null;
  const where = only ?? all.find(([, diagnostics]) => diagnostics.length > 0)![0];
  const label = only ? l10n.t('Problems of {0}', nameOf(only)) : l10n.t('Problems');
  return { ...attached('problems', label, where, { text: lines.join('\n'), language: '' }), detail: only ? pathOf(only) : '' };
}

type Choice = QuickPickItem & { make: () => Promise<(Attached | null)[]> };

/** Asks what, and gives it. */
export async function chooseAttachments(excluded: Excluded): Promise<Attached[]> {
  const editor = window.activeTextEditor;
  const choices: Choice[] = [];
  if (editor && !editor.selection.isEmpty) {
    choices.push({ label: l10n.t('Selection'), description: rangeAttachment(editor.document, editor.selection, 'selection', excluded).label, make: async () => [selection(editor, excluded)] });
  }
  if (editor) choices.push({ label: l10n.t('This file'), description: nameOf(editor.document.uri), make: async () => [await fileAttachment(editor.document.uri, excluded)] });
  choices.push({ label: l10n.t('Files…'), make: async () => pickFiles(await workspace.findFiles('**/*', undefined, MOST_FILES), excluded) });
  const open = openFiles();
  if (open.length > 0) choices.push({ label: l10n.t('Open editors…'), description: String(open.length), make: () => pickFiles(open, excluded) });
  choices.push({ label: l10n.t('Problems'), make: async () => [problemsOrSay(excluded)] });
  const chosen = await window.showQuickPick(choices, { title: l10n.t('Attach to the question'), placeHolder: l10n.t('What shall go with it?'), matchOnDescription: true });
  return ((await chosen?.make()) ?? []).filter((one) => one !== null);
}

const selection = ({ document, selection: range }: TextEditor, excluded: Excluded): Attached => rangeAttachment(document, range, 'selection', excluded);

function problemsOrSay(excluded: Excluded): Attached | null {
  const problems = problemsAttachment(excluded);
  if (!problems) void window.showInformationMessage(l10n.t('VS Code knows of no problems.'));
  return problems;
}

function openFiles(): Uri[] {
  const uris = window.tabGroups.all.flatMap(({ tabs }) => tabs.flatMap(({ input }) => (input instanceof TabInputText ? [input.uri] : [])));
  return [...new Map(uris.map((uri) => [uri.toString(), uri])).values()];
}

async function pickFiles(uris: readonly Uri[], excluded: Excluded): Promise<Attached[]> {
  const items = uris.map((uri) => ({ label: nameOf(uri), description: pathOf(uri), uri })).sort((a, b) => (a.description < b.description ? -1 : 1));
  const chosen = await window.showQuickPick(items, { title: l10n.t('Files to attach'), canPickMany: true, matchOnDescription: true });
  return Promise.all((chosen ?? []).map(({ uri }) => fileAttachment(uri, excluded)));
}
