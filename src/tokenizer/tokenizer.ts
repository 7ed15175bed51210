// Text ↔ token ids for byte-level BPE. User text never becomes a control token unless the caller asks for it.
import { SplitPreTokenizer } from '@huggingface/tokenizers';
import { DeltaError } from '../shared/errors.ts';
import { byteToChar, bytesOfToken } from './byteAlphabet.ts';
import { BytePairs } from './bytePairs.ts';
import { breakMark, brokenAt, dropMarks } from './controlText.ts';
import type { SpecialTokens, TokenizerFiles } from './files.ts';

export interface EncodeOptions {
  /** Read the text of control tokens as those tokens, but where a break mark is in it; the marks are dropped. Only for text we made ourselves (chat templates). Default false. */
  special?: boolean;
  /** Put the first token in front where the model wants one (`special.addBos`). Default false. */
  bos?: boolean;
}

/** Words kept with their ids. A source file of 8,000 tokens has about 1,500 different ones. */
const cachedWords = 50_000;
/** Longer words are not worth keeping. */
const cachedWordLength = 128;

/** Characters that a pattern is given at once: over a run of several million letters it needs more stack than there is. */
const mostAtOnce = 1 << 20;

const utf8 = new TextEncoder();
// ignoreBOM: U+FEFF is text here, not a signature.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export class Tokenizer {
  readonly size: number;
  readonly special: SpecialTokens;
  /** `special.eos` and every other control token: none of them has a place in a text, so a completion ends at any. */
  readonly ends: readonly number[];
  /** The texts of all control tokens: what a user types must not become one of them. */
  readonly controlTexts: readonly string[];

  private readonly texts: string[];
  private readonly verbatim: Uint8Array; // per id: 1 user-defined, 2 control; their text is not in the byte alphabet
  private readonly ordinary = new Map<string, number>();
  private readonly byteIds = new Int32Array(256);
  private readonly pairs: BytePairs;
  private readonly patterns: RegExp[];
  private readonly ignoreMerges: boolean;
  private readonly userDefined: AddedTexts;
  private readonly control: AddedTexts;
  private readonly everyAdded: AddedTexts;
  private readonly words = new Map<string, number[]>();
  private readonly byteCache: (Uint8Array | undefined)[];
  private scratch = new Uint8Array(512);
  private symbols = new Int32Array(512);

  static fromFiles(files: TokenizerFiles): Tokenizer {
    return new Tokenizer(files);
  }

  private constructor({ tokenizer, special }: TokenizerFiles) {
    const { vocab, merges, ignore_merges } = tokenizer.model;
    const tokens = Object.keys(vocab); // three times faster than Object.entries on 128 k tokens
    this.size = tokens.length;
    this.special = special;
    this.ignoreMerges = ignore_merges;
    this.texts = new Array<string>(this.size);
    this.byteCache = new Array<Uint8Array | undefined>(this.size);
    this.verbatim = new Uint8Array(this.size);
    for (const token of tokenizer.added_tokens) this.verbatim[token.id] = token.special ? 2 : 1;
    this.ends = [...new Set([...special.eos, ...tokenizer.added_tokens.filter((token) => token.special).map((token) => token.id)])].sort((a, b) => a - b);
    for (const text of tokens) {
      const id = vocab[text];
      this.texts[id] = text;
      if (this.verbatim[id] === 0) this.ordinary.set(text, id);
    }
    for (let byte = 0; byte < 256; byte++) this.byteIds[byte] = this.ordinary.get(byteToChar[byte]) ?? -1;
    this.pairs = new BytePairs(merges, this.ordinary, this.texts);
    this.patterns = tokenizer.pre_tokenizer.pretokenizers.flatMap((step) => (step.type === 'Split' ? [new SplitPreTokenizer(step).pattern!] : []));
    this.userDefined = new AddedTexts(tokenizer.added_tokens.filter((token) => !token.special));
    const control = tokenizer.added_tokens.filter((token) => token.special);
    this.control = new AddedTexts(control);
    this.controlTexts = control.map((token) => token.content);
    this.everyAdded = new AddedTexts(tokenizer.added_tokens);
  }

  encode(text: string, options: EncodeOptions = {}): number[] {
    const ids: number[] = [];
    if (options.bos && this.special.addBos && this.special.bos !== null) ids.push(this.special.bos);
    // Half a surrogate pair has no UTF-8 form.
    const whole = text.replace(/\p{Surrogate}/gu, '\ufffd');
    for (const part of options.special ? this.cutControl(whole) : this.userDefined.cut(whole)) {
      if (typeof part === 'number') ids.push(part);
      else this.encodeText(part, ids);
    }
    return ids;
  }

  /** Text between control tokens is cut without its marks, so that protected text gives the ids that it has alone. */
  private cutControl(text: string): (string | number)[] {
    if (!text.includes(breakMark)) return this.everyAdded.cut(text);
    return this.control.cut(text, true).flatMap((part) => (typeof part === 'number' ? [part] : this.userDefined.cut(dropMarks(part))));
  }

  /** The text of the ids, control tokens as their own text; bytes that are not UTF-8 become U+FFFD. */
  decode(ids: Iterable<number>): string {
    const pieces: Uint8Array[] = [];
    let length = 0;
    for (const id of ids) {
      const bytes = this.bytes(id);
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
    return (this.byteCache[id] ??= this.verbatim[id] ? utf8.encode(text) : bytesOfToken(text));
  }

  /** Steers the model and has no place in a text: whoever generates one should stop. */
  isControl(id: number): boolean {
    return this.verbatim[id] === 2;
  }

  /** The same for a text of any length, of which the ids together would not fit into memory. */
  *encodeInParts(text: string): Generator<number[], void, void> {
    for (const part of partsOf(text)) yield this.encode(part);
  }

  private encodeText(text: string, ids: number[]): void {
    for (const part of partsOf(text)) this.encodePart(part, ids);
  }

  private encodePart(text: string, ids: number[]): void {
    for (const word of split(text, this.patterns)) {
      let known = this.words.get(word);
      if (known === undefined) {
        known = this.encodeWord(word);
        if (word.length <= cachedWordLength) {
          if (this.words.size >= cachedWords) this.words.clear();
          this.words.set(word, known);
        }
      }
      for (let i = 0; i < known.length; i++) ids.push(known[i]);
    }
  }

  private encodeWord(word: string): number[] {
    if (this.scratch.length < word.length * 3) {
      this.scratch = new Uint8Array(word.length * 3);
      this.symbols = new Int32Array(word.length * 3);
    }
    const { written } = utf8.encodeInto(word, this.scratch);
    if (this.ignoreMerges) {
      let text = '';
      for (let i = 0; i < written; i++) text += byteToChar[this.scratch[i]];
      const id = this.ordinary.get(text);
      if (id !== undefined) return [id];
    }
    for (let i = 0; i < written; i++) this.symbols[i] = this.byteIds[this.scratch[i]];
    return this.pairs.merge(this.symbols, written);
  }
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

/** Cuts text at each pattern in turn; what a pattern does not match stays a piece of its own. */
function split(text: string, patterns: readonly RegExp[]): string[] {
  let pieces = text === '' ? [] : [text];
  for (const pattern of patterns) {
    const finer: string[] = [];
    for (const piece of pieces) cutAt(piece, pattern, finer);
    pieces = finer;
  }
  return pieces;
}

function cutAt(text: string, pattern: RegExp, pieces: string[]): void {
  const matches = text.match(pattern);
  if (matches === null) {
    pieces.push(text);
    return;
  }
  let covered = 0;
  for (const match of matches) covered += match.length;
  if (covered === text.length) {
    for (const match of matches) if (match !== '') pieces.push(match);
    return;
  }
  let at = 0;
  for (const match of text.matchAll(pattern)) {
    if (match[0] === '') continue;
    if (match.index > at) pieces.push(text.slice(at, match.index));
    pieces.push(match[0]);
    at = match.index + match[0].length;
  }
  if (at < text.length) pieces.push(text.slice(at));
}

/** Tokens that stand for their own text, found in a text the longest first (as llama.cpp does). */
class AddedTexts {
  private readonly longestFirst: { id: number; content: string }[];
  private readonly any: RegExp | null;

  constructor(tokens: readonly { id: number; content: string }[]) {
    const length = new Map(tokens.map((token) => [token.id, utf8.encode(token.content).length]));
    this.longestFirst = [...tokens].sort((a, b) => length.get(b.id)! - length.get(a.id)!);
    const escaped = this.longestFirst.map((token) => token.content.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
    this.any = escaped.length > 0 ? new RegExp(escaped.join('|')) : null;
  }

  /** With `marked`, an occurrence that a break mark follows is none. */
  cut(text: string, marked = false): (string | number)[] {
    if (this.any === null || !this.any.test(text)) return [text];
    let parts: (string | number)[] = [text];
    for (const { id, content } of this.longestFirst) {
      if (!text.includes(content)) continue;
      parts = parts.flatMap((part) => (typeof part === 'number' ? [part] : between(part, content, id, marked)));
    }
    return parts;
  }
}

function between(text: string, content: string, id: number, marked: boolean): (string | number)[] {
  const parts: (string | number)[] = [];
  let from = 0;
  for (let at = text.indexOf(content); at >= 0; at = text.indexOf(content, at)) {
    const end = at + content.length;
    if (marked && brokenAt(text, end)) {
      at++;
      continue;
    }
    if (at > from) parts.push(text.slice(from, at));
    parts.push(id);
    at = from = end;
  }
  if (from < text.length) parts.push(text.slice(from));
  return parts;
}
