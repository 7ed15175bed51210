// A file that nobody has opened, read through VS Code.
import { FileType, workspace, type Uri } from 'vscode';
import { wideEncoding } from '../shared/encoding.ts';

/** Reading what a virtual file system holds may mean fetching it from somewhere; these are disks. */
const DISKS = new Set(['file', 'vscode-remote']);

export interface DiskFile {
  readonly uri: string;
  readonly path: string;
  /** Changes with the text: time of change and bytes. */
  readonly version: string;
  readonly text: string;
}

/** Whether a path of so many bytes may be read. */
export type MayRead = (path: string, bytes: number) => boolean;

/** Never in Restricted Mode. */
export const mayLookBeside = ({ scheme }: Uri): boolean => workspace.isTrusted && DISKS.has(scheme);

/** From `known` where it did not change; null where it is no plain file (a link may lead out of the workspace), may not be read, or cannot. */
export async function readDiskFile(uri: Uri, mayRead: MayRead, known: readonly DiskFile[]): Promise<DiskFile | null> {
  try {
    const { type, mtime, size } = await workspace.fs.stat(uri);
    if (type !== FileType.File || !mayRead(uri.path, size)) return null;
    const version = `${mtime} ${size}`;
    const same = known.find((file) => file.uri === uri.toString() && file.version === version);
    if (same) return same;
    const bytes = await workspace.fs.readFile(uri);
    if (wideEncoding(bytes)) return null;
    return { uri: uri.toString(), path: uri.path, version, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return null;
  }
}
