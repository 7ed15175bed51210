// SentencePiece's kind of BPE: characters merge into the token of the highest score, the leftmost of equals; a character without a token is written as its
// bytes (`<0xXX>`). Tokens are kept with blanks in place of the vocabulary's ▁, so that a ▁ in a text stays one: it has no token and becomes bytes.
import type { ScoredPieces } from './files.ts';
import { Merging, none } from './merging.ts';
import { WordCache, type TextCoder } from './textCoder.ts';

const utf8 = new TextEncoder();
/** Pairs of neighbours that are remembered; vocabularies in use have a few hundred thousand. */
const mostPairs = 1 << 20;

/** The text of a piece: blanks are written ▁ in vocabularies. */
const written = (piece: string): string => piece.replaceAll('\u2581', ' ');

export class SentencePiece implements TextCoder {
  readonly spacePrefix: boolean;
  private readonly byteOf = new Map<number, number>();
  private readonly neighbours = new Neighbours();
  private readonly words: WordCache;

  /** `verbatim`: per id, whether it stands for its own text; no text is made of those. */
  constructor({ tokens, scores, bytes, unused, spacePrefix }: ScoredPieces, verbatim: Uint8Array) {
    this.spacePrefix = spacePrefix;
    bytes.forEach((id, byte) => this.byteOf.set(id, byte));
    const without = new Set(unused);
    const ordinary = new Map<string, number>();
    for (let id = 0; id < tokens.length; id++) {
      if (verbatim[id] !== 0 || this.byteOf.has(id) || without.has(id) || tokens[id].includes(' ')) continue;
      const text = written(tokens[id]);
      ordinary.set(text, id);
      this.neighbours.add(text);
    }
    const merges = new ScoreMerges(ordinary, ranksOf(scores), bytes);
    this.words = new WordCache((word) => merges.encode(word));
  }

  encode(text: string, atStart: boolean, ids: number[]): void {
    const whole = atStart && this.spacePrefix && text !== '' ? ` ${text}` : text;
    let from = 0;
    for (let at = 1; at <= whole.length; at++) {
      if (at < whole.length && this.neighbours.has(whole.charCodeAt(at - 1), whole.charCodeAt(at))) continue;
      this.words.append(whole.slice(from, at), ids);
      from = at;
    }
  }

  bytes(id: number, text: string): Uint8Array {
    const byte = this.byteOf.get(id);
    return byte === undefined ? utf8.encode(written(text)) : Uint8Array.of(byte);
  }
}

/** Which two code units stand side by side in a token: no token reaches over any other place of a text, so it is cut there into words that do not depend on one another. */
class Neighbours {
  private readonly ascii = new Uint8Array(128 * 128);
  private readonly others = new Set<number>();
  /** More pairs than any language has: then every place counts as one that a token may reach over. */
  private tooMany = false;

  add(text: string): void {
    if (this.others.size > mostPairs) this.tooMany = true;
    if (this.tooMany) return;
    for (let i = 1; i < text.length; i++) {
      const [left, right] = [text.charCodeAt(i - 1), text.charCodeAt(i)];
      if (left < 128 && right < 128) this.ascii[left * 128 + right] = 1;
      else this.others.add(left * 0x10000 + right);
    }
  }

  has(left: number, right: number): boolean {
    if (this.tooMany) return true;
    if (left < 128 && right < 128) return this.ascii[left * 128 + right] === 1;
    // Both halves of one character.
    if (left >= 0xd800 && left < 0xdc00) return true;
    return this.others.has(left * 0x10000 + right);
  }
}

/** id → its place among the scores, the highest first; equal scores share one. */
function ranksOf(scores: ArrayLike<number>): Int32Array {
  const sorted = Float64Array.from(scores).sort();
  const ranks = new Map<number, number>();
  for (let i = sorted.length - 1; i >= 0; i--) if (!ranks.has(sorted[i])) ranks.set(sorted[i], ranks.size);
  return Int32Array.from(scores, (score) => ranks.get(score)!);
}

class ScoreMerges extends Merging {
  private word = '';
  /** Where each symbol begins. */
  private starts = new Int32Array(256);
  /** Code units of the longest token. */
  private readonly longest: number;

  constructor(private readonly ordinary: ReadonlyMap<string, number>, private readonly ranks: Int32Array, private readonly byteIds: readonly number[]) {
    super();
    let longest = 0;
    for (const text of ordinary.keys()) longest = Math.max(longest, text.length);
    this.longest = longest;
  }

  encode(word: string): number[] {
    this.word = word;
    this.reserve(word.length);
    if (this.starts.length < word.length) this.starts = new Int32Array(this.ids.length);
    let count = 0;
    for (let at = 0; at < word.length; at += word.codePointAt(at)! > 0xffff ? 2 : 1) this.starts[count++] = at;
    const { ids, next, starts } = this;
    for (let i = 0; i < count; i++) ids[i] = this.ordinary.get(word.slice(starts[i], i + 1 < count ? starts[i + 1] : word.length)) ?? none;
    this.run(count);
    const result: number[] = [];
    for (let i = count > 0 ? 0 : -1; i >= 0; i = next[i]) {
      if (ids[i] !== none) result.push(ids[i]);
      else for (const byte of utf8.encode(word.slice(starts[i], this.endOf(i)))) if (this.byteIds[byte] >= 0) result.push(this.byteIds[byte]);
    }
    return result;
  }

  protected find(at: number, after: number): number {
    const [start, end] = [this.starts[at], this.endOf(after)];
    if (end - start > this.longest) return none;
    const id = this.ordinary.get(this.word.slice(start, end));
    if (id === undefined) return none;
    this.found = id;
    return this.ranks[id];
  }

  private endOf(symbol: number): number {
    return this.next[symbol] < 0 ? this.word.length : this.starts[this.next[symbol]];
  }
}
