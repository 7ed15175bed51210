// Byte-level BPE: patterns cut a text into words, whose bytes merge by rank.
import { SplitPreTokenizer } from '@huggingface/tokenizers';
import { byteToChar, bytesOfToken } from './byteAlphabet.ts';
import { BytePairs } from './bytePairs.ts';
import type { TokenizerJson } from './files.ts';
import { WordCache, type TextCoder } from './textCoder.ts';

const utf8 = new TextEncoder();

export class ByteLevel implements TextCoder {
  readonly spacePrefix = false;
  private readonly byteIds = new Int32Array(256);
  private readonly pairs: BytePairs;
  private readonly patterns: RegExp[];
  private readonly ignoreMerges: boolean;
  private readonly words = new WordCache((word) => this.encodeWord(word));
  private scratch = new Uint8Array(512);
  private symbols = new Int32Array(512);

  /** `ordinary`: the tokens that text is made of; `texts`: all of them, by id. */
  constructor({ model, pre_tokenizer }: TokenizerJson, private readonly ordinary: ReadonlyMap<string, number>, texts: readonly string[]) {
    this.ignoreMerges = model.ignore_merges;
    for (let byte = 0; byte < 256; byte++) this.byteIds[byte] = ordinary.get(byteToChar[byte]) ?? -1;
    this.pairs = new BytePairs(model.merges, ordinary, texts);
    this.patterns = pre_tokenizer.pretokenizers.flatMap((step) => (step.type === 'Split' ? [new SplitPreTokenizer(step).pattern!] : []));
  }

  encode(text: string, _atStart: boolean, ids: number[]): void {
    for (const word of split(text, this.patterns)) this.words.append(word, ids);
  }

  bytes(_id: number, text: string): Uint8Array {
    return bytesOfToken(text);
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
