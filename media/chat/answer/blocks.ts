// An answer as blocks, while it comes: finished ones never change again, only the last is open. One step reads a bounded piece, whatever the text is,
// and what comes out does not depend on how the text was cut on its way.
import { closesFence, isPattern, lineStarts, piecesOf, Signs, unindented, type Fence, type Piece } from './pieces.ts';
import { visible } from './visible.ts';

/** Characters that are read as one block of Markdown, at most; a longer one is cut, at a line's end where there is one. */
export const LIMIT = 6144;

export interface Block {
  /** `plain` is shown as it is. */
  kind: 'markdown' | 'plain' | 'code';
  /** Of code: whole lines, as the model wrote them. Of the others: visible text. */
  text: string;
  /** Of open code: the line that is being written. */
  partial: string;
  language: string;
  open: boolean;
}

export class BlockStream {
  readonly blocks: Block[] = [];
  /** Blocks before this one never change again. */
  finished = 0;
  /** What was pushed and not yet looked at. */
  readonly #waiting: string[] = [];
  /** A carriage return at the end, of which nobody knows yet what follows it. */
  #carry = '';
  /** What is looked at anew with every step: from the start of the open block. */
  #tail = '';
  #fence: Fence | null = null;
  #ended = false;

  push(text: string): void {
    if (text === '') return;
    const whole = this.#carry + text;
    this.#carry = whole.endsWith('\r') ? '\r' : '';
    this.#waiting.push((this.#carry ? whole.slice(0, -1) : whole).replace(/\r\n?/g, '\n'));
  }

  /** No more text comes. */
  end(): void {
    this.#ended = true;
  }

  /** Takes one bounded step; true: more is left. */
  step(): boolean {
    this.#take();
    const left = this.#fence ? this.#readCode() : this.#readMarkdown();
    if (left || this.#waiting.length > 0) return true;
    if (this.#ended) this.#finish();
    return false;
  }

  /** Moves text that came into the tail, as much as one step reads. */
  #take(): void {
    let room = 2 * LIMIT - this.#tail.length;
    while (room > 0 && this.#waiting.length > 0) {
      const next = this.#waiting[0];
      if (next.length <= room) this.#waiting.shift();
      else this.#waiting[0] = next.slice(room);
      this.#tail += next.slice(0, room);
      room -= next.length;
    }
  }

  #add(kind: Block['kind'], text: string, open: boolean, language = ''): void {
    this.blocks.push({ kind, text, partial: '', language, open });
    if (!open) this.finished = this.blocks.length;
  }

