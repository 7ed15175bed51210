// The text of a source file as an editor would show it: decoded, without a byte order mark, and the place of a line and column in it.
import { isUtf8 } from 'node:buffer';
import { DeltaError } from '../shared/errors.ts';
import { wideEncoding } from '../shared/encoding.ts';
import { languageOf } from '../shared/languages.ts';
import type { Snapshot } from '../prompt/snapshot.ts';

const BYTE_ORDER_MARK = '\ufeff';

/** The text of UTF-8 bytes; what is not would come out as other text than it went in. Throws fileUnreadable. */
export function decode(bytes: Uint8Array, name: string): string {
  const wide = wideEncoding(bytes);
  if (wide) throw new DeltaError('fileUnreadable', name, `it is ${wide}, not UTF-8`);
  if (!isUtf8(bytes)) throw new DeltaError('fileUnreadable', name, 'it is not UTF-8');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** As an editor shows it: the mark at the beginning is how the file is stored, not what it says. */
export const withoutMark = (text: string): string => (text.startsWith(BYTE_ORDER_MARK) ? text.slice(BYTE_ORDER_MARK.length) : text);

/** The text before and after a 1-based line and column, lines ended as in VS Code by CR LF, LF or CR. Throws `usage` when the position is outside the file or within a character. */
export function snapshotAt(path: string, text: string, line: number, column: number): Snapshot {
  let start = 0;
  const ends = /\r\n|\n|\r/g;
  for (let n = 1; n < line; n++) {
    const end = ends.exec(text);
    if (!end) throw new DeltaError('usage', `--line ${line} is beyond the last line (${n})`);
    start = end.index + end[0].length;
  }
  const end = ends.exec(text)?.index ?? text.length;
  if (start + column - 1 > end) throw new DeltaError('usage', `--column ${column} is beyond the end of line ${line} (${end - start + 1})`);
  const cursor = start + column - 1;
  if (cursor > start && isHigh(text.charCodeAt(cursor - 1)) && isLow(text.charCodeAt(cursor))) throw new DeltaError('usage', `--column ${column} is within a character of line ${line}, which takes columns ${column - 1} and ${column}`);
  return { path, languageId: languageOf(path, text), before: text.slice(0, cursor), after: text.slice(cursor) };
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit < 0xdc00;
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000;
