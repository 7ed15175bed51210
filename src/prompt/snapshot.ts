// What the editor hands over: plain, immutable data about one moment at the cursor.

export interface Snapshot {
  /** Path or name of the document; used in logs, never opened. */
  readonly path: string;
  /** Tells the document from all others, the cells of a notebook apart; without it the path does. */
  readonly uri?: string;
  /** Whether what is read of it may lie on the disk, to be known after a restart. Default: no. */
  readonly mayBeKept?: boolean;
  /** VS Code's language id, "typescript" for example. */
  readonly languageId: string;
  /** The document up to the cursor. */
  readonly before: string;
  /** The document from the cursor on. */
  readonly after: string;
}

/** The text near the cursor of a document of any size: at most `most` characters on each side, whole lines where there are any. */
export function near(snapshot: Snapshot, most: number): Snapshot {
  const { before, after } = snapshot;
  if (before.length <= most && after.length <= most) return snapshot;
  const from = before.length <= most ? 0 : lineBetween(before, before.length - most, before.length) ?? wholeAt(before, before.length - most);
  const to = after.length <= most ? after.length : wholeAt(after, after.lastIndexOf('\n', most) + 1 || most);
  return { ...snapshot, before: before.slice(from), after: after.slice(0, to) };
}

/** Where the first line begins that begins behind `from`. */
function lineBetween(text: string, from: number, to: number): number | undefined {
  const newline = text.indexOf('\n', from);
  return newline >= 0 && newline < to ? newline + 1 : undefined;
}

/** Never between the halves of a surrogate pair. */
const wholeAt = (text: string, at: number): number => (/[\udc00-\udfff]/.test(text[at] ?? '') ? at + 1 : at);
