// What is done with a code block of an answer: it is copied, inserted at the cursor, or proposed as a change of the file in the editor.
import { env, l10n, window, type TextEditor } from 'vscode';
import { applyEdit, type ApplyRefusal } from '../../chat/applyEdit.ts';
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

const refusals: Record<ApplyRefusal, () => string> = {
  empty: () => l10n.t('There is no code in this block.'),
  noPlace: () => l10n.t('It is not clear where in the file this belongs: select what it shall replace, or insert it at the cursor.'),
  severalPlaces: () => l10n.t('There are several places in the file where this could belong: select the one that it shall replace.'),
  unclearRest: () => l10n.t('It is not clear what the parts that were left out stand for: insert what you need at the cursor.'),
};

/** Opens the diff of what the block makes of the file. */
export async function propose(block: string, proposals: Proposals): Promise<void> {
  const editor = editorAtHand();
  if (!editor) return;
  const { document, selection } = editor;
  const text = document.getText();
  const result = applyEdit({ document: text, block, ...(selection.isEmpty ? {} : { selection: { start: document.offsetAt(selection.start), end: document.offsetAt(selection.end) } }) });
  if (result.how === 'refused') return void window.showWarningMessage(refusals[result.reason]());
  if (result.text === text) return void window.showInformationMessage(l10n.t('The file says this already.'));
  await proposals.show(document, result.text);
}

/** The editor that was used last; says so where there is none. */
function editorAtHand(): TextEditor | undefined {
  const editor = window.activeTextEditor;
  if (!editor) void window.showInformationMessage(l10n.t('Open the file first that the code is for.'));
  return editor;
}
