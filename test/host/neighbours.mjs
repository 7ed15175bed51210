// What another file says takes part in the ghost text of this one, and "Show Last Prompt" names it.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { check } from './checks.mjs';
import { requests } from './ghostText.mjs';
import { hole } from './samples.mjs';
import { listShut } from './selectors.mjs';

/** Names that no model knows, so that nothing but the other file can bring them. */
const call = 'await ledger.recordParcel(parcel.waybill, parcel.grossWeight);';
const other = `import { ledger } from './ledger';

export async function dispatch(parcels: Parcel[]): Promise<void> {
  for (const parcel of parcels) {
    ${call}
  }
}

export async function resend(parcels: Parcel[]): Promise<void> {
  for (const parcel of parcels) {
    ${call}
  }
}
`;
const own = `import { ledger } from './ledger';

export async function receive(parcels: Parcel[]): Promise<void> {
  for (const parcel of parcels) {
${hole}
  }
}
`;
const typed = '    await ledger.';
const expected = call.slice(typed.trimStart().length);
const setting = 'deltallm.completions.neighbours';

/** @param {import('./session.mjs').Session} session @param {import('./editorWindow.mjs').EditorWindow} window */
export async function neighbours({ place }, window) {
  const [head, tail] = own.split(hole);
  /** The ghost text in a new file of a folder of its own, the other file open beside it or not. @param {string} folder @param {boolean} taking @param {boolean} isOpen */
  const ghostIn = async (folder, taking, isOpen) => {
    mkdirSync(join(place.workspace, folder));
    writeFileSync(join(place.workspace, folder, 'dispatch.ts'), other);
    writeFileSync(join(place.workspace, folder, 'receive.ts'), head + tail);
    await window.set({ [setting]: taking });
    if (isOpen) await window.open(`${folder}/dispatch.ts`);
    await window.open(`${folder}/receive.ts`, { line: head.split('\n').length, column: 1 });
    await window.inside((_, seen) => void (seen.log.length = 0));
    await window.type(typed);
    await window.until(async () => (await window.document()).before.endsWith(typed), 'every key has arrived');
    // Files of the folder are read behind the first request: the next key has them.
    if (!isOpen && taking) {
      await window.pause(1500);
      await window.press('Backspace');
      await window.type('.');
    }
    await window.pause(300);
    await window.execute('deltallm.completions.trigger');
    return window.awaitGhost();
  };

  await window.set({ ...listShut, 'deltallm.completions.eagerness': 'high' });
  const alone = await ghostIn('alone', false, true);
  check(!alone.startsWith('recordParcel'), 'without neighbours nothing of another file shows', [JSON.stringify(alone)]);
  await window.closeEditors();
  const beside = await ghostIn('beside', true, true);
  check(beside === expected, 'ghost text says what the file beside says', [JSON.stringify(beside), ...(await requests(window))]);
  await window.execute('deltallm.showLastPrompt');
  await window.until(() => window.inside((vscode) => vscode.window.activeTextEditor?.document.uri.scheme === 'deltallm'), 'the last prompt shows');
  const { text } = await window.document();
  check(/^\+ .*beside\/dispatch\.ts$/m.test(text), '"Show Last Prompt" names that file', [text.slice(0, 600)]);
  await window.closeEditors();
  await importedFile(window, place.workspace);
  const closed = await ghostIn('closed', true, false);
  check(closed === expected, 'ghost text says what a closed file of the folder says', [JSON.stringify(closed), ...(await requests(window))]);
  await window.closeEditors();
  await window.reset({ ...listShut, 'deltallm.completions.eagerness': undefined });
  await window.set({ [setting]: false });
}

/**
 * A closed file of another folder that this one imports from: the language service names it. It takes a while to start, and is asked again then.
 * @param {import('./editorWindow.mjs').EditorWindow} window @param {string} workspace
 */
async function importedFile(window, workspace) {
  for (const folder of ['office', 'desk']) mkdirSync(join(workspace, folder));
  writeFileSync(join(workspace, 'office', 'dispatch.ts'), other);
  const [head, tail] = own.replace("import { ledger } from './ledger'", "import { dispatch } from '../office/dispatch'").split(hole);
  writeFileSync(join(workspace, 'desk', 'receive.ts'), head + tail);
  await window.open('desk/receive.ts', { line: head.split('\n').length, column: 1 });
  await window.type(typed);
  let ghost = '';
  for (let tries = 0; tries < 12 && ghost !== expected; tries++) {
    await window.pause(2500);
    await window.press('Backspace');
    await window.type('.');
    await window.pause(300);
    await window.execute('deltallm.completions.trigger');
    ghost = await window.awaitGhost();
  }
  check(ghost === expected, 'ghost text says what a closed file of another folder says that this one imports from', [JSON.stringify(ghost), ...(await requests(window))]);
  await window.closeEditors();
}
