// A link in an answer that was clicked. What a model writes is trusted with nothing: a page of the web after VS Code's own question, a file of the workspace,
// and no third thing.
import { env, FileType, Selection, Uri, window, workspace } from 'vscode';

/** Longer addresses carry something away. */
const MOST_CHARACTERS = 2000;

/** True where something was opened. */
export async function openLink(href: string): Promise<boolean> {
  if (href.length > MOST_CHARACTERS || /[\u0000-\u001f\u007f]/.test(href)) return false;
  if (/^https?:\/\/[^/\s]/i.test(href)) return env.openExternal(Uri.parse(href, true));
  const place = placeIn(href);
  if (!place) return false;
  for (const folder of workspace.workspaceFolders ?? []) {
    const uri = Uri.joinPath(folder.uri, ...place.names);
    if (!(await isFile(uri))) continue;
    const line = Math.max(0, (place.line ?? 1) - 1);
    await window.showTextDocument(uri, { preview: true, ...(place.line === null ? {} : { selection: new Selection(line, 0, line, 0) }) });
    return true;
  }
  return false;
}

/** "src/engine.ts#L40", "./src/engine.ts:40" and "src/engine.ts" as names below a folder; null for what leads out of it or is no path. */
function placeIn(href: string): { names: string[]; line: number | null } | null {
  const [, path = '', line] = /^([^#?]*?)(?:(?:#L|:)(\d{1,7})(?:[-:]\S*)?)?$/.exec(href) ?? [];
  let decoded: string;
  try {
    decoded = decodeURIComponent(path).replaceAll('\\', '/');
  } catch {
    return null;
  }
  if (decoded.startsWith('/') || decoded.includes(':') || /[\u0000-\u001f]/.test(decoded)) return null;
  const names = decoded.split('/').filter((name) => name !== '' && name !== '.');
  return names.length === 0 || names.includes('..') ? null : { names, line: line === undefined ? null : Number(line) };
}

async function isFile(uri: Uri): Promise<boolean> {
  try {
    return ((await workspace.fs.stat(uri)).type & FileType.File) !== 0;
  } catch {
    return false;
  }
}
