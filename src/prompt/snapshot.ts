// What the editor hands over: plain, immutable data about one moment at the cursor.

export interface Snapshot {
  /** Path or name of the document; used in logs, never opened. */
  readonly path: string;
  /** Tells the document from all others, the cells of a notebook apart; without it the path does. */
  readonly uri?: string;
  /** VS Code's language id, "typescript" for example. */
  readonly languageId: string;
  /** The document up to the cursor. */
  readonly before: string;
  /** The document from the cursor on. */
  readonly after: string;
}
