// The documents beside the one at the cursor, as tokens: one set at a time, read slice by slice so that nothing waits for them.
import { shortPieces, type DocumentTokens } from './documentTokens.ts';
import { BOUNDARY, TokenIndex } from './tokenIndex.ts';

export interface NeighbourDocument {
  /** Shown to the user; not unique, never opened. */
  readonly path: string;
  readonly text: string;
}

/** Characters that are tokenized at once: some milliseconds, the longest that a request waits. A piece that is longer even so is data. */
const SLICE = 8_000;

export class Neighbours {
  /** Of what is read so far. */
  readonly index = new TokenIndex();
  private name = '';
  /** What is in the index, with the length it has there with each; farthest first, so that a change of the nearest is a change at the end. */
  private read: { document: NeighbourDocument; end: number }[] = [];
  private unread: NeighbourDocument[] = [];
  /** Of the first unread document: its pieces, and the first that is not in the index. */
  private cut: string[] = [];
  private next = 0;
  /** All of the set, nearest first. */
  private documents: readonly NeighbourDocument[] = [];
  private cutIntoLines: readonly (readonly string[])[] | undefined;
  /** For a model that they take no part with, nothing is read. */
  private isAsked = false;

  constructor(private readonly tokens: DocumentTokens) {}

  /** The lines of each document of the set, nearest first. */
  get lines(): readonly (readonly string[])[] {
    return (this.cutIntoLines ??= this.documents.map(({ text }) => text.split('\n')));
  }

  /** Takes the place of the set before; what is the same in both stays. Nearest first. */
  become(name: string, documents: readonly NeighbourDocument[]): void {
    this.name = name;
    this.documents = documents;
    this.cutIntoLines = undefined;
    const wanted = documents.toReversed();
    const differs = wanted.findIndex(({ text }, i) => this.read[i]?.document.text !== text);
    const same = differs < 0 ? wanted.length : differs;
    this.read = wanted.slice(0, same).map((document, i) => ({ document, end: this.read[i].end }));
    this.unread = wanted.slice(same);
    this.cut = [];
    this.index.truncate(this.read.at(-1)?.end ?? 0);
    this.isAsked = false;
  }

  /**
   * What is known from before is read at once, and one slice of what is not. The index, and the paths of what is in it, nearest first; undefined where the
   * set has another name, or nothing in it.
   */
  of(name: string): { index: TokenIndex; paths: string[]; lines: readonly (readonly string[])[] } | undefined {
    if (name !== this.name) return undefined;
    this.isAsked = true;
    this.readOn();
    if (this.index.length === 0) return undefined;
    const begun = this.cut.length > 0 ? [this.unread[0]] : [];
    return { index: this.index, lines: this.lines, paths: [...begun, ...this.read.map(({ document }) => document).reverse()].map(({ path }) => path) };
  }

  /** Reads a slice; false when nothing is left to read. */
  readOn(): boolean {
    if (!this.isAsked) return false;
    for (let room = SLICE; this.unread.length > 0; ) {
      const [document] = this.unread;
      if (this.cut.length === 0) {
        this.cut = shortPieces(document.text, SLICE);
        this.next = 0;
      }
      for (; this.next < this.cut.length; this.next++) {
        const piece = this.cut[this.next];
        const isKnown = this.tokens.knows(piece);
        if (!isKnown && room < SLICE && piece.length > room) return true;
        if (!isKnown) room -= piece.length;
        if (piece.length > SLICE) this.index.push(BOUNDARY);
        else for (const id of this.tokens.piece(piece)) this.index.push(id);
      }
      this.index.push(BOUNDARY);
      this.read.push({ document, end: this.index.length });
      this.unread.shift();
      this.cut = [];
    }
    return false;
  }
}
