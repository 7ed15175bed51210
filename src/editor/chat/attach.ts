// The "+" beside the input: what is selected, files, open editors and problems become texts that go with the question.
import { DiagnosticSeverity, l10n, languages, TabInputText, window, workspace, type QuickPickItem, type TextDocument, type TextEditor, type Uri } from 'vscode';
import type { Range } from 'vscode';
import { codeText, problemsText, type Problem } from '../../chat/attachments.ts';
import type { AttachmentView } from '../../shared/chatProtocol.ts';
import { nameOf, pathOf, readFile, refusedDocument, refusedPath, type Attachable, type Excluded } from './attachable.ts';

/** Besides what VS Code's own settings hide. */
const NOT_LISTED = '**/{node_modules,bower_components,.venv,__pycache__}/**';
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

interface Place {
  lines?: { first: number; last: number };
  symbol?: string;
}

/** Refused ones have no text. */
function attached(kind: Attached['kind'], uri: Uri, read: Attachable, { lines, symbol }: Place = {}): Attached {
  const label = lines ? `${nameOf(uri)}:${lines.first === lines.last ? lines.first : `${lines.first}–${lines.last}`}` : nameOf(uri);
  const common = { id: newId(), kind, label, detail: pathOf(uri), uri: uri.toString() };
  if ('refused' in read) return { ...common, text: '', refused: read.refused };
  return { ...common, text: codeText({ path: pathOf(uri), ...read, ...(lines && { lines }), ...(symbol && { symbol }) }), refused: null };
}

const newId = (): string => `a${Date.now().toString(36)}${++ids}`;

/** A file that is open says what it says now; what was selected of it stays as it was. */
export function asOpen({ kind, uri }: Attached): string | null {
  const document = kind === 'file' ? workspace.textDocuments.find((open) => open.uri.toString() === uri) : undefined;
  return document ? codeText({ path: pathOf(document.uri), language: document.languageId, text: document.getText() }) : null;
}

/** "engine.ts:40–92", by whole lines. */
export function rangeAttachment(document: TextDocument, range: Range, kind: 'selection' | 'symbol', excluded: Excluded, symbol?: string | null): Attached {
  const refused = refusedDocument(document, excluded);
  const last = range.end.character === 0 && range.end.line > range.start.line ? range.end.line - 1 : range.end.line;
  const read = refused === null ? { text: document.getText(range), language: document.languageId } : { refused };
  return attached(kind, document.uri, read, { lines: { first: range.start.line + 1, last: last + 1 }, ...(symbol && { symbol }) });
}

export const fileAttachment = async (uri: Uri, excluded: Excluded): Promise<Attached> => attached('file', uri, await readFile(uri, excluded));

const severities: Partial<Record<DiagnosticSeverity, Problem['severity']>> = { [DiagnosticSeverity.Error]: 'error', [DiagnosticSeverity.Warning]: 'warning' };

/** Errors and warnings of a document within its lines; null where VS Code knows of none. */
export function problemsOf(uri: Uri, within?: Range): Problem[] {
  return languages.getDiagnostics(uri)
    .filter(({ range: { start, end } }) => !within || (start.line <= within.end.line && end.line >= within.start.line))
    .sort((a, b) => a.severity - b.severity)
    .flatMap(({ message, range, severity, source }) => {
      const known = severities[severity];
      return known ? [{ line: range.start.line + 1, severity: known, message, ...(source ? { source } : {}) }] : [];
    });
}

/** What VS Code has found wrong everywhere, in files that may be read. */
export function problemsAttachment(excluded: Excluded): Attached | null {
  const parts: string[] = [];
  let left = MOST_PROBLEMS;
  for (const [uri] of languages.getDiagnostics()) {
    const document = workspace.textDocuments.find((open) => open.uri.toString() === uri.toString());
    if (left <= 0 || (document ? refusedDocument(document, excluded) : refusedPath(uri, excluded)) !== null) continue;
    const problems = problemsOf(uri).slice(0, left);
    left -= problems.length;
    if (problems.length > 0) parts.push(problemsText(pathOf(uri), problems));
  }
  return parts.length === 0 ? null : { id: newId(), kind: 'problems', label: l10n.t('Problems'), detail: '', uri: '', text: parts.join('\n\n'), refused: null };
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
  choices.push({ label: l10n.t('Files…'), make: async () => pickFiles(await workspace.findFiles('**/*', NOT_LISTED, MOST_FILES), excluded) });
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
