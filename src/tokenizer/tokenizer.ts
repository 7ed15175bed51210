// Text ↔ token ids. User text never becomes a control token unless the caller asks for it.
import { DeltaError } from '../shared/errors.ts';
import { AddedTexts } from './addedTexts.ts';
import { ByteLevel } from './byteLevel.ts';
import { breakMark, dropMarks } from './controlText.ts';
import type { SpecialTokens, TokenizerFiles } from './files.ts';
import { SentencePiece } from './sentencePiece.ts';
import type { TextCoder } from './textCoder.ts';

export interface EncodeOptions {
  /** Read the text of control tokens as those tokens, but where a break mark is in it; the marks are dropped. Only for text we made ourselves (chat templates). Default false. */
  special?: boolean;
  /** A text begins here: nothing stands before it, or a control token does. Some tokenizers then write a blank. Default false: a piece of a text. */
  atStart?: boolean;
  /** A whole text: it begins here (`atStart`), with the first token in front where the model wants one (`special.addBos`). Default false. */
  bos?: boolean;
}

/** Characters that are cut into words at once: over a run of several million letters a pattern needs more stack than there is. */
const mostAtOnce = 1 << 20;

const utf8 = new TextEncoder();
// ignoreBOM: U+FEFF is text here, not a signature.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const blank = 0x20;

export class Tokenizer {
  readonly size: number;
  readonly special: SpecialTokens;
  /** `special.eos` and every other control token: none of them has a place in a text, so a completion ends at any. */
  readonly ends: readonly number[];
  /** The texts of all control tokens: what a user types must not become one of them. */
  readonly controlTexts: readonly string[];
  /** What stands before a text as the model reads it. */
  readonly opening: '' | ' ';

  private readonly texts: string[];
  private readonly verbatim: Uint8Array; // per id: 1 user-defined, 2 control; their text is not written as others are
  private readonly coder: TextCoder;
  private readonly userDefined: AddedTexts;
  private readonly control: AddedTexts;
  private readonly everyAdded: AddedTexts;
  private readonly byteCache: (Uint8Array | undefined)[];

  static fromFiles(files: TokenizerFiles): Tokenizer {
    return new Tokenizer(files);
  }

  private constructor({ tokenizer, special }: TokenizerFiles) {
    const { added_tokens: added } = tokenizer;
    this.texts = [...tokenizer.tokens];
    this.size = this.texts.length;
    this.special = special;
    this.byteCache = new Array<Uint8Array | undefined>(this.size);
    this.verbatim = new Uint8Array(this.size);
    for (const { id, content, special: control } of added) {
      this.verbatim[id] = control ? 2 : 1;
      this.texts[id] = content;
    }
    this.ends = [...new Set([...special.eos, ...added.filter((token) => token.special).map((token) => token.id)])].sort((a, b) => a - b);
    this.coder = 'scores' in tokenizer ? new SentencePiece(tokenizer, this.verbatim) : new ByteLevel(tokenizer, ordinaryOf(this.texts, this.verbatim), this.texts);
    this.opening = this.coder.spacePrefix ? ' ' : '';
    this.userDefined = new AddedTexts(added.filter((token) => !token.special));
    const control = added.filter((token) => token.special);
    this.control = new AddedTexts(control);
    this.controlTexts = control.map((token) => token.content);
    this.everyAdded = new AddedTexts(added);
  }

  encode(text: string, { special = false, bos = false, atStart = bos }: EncodeOptions = {}): number[] {
    const ids: number[] = [];
    if (bos && this.special.addBos && this.special.bos !== null) ids.push(this.special.bos);
    // Half a surrogate pair has no UTF-8 form.
    const whole = text.replace(/\p{Surrogate}/gu, '\ufffd');
    let begins = atStart;
    for (const part of special ? this.cutControl(whole) : this.userDefined.cut(whole)) {
      if (typeof part === 'number') {
        ids.push(part);
        begins = this.isControl(part);
        continue;
      }
      for (const piece of partsOf(part)) {
        this.coder.encode(piece, begins, ids);
        begins = false;
      }
    }
    return ids;
  }

  /** Text between control tokens is cut without its marks, so that protected text gives the ids that it has alone. */
  private cutControl(text: string): (string | number)[] {
    if (!text.includes(breakMark)) return this.everyAdded.cut(text);
    return this.control.cut(text, true).flatMap((part) => (typeof part === 'number' ? [part] : this.userDefined.cut(dropMarks(part))));
  }

  /** The text of the ids, control tokens as their own text; bytes that are not UTF-8 become U+FFFD. `atStart`: of ids that were encoded so. */
  decode(ids: Iterable<number>, { atStart = false }: Pick<EncodeOptions, 'atStart'> = {}): string {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for (const id of ids) {
      const written = atStart && pieces.length === 0 && this.opening !== '' && this.verbatim[id] === 0;
      const bytes = written && this.bytes(id)[0] === blank ? this.bytes(id).subarray(1) : this.bytes(id);
      pieces.push(bytes);
      length += bytes.length;
    }
    const all = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return decoder.decode(all);
  }

  /** The bytes of one token; do not write to them. */
  bytes(id: number): Uint8Array {
    const text = this.texts[id];
    if (text === undefined) throw new DeltaError('tokenOutOfRange', id, this.size);
    return (this.byteCache[id] ??= this.verbatim[id] ? utf8.encode(text) : this.coder.bytes(id, text));
  }

  /** Steers the model and has no place in a text: whoever generates one should stop. */
  isControl(id: number): boolean {
    return this.verbatim[id] === 2;
  }

  /** The ids of a text of any length, which together would not fit into memory; `atStart` as for `encode`. */
  *encodeInParts(text: string, { atStart = false }: Pick<EncodeOptions, 'atStart'> = {}): Generator<number[], void, void> {
    let first = atStart;
    for (const part of partsOf(text)) {
      yield this.encode(part, { atStart: first });
      first = false;
    }
  }
}

/** Tokens that text is made of. */
function ordinaryOf(texts: readonly string[], verbatim: Uint8Array): Map<string, number> {
  const ordinary = new Map<string, number>();
  for (let id = 0; id < texts.length; id++) if (verbatim[id] === 0) ordinary.set(texts[id], id);
  return ordinary;
}

/** A text in parts that a pattern can be given: cut where a line begins with something, which every pattern does too; where no line ends, anywhere between two characters. */
function* partsOf(text: string): Generator<string, void, void> {
  let start = 0;
  while (text.length - start > mostAtOnce) {
    let end = start + mostAtOnce;
    let newline = end - 1;
    while (newline > start && (text[newline] !== '\n' || /\s/.test(text[newline + 1]))) newline--;
    if (newline > start) end = newline + 1;
    else if (/[\ud800-\udbff]/.test(text[end - 1])) end--;
    yield text.slice(start, end);
    start = end;
  }
  yield start === 0 ? text : text.slice(start);
}
