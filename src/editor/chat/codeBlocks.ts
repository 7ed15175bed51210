// What is done with a code block of an answer: it is copied, inserted at the cursor, or proposed as a change of the file in the editor.
import { env, l10n, window, type TextEditor } from 'vscode';
import { applied } from '../../chat/applyEdit.ts';
import type { Proposals } from './proposals.ts';

const MESSAGE_MS = 4000;

export async function copyText(text: string): Promise<void> {
  await env.clipboard.writeText(text);
  window.setStatusBarMessage(l10n.t('Copied.'), MESSAGE_MS);
}

/** Takes the place of what is selected: one edit, one undo. */
export async function insertAtCursor(text: string): Promise<void> {
  const editor = editorAtHand();
  if (!editor) return;
  const done = await editor.edit((edit) => {
    for (const selection of editor.selections) edit.replace(selection, text);
  });
  if (!done) void window.showWarningMessage(l10n.t('VS Code did not let the file be changed.'));
}

/** Opens the diff of what the block makes of the file. */
export async function propose(text: string, proposals: Proposals): Promise<void> {
  const editor = editorAtHand();
  if (!editor) return;
  const { document, selection } = editor;
  const base = document.getText();
  const result = applied(base, text, selection.isEmpty ? null : { start: document.offsetAt(selection.start), end: document.offsetAt(selection.end) });
  if (result === base) return void window.showInformationMessage(l10n.t('The file says this already.'));
  await proposals.show(document, result);
}

/** The editor that was used last; says so where there is none. */
function editorAtHand(): TextEditor | undefined {
  const editor = window.activeTextEditor;
  if (!editor) void window.showInformationMessage(l10n.t('Open the file first that the code is for.'));
  return editor;
}