  /** The first characters of the tail are done. True: more is left. */
  #advance(length: number): boolean {
    this.#tail = this.#tail.slice(length);
    return this.#tail !== '';
  }

  /** True: more is left to read. Otherwise the whole tail is shown as open blocks. */
  #readMarkdown(): boolean {
    this.blocks.length = this.finished;
    const window = this.#tail.slice(0, LIMIT);
    const whole = window.length === this.#tail.length;
    const starts = lineStarts(window);
    const lineAt = (index: number) => window.slice(starts[index], (starts[index + 1] ?? window.length + 1) - 1);
    const lines = starts.map((_, index) => lineAt(index));

    const other = lines.findIndex((line) => !isPattern(line));
    if (other !== 0) return this.#readPattern(window, whole, other < 0 ? undefined : starts[other], other < starts.length - 1);

    // Up to the line with which it becomes too much.
    const signs = new Signs();
    const stop = lines.findIndex((line, index) => (signs.add(line) || isPattern(line)) && index > 0);
    const text = stop < 0 ? window : window.slice(0, starts[stop]);
    const pieces = piecesOf(text);
    // More text can change no block before the last one that a whole line began.
    const last = pieces.findLastIndex(({ begun }) => begun);
    for (const piece of pieces.slice(0, Math.max(0, last))) this.#close(piece);
    const lastPiece = pieces[last];
    if (lastPiece?.open) {
      this.#fence = lastPiece.open.fence;
      this.#add('code', '', true, lastPiece.language);
      this.#advance(lastPiece.start + lastPiece.open.opening);
      return true;
    }
    if (lastPiece && lastPiece.closed !== null) {
      this.#close(lastPiece);
      return this.#advance(lastPiece.closed);
    }
    if (last > 0) return this.#advance(lastPiece.start);
    if (stop >= 0) return this.#cut(text, starts[stop], lastPiece);
    if (!whole) return this.#cut(window, starts.length > 1 ? starts.at(-1)! : pairSafe(window), lastPiece);
    for (const piece of pieces) this.#add(piece.kind, piece.text, true, piece.language);
    return false;
  }

  /** Lines that are no Markdown, up to `end`; undefined: as far as one sees. */
  #readPattern(window: string, whole: boolean, end: number | undefined, sure: boolean): boolean {
    if (end === undefined && whole) {
      this.#add('plain', visible(window), true);
      return false;
    }
    const lineEnd = window.lastIndexOf('\n') + 1;
    const length = end ?? (lineEnd > 0 ? lineEnd : pairSafe(window));
    const plain = visible(window.slice(0, length));
    // The line behind it may still become one of them.
    if (end !== undefined && !sure && whole) {
      this.#add('plain', plain, true);
      for (const piece of piecesOf(window.slice(length))) this.#add(piece.kind, piece.text, true, piece.language);
      return false;
    }
    this.#add('plain', plain, false);
    return this.#advance(length);
  }

  #close({ kind, text, language }: Piece): void {
    this.#add(kind, text, false, language);
  }

  /** One block that is longer than the limit: its beginning is finished by force. */
  #cut(text: string, length: number, only: Piece | undefined): boolean {
    const done = text.slice(0, length);
    if (only) this.#close({ ...only, text: only.kind === 'code' ? (piecesOf(done).at(-1)?.text ?? '') : visible(done) });
    else if (text.trim() !== '') this.#add('plain', visible(done), false);
    return this.#advance(length);
  }

  #readCode(): boolean {
    const block = this.blocks.at(-1)!;
    const fresh = this.#tail;
    this.#tail = '';
    // Only what is new is searched: the beginning of a very long line is not looked at again.
    if (!fresh.includes('\n')) {
      block.partial += fresh;
      return false;
    }
    const lines = fresh.split('\n');
    lines[0] = block.partial + lines[0];
    block.partial = lines.pop()!;
    const closing = lines.findIndex((line) => closesFence(line, this.#fence!));
    block.text += lines.slice(0, closing < 0 ? undefined : closing).map((line) => `${unindented(line, this.#fence!.indent)}\n`).join('');
    if (closing < 0) return false;
    this.#tail = [...lines.slice(closing + 1), block.partial].join('\n');
    block.partial = '';
    block.open = false;
    this.#fence = null;
    this.finished = this.blocks.length;
    return this.#tail !== '';
  }

  /** True while the line that is being written may become the end of the code. */
  get mayClose(): boolean {
    const partial = this.blocks.at(-1)?.partial ?? '';
    return this.#fence !== null && partial.length < 200 && /^ {0,3}(?:`+|~+)[ \t]*$/.test(partial) && partial.trim()[0] === this.#fence.sign;
  }

  #finish(): void {
    const last = this.blocks.at(-1);
    if (last && this.#fence) {
      if (last.partial !== '' && !closesFence(last.partial, this.#fence)) last.text += unindented(last.partial, this.#fence.indent);
      last.partial = '';
    }
    for (const block of this.blocks) block.open = false;
    this.finished = this.blocks.length;
    this.#fence = null;
    this.#tail = '';
  }
}

/** A length that leaves no half of a character behind. */
function pairSafe(text: string): number {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last < 0xdc00 && text.length > 1 ? text.length - 1 : text.length;
}
